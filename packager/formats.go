package packager

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"chartseal/order"
	"chartseal/packager/bundle/dicomdir"
	"chartseal/packager/gather"
	"chartseal/redact"
	"chartseal/redact/dicomfile"
	"chartseal/redact/imagefile"
	"chartseal/redact/meshfile"
	"chartseal/redact/pdffile"
)

// Format is one family of files and its cleaner. What no format recognises is
// held, never passed through.
type Format struct {
	Name  string
	Sniff func(head []byte) bool
	Clean func(ctx context.Context, src redact.Source, p redact.Profile, asked Asked) (*redact.Output, error)
}

// Asked is what a cleaner is told about one record.
type Asked struct {
	Reviewed bool        // a named person has looked at it and decided that it goes
	Pages    order.Pages // of a PDF: those that go; none: all
}

// DICOMRules are a practice's own rules for DICOM files; the zero value has
// none.
type DICOMRules struct {
	Overrides *dicomfile.Overrides
	Masks     *dicomfile.Masks
	Dates     dicomfile.DatePolicy // in limited and de-identified sets
}

// ParseDICOMRules checks a practice's own rules; its errors are those of
// dicomfile.ParseOverrides and dicomfile.ParseMasks.
func ParseDICOMRules(overrides []dicomfile.Override, masks []dicomfile.Mask) (DICOMRules, error) {
	o, err := dicomfile.ParseOverrides(overrides)
	m, maskErr := dicomfile.ParseMasks(masks)
	if err = errors.Join(err, maskErr); err != nil {
		return DICOMRules{}, err
	}
	return DICOMRules{Overrides: o, Masks: m}, nil
}

// Digest is the SHA-256 of all that decides what stays in a DICOM file, in
// lower-case hex.
func (d DICOMRules) Digest() string { return d.cleaner().ProfileDigest() }

// Version is the version of the table the rules come from.
func (d DICOMRules) Version() string { return dicomfile.ProfileVersion() }

func (d DICOMRules) cleaner() *dicomfile.Cleaner {
	return &dicomfile.Cleaner{Overrides: d.Overrides, Masks: d.Masks, Dates: d.Dates}
}

const formatPDF = "pdf"

// Formats are the formats chartseal can clean. worker starts a child process of
// a kind ("pdf"); salt is the release's secret for replacement identifiers; own
// are the practice's own rules, if it has any.
func Formats(worker func(ctx context.Context, kind string) *exec.Cmd, salt []byte, own ...DICOMRules) []Format {
	var rules DICOMRules
	if len(own) > 0 {
		rules = own[0]
	}
	pdf := func(asked Asked) redact.Cleaner {
		c := pdffile.Cleaner{Worker: func(ctx context.Context) *exec.Cmd { return worker(ctx, "pdf") }, Reviewed: asked.Reviewed}
		for _, r := range asked.Pages {
			c.Pages = append(c.Pages, pdffile.Range{From: r.First, To: r.Last})
		}
		return c.Clean
	}
	return []Format{
		{gather.FormatDICOM, dicomfile.Sniff, func(ctx context.Context, src redact.Source, p redact.Profile, asked Asked) (*redact.Output, error) {
			c := rules.cleaner()
			c.UIDSalt, c.Reviewed, c.Documents = salt, asked.Reviewed, pdf(Asked{Reviewed: asked.Reviewed})
			return c.Clean(ctx, src, p)
		}},
		{"two formats", twoFormats, refuseTwo},
		{formatPDF, pdffile.Sniff, func(ctx context.Context, src redact.Source, p redact.Profile, asked Asked) (*redact.Output, error) {
			return pdf(asked)(ctx, src, p)
		}},
		{"image", func(head []byte) bool { _, ok := imagefile.Sniff(head); return ok }, plain(imagefile.Clean)},
		{"mesh", func(head []byte) bool { _, ok := meshfile.Sniff(head); return ok }, plain(meshfile.Clean)},
	}
}

// twoFormats recognises a picture that is a PDF as well: viewers of the one kind
// would show what those of the other do not, and cleaning it as either would lose
// the other.
func twoFormats(head []byte) bool {
	_, picture := imagefile.Sniff(head)
	return picture && pdffile.Sniff(head)
}

func refuseTwo(context.Context, redact.Source, redact.Profile, Asked) (*redact.Output, error) {
	return nil, redact.Refuse(redact.Unsupported, "the file is a picture and a PDF in one")
}

// plain is a cleaner that is told nothing about a record.
func plain(c redact.Cleaner) func(context.Context, redact.Source, redact.Profile, Asked) (*redact.Output, error) {
	return func(ctx context.Context, src redact.Source, p redact.Profile, _ Asked) (*redact.Output, error) {
		return c(ctx, src, p)
	}
}

func gatherFormats(fs []Format) []gather.Format {
	var out []gather.Format
	for _, f := range fs {
		if f.Name != gather.FormatDICOM {
			out = append(out, gather.Format{Name: f.Name, Sniff: f.Sniff})
		}
	}
	return out
}

// clean runs the cleaner of the item's format with the profile of the basis, and
// compares what the record's own text says with the order.
func (p *Plan) clean(ctx context.Context, c *gather.Collection, it *gather.Item, src redact.Source) (*redact.Output, error) {
	out, err := p.cleanAs(ctx, it, src)
	if err != nil {
		return nil, err
	}
	if err := p.checkText(ctx, c, it, out); err != nil {
		return nil, errors.Join(err, out.Body.Close())
	}
	return out, nil
}

func (p *Plan) cleanAs(ctx context.Context, it *gather.Item, src redact.Source) (*redact.Output, error) {
	profile, err := Profile(p.Order.Basis)
	if err != nil {
		return nil, err
	}
	for _, f := range p.Formats {
		if f.Name == it.Format {
			out, err := f.Clean(ctx, src, profile, Asked{Reviewed: p.reviewed(it.Path), Pages: it.Pages})
			if err == nil && len(it.Pages) > 0 {
				out.Report.Notices = append(out.Report.Notices, pagesNotice(it.Pages, &out.Report))
			}
			return out, err
		}
	}
	return nil, redact.Refuse(redact.Unsupported, "this kind of file cannot be cleaned")
}

// pagesNotice says which pages of a record went: the pages of the file are those
// that did and those that the cleaner counts as left out.
func pagesNotice(went order.Pages, r *redact.Report) string {
	all := went.Count()
	for _, x := range r.Removed {
		if x.Rule == pdffile.PagesRule {
			all += x.Count
		}
	}
	goes := "go"
	if went.Count() == 1 {
		goes = "goes"
	}
	return fmt.Sprintf("Of a PDF only %s of %d %s, as the order asks.", went.Words(), all, goes)
}

func sniffDICOM(head []byte) bool { return dicomfile.Sniff(head) }

func identify(ctx context.Context, src redact.Source) (*dicomfile.Identity, error) {
	return dicomfile.Identify(ctx, src)
}

// instanceOf is what the bundle's index says about a cleaned file.
func instanceOf(id *dicomfile.Identity) dicomdir.Instance {
	return dicomdir.Instance{
		Content:   contentOf(id),
		PatientID: id.PatientID, PatientName: id.PatientName, BirthDate: id.BirthDate,
		StudyUID: id.StudyUID, StudyDate: id.StudyDate, StudyTime: id.StudyTime, StudyID: id.StudyID,
		StudyDescription: id.StudyDescription, AccessionNumber: id.AccessionNumber,
		SeriesUID: id.SeriesUID, Modality: id.Modality, SeriesNumber: id.SeriesNumber, SeriesDescription: id.SeriesDescription,
		SOPClassUID: id.SOPClassUID, SOPInstanceUID: id.SOPInstanceUID, TransferSyntax: id.TransferSyntax,
		InstanceNumber: id.InstanceNumber, ImageType: id.ImageType,
	}
}

// contentOf is what the index says about a file that is no image.
func contentOf(id *dicomfile.Identity) dicomdir.Content {
	c := &id.Content
	out := dicomdir.Content{
		Date: id.ContentDate, Time: c.Time, Label: c.Label, Description: c.Description,
		CreationDate: c.CreationDate, CreationTime: c.CreationTime,
		Completion: c.Completion, Verification: c.Verification, Verified: c.Verified,
		DocumentTitle: c.DocumentTitle, Concept: dicomdir.Code{Value: c.Concept[0], Scheme: c.Concept[1], Meaning: c.Concept[2]},
	}
	if !c.ReferencesCut { // half a list would be wrong; without one the file is not listed
		for _, r := range c.References {
			out.References = append(out.References, dicomdir.Reference(r))
		}
	}
	return out
}
