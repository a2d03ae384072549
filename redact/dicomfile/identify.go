package dicomfile

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"chartseal/redact"
)

// Identity is what a DICOM file says about whose it is and what it shows. Text
// is UTF-8 without padding; dates are YYYYMMDD and times HHMMSS as they stand.
// Missing elements are empty. Every field is private: none may reach a log.
type Identity struct {
	PatientID, PatientName, BirthDate, Sex           string
	StudyDate, SeriesDate, AcquisitionDate           string
	ContentDate, StudyTime, AcquisitionDateTime      string
	StudyID, AccessionNumber, Modality               string
	SOPClassUID, SOPInstanceUID, StudyUID, SeriesUID string
	SeriesNumber, InstanceNumber                     string
	Content                                          Content
	StudyDescription, SeriesDescription, BodyPart    string
	Manufacturer, Model                              string
	ImageType, Laterality                            string
	Position, Orientation                            string // of a slice, as they stand: numbers with backslashes
	TransferSyntax, Charset                          string
	Rows, Columns, Frames                            int // 0 if absent

	repeated bool
}

// Content is what a directory of files says about one that is no image (PS3.3
// annex F.5).
type Content struct {
	Time, Label, Description           string
	CreationDate, CreationTime         string // of a presentation state
	Completion, Verification, Verified string // of a report
	DocumentTitle                      string
	Concept                            [3]string // code value, scheme and meaning of the title
	References                         []Reference
	ReferencesCut                      bool // there are more
}

// Reference is an image that a presentation state is of.
type Reference struct{ SeriesUID, SOPClassUID, SOPInstanceUID string }

// maxReferences bounds the images that a directory names for one file.
const maxReferences = 200

// FamilyGiven splits the patient's name (PS3.5 section 6.2.1): of its
// alphabetic form, or of the first form there is.
func (id *Identity) FamilyGiven() (family, given string) {
	for group := range strings.SplitSeq(id.PatientName, "=") {
		if strings.Trim(group, "^ ") == "" {
			continue
		}
		parts := append(strings.Split(group, "^"), "")
		return strings.TrimSpace(parts[0]), strings.TrimSpace(parts[1])
	}
	return "", ""
}

// NameForms gives every form of the patient's name (alphabetic, ideographic,
// phonetic) as family and given name.
func (id *Identity) NameForms() [][2]string {
	var forms [][2]string
	for group := range strings.SplitSeq(id.PatientName, "=") {
		one := Identity{PatientName: group}
		if family, given := one.FamilyGiven(); family != "" || given != "" {
			forms = append(forms, [2]string{family, given})
		}
	}
	return forms
}

// Date is the date of the record: of the study, else of acquisition, content
// or series; YYYYMMDD or "".
func (id *Identity) Date() string {
	for _, d := range []string{id.StudyDate, id.AcquisitionDate, id.AcquisitionDateTime, id.ContentDate, id.SeriesDate} {
		if d = strings.ReplaceAll(d, ".", ""); len(d) >= 8 {
			return d[:8]
		}
	}
	return ""
}

// Identify reads the identity of a DICOM file: its header only, never its
// pixels. It refuses what cannot be read, and a file that says twice who its
// patient is.
func Identify(ctx context.Context, src redact.Source) (*Identity, error) {
	return identify(ctx, src, errEnough)
}

// IdentifyHead is Identify for a file of which only the beginning can be read:
// the first read past it, which fails with io.ErrUnexpectedEOF, ends the
// reading. What lies behind is empty in the result.
func IdentifyHead(ctx context.Context, head redact.Source) (*Identity, error) {
	return identify(ctx, head, io.ErrUnexpectedEOF)
}

// identify reads until there is enough; end is another error that says so.
func identify(ctx context.Context, src redact.Source, end error) (*Identity, error) {
	f, err := open(ctx, src)
	if err != nil {
		return nil, err
	}
	w := newWalker(ctx, f.src)
	defer w.close()
	r := &reader{w: w, id: &Identity{TransferSyntax: f.ts}, cs: parseCharset("")}
	if _, err := w.root(r, f.start, f.syn); err != nil && !errors.Is(err, errEnough) && !errors.Is(err, end) {
		return nil, err
	}
	if r.id.repeated {
		return nil, errTwoPatients()
	}
	if r.id.SOPClassUID == "" {
		r.id.SOPClassUID = f.meta.sopClass
	}
	if r.id.SOPInstanceUID == "" {
		r.id.SOPInstanceUID = f.meta.sopInstance
	}
	return r.id, nil
}

func errTwoPatients() error {
	return malformed("the file says more than once, and differently, whose image it is")
}

// errLongIdentity: what cannot be compared whole is not compared.
var errLongIdentity = malformed("what says whose image it is, is longer than the standard allows")

// errEnough ends a walk that has seen what it came for.
var errEnough = errors.New("enough read")

// maxText bounds a text that is read.
const maxText = 1024

// reader collects an Identity.
type reader struct {
	nothing
	w  *walker
	id *Identity
	cs charset

	within Tag // the sequence of the main data set that is being read
	series string
}

// enter reads the title of a document and the images of a presentation state.
func (r *reader) enter(e *element) (bool, error) {
	switch {
	case e.depth == 0 && (e.tag == 0x0040A043 || e.tag == 0x00081115):
		r.within = e.tag
		return true, nil
	case e.depth == 1 && r.within == 0x00081115:
		return e.tag == 0x00081140, nil
	}
	return false, nil
}

func (r *reader) item(e *element) error {
	switch {
	case r.within != 0x00081115:
	case e.depth == 1:
		r.series = ""
	case len(r.id.Content.References) == maxReferences:
		r.id.Content.ReferencesCut = true
	default:
		r.id.Content.References = append(r.id.Content.References, Reference{SeriesUID: r.series})
	}
	return nil
}

// inner reads an element of one of those sequences.
func (r *reader) inner(e *element) error {
	var dst *string
	refs := r.id.Content.References
	switch {
	case r.within == 0x0040A043 && e.depth == 1 && e.tag == 0x00080100:
		dst = &r.id.Content.Concept[0]
	case r.within == 0x0040A043 && e.depth == 1 && e.tag == 0x00080102:
		dst = &r.id.Content.Concept[1]
	case r.within == 0x0040A043 && e.depth == 1 && e.tag == 0x00080104:
		dst = &r.id.Content.Concept[2]
	case r.within == 0x00081115 && e.depth == 1 && e.tag == 0x0020000E:
		dst = &r.series
	case r.within == 0x00081115 && e.depth == 2 && e.tag == 0x00081150 && len(refs) > 0:
		dst = &refs[len(refs)-1].SOPClassUID
	case r.within == 0x00081115 && e.depth == 2 && e.tag == 0x00081155 && len(refs) > 0:
		dst = &refs[len(refs)-1].SOPInstanceUID
	default:
		return nil
	}
	b, err := r.w.win.bytes(e.val, int(min(e.end-e.val, maxText)))
	*dst = strings.Trim(r.cs.decode(b), " \x00")
	if dst == &r.series { // it may come after the images of the series
		for i := range refs {
			if refs[i].SeriesUID == "" {
				refs[i].SeriesUID = r.series
			}
		}
	}
	return err
}

func (r *reader) leaf(e *element) error {
	switch {
	case e.depth > 0:
		return r.inner(e)
	case isPixels(e.tag): // files whose elements are out of order are read up to here
		return errEnough
	}
	if dst := r.number(e.tag); dst != nil {
		return r.readNumber(e, dst)
	}
	dst := r.text(e.tag)
	if dst == nil {
		return nil
	}
	if identifies(e.tag) && e.end-e.val > maxText {
		return errLongIdentity
	}
	b, err := r.w.win.bytes(e.val, int(min(e.end-e.val, maxText)))
	if err != nil {
		return err
	}
	text := strings.Trim(r.cs.decode(b), " \x00")
	if e.tag == 0x00080005 {
		r.cs = parseCharset(text)
	}
	if identifies(e.tag) && *dst != "" && *dst != text {
		r.id.repeated = true
	}
	*dst = text
	return nil
}

// identifies names the elements that say whose the file is and which.
func identifies(t Tag) bool {
	switch t {
	case 0x00100010, 0x00100020, 0x00100030, 0x00080018, 0x0020000D:
		return true
	}
	return false
}

func (r *reader) readNumber(e *element, dst *int) error {
	b, err := r.w.win.bytes(e.val, int(min(e.end-e.val, 16)))
	if err != nil {
		return err
	}
	switch {
	case e.tag == tagFrames:
		*dst, _ = strconv.Atoi(strings.Trim(string(b), " \x00")) // 0 if it is no number
	case len(b) >= 2:
		*dst = int(e.syn.u16(b))
	}
	return nil
}

func (r *reader) number(t Tag) *int {
	switch t {
	case 0x00280010:
		return &r.id.Rows
	case 0x00280011:
		return &r.id.Columns
	case tagFrames:
		return &r.id.Frames
	}
	return nil
}

// text says where the value of an element goes.
func (r *reader) text(t Tag) *string {
	if read, ok := identityFields[t]; ok {
		return read(r.id)
	}
	return nil
}

var identityFields = map[Tag]func(*Identity) *string{
	0x00080005: func(id *Identity) *string { return &id.Charset },
	0x00080008: func(id *Identity) *string { return &id.ImageType },
	0x00080016: func(id *Identity) *string { return &id.SOPClassUID },
	0x00080018: func(id *Identity) *string { return &id.SOPInstanceUID },
	0x00080020: func(id *Identity) *string { return &id.StudyDate },
	0x00080021: func(id *Identity) *string { return &id.SeriesDate },
	0x00080022: func(id *Identity) *string { return &id.AcquisitionDate },
	0x00080023: func(id *Identity) *string { return &id.ContentDate },
	0x00080033: func(id *Identity) *string { return &id.Content.Time },
	0x00420010: func(id *Identity) *string { return &id.Content.DocumentTitle },
	0x00700080: func(id *Identity) *string { return &id.Content.Label },
	0x00700081: func(id *Identity) *string { return &id.Content.Description },
	0x00700082: func(id *Identity) *string { return &id.Content.CreationDate },
	0x00700083: func(id *Identity) *string { return &id.Content.CreationTime },
	0x0040A491: func(id *Identity) *string { return &id.Content.Completion },
	0x0040A493: func(id *Identity) *string { return &id.Content.Verification },
	0x0040A030: func(id *Identity) *string { return &id.Content.Verified },
	0x0008002A: func(id *Identity) *string { return &id.AcquisitionDateTime },
	0x00080030: func(id *Identity) *string { return &id.StudyTime },
	0x00080050: func(id *Identity) *string { return &id.AccessionNumber },
	0x00080060: func(id *Identity) *string { return &id.Modality },
	0x00080070: func(id *Identity) *string { return &id.Manufacturer },
	0x00081030: func(id *Identity) *string { return &id.StudyDescription },
	0x0008103E: func(id *Identity) *string { return &id.SeriesDescription },
	0x00081090: func(id *Identity) *string { return &id.Model },
	0x00100010: func(id *Identity) *string { return &id.PatientName },
	0x00100020: func(id *Identity) *string { return &id.PatientID },
	0x00100030: func(id *Identity) *string { return &id.BirthDate },
	0x00100040: func(id *Identity) *string { return &id.Sex },
	0x00180015: func(id *Identity) *string { return &id.BodyPart },
	0x0020000D: func(id *Identity) *string { return &id.StudyUID },
	0x0020000E: func(id *Identity) *string { return &id.SeriesUID },
	0x00200010: func(id *Identity) *string { return &id.StudyID },
	0x00200011: func(id *Identity) *string { return &id.SeriesNumber },
	0x00200013: func(id *Identity) *string { return &id.InstanceNumber },
	0x00200032: func(id *Identity) *string { return &id.Position },
	0x00200037: func(id *Identity) *string { return &id.Orientation },
	0x00200060: func(id *Identity) *string { return &id.Laterality },
}
