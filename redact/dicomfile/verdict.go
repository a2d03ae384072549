package dicomfile

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"chartseal/redact"
)

// verdict is what a profile says about a file as a whole: an error refuses it,
// notices go with it.
type verdict struct {
	f        *facts
	rules    *rules
	document *document // the cleaned document; nil: none
	reviewed bool      // a person has looked at the pixels
	masked   bool      // the regions that show text are blacked out
	unmasked bool      // there are masks for the device, and none that fits
	notices  []string
}

// judge applies every rule to the facts of a planned file. A refusal that no
// person can lift goes before one that asks for a look: nobody shall look in
// vain.
func (v *verdict) judge(df *file) error {
	var asks error
	for _, rule := range []func(*file) error{
		v.kind, v.completeImage, v.burnedIn, v.recognisable, v.overlays,
	} {
		err := rule(df)
		var r *redact.Refusal
		switch {
		case err == nil:
		case errors.As(err, &r) && r.Class == redact.Undecided:
			asks = cmp.Or(asks, err)
		default:
			return err
		}
	}
	if asks != nil {
		return asks
	}
	v.geometry()
	v.freeText()
	if df.inflated {
		v.note("The file was packed (deflated); it is sent unpacked, with the same content.")
	}
	return nil
}

func (v *verdict) note(s string) { v.notices = append(v.notices, s) }

// undecided asks for a person; once one has looked it becomes a notice.
func (v *verdict) undecided(why, notice string) error {
	if v.reviewed {
		v.note(notice + " A person has looked at it.")
		return nil
	}
	return redact.Refuse(redact.Undecided, "%s", why)
}

func (v *verdict) complete() bool { return v.rules.profile == redact.PatientAccess }

// kind judges by SOP class.
func (v *verdict) kind(*file) error {
	fam := familyOf(v.f.sopClass)
	if v.f.directory || fam == directoryFamily {
		return redact.Refuse(redact.Unsupported,
			"it is the table of contents of a disc (DICOMDIR), not an image; the bundle gets a new one")
	}
	if !v.f.anyElement {
		return redact.Refuse(redact.Truncated, "the file holds nothing")
	}
	if err := v.enclosed(fam); err != nil {
		return err
	}
	switch fam {
	case rawFamily:
		return redact.Refuse(redact.Unfit, "it holds data that only its maker's programs can read")
	case listFamily:
		return redact.Refuse(redact.Unfit, "it is a list of what an archive holds, and may name other patients")
	case reportFamily, overlayFamily, waveFamily, therapyFamily:
		return v.notAnImage()
	case unknownFamily:
		return v.unknownKind()
	case imageFamily, captureFamily, photoFamily, segmentFamily, surfaceFamily, documentFamily, directoryFamily:
	}
	return nil
}

// documentKinds are the encapsulated documents that have no cleaner here (PS3.3
// sections A.45, A.85, A.104).
var documentKinds = map[string]string{
	storageRoot + "104.2": "a document of a medical record system (CDA)",
	storageRoot + "104.3": "a 3D model (STL)",
	storageRoot + "104.4": "a 3D model (OBJ)",
	storageRoot + "104.5": "the materials of a 3D model (MTL)",
}

// enclosed judges a document that the file holds, whatever the file's kind: a
// PDF was cleaned, anything else cannot be.
func (v *verdict) enclosed(fam family) error {
	switch {
	case v.f.documentHidden:
		return redact.Refuse(redact.Unfit, "a document is hidden deep inside the file")
	case v.f.documents == 0 && fam == documentFamily:
		return redact.Refuse(redact.Truncated, "the document that the file should hold is missing")
	case v.f.documents == 0:
		return nil
	case v.rules.deidentifies():
		return redact.Refuse(redact.Unfit, "it holds a document, whose text cannot be de-identified automatically")
	case documentKinds[v.f.sopClass] != "":
		return redact.Refuse(redact.Unfit, "it holds %s, which cannot be checked inside a DICOM file", documentKinds[v.f.sopClass])
	case v.document == nil:
		return redact.Refuse(redact.Unfit, "it holds a document other than a PDF, or one that cannot be checked inside a DICOM file")
	case !slices.Contains(pdfTypes, strings.ToLower(v.f.documentType)):
		return redact.Refuse(redact.Unfit, "it holds a PDF and says that it is something else")
	case fam == documentFamily:
		v.note("This DICOM file is a PDF document; it was cleaned like any other PDF.")
	default:
		v.note("This DICOM file also holds a PDF document; it was cleaned like any other PDF.")
	}
	return nil
}

// pdfTypes are the media types under which a PDF is stored.
var pdfTypes = []string{"", "application/pdf", "application/x-pdf"}

// notAnImage judges reports, drawings, waveforms and radiotherapy: all of them
// carry text or voices. After a person has looked, their content goes whole
// (see rules.content).
func (v *verdict) notAnImage() error {
	const notice = "This DICOM file is not an image but a report, a drawing, a waveform or a plan."
	if v.complete() {
		v.note(notice)
		return nil
	}
	const why = "it is not an image but a report, a drawing, a waveform or a plan, and may hold any text"
	if v.rules.deidentifies() {
		return redact.Refuse(redact.Unfit, why)
	}
	return v.undecided(why, notice)
}

// contentTells reports families whose objects are their content: what is
// specific to them has no row in the table.
func contentTells(f family) bool {
	switch f {
	case reportFamily, overlayFamily, waveFamily, therapyFamily:
		return true
	case unknownFamily, imageFamily, captureFamily, photoFamily, segmentFamily, surfaceFamily,
		documentFamily, rawFamily, listFamily, directoryFamily:
	}
	return false
}

// unknownKind judges classes that are not in the table: of other fields, of a
// maker, or of a later edition of the standard.
func (v *verdict) unknownKind() error {
	const notice = "This kind of DICOM file is not one that is known; details that are not known either were left out."
	switch {
	case v.f.pixels.tag != 0 && v.rules.deidentifies():
		return v.undecided("it is of a kind whose contents cannot be vouched for", notice)
	case v.f.pixels.tag != 0:
	case v.f.documents > 0: // judged already
	case !v.complete() || v.f.sopClass == "" || v.f.privateGone:
		return redact.Refuse(redact.Unfit, "it is not an image, and of a kind that is not known")
	}
	v.note(notice)
	return nil
}

// burnedIn judges text that may be part of the pixels (PS3.3 section C.7.6.1:
// (0028,0301)). Pixels are altered by a practice's mask only, and only in
// limited and de-identified sets.
func (v *verdict) burnedIn(*file) error {
	if v.f.pixels.tag == 0 {
		return nil
	}
	const notice = "The image may show text, such as a name; the picture itself is never altered."
	switch {
	case v.unmasked:
		return v.undecided("the practice has set regions to black out for this device, and in this picture they cannot be "+
			"(it is compressed, stored in an unusual form, or not of the size that was set)", notice)
	case v.masked:
		v.note("The regions where this device writes text into the picture are blacked out, as the practice has set them.")
	case v.f.burnedIn == "YES":
		if v.rules.deidentifies() {
			return v.undecided("the image says that a name or other text is part of the picture", notice)
		}
		v.note("The image says that text is part of the picture; the picture itself is never altered.")
	case v.f.burnedIn == "NO" && !v.rescanned():
	case v.suspicious():
		if v.rules.deidentifies() {
			return v.undecided("the image may show a name or other text", notice)
		}
		v.note(notice)
	}
	return nil
}

// rescanned: of a screen or a piece of paper nobody has looked through for
// text, whatever the file says.
func (v *verdict) rescanned() bool {
	return v.rules.deidentifies() && familyOf(v.f.sopClass) == captureFamily
}

// suspicious: screens, scans of paper, ultrasound and reworked images show
// text more often than not.
func (v *verdict) suspicious() bool {
	if familyOf(v.f.sopClass) == captureFamily || v.f.modality == "US" || v.f.modality == "OT" || v.f.conversion != "" {
		return true
	}
	return strings.Contains(v.f.imageType, "SECONDARY") || strings.Contains(v.f.imageType, "SCREEN")
}

// recognisable judges faces: a photograph, or a head from which a face can be
// drawn, is an identifier (45 CFR 164.514(b)(2)(i)(Q), (e)(2)(xvi); PS3.15
// section E.3.2).
func (v *verdict) recognisable(*file) error {
	surface := familyOf(v.f.sopClass) == surfaceFamily
	if !v.rules.deidentifies() || v.f.pixels.tag == 0 && !surface || v.f.face == "NO" {
		return nil
	}
	if surface {
		return v.undecided("the 3D scan may show the patient's face", "The 3D scan may show the patient's face.")
	}
	volume := v.f.modality == "CT" || v.f.modality == "MR"
	photo := familyOf(v.f.sopClass) == photoFamily || v.f.modality == "XC" // external camera
	if !photo && v.f.face != "YES" && !volume {
		return nil
	}
	return v.undecided("the images may show the patient's face", "The images may show the patient's face.")
}

func (v *verdict) overlays(*file) error {
	kept := v.rules.decide(0x60003000, 0).action.stays()
	switch {
	case v.f.overlayInPixels && v.rules.deidentifies():
		return v.undecided("a drawn layer is part of the picture", "A drawn layer is part of the picture.")
	case v.f.overlays && kept:
		v.note("A layer drawn over the image is sent with it; it may show text.")
	}
	return nil
}

// geometry warns when the volume's geometry may have been in private elements
// only.
func (v *verdict) geometry() {
	slices := v.f.modality == "CT" || v.f.modality == "MR" || v.f.modality == "PT"
	public := v.f.functionalGroups || (v.f.position && v.f.pixelSpacing)
	if slices && v.f.privateGone && !public && v.f.pixels.tag != 0 {
		v.note("Sizes and positions are not in the standard places of this file; " +
			"another program may not be able to measure in it. Ask for an export in standard DICOM.")
	}
	if v.complete() && v.f.privateGone {
		v.note("The maker's private data, which only its own programs can read, was left out; the practice keeps it.")
	}
}

func (v *verdict) freeText() {
	if len(v.f.reviewed) > 0 {
		v.note("Notes of the imaging program, such as the name it gives to a series, were kept. (DICOM: " + strings.Join(v.f.reviewed, ", ") + ")")
	}
	if len(v.f.practice) > 0 {
		v.note("Some details were kept by the practice's own rules. (DICOM: " + strings.Join(v.f.practice, ", ") + ")")
	}
}
