package dicomfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxReviewed bounds the free-text elements a report names.
const maxReviewed = 40

const tagFrames = 0x00280008 // NumberOfFrames, IS

// facts is what verdicts rest on, read while planning.
type facts struct {
	sopClass, sopInstance      string
	modality, imageType        string
	conversion, burnedIn, face string
	photometric                string
	rows, columns, samples     int
	bits, frames               int
	pixels                     element // zero if absent
	framesGiven, end           bool
	pixelSpacing, position     bool
	functionalGroups           bool
	directory, documentHidden  bool // hidden: inside a sequence
	documents                  int
	documentType               string
	overlays, overlayInPixels  bool
	privateGone, anyElement    bool
	spectroscopy               bool // (5600,0020), in place of pixels
	reviewed                   []string
	practice                   []string // kept by the practice's own rules
	identity                   map[Tag]string
	said                       map[Tag]string // values of text and number, as they stand
	manufacturer, model        string
	bitsStored, highBit        int
	signed, planar             int
}

// whose refuses a file that names two patients: the first would be compared
// with the order, the second would leave with it.
func (f *facts) whose(w *walker, e *element) error {
	switch {
	case e.end-e.val > maxText:
		return errLongIdentity
	case f.pixels.tag != 0: // Identify does not read on
		return malformed("the file says after the image whose it is")
	}
	b, err := w.win.bytes(e.val, int(min(e.end-e.val, maxText)))
	if err != nil {
		return err
	}
	if f.identity == nil {
		f.identity = make(map[Tag]string, 3)
	}
	if old, again := f.identity[e.tag]; again && old != string(b) {
		return errTwoPatients()
	}
	f.identity[e.tag] = string(b)
	return nil
}

// unambiguous refuses a file that says twice, and differently, what verdicts rest
// on: a viewer may go by the one that was not judged.
func (f *facts) unambiguous(w *walker, e *element) error {
	if f.text(e.tag) == nil && f.number(e.tag) == nil && e.tag != tagFrames {
		return nil
	}
	b, err := w.win.bytes(e.val, int(e.end-e.val))
	if err != nil {
		return err
	}
	if f.said == nil {
		f.said = make(map[Tag]string)
	}
	if old, again := f.said[e.tag]; again && old != string(b) {
		return malformed("the file says twice, and differently, what kind of image it holds")
	}
	f.said[e.tag] = string(b)
	return nil
}

// text and number say where values go.
func (f *facts) text(t Tag) *string {
	switch t {
	case 0x00080016:
		return &f.sopClass
	case 0x00080018:
		return &f.sopInstance
	case 0x00080060:
		return &f.modality
	case 0x00080008:
		return &f.imageType
	case 0x00080064:
		return &f.conversion
	case 0x00080070:
		return &f.manufacturer
	case 0x00081090:
		return &f.model
	case 0x00280301:
		return &f.burnedIn
	case 0x00280302:
		return &f.face
	case tagDocumentType:
		return &f.documentType
	case 0x00280004:
		return &f.photometric
	}
	return nil
}

func (f *facts) number(t Tag) *int {
	switch t {
	case 0x00280010:
		return &f.rows
	case 0x00280011:
		return &f.columns
	case 0x00280002:
		return &f.samples
	case 0x00280006:
		return &f.planar
	case 0x00280100:
		return &f.bits
	case 0x00280101:
		return &f.bitsStored
	case 0x00280102:
		return &f.highBit
	case 0x00280103:
		return &f.signed
	}
	return nil
}

// observe reads the facts an element of the main data set carries.
func (f *facts) observe(w *walker, e *element) error {
	f.anyElement = true
	if isPixels(e.tag) && f.pixels.tag != 0 {
		return malformed("the file holds two images where one belongs")
	}
	f.flags(e)
	if identifies(e.tag) {
		if err := f.whose(w, e); err != nil {
			return err
		}
	}
	if e.end-e.val > probeSize || e.end == e.val {
		return nil
	}
	if err := f.unambiguous(w, e); err != nil {
		return err
	}
	if dst := f.text(e.tag); dst != nil {
		b, err := w.win.bytes(e.val, int(e.end-e.val))
		*dst = strings.Trim(string(b), " \x00")
		return err
	}
	if dst := f.number(e.tag); dst != nil && e.end-e.val >= 2 {
		b, err := w.win.bytes(e.val, 2)
		if err == nil {
			*dst = int(e.syn.u16(b))
		}
		return err
	}
	if e.tag == tagFrames {
		b, err := w.win.bytes(e.val, int(min(e.end-e.val, 16)))
		f.framesGiven = true
		f.frames, _ = strconv.Atoi(strings.Trim(string(b), " \x00")) // not a number: 0, judged later
		return err
	}
	return f.overlayPosition(w, e)
}

func (f *facts) flags(e *element) {
	switch {
	case isPixels(e.tag):
		f.pixels = *e
	case e.tag == 0x00280030 || e.tag == 0x00181164:
		f.pixelSpacing = f.pixelSpacing || e.end > e.val
	case e.tag == 0x00200032:
		f.position = e.end > e.val
	case e.tag.group() == directoryGroup:
		f.directory = true
	case e.tag == 0x56000020:
		f.spectroscopy = e.end > e.val
	case e.tag.folded() == 0x60003000:
		f.overlays = true
	}
}

// overlayPosition notices overlays hidden in unused bits of the pixels (PS3.3
// section C.9.2, retired).
func (f *facts) overlayPosition(w *walker, e *element) error {
	if e.tag.folded() != 0x60000102 || e.end-e.val < 2 {
		return nil
	}
	b, err := w.win.bytes(e.val, 2)
	if err == nil && e.syn.u16(b) != 0 {
		f.overlayInPixels = true
	}
	return err
}

func (f *facts) enter(e *element) {
	f.anyElement = true
	if e.tag == 0x52009229 || e.tag == 0x52009230 {
		f.functionalGroups = true
	}
	if e.tag.group() == directoryGroup {
		f.directory = true
	}
}

func (f *facts) dropped(_ *element, d decision) {
	if d.class.name == "private" {
		f.privateGone = true
	}
}

func (f *facts) review(keyword string) {
	if len(f.reviewed) < maxReviewed && !slices.Contains(f.reviewed, keyword) {
		f.reviewed = append(f.reviewed, keyword)
	}
}

// kept notes an element that stays by the practice's own rule.
func (f *facts) kept(t Tag, d decision) {
	name := itemName(t, d)
	if t.private() {
		if t.element() < 0x1000 {
			return // the creator says whose the element is
		}
		name = fmt.Sprintf("private (%04X,xx%02X)", t.group(), t.element()&0xFF)
	}
	if len(f.practice) < maxReviewed && !slices.Contains(f.practice, name) {
		f.practice = append(f.practice, name)
	}
}

// namesSocialSecurity reports an issuer of patient numbers that is a
// social-security authority: then the number's issuer says too much.
func namesSocialSecurity(w *walker, e *element) (bool, error) {
	b, err := w.win.bytes(e.val, int(min(e.end-e.val, 256)))
	if err != nil {
		return false, err
	}
	s := strings.ToUpper(string(b))
	words := strings.FieldsFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' })
	ssn := slices.Contains(words, "SSN") || slices.Contains(words, "SSA")
	return ssn || strings.Contains(s, "SOCIAL SEC"), nil
}
