//go:build interop

package dicomfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"chartseal/redact"
)

// The tests of this file judge what the cleaner does to real files by the eyes
// of programs that others wrote: dcmdump and dcmconv (DCMTK), gdcmraw (GDCM)
// and dciodvfy (dicom3tools). Run them by
//
//	go test -tags interop -run Interop -v ./redact/dicomfile
//
// A missing program or a missing corpus is a failure here.

// interopRuns are the releases every file of the corpus goes through.
var interopRuns = []struct {
	name    string
	cleaner Cleaner
	profile redact.Profile
}{
	{"treatment", Cleaner{UIDSalt: interopSalt}, redact.Treatment},
	{"patient_access", Cleaner{UIDSalt: interopSalt}, redact.PatientAccess},
	{"deidentified", Cleaner{UIDSalt: interopSalt}, redact.Deidentified},
	{"deidentified, looked at", Cleaner{UIDSalt: interopSalt, Reviewed: true}, redact.Deidentified},
}

var interopSalt = []byte("0123456789abcdef")

// original is one file of the corpus as other programs tell it, each asked once.
type original struct {
	dump
	pixels func() taken
	errors func() []string // of dciodvfy
}

// taken are pixel bytes, and with what they were taken.
type taken struct {
	by     func(t *testing.T, name string) ([]byte, error)
	pixels []byte
	err    error
}

// trial is one file of the corpus under one release.
type trial struct {
	name    string // base name
	output  string // "" if refused
	refusal *redact.Refusal
	before  original
	after   dump
}

func TestInteropCorpus(t *testing.T) {
	need(t, "dcmdump", "dcmconv", "gdcmraw", "dciodvfy")
	names := interopFiles(t)
	before := make(map[string]original)
	for _, name := range names {
		before[name] = original{
			dump:   dumpOf(t, name),
			pixels: sync.OnceValue(func() taken { return sourcePixels(t, name) }),
			errors: sync.OnceValue(func() []string { return iodErrors(name) }),
		}
	}
	answers := readAnswers(t)
	for _, run := range interopRuns {
		t.Run(run.name, func(t *testing.T) {
			var trials []trial
			for _, name := range names {
				trials = append(trials, tryFile(t, &run.cleaner, run.profile, name, before[name]))
			}
			sums(t, trials)
			private, pixels := 0, 0
			for i := range trials {
				if tr := &trials[i]; tr.output != "" {
					readable(t, tr)
					leaks(t, run.profile, tr)
					planted(t, run.profile, tr, answers[tr.name])
					samePixels(t, tr)
					conforms(t, run.profile, tr)
					private += tr.before.private()
					if tr.before.has(tagPixelData) {
						pixels++
					}
				}
			}
			t.Logf("%d private elements removed, %d pictures compared", private, pixels)
		})
	}
}

func interopFiles(t *testing.T) []string {
	t.Helper()
	dir, err := filepath.Abs("../../../shared/corpus/dicom")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatal("the corpus is not beside the checkout")
	}
	return corpusFiles(t)
}

func readAnswers(t *testing.T) map[string]answer {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(corpus(t), "synthetic", "ANSWERS.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []answer
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	out := make(map[string]answer)
	for _, a := range list {
		out[a.File] = a
	}
	return out
}

func tryFile(t *testing.T, c *Cleaner, p redact.Profile, name string, before original) trial {
	t.Helper()
	tr := trial{name: filepath.Base(name), before: before}
	src, _ := readSource(t, name)
	out, err := c.Clean(context.Background(), src, p)
	if errors.As(err, &tr.refusal) {
		return tr
	}
	if err != nil {
		t.Fatalf("%s: %v", tr.name, err)
	}
	tr.output = filepath.Join(t.TempDir(), tr.name)
	if err := os.WriteFile(tr.output, cleaned(t, out), 0o600); err != nil {
		t.Fatal(err)
	}
	tr.after = dumpOf(t, tr.output)
	return tr
}

// sums prints the table of what was released and what not, and demands that
//
//	released = readable by dcmdump + released beyond it − cut − held by a rule
//
// where dcmdump's text, not our reader, has to bear out why a file was held.
func sums(t *testing.T, trials []trial) {
	t.Helper()
	dcmtk, released, beyond := 0, 0, 0
	why := make(map[string]int)
	for _, tr := range trials {
		if tr.before.ok {
			dcmtk++
		}
		if tr.refusal == nil {
			released++
			if !tr.before.ok {
				beyond++
			}
			continue
		}
		reason := explain(&tr)
		t.Logf("refused %-66.66s %-11s %s [%s]", tr.name, tr.refusal.Class, tr.refusal.Reason, reason)
		if reason == "" {
			t.Errorf("%s: refused without a reason that others can see", tr.name)
		}
		if tr.before.ok {
			why[reason]++
		}
	}
	held := 0
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		t.Logf("%3d readable by dcmdump but held: %s", why[reason], reason)
		held += why[reason]
	}
	t.Logf("%d files, dcmdump reads %d; released %d = %d − %d held + %d that dcmdump cannot read",
		len(trials), dcmtk, released, dcmtk, held, beyond)
	if released != dcmtk-held+beyond || beyond > 0 {
		t.Error("the sum does not come out")
	}
}

// heldClasses are the SOP classes, by DCMTK's names, that are no images.
var heldClasses = []string{
	"RTPlan", "RTIonPlan", "RTDose", "RTStructureSet", "SR", "PresentationState", "Raw", "Waveform", "PDF", "KeyObject", "ColorPalette",
}

// explain says in what way dcmdump's text bears out a refusal; "" if it does
// not.
func explain(tr *trial) string {
	d := &tr.before.dump
	class := d.first(0x00080016)
	switch {
	case !d.ok:
		return "cut: dcmdump cannot read it either"
	case d.has(0x00041220) || strings.Contains(d.first(0x00020002), "MediaStorageDirectory"):
		return "a DICOMDIR"
	case !d.has(tagPixelData) && tr.refusal.Class == redact.Truncated:
		return "of an image class, but without pixels"
	case !d.has(tagPixelData) && class == "":
		return "no SOP class and no pixels"
	case slices.ContainsFunc(heldClasses, func(s string) bool { return strings.Contains(class, s) }):
		return "a kind that is no image: " + class
	case tr.refusal.Class != redact.Undecided && tr.refusal.Class != redact.Unfit:
		return ""
	case class == "" || !strings.Contains(class, "Storage"):
		return "no SOP class that is known"
	}
	return explainLook(tr)
}

// explainLook bears out what waits for a person's look.
func explainLook(tr *trial) string {
	d := &tr.before.dump
	modality, kind := d.first(0x00080060), d.first(0x00080008)
	switch {
	case strings.Contains(tr.refusal.Reason, "face") && slices.Contains([]string{"[CT]", "[MR]"}, modality):
		return "a volume that may show a face"
	case strings.Contains(tr.refusal.Reason, "text") && (modality == "[OT]" || modality == "[US]" || d.has(0x00080064) ||
		strings.Contains(kind, "SECONDARY") || d.first(0x00280301) == "[YES]" ||
		strings.Contains(d.first(0x00080016), "SecondaryCapture")):
		return "pixels that may show text"
	case strings.Contains(tr.refusal.Reason, "layer") && d.has(0x60000102):
		return "an overlay inside the pixels"
	case strings.Contains(tr.refusal.Reason, "face") && strings.Contains(d.first(0x00080016), "Photographic"):
		return "a photograph"
	}
	return ""
}

func readable(t *testing.T, tr *trial) {
	t.Helper()
	if !tr.after.ok || len(tr.after.lines) < 7 { // less than the header alone
		t.Errorf("%s: newly unreadable to dcmdump", tr.name)
	}
}

// planted holds the output against the answer key, byte by byte.
func planted(t *testing.T, p redact.Profile, tr *trial, a answer) {
	t.Helper()
	out, err := os.ReadFile(tr.output)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range a.Elements { // free text stays whole, whatever it says
		if e.Action == "review-free-text" && p != redact.Deidentified {
			out = bytes.ReplaceAll(out, []byte(e.Planted), []byte("-"))
		}
	}
	for _, e := range a.Elements {
		gone := e.Action == "remove" && (p != redact.PatientAccess || strings.HasPrefix(e.Where, "(0002"))
		if p == redact.Deidentified {
			identity := e.Where == "PatientName" || e.Where == "PatientID" || e.Where == "PatientBirthDate"
			gone = gone || identity || e.Action == "review-free-text"
		}
		if gone && bytes.Contains(out, []byte(e.Planted)) {
			t.Errorf("%s: the planted value of %s is still there", tr.name, e.Where)
		}
	}
}

// neverTags go from every release.
var neverTags = []Tag{
	0x00020016, 0x00020017, 0x00020018, 0x00020100, 0x00020102, 0x00880200, 0x04000561, 0x04000500, 0x04000550, 0x4FFE0001,
	0xFFFAFFFA, 0xFFFCFFFC, 0x00041220, 0x00420011,
}

// treatmentTags go from a treatment release (the project's reference list of
// identifying elements, after PS3.15 table E.1-1 less identity).
var treatmentTags = []Tag{
	0x00101000, 0x00101001, 0x00101002, 0x00101005, 0x00101060, 0x00101090, 0x00102297, 0x00102298, 0x00102299,
	0x00101040, 0x00102150, 0x00102152, 0x00102154, 0x00102155, 0x00101050, 0x00101080, 0x00101081, 0x00101100,
	0x00102160, 0x00102161, 0x00102162, 0x00102180, 0x001021F0, 0x00104000, 0x001021B0, 0x00080080, 0x00080081,
	0x00080082, 0x00080092, 0x00080094, 0x00080096, 0x00081010, 0x00081040, 0x00081041, 0x00081048, 0x00081049,
	0x00081050, 0x00081052, 0x00081060, 0x00081062, 0x00081070, 0x00081072, 0x00081080, 0x00400006, 0x0040000B,
	0x00400275, 0x0040A075, 0x0040A073, 0x0040A123, 0x00181002, 0x00181004, 0x00181012, 0x00184000, 0x00204000,
	0x00284000, 0x60004000, 0x00400241, 0x00400242, 0x00400243, 0x00400244, 0x00400253, 0x00400254, 0x00400280,
}

// leaks looks for what may not be there in dcmdump's text.
func leaks(t *testing.T, p redact.Profile, tr *trial) {
	t.Helper()
	for _, e := range tr.after.lines {
		group := e.tag.group()
		whole := group == 0x0032 || group == 0x0038 || group == 0x4008 || group == 0x0400 || group >= 0x5000 && group <= 0x50FF
		switch {
		case e.tag.private():
			t.Errorf("%s: private element %s", tr.name, e.tag)
		case e.tag.element() == 0 && group != metaGroup && group != delimiterGroup:
			t.Errorf("%s: group length %s", tr.name, e.tag)
		case slices.Contains(neverTags, e.tag):
			t.Errorf("%s: %s is still there", tr.name, e.tag)
		case p == redact.PatientAccess:
		case whole || slices.Contains(treatmentTags, e.tag.folded()):
			t.Errorf("%s: %s is still there", tr.name, e.tag)
		case e.depth > 0 && (e.tag == 0x00100010 || e.tag == 0x00100020 || e.tag == 0x00100030 || isPixels(e.tag)):
			t.Errorf("%s: identity or pixels inside a sequence: %s", tr.name, e.tag)
		}
	}
	if p == redact.Deidentified {
		identified(t, tr)
	}
}

// identified compares a de-identified file with its source: no identifier of
// the source may be in it.
func identified(t *testing.T, tr *trial) {
	t.Helper()
	for _, e := range tr.before.lines {
		if !slices.Contains([]Tag{0x00080018, 0x0020000D, 0x0020000E, 0x00200052, 0x00081155, 0x00100010, 0x00100020}, e.tag) {
			continue
		}
		if e.value == "" || strings.HasPrefix(e.value, "(no value") || strings.HasPrefix(e.value, "=") || len(e.value) < 4 {
			continue // nothing, or one of the standard's own UIDs
		}
		for _, a := range tr.after.lines {
			if a.tag == e.tag && a.value == e.value {
				t.Errorf("%s: %s is unchanged", tr.name, e.tag)
			}
		}
	}
	for _, tag := range []Tag{0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002A, 0x00100030, 0x00080012} {
		made := dummyDates[tag] // which a multi-frame image must have
		if v := tr.after.first(tag); v != "" && !strings.HasPrefix(v, "(no value") && (made == "" || strings.Trim(v, "[]") != made) {
			t.Errorf("%s: date %s stays", tr.name, tag)
		}
	}
}

// samePixels compares the pixel bytes of a cleaned file with its source's.
func samePixels(t *testing.T, tr *trial) {
	t.Helper()
	if !tr.before.has(tagPixelData) {
		return
	}
	was := tr.before.pixels()
	is, err := was.by(t, tr.output)
	switch {
	case was.err != nil || err != nil:
		t.Errorf("%s: pixels cannot be compared: %v, %v", tr.name, was.err, err)
	case len(was.pixels) == 0 || !bytes.Equal(was.pixels, is):
		t.Errorf("%s: pixels differ, %d and %d bytes", tr.name, len(was.pixels), len(is))
	}
}

// sourcePixels are the pixel bytes as gdcmraw takes them from a file; what it cannot
// open (deflated) goes through dcmconv first, or to dcmdump.
func sourcePixels(t *testing.T, name string) taken {
	t.Helper()
	was, err := rawPixels(t, name)
	if err != nil { // a deflated file
		flat := filepath.Join(t.TempDir(), "flat.dcm")
		if _, err = tool("dcmconv", "+te", name, flat); err == nil {
			was, err = rawPixels(t, flat)
		}
	}
	if err == nil {
		return taken{rawPixels, was, nil}
	}
	was, err = dumpedPixels(t, name) // a transfer syntax that GDCM does not know
	return taken{dumpedPixels, was, err}
}

func rawPixels(t *testing.T, name string) ([]byte, error) {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "pixels")
	if out, err := tool("gdcmraw", "-i", name, "-o", raw); err != nil {
		return nil, fmt.Errorf("gdcmraw: %w %s", err, out)
	}
	return os.ReadFile(raw)
}

// dumpedPixels are the pixels as dcmdump writes them, fragment by fragment.
func dumpedPixels(t *testing.T, name string) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	if out, err := tool("dcmdump", "-q", "+W", dir, name); err != nil {
		return nil, fmt.Errorf("dcmdump: %w %s", err, out)
	}
	parts, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []byte
	for i := range parts {
		part, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%s.%d.raw", filepath.Base(name), i)))
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}

// TestInteropBasicProfile holds the table against every row of PS3.15 table
// E.1-1 (edition current in June 2025), which lies beside the checkout too.
func TestInteropBasicProfile(t *testing.T) {
	raw, err := os.ReadFile("../../../shared/reference/ps3.15/table_E1-1_2025-06-24_idiscore.json")
	if err != nil {
		t.Fatal("table E.1-1 is not beside the checkout: in the interop suite that is a failure")
	}
	var list struct {
		Rows []struct {
			ID     string `json:"id"`
			Name   string `json:"name"`
			Action string `json:"basicProfile"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	r, err := rulesFor(redact.Deidentified, RemoveDates)
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for _, row := range list.Rows {
		n, err := strconv.ParseUint(strings.ReplaceAll(strings.ToLower(row.ID), "x", "0"), 16, 32)
		if err != nil {
			if row.Name != "Private Attributes" { // the walks above look for those
				t.Errorf("row %q %s: %v", row.ID, row.Name, err)
			}
			continue
		}
		d := r.decide(Tag(n), 0)
		counts[row.Action]++
		if d.action.stays() && !basicExceptions[Tag(n)] {
			t.Errorf("%s %s: the Basic Profile says %s, here it stays (%s)", row.ID, row.Name, row.Action, d.class.name)
		}
	}
	t.Logf("%d rows, by action: %v", len(list.Rows), counts)
}

// basicExceptions stay in a de-identified file though table E.1-1 lists them:
// X/Z/U* allows sequences of references whose UIDs are replaced.
var basicExceptions = map[Tag]bool{0x00081140: true, 0x00082112: true}
