package dicomdir_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"chartseal/packager/bundle/dicomdir"
)

func slice(patient, study, series string, n int) dicomdir.Instance {
	return dicomdir.Instance{
		FileID: fmt.Sprintf("DICOM/S%s/I%07d", series, n), PatientID: patient, PatientName: "Alvarez^María=山田^太郎", BirthDate: "19840309",
		StudyUID: "1.2." + study, StudyDate: "20250503", StudyTime: "101500.123", StudyDescription: "Zähne", AccessionNumber: "A1",
		SeriesUID: "1.2." + study + "." + series, Modality: "CT", SeriesNumber: series, SeriesDescription: "Axial",
		SOPClassUID: "1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID: fmt.Sprintf("1.2.%s.%s.%d", study, series, n),
		TransferSyntax: "1.2.840.10008.1.2.1", InstanceNumber: fmt.Sprint(n),
	}
}

// record is a directory record as found by following the offsets.
type record struct {
	typ   string
	item  []byte // its elements
	lower []record
}

// follow reads the records from the one at off along the offsets, as a viewer
// does.
func follow(t testing.TB, file []byte, off uint32) []record {
	t.Helper()
	var list []record
	for off != 0 {
		if !bytes.Equal(file[off:off+4], []byte{0xFE, 0xFF, 0, 0xE0}) {
			t.Fatalf("no item at %d", off)
		}
		item := file[off+8 : off+8+binary.LittleEndian.Uint32(file[off+4:])]
		r := record{typ: value(t, item, 0x0004, 0x1430), item: item}
		if lower := binary.LittleEndian.Uint32([]byte(value(t, item, 0x0004, 0x1420))); lower != 0 {
			r.lower = follow(t, file, lower)
		}
		list = append(list, r)
		off = binary.LittleEndian.Uint32([]byte(value(t, item, 0x0004, 0x1400)))
	}
	return list
}

// value finds an element with a short length field.
func value(t testing.TB, item []byte, group, element uint16) string {
	t.Helper()
	for p := 0; p+8 <= len(item); {
		n := int(binary.LittleEndian.Uint16(item[p+6:]))
		if vr := string(item[p+4 : p+6]); vr == "SQ" {
			p += 12
			continue
		}
		if binary.LittleEndian.Uint16(item[p:]) == group && binary.LittleEndian.Uint16(item[p+2:]) == element {
			return string(item[p+8 : p+8+n])
		}
		p += 8 + n
	}
	return ""
}

// root finds the offset of the first record.
func root(t testing.TB, file []byte) uint32 {
	t.Helper()
	i := bytes.Index(file, []byte{4, 0, 0x00, 0x12, 'U', 'L', 4, 0})
	if i < 0 {
		t.Fatal("no first offset")
	}
	return binary.LittleEndian.Uint32(file[i+8:])
}

func encode(t testing.TB, list []dicomdir.Instance) []byte {
	t.Helper()
	file, err := dicomdir.Encode(list)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOffsetsLeadEverywhere(t *testing.T) {
	var list []dicomdir.Instance
	for n := 3000; n > 0; n-- { // backwards: the directory sorts
		list = append(list, slice("10432", "1", "2", n))
	}
	list = append(list, slice("10432", "1", "1", 1), slice("10432", "2", "1", 1), slice("77", "3", "1", 1))
	patients := follow(t, encode(t, list), root(t, encode(t, list)))
	if len(patients) != 2 || patients[0].typ != "PATIENT " && patients[0].typ != "PATIENT" {
		t.Fatalf("%d patients of type %q", len(patients), patients[0].typ)
	}
	studies := patients[0].lower
	if len(studies) != 2 || len(studies[0].lower) != 2 || len(studies[1].lower) != 1 {
		t.Fatalf("studies %d", len(studies))
	}
	images := studies[0].lower[1].lower
	if len(images) != 3000 {
		t.Fatalf("%d images", len(images))
	}
	for i, r := range images {
		want := fmt.Sprintf(`DICOM\S2\I%07d`, i+1)
		if got := strings.TrimSpace(value(t, r.item, 0x0004, 0x1500)); got != want || strings.TrimSpace(r.typ) != "IMAGE" {
			t.Fatalf("image %d is %q of type %q", i, got, r.typ)
		}
	}
}

// linear reads the file front to back, by lengths alone, and counts the
// records.
func linear(t testing.TB, file []byte) int {
	t.Helper()
	if string(file[128:132]) != "DICM" {
		t.Fatal("no DICOM file")
	}
	i := bytes.Index(file, []byte{4, 0, 0x20, 0x12, 'S', 'Q', 0, 0})
	if i < 0 {
		t.Fatal("no record sequence")
	}
	items := file[i+12:]
	if n := binary.LittleEndian.Uint32(file[i+8:]); int(n) != len(items) {
		t.Fatalf("the sequence has %d bytes and says %d", len(items), n)
	}
	n := 0
	for ; len(items) > 0; n++ {
		if !bytes.HasPrefix(items, []byte{0xFE, 0xFF, 0, 0xE0}) {
			t.Fatalf("no item after %d records", n)
		}
		items = items[8+binary.LittleEndian.Uint32(items[4:]):]
	}
	return n
}

func TestLengthsAndOffsetsAgree(t *testing.T) {
	pdf := slice("10432", "1", "3", 1)
	pdf.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
	file := encode(t, []dicomdir.Instance{slice("10432", "1", "1", 1), slice("10432", "1", "2", 1), pdf})
	if n := linear(t, file); n != 8 {
		t.Errorf("%d records", n)
	}
	for _, text := range []string{"Alvarez^María=山田^太郎", "ISO_IR 192", "ENCAP DOC", "application/pdf"} {
		if !bytes.Contains(file, []byte(text)) {
			t.Errorf("no %q", text)
		}
	}
	if again := encode(t, []dicomdir.Instance{pdf, slice("10432", "1", "2", 1), slice("10432", "1", "1", 1)}); !bytes.Equal(again, file) {
		t.Error("the order of the files matters")
	}
}

func TestMissingValuesAreFilled(t *testing.T) {
	x := slice("", "1", "1", 1)
	x.PatientName, x.StudyDate, x.StudyTime, x.StudyID, x.Modality, x.SeriesNumber, x.InstanceNumber = "", "", "", "", "", "", ""
	file := encode(t, []dicomdir.Instance{x})
	p := follow(t, file, root(t, file))[0]
	st := p.lower[0]
	se := st.lower[0]
	for what, got := range map[string][2]string{
		"patient id":   {value(t, p.item, 0x0010, 0x0020), "UNKNOWN "},
		"study date":   {value(t, st.item, 0x0008, 0x0020), "19000101"},
		"study time":   {value(t, st.item, 0x0008, 0x0030), "000000"},
		"study id":     {value(t, st.item, 0x0020, 0x0010), "1 "},
		"modality":     {value(t, se.item, 0x0008, 0x0060), "OT"},
		"series":       {value(t, se.item, 0x0020, 0x0011), "1 "},
		"image number": {value(t, se.lower[0].item, 0x0020, 0x0013), "1 "},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %q", what, got[0])
		}
	}
}

func TestImageTypes(t *testing.T) {
	for given, want := range map[string]string{
		`ORIGINAL\PRIMARY\AXIAL `: `ORIGINAL\PRIMARY\AXIAL`, `DERIVED\\x`: `DERIVED\\X`, "": "",
		`ORIGINAL\Zähne`: "", `A\` + strings.Repeat("B", 17): "", strings.Repeat(`A\`, 20): "",
	} {
		x := slice("1", "1", "1", 1)
		x.ImageType = given
		file := encode(t, []dicomdir.Instance{x})
		got := value(t, follow(t, file, root(t, file))[0].lower[0].lower[0].lower[0].item, 0x0008, 0x0008)
		if strings.TrimRight(got, " ") != want {
			t.Errorf("%q gives %q, not %q", given, got, want)
		}
	}
}

func TestInterchange(t *testing.T) {
	for syntax, want := range map[string]bool{
		"1.2.840.10008.1.2.1": true, "1.2.840.10008.1.2.4.70": true, "1.2.840.10008.1.2.4.91": true,
		"1.2.840.10008.1.2": false, "1.2.840.10008.1.2.2": false, "1.2.840.10008.1.2.5": false, "1.2.840.10008.1.2.4.57": false, "": false,
	} {
		if got := dicomdir.Interchange(dicomdir.Instance{TransferSyntax: syntax}); got != want {
			t.Errorf("%s: %v", syntax, got)
		}
	}
}

func TestWhatCannotBeListed(t *testing.T) {
	good := slice("1", "1", "1", 1)
	if !dicomdir.Listable(good) {
		t.Fatal("an image cannot be listed")
	}
	for class, want := range map[string]bool{
		"1.2.840.10008.5.1.4.1.1.1.3": true, "1.2.840.10008.5.1.4.1.1.7": true, "1.2.840.10008.5.1.4.1.1.66.4": true,
		"1.2.840.10008.5.1.4.1.1.481.1": true, "1.2.840.10008.5.1.4.1.1.104.3": true, "1.2.840.10008.5.1.4.1.1.77.1.4": true,
		"1.2.840.10008.5.1.4.1.1.88.33": false, "1.2.840.10008.5.1.4.1.1.66": false, "1.2.840.10008.5.1.4.1.1.11.1": false,
		"1.2.840.10008.5.1.4.1.1.481.2": false, "1.2.840.10008.1.3.10": false, "": false, "1.2.840.10008.5.1.4.1.1.104.9": false,
	} {
		x := good
		x.SOPClassUID = class
		if got := dicomdir.Listable(x); got != want {
			t.Errorf("class %q: %v", class, got)
		}
		if _, err := dicomdir.Encode([]dicomdir.Instance{x}); errors.Is(err, dicomdir.ErrUnlisted) == want {
			t.Errorf("class %q: %v", class, err)
		}
	}
	for _, id := range []string{"", "a", "DICOM/toolongname", "DICOM//I1", "A/B/C/D/E/F/G/H/I", `DICOM\I1`, "../I1", "DICOM/I1.DCM"} {
		x := good
		x.FileID = id
		if _, err := dicomdir.Encode([]dicomdir.Instance{x}); !errors.Is(err, dicomdir.ErrFileID) {
			t.Errorf("file ID %q: %v", id, err)
		}
	}
}

func FuzzEncode(f *testing.F) {
	f.Add("Alvarez^Maria", "10432", "20250503", "1015", "CT", "1", "Text")
	f.Add("a=b=c=d", `back\slash`, "2025.05.03", "10:15", "c t", "99999999999", strings.Repeat("ü", 100))
	f.Fuzz(func(t *testing.T, name, id, date, time, modality, number, text string) {
		x := slice(id, "1", "1", 1)
		x.PatientName, x.BirthDate, x.StudyDate, x.StudyTime, x.Modality = name, date, date, time, modality
		x.SeriesNumber, x.InstanceNumber, x.StudyDescription, x.AccessionNumber, x.StudyID = number, number, text, text, text
		file := encode(t, []dicomdir.Instance{x, slice("10432", "2", "1", 1)})
		n := 0
		for _, p := range follow(t, file, root(t, file)) {
			for _, st := range p.lower {
				for _, se := range st.lower {
					n += len(se.lower)
				}
			}
		}
		if n != 2 {
			t.Errorf("%d images", n)
		}
		if got := linear(t, file); got < 7 || got > 8 {
			t.Errorf("%d records", got)
		}
	})
}

// TestContentRecords: an object that is no image is listed with what its record
// must say, and only then.
func TestContentRecords(t *testing.T) {
	code := dicomdir.Code{Value: "11488-4", Scheme: "LN", Meaning: "Consult Note"}
	ref := []dicomdir.Reference{{SeriesUID: "1.2", SOPClassUID: "1.3", SOPInstanceUID: "1.4"}, {SeriesUID: "1.5", SOPClassUID: "1.3", SOPInstanceUID: "1.6"}}
	for _, tt := range []struct {
		class, typ string
		c          dicomdir.Content
		listed     bool
	}{
		{"88.11", "SR DOCUMENT", dicomdir.Content{Completion: "PARTIAL", Verification: "UNVERIFIED", Concept: code}, true},
		{"88.11", "SR DOCUMENT", dicomdir.Content{Completion: "PARTIAL", Verification: "VERIFIED", Verified: "20260301101500.5", Concept: code}, true},
		{"88.11", "", dicomdir.Content{Completion: "PARTIAL", Verification: "VERIFIED", Concept: code}, false},
		{"88.11", "", dicomdir.Content{Completion: "PARTIAL", Verification: "UNVERIFIED"}, false},
		{"88.59", "KEY OBJECT DOC", dicomdir.Content{Concept: code}, true},
		{"88.59", "", dicomdir.Content{}, false},
		{"11.1", "PRESENTATION", dicomdir.Content{Label: "L", CreationDate: "20260301", CreationTime: "10", References: ref}, true},
		{"11.1", "", dicomdir.Content{Label: "L", CreationDate: "20260301", CreationTime: "10"}, false},
		{"9.4.1", "WAVEFORM", dicomdir.Content{}, true},
		{"66.5", "SURFACE", dicomdir.Content{Label: "L"}, true},
		{"68.2", "SURFACE SCAN", dicomdir.Content{}, true},
		{"104.1", "ENCAP DOC", dicomdir.Content{DocumentTitle: "Überweisung", Concept: code}, true},
		{"4.2", "", dicomdir.Content{}, false},
		{"9", "", dicomdir.Content{}, false},
		{"12345", "", dicomdir.Content{}, false},
	} {
		x := slice("10432", "1", "1", 1)
		x.SOPClassUID, x.Content = "1.2.840.10008.5.1.4.1.1."+tt.class, tt.c
		if dicomdir.Listable(x) != tt.listed {
			t.Errorf("%s %+v: listable %v", tt.class, tt.c, !tt.listed)
		}
		if !tt.listed {
			continue
		}
		file := encode(t, []dicomdir.Instance{x, slice("10432", "1", "2", 1)})
		if got := strings.TrimSpace(follow(t, file, root(t, file))[0].lower[0].lower[0].lower[0].typ); got != tt.typ || linear(t, file) != 6 {
			t.Errorf("%s is of type %q, %d records", tt.class, got, linear(t, file))
		}
	}
}
