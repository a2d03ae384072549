//go:build interop

package dicomdir_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"chartseal/packager/bundle/dicomdir"
	"chartseal/testdata/practice/dcm"
)

// tool runs a program in a folder. It must succeed and find nothing wrong.
func tool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || regexp.MustCompile(`(?m)^[EFW]: |error:`).Match(out) {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func put(d *dcm.Dataset, tag uint32, vr string, value any) { d.Put(dcm.Attr{Tag: tag, VR: vr}, value) }

// object writes a DICOM file that says what its instance says.
func object(t *testing.T, dir string, x dicomdir.Instance) {
	t.Helper()
	f := dcm.File{Syntax: dcm.Syntax(x.TransferSyntax)}
	d := &f.Data
	put(d, 0x00080005, "CS", "ISO_IR 192")
	for _, e := range []struct {
		tag       uint32
		vr, value string
	}{
		{0x00080016, "UI", x.SOPClassUID},
		{0x00080018, "UI", x.SOPInstanceUID},
		{0x00080020, "DA", x.StudyDate},
		{0x00080030, "TM", x.StudyTime},
		{0x00080050, "SH", x.AccessionNumber},
		{0x00080060, "CS", x.Modality},
		{0x00081030, "LO", x.StudyDescription},
		{0x0008103E, "LO", x.SeriesDescription},
		{0x00100010, "PN", x.PatientName},
		{0x00100020, "LO", x.PatientID},
		{0x00100030, "DA", x.BirthDate},
		{0x0020000D, "UI", x.StudyUID},
		{0x0020000E, "UI", x.SeriesUID},
		{0x00200010, "SH", x.StudyID},
		{0x00200011, "IS", x.SeriesNumber},
		{0x00200013, "IS", x.InstanceNumber},
	} {
		put(d, e.tag, e.vr, e.value)
	}
	c := &x.Content
	for _, e := range []struct {
		tag       uint32
		vr, value string
	}{
		{0x00080023, "DA", c.Date},
		{0x00080033, "TM", c.Time},
		{0x00700080, "CS", c.Label},
		{0x00700081, "LO", c.Description},
		{0x00700082, "DA", c.CreationDate},
		{0x00700083, "TM", c.CreationTime},
		{0x0040A491, "CS", c.Completion},
		{0x0040A493, "CS", c.Verification},
		{0x00420010, "ST", c.DocumentTitle},
	} {
		if e.value != "" {
			put(d, e.tag, e.vr, e.value)
		}
	}
	if c.Concept != (dicomdir.Code{}) {
		put(d, 0x0040A043, "SQ", dcm.Seq(dcm.Code(c.Concept.Value, c.Concept.Scheme, c.Concept.Meaning)))
	}
	for _, r := range c.References {
		var image, series dcm.Dataset
		put(&image, 0x00081150, "UI", r.SOPClassUID)
		put(&image, 0x00081155, "UI", r.SOPInstanceUID)
		put(&series, 0x00081140, "SQ", dcm.Seq(image))
		put(&series, 0x0020000E, "UI", r.SeriesUID)
		put(d, 0x00081115, "SQ", dcm.Seq(series))
	}
	switch {
	case strings.HasSuffix(x.SOPClassUID, ".104.1"):
		put(d, 0x00420011, "OB", []byte("%PDF-1.4 "))
		put(d, 0x00420012, "LO", "application/pdf")
	case x.Modality == "CT":
		for tag, v := range map[uint32]uint16{
			0x00280002: 1, 0x00280010: 4, 0x00280011: 4, 0x00280100: 16, 0x00280101: 12, 0x00280102: 11, 0x00280103: 0,
		} {
			put(d, tag, "US", v)
		}
		put(d, 0x00280004, "CS", "MONOCHROME2")
		put(d, 0x7FE00010, "OW", make([]byte, 32))
	}
	raw, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, filepath.FromSlash(x.FileID))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func directory(t *testing.T, list []dicomdir.Instance) string {
	t.Helper()
	dir := t.TempDir()
	file, err := dicomdir.Encode(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "DICOMDIR"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

var recordForm = regexp.MustCompile(`(?m)\(0004,1430\) CS \[([A-Z ]+?) *\]`)

// TestInteropUpdate has dcmtk check every file against its record and rewrite
// the directory, and compares the records before and after.
func TestInteropUpdate(t *testing.T) {
	image := slice("10432", "1", "1", 1)
	list := []dicomdir.Instance{image, slice("10432", "1", "1", 2), slice("10432", "2", "1", 1)}
	list[2].FileID, list[2].SeriesUID = "DICOM/S3/I0000001", "1.2.2.9"
	code := dicomdir.Code{Value: "11488-4", Scheme: "LN", Meaning: "Consult Note"}
	classes := []struct {
		class, modality string
		c               dicomdir.Content
	}{
		{"104.1", "DOC", dicomdir.Content{DocumentTitle: "Arztbrief für María", Concept: code}},
		{"88.11", "SR", dicomdir.Content{Completion: "COMPLETE", Verification: "UNVERIFIED", Concept: code}},
		{"88.59", "KO", dicomdir.Content{Concept: code}},
		{"11.1", "PR", dicomdir.Content{
			Label: "MEASURED", Description: "Länge", CreationDate: "20250503", CreationTime: "101500",
			References: []dicomdir.Reference{{SeriesUID: image.SeriesUID, SOPClassUID: image.SOPClassUID, SOPInstanceUID: image.SOPInstanceUID}},
		}},
		{"9.1.1", "ECG", dicomdir.Content{}},
		{"66.1", "REG", dicomdir.Content{Label: "FUSED"}},
		{"66.2", "FID", dicomdir.Content{Label: "POINTS"}},
		{"66.5", "SEG", dicomdir.Content{Label: "CROWN"}},
		{"67", "RWV", dicomdir.Content{Label: "MAP"}},
		{"68.1", "SS", dicomdir.Content{}},
	}
	for i, x := range classes {
		y := slice("10432", "1", fmt.Sprint(i+10), 1)
		y.SOPClassUID, y.Modality, y.Content = "1.2.840.10008.5.1.4.1.1."+x.class, x.modality, x.c
		y.Content.Date, y.Content.Time = "20250503", "101500"
		list = append(list, y)
	}
	for i := range list {
		list[i].PatientName, list[i].StudyID = "Alvarez^María", "7"
	}
	dir := directory(t, list)
	for _, x := range list {
		object(t, dir, x)
	}
	before := recordForm.FindAllStringSubmatch(tool(t, dir, "dcmdump", "-q", "+P", "0004,1430", "DICOMDIR"), -1)
	tool(t, dir, "gdcmdump", "DICOMDIR")
	checkOffsets(t, dir)
	var files []string
	for _, x := range list {
		files = append(files, x.FileID)
	}
	tool(t, dir, "dcmmkdir", append([]string{"--update", "-Nxc", "-Nec", "-a"}, files...)...)
	after := recordForm.FindAllStringSubmatch(tool(t, dir, "dcmdump", "-q", "+P", "0004,1430", "DICOMDIR"), -1)
	kinds := func(list [][]string) map[string]int {
		n := map[string]int{}
		for _, m := range list {
			n[m[1]]++
		}
		return n
	}
	if fmt.Sprint(kinds(before)) != fmt.Sprint(kinds(after)) {
		t.Errorf("records before %v, after %v", kinds(before), kinds(after))
	}
	if n := kinds(before)["IMAGE"]; n != 3 || len(kinds(before)) != 3+1+len(classes) {
		t.Errorf("records %v", kinds(before))
	}
}

// checkOffsets has dicom3tools follow the records.
func checkOffsets(t *testing.T, dir string) {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), "dciodvfy", filepath.Join(dir, "DICOMDIR")).CombinedOutput() // exits 0 whatever it finds
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Error") && !strings.Contains(line, "<SURFACE SCAN>") { // younger than dicom3tools
			t.Errorf("dciodvfy: %s", line)
		}
	}
}

// TestInteropMany has the peers read a directory of 10,000 images.
func TestInteropMany(t *testing.T) {
	var list []dicomdir.Instance
	for n := range 10_000 {
		x := slice("10432", "1", fmt.Sprint(n/500+1), n+1)
		list = append(list, x)
	}
	dir := directory(t, list)
	out := tool(t, dir, "dcmdump", "-q", "+P", "0004,1430", "DICOMDIR")
	if n := strings.Count(out, "[IMAGE"); n != len(list) {
		t.Errorf("dcmdump sees %d images", n)
	}
	if n := strings.Count(tool(t, dir, "gdcmdump", "DICOMDIR"), "[IMAGE"); n != len(list) {
		t.Errorf("gdcmdump sees %d images", n)
	}
}
