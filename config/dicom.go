package config

import (
	"fmt"
	"regexp"
	"strings"
)

// DICOM are the practice's own rules for DICOM files. What they may not do
// (take away who the patient is, or the geometry of an image) is checked by
// the one who applies them.
type DICOM struct {
	Dates     Dates           `yaml:"dates"` // in limited and de-identified sets
	Overrides []DICOMOverride `yaml:"overrides"`
	Masks     []DICOMMask     `yaml:"masks"`
}

// Dates is what limited and de-identified sets do with the dates of a study.
// Empty: a limited set keeps them, as 45 CFR 164.514(e)(2) allows, and a
// de-identified set removes them, as the safe harbor of 164.514(b)(2)(i)(C)
// asks. With shift or keep a de-identified set needs an expert's determination,
// 164.514(b)(1).
type Dates string

// Choices lists the policies (DICOM PS3.15 section E.3.6: shift is option
// 113107, keep is 113106).
func (Dates) Choices() []string { return []string{"remove", "shift", "keep"} }

// DICOMOverride is a rule for one element.
type DICOMOverride struct {
	Tag      string        `yaml:"tag,required"` // (gggg,eeee); private: (gggg,xxee)
	Creator  string        `yaml:"creator"`      // of a private element
	Profiles []Profile     `yaml:"profiles,required"`
	Action   ElementAction `yaml:"action,required"`
	Reason   string        `yaml:"reason,required"`
}

// DICOMMask are the regions in which a device writes text into its pictures.
type DICOMMask struct {
	Manufacturer string        `yaml:"manufacturer,required"`
	Model        string        `yaml:"model,required"`
	Rows         int           `yaml:"rows,required"`    // of the picture, in pixels
	Columns      int           `yaml:"columns,required"` // of the picture, in pixels
	Regions      []DICOMRegion `yaml:"regions,required"`
}

// DICOMRegion is a rectangle in pixels, counted from 0 at the upper left.
type DICOMRegion struct {
	Left   int `yaml:"left,required"`
	Top    int `yaml:"top,required"`
	Width  int `yaml:"width,required"`
	Height int `yaml:"height,required"`
}

// Profile is the name of a profile of redaction.
type Profile string

// Choices lists the profiles. The cleaners know the same words.
func (Profile) Choices() []string {
	return []string{"patient_access", "treatment", "authorization", "payment", "operations", "limited_set", "deidentified"}
}

// ElementAction is what happens to an element of a DICOM file.
type ElementAction string

// Choices lists the actions.
func (ElementAction) Choices() []string { return []string{"keep", "remove", "empty"} }

var (
	tagForm     = regexp.MustCompile(`^\((?:[0-9A-Fa-f]{4}|[56]0xx),[0-9A-Fa-f]{4}\)$`)
	privateForm = regexp.MustCompile(`^\([0-9A-Fa-f]{3}[13579BDFbdf],xx[0-9A-Fa-f]{2}\)$`)
)

func (v *validator) dicom(d DICOM) {
	for i, o := range d.Overrides {
		field := fmt.Sprintf("dicom.overrides[%d]", i)
		form, like := tagForm, "(0010,1010)"
		if o.Creator != "" || strings.Contains(o.Tag, ",xx") {
			form, like = privateForm, "(0029,xx10), for a private element of a creator"
		}
		if o.Tag != "" && !form.MatchString(o.Tag) {
			v.report(field+".tag", "is %q; write it like %s", o.Tag, like)
		}
		if strings.Contains(o.Tag, ",xx") && o.Creator == "" {
			v.report(field+".creator", "is missing; a private element is known by its creator")
		}
		if o.Profiles != nil && len(o.Profiles) == 0 {
			v.report(field+".profiles", "is empty; name at least one profile")
		}
	}
	for i, m := range d.Masks {
		v.mask(fmt.Sprintf("dicom.masks[%d]", i), m)
	}
}

// maxSide is the longest side of a picture (DICOM PS3.3 section C.7.6.3: a
// 16-bit number).
const maxSide = 65535

func (v *validator) mask(field string, m DICOMMask) {
	if m.Rows < 1 || m.Rows > maxSide || m.Columns < 1 || m.Columns > maxSide {
		v.report(field+".rows", "and 'columns' must be the picture's size in pixels, 1 to %d", maxSide)
		return
	}
	if m.Regions != nil && len(m.Regions) == 0 {
		v.report(field+".regions", "is empty; give at least one rectangle")
	}
	for i, r := range m.Regions {
		if r.Left < 0 || r.Top < 0 || r.Width < 1 || r.Height < 1 || r.Left > m.Columns-r.Width || r.Top > m.Rows-r.Height {
			v.report(fmt.Sprintf("%s.regions[%d]", field, i), "is empty or does not lie within the picture")
		}
	}
}
