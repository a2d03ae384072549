package config

import (
	"errors"
	"strings"
	"testing"
)

const ownRules = design + `dicom:
  overrides:
    - {tag: "(0010,1010)", profiles: [payment], action: remove, reason: the insurer needs no age}
    - {tag: "(0029,xx10)", creator: GOOD MAKER, profiles: [treatment, authorization], action: keep, reason: our viewer}
  masks:
    - manufacturer: Maker
      model: Shooter 2
      rows: 480
      columns: 640
      regions: [{left: 0, top: 0, width: 640, height: 24}, {left: 500, top: 460, width: 140, height: 20}]
`

func TestOwnRules(t *testing.T) {
	c, err := parse("/practice/chartseal.yaml", []byte(ownRules), place{dir: "/practice"})
	if err != nil {
		t.Fatal(err)
	}
	o, m := c.DICOM.Overrides, c.DICOM.Masks
	if len(o) != 2 || o[0].Tag != "(0010,1010)" || o[0].Profiles[0] != "payment" || o[0].Action != "remove" ||
		o[1].Creator != "GOOD MAKER" || len(o[1].Profiles) != 2 || len(m) != 1 || m[0].Rows != 480 || m[0].Columns != 640 ||
		m[0].Regions[1] != (DICOMRegion{500, 460, 140, 20}) {
		t.Errorf("read as %+v", c.DICOM)
	}
}

func TestOwnRulesRefused(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"(0010,1010)"`, `"0010,1010"`, `'dicom.overrides[0].tag' is "0010,1010"; write it like (0010,1010)`},
		{`"(0010,1010)"`, `"(0010,101G)"`, `write it like (0010,1010)`},
		{`"(0029,xx10)"`, `"(0028,xx10)"`, `write it like (0029,xx10)`},
		{`"(0029,xx10)"`, `"(0029,1010)"`, `write it like (0029,xx10)`},
		{`creator: GOOD MAKER, `, ``, `'dicom.overrides[1].creator' is missing`},
		{`[payment]`, `[paiment]`, `did you mean 'payment'?`},
		{`[payment]`, `[]`, `'dicom.overrides[0].profiles' is empty`},
		{`action: remove`, `action: shift`, `it must be one of: keep, remove, empty`},
		{`, reason: our viewer`, ``, `reason`},
		{`rows: 480`, `rows: 0`, `the picture's size in pixels`},
		{`columns: 640`, `columns: 600`, `'dicom.masks[0].regions[0]' is empty or does not lie within the picture`},
		{`height: 24`, `height: 0`, `does not lie within the picture`},
		{`model: Shooter 2`, `modell: Shooter 2`, `did you mean 'model'?`},
		{`rows: 480`, `rows: "480"`, `must be a whole number`},
	} {
		data := strings.Replace(ownRules, c.old, c.new, 1)
		_, err := parse("c.yaml", []byte(data), place{dir: "/practice"})
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
}

// TestOwnRulesInTemplate takes the comment signs from the example in the
// starter's file: it has to parse.
func TestOwnRulesInTemplate(t *testing.T) {
	data, err := Example(Starter{Practice: "Lakeside Dental"})
	if err != nil {
		t.Fatal(err)
	}
	head, example, found := strings.Cut(string(data), "# dicom:\n")
	if !found {
		t.Fatal("the starter's file does not tell of dicom rules")
	}
	text := head + "dicom:\n" + strings.ReplaceAll("\n"+example, "\n# ", "\n")
	c, err := parse("/practice/chartseal.yaml", []byte(text), place{dir: "/practice"})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.DICOM.Overrides) != 1 || len(c.DICOM.Masks) != 1 {
		t.Errorf("read as %+v", c.DICOM)
	}
}
