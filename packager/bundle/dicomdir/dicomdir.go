// Package dicomdir writes a DICOMDIR: the index that viewers and import
// software look for on a disc (DICOM PS3.3 Annex F, PS3.10 section 8, PS3.11
// Annex D, IHE Portable Data for Imaging). It is made from what the files of
// the bundle hold now, never from a DICOMDIR found among the records.
package dicomdir

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Instance is one DICOM file of the bundle, with the attributes its directory
// records need (PS3.3 F.5). Texts are UTF-8; an empty value is an absent one.
type Instance struct {
	FileID string // path from the DICOMDIR's folder, with slashes: "DICOM/S0000001/I0000001"

	PatientID, PatientName, BirthDate string

	StudyUID, StudyDate, StudyTime, StudyID, StudyDescription, AccessionNumber string

	SeriesUID, Modality, SeriesNumber, SeriesDescription string

	SOPClassUID, SOPInstanceUID, TransferSyntax, InstanceNumber string

	ImageType string // of images: values with backslashes, as the file has them

	Content Content // of other objects than images
}

// MaxInstances bounds a directory, to stay within 32-bit offsets and some MB of
// memory.
const MaxInstances = 100_000

// Errors of [Encode].
var (
	ErrTooMany  = errors.New("too many DICOM files for one directory")
	ErrUnlisted = errors.New("DICOM file cannot be listed in a directory")
	ErrFileID   = errors.New("file name is not a DICOM file ID")
)

// Listable reports whether a directory can hold x: an object of a known kind,
// with all its UIDs and what else its record must say (PS3.3 F.5). Others travel
// unlisted.
func Listable(x Instance) bool {
	for _, uid := range []string{x.StudyUID, x.SeriesUID, x.SOPClassUID, x.SOPInstanceUID, x.TransferSyntax} {
		if !validUID(uid) {
			return false
		}
	}
	return x.Content.listable(recordType(x.SOPClassUID))
}

// interchange are the transfer syntaxes of the General Purpose profiles that IHE
// Portable Data for Imaging rests on: of the CD (PS3.11 Annex D), and, for DVD
// and flash memory, with JPEG or JPEG 2000 (PS3.11 Annexes H and J).
var interchange = []string{
	explicitLittleEndian,
	"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.70",
	"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
}

// Interchange reports whether x is encoded as a General Purpose profile allows.
// Others are listed all the same: a viewer that knows their encoding finds them.
func Interchange(x Instance) bool { return slices.Contains(interchange, x.TransferSyntax) }

// ValidFileID reports whether path is a file ID of PS3.10 section 8.2 and 8.5:
// at most 8 components of at most 8 of the characters A-Z 0-9 _.
func ValidFileID(path string) bool {
	parts := strings.Split(path, "/")
	for _, p := range parts {
		if len(p) == 0 || len(p) > 8 || strings.Trim(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			return false
		}
	}
	return len(parts) <= 8
}

// Encode returns the DICOMDIR file for the instances: grouped by patient, study
// and series, sorted by their dates and numbers. Every instance must be
// [Listable] and have a valid file ID. The result depends on the instances
// alone.
func Encode(instances []Instance) ([]byte, error) {
	if len(instances) > MaxInstances {
		return nil, ErrTooMany
	}
	for i := range instances {
		if !Listable(instances[i]) {
			return nil, ErrUnlisted
		}
		if !ValidFileID(instances[i].FileID) {
			return nil, ErrFileID
		}
	}
	sorted := slices.Clone(instances)
	slices.SortStableFunc(sorted, compare)
	return encodeFile(tree(sorted)), nil
}

// compare brings what belongs together next to each other and the rest into
// the order a reader expects.
func compare(a, b Instance) int {
	return cmp.Or(
		cmp.Compare(a.PatientID, b.PatientID),
		cmp.Compare(a.StudyDate, b.StudyDate),
		cmp.Compare(a.StudyTime, b.StudyTime),
		cmp.Compare(a.StudyUID, b.StudyUID),
		cmp.Compare(number(a.SeriesNumber), number(b.SeriesNumber)),
		cmp.Compare(a.SeriesUID, b.SeriesUID),
		cmp.Compare(number(a.InstanceNumber), number(b.InstanceNumber)),
	)
}

func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0
	}
	return n
}

// node is one directory record.
type node struct {
	typ      string
	keys     []byte // the elements after those of group 0004
	file     *Instance
	children []*node
}

// tree builds the records. Studies and series are found by their UID, so that
// files whose dates disagree still share one record.
func tree(sorted []Instance) []*node {
	var patients []*node
	found := map[string]*node{}
	child := func(list *[]*node, key string, build func(n int) *node) *node {
		if found[key] == nil {
			found[key] = build(len(*list) + 1)
			*list = append(*list, found[key])
		}
		return found[key]
	}
	for i := range sorted {
		x := &sorted[i]
		p := child(&patients, "P"+x.PatientID, func(int) *node { return patientRecord(x) })
		st := child(&p.children, "P"+x.PatientID+"\x00S"+x.StudyUID, func(n int) *node { return studyRecord(x, n) })
		se := child(&st.children, "P"+x.PatientID+"\x00S"+x.StudyUID+"\x00"+x.SeriesUID, func(n int) *node { return seriesRecord(x, n) })
		se.children = append(se.children, instanceRecord(x, len(se.children)+1))
	}
	return patients
}

// noDate stands for a missing study date, which the record must have (type 1).
// It is what dcmtk's dcmmkdir writes in that case.
const noDate, noTime = "19000101", "000000"

// patientRecord follows PS3.3 F.5.1.
func patientRecord(x *Instance) *node {
	var e elements
	e.charset(x.PatientName, x.PatientID)
	e.text(0x0010, 0x0010, "PN", personName(x.PatientName))
	e.text(0x0010, 0x0020, "LO", cmp.Or(text(x.PatientID, 64), "UNKNOWN"))
	e.text(0x0010, 0x0030, "DA", date(x.BirthDate))
	return &node{typ: "PATIENT", keys: e.b}
}

// studyRecord follows PS3.3 F.5.2; n numbers the studies of the patient.
func studyRecord(x *Instance, n int) *node {
	var e elements
	e.charset(x.AccessionNumber, x.StudyDescription, x.StudyID)
	e.text(0x0008, 0x0020, "DA", cmp.Or(date(x.StudyDate), noDate))
	e.text(0x0008, 0x0030, "TM", cmp.Or(clock(x.StudyTime), noTime))
	e.text(0x0008, 0x0050, "SH", text(x.AccessionNumber, 16))
	e.text(0x0008, 0x1030, "LO", text(x.StudyDescription, 64))
	e.uid(0x0020, 0x000D, x.StudyUID)
	e.text(0x0020, 0x0010, "SH", cmp.Or(text(x.StudyID, 16), strconv.Itoa(n)))
	return &node{typ: "STUDY", keys: e.b}
}

// seriesRecord follows PS3.3 F.5.3; n numbers the series of the study.
func seriesRecord(x *Instance, n int) *node {
	var e elements
	e.charset(x.SeriesDescription)
	e.text(0x0008, 0x0060, "CS", cmp.Or(code(x.Modality), "OT"))
	e.text(0x0008, 0x103E, "LO", text(x.SeriesDescription, 64))
	e.uid(0x0020, 0x000E, x.SeriesUID)
	e.text(0x0020, 0x0011, "IS", integer(x.SeriesNumber, n))
	return &node{typ: "SERIES", keys: e.b}
}

// instanceRecord follows PS3.3 F.5.4 for images; n numbers the instances of
// the series. The image type, which tells a scout view from a slice, is no
// required key; other programs write it, too.
func instanceRecord(x *Instance, n int) *node {
	typ := recordType(x.SOPClassUID)
	if typ != "IMAGE" {
		return contentRecord(x, typ, n)
	}
	var e elements
	if t := codes(x.ImageType); t != "" {
		e.text(0x0008, 0x0008, "CS", t)
	}
	e.text(0x0020, 0x0013, "IS", integer(x.InstanceNumber, n))
	return &node{typ: typ, keys: e.b, file: x}
}
