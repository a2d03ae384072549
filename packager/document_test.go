package packager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chartseal/order"
	"chartseal/packager/gather"
	"chartseal/redact"
	"chartseal/redact/pdffile"
	"chartseal/redact/pdffile/pdfium/pdfiumtest"
	"chartseal/testdata/practice"
	"chartseal/testdata/practice/dcm"
	"chartseal/testdata/racing"
)

const (
	workerEnv = "CHARTSEAL_TEST_WORKER"
	cacheEnv  = "CHARTSEAL_TEST_PDF_CACHE"
)

// engineCache is where the compiled engine is kept for all tests.
var engineCache string

// shipped is chartseal without the race detector, if this binary has it: a worker shares
// nothing with its parent, and redact/pdffile watches its own.
var shipped string

// TestMain makes the test binary the worker it needs.
func TestMain(m *testing.M) {
	if os.Getenv(workerEnv) == "" {
		var err error
		if engineCache, err = pdfiumtest.Cache(); err != nil {
			panic(err)
		}
		os.Exit(runWithShipped(m))
	}
	if err := pdffile.Work(context.Background(), os.Stdin, os.Stdout, os.Getenv(cacheEnv)); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func runWithShipped(m *testing.M) int {
	if racing.Enabled {
		file, remove, err := racing.Shipped(context.Background())
		if err != nil {
			panic(err)
		}
		defer remove()
		shipped = file
	}
	return m.Run()
}

func worker(ctx context.Context, kind string) *exec.Cmd {
	if shipped != "" {
		cmd := exec.CommandContext(ctx, shipped, "worker", kind)
		cmd.Env = []string{"CHARTSEAL_PDFIUM_CACHE=" + engineCache}
		return cmd
	}
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = []string{workerEnv + "=" + kind, cacheEnv + "=" + engineCache}
	return cmd
}

// chart is a PDF of the synthetic practice.
type chart struct {
	name     string
	raw      []byte
	canaries []string
}

func charts(t *testing.T) (list []chart) {
	t.Helper()
	dir := t.TempDir()
	p, err := practice.Make(t.Context(), dir, practice.Options{Small: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, patient := range p.Patients {
		for _, f := range patient.Files {
			if !strings.HasSuffix(f.Path, ".pdf") {
				continue
			}
			raw, err := os.ReadFile(filepath.Join(dir, "records", filepath.FromSlash(f.Path)))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, chart{f.Path, raw, f.Canaries})
		}
	}
	if len(list) == 0 {
		t.Fatal("the practice has no charts")
	}
	return list
}

// encapsulated is a chart as an image archive keeps it (PS3.3 section A.45.1).
func encapsulated(t *testing.T, pdf []byte, syntax dcm.Syntax) []byte {
	t.Helper()
	f := dcm.File{Syntax: syntax}
	for _, e := range []struct {
		tag   uint32
		vr    string
		value any
	}{
		{0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.104.1"},
		{0x00080018, "UI", dcm.UID("document")},
		{0x00080020, "DA", "20260301"},
		{0x00080023, "DA", "20260301"},
		{0x00080030, "TM", "101500"},
		{0x00080033, "TM", "101500"},
		{0x0008002A, "DT", "20260301101500"},
		{0x00080050, "SH", ""},
		{0x00080060, "CS", "DOC"},
		{0x00080064, "CS", "WSD"},
		{0x00080070, "LO", "Maker"},
		{0x00080080, "LO", "CANARY clinic"},
		{0x00080090, "PN", "CANARY^Doctor"},
		{0x00100010, "PN", "Alvarez^Maria"},
		{0x00100020, "LO", "10432"},
		{0x00100030, "DA", "19840309"},
		{0x00100040, "CS", "F"},
		{0x0020000D, "UI", dcm.UID("study")},
		{0x0020000E, "UI", dcm.UID("series")},
		{0x00200010, "SH", "1"},
		{0x00200011, "IS", "1"},
		{0x00200013, "IS", "1"},
		{0x00280301, "CS", "YES"},
		{0x0040A043, "SQ", dcm.Seq(dcm.Code("11488-4", "LN", "Consult Note"))},
		{0x00420010, "ST", "Letter"},
		{0x00420011, "OB", pdf},
		{0x00420012, "LO", "application/pdf"},
		{0x00420015, "UL", uint32(len(pdf))},
	} {
		f.Data.Put(dcm.Attr{Tag: e.tag, VR: e.vr}, e.value)
	}
	f.Data.Private(0x0009, "MAKER", dcm.P(1, "LO", "CANARY private"))
	raw, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func clean(ctx context.Context, format string, raw []byte, p redact.Profile) ([]byte, redact.Report, error) {
	for _, f := range Formats(worker, []byte("0123456789abcdef")) {
		if f.Name != format {
			continue
		}
		out, err := f.Clean(ctx, bytes.NewReader(raw), p, Asked{})
		if err != nil {
			return nil, redact.Report{}, err
		}
		b, err := io.ReadAll(out.Body)
		return b, out.Report, errors.Join(err, out.Body.Close())
	}
	return nil, redact.Report{}, errors.New("no such format")
}

// TestEncapsulatedChart: a chart inside a DICOM file leaves as the PDF cleaner
// makes it, byte for byte.
func TestEncapsulatedChart(t *testing.T) {
	for i, c := range charts(t)[:4] {
		syntax := []dcm.Syntax{dcm.ExplicitLE, dcm.ImplicitLE}[i%2]
		want, _, err := clean(t.Context(), "pdf", c.raw, redact.Treatment)
		if err != nil {
			t.Fatal(err)
		}
		got, report, err := clean(t.Context(), gather.FormatDICOM, encapsulated(t, c.raw, syntax), redact.Treatment)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(got, want) {
			t.Errorf("chart %d is not what the PDF cleaner makes of it", i)
		}
		for _, canary := range append([]string{"CANARY"}, c.canaries...) {
			if bytes.Contains(got, []byte(canary)) {
				t.Errorf("chart %d: %q is left", i, canary)
			}
		}
		if !slices.ContainsFunc(report.Removed, func(r redact.Removal) bool { return r.Item == "document: document information" }) {
			t.Errorf("chart %d: the report does not tell of the document", i)
		}
		var r *redact.Refusal
		for _, p := range []redact.Profile{redact.LimitedSet, redact.Deidentified} {
			if _, _, err := clean(t.Context(), gather.FormatDICOM, encapsulated(t, c.raw, syntax), p); !errors.As(err, &r) || r.Class != redact.Unfit {
				t.Errorf("chart %d, %s: %v", i, p, err)
			}
		}
	}
}

// TestEncapsulatedRefusal: what the PDF cleaner says about the document holds
// the file.
func TestEncapsulatedRefusal(t *testing.T) {
	pdf := charts(t)[0].raw
	_, _, err := clean(t.Context(), gather.FormatDICOM, encapsulated(t, pdf[:len(pdf)/2], dcm.ExplicitLE), redact.PatientAccess)
	var r *redact.Refusal
	if !errors.As(err, &r) || r.Class != redact.Truncated || r.Reason != "of the document inside it: the PDF ends in the middle" {
		t.Errorf("got %v", err)
	}
}

func ruled(item, rule string, choice order.RulingChoice) *Plan {
	today, err := order.ParseDate("2026-11-18")
	if err != nil {
		panic(err)
	}
	return &Plan{
		Facts: order.Facts{Today: today, Approvers: []string{"dr-lee"}},
		Order: &order.Order{Decisions: []order.Ruling{{Rule: rule, Item: item, Decision: choice, By: "dr-lee", On: today, Reason: "looked"}}},
	}
}

// TestReviewed: a release counts as a look at the record only when it answers
// the hold that asked for one, however staff write the item.
func TestReviewed(t *testing.T) {
	for _, tt := range []struct {
		item, rule string
		choice     order.RulingChoice
		want       bool
	}{
		{"10432/Film.dcm", "R11", order.ReleaseItem, true},
		{`10432\Film.dcm`, "R11", order.ReleaseItem, true},
		{"10432/film.dcm", "R11", order.ReleaseItem, false}, // another file, on most systems
		{"10432/Film.dcm", "R20", order.ReleaseItem, false},
		{"10432/Film.dcm", "R35", order.ReleaseItem, false},
		{"10432/Film.dcm", "R11", order.LeaveOut, false},
		{"10432/Other.dcm", "R11", order.ReleaseItem, false},
		{"", "R11", order.ReleaseItem, false},
	} {
		if got := ruled(tt.item, tt.rule, tt.choice).reviewed("10432/Film.dcm"); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// TestHoldsSayWhatHelps: only what a release can lift asks for one.
func TestHoldsSayWhatHelps(t *testing.T) {
	for _, tt := range []struct {
		format  string
		class   redact.Class
		outcome order.Outcome
	}{
		{gather.FormatDICOM, redact.Undecided, order.Hold},
		{gather.FormatDICOM, redact.Unfit, order.Refuse},
		{"pdf", redact.Undecided, order.Hold},
		{"pdf", redact.Unfit, order.Refuse},
		{"image", redact.Undecided, order.Refuse},
	} {
		var rs refusals
		if !rs.add(&gather.Item{Path: "10432/a", Format: tt.format}, redact.Refuse(tt.class, "it is so")) {
			t.Fatal("not noted")
		}
		reasons := rs.reasons()
		if len(reasons) != 1 || reasons[0].Outcome != tt.outcome || strings.Contains(reasons[0].Message, "then release it") != (tt.outcome == order.Hold) {
			t.Errorf("%+v: %+v", tt, reasons)
		}
	}
	for _, c := range []redact.Class{
		redact.Unsupported, redact.Malformed, redact.Truncated, redact.Encrypted, redact.Undecided, redact.Unfit, redact.TooLarge, redact.Unverified,
	} {
		if todo[c] == "" {
			t.Errorf("class %s: nothing to do", c)
		}
	}
}

// scan is a PDF of one page that is nothing but a picture.
func scan() []byte {
	var b bytes.Buffer
	var at []int
	for _, o := range []string{
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</XObject<</Im 5 0 R>>>>>>",
		"<</Length 29>>\nstream\nq 300 0 0 300 0 0 cm /Im Do Q\nendstream",
		"<</Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>\nstream\n@\nendstream",
	} {
		if b.Len() == 0 {
			b.WriteString("%PDF-1.7\n")
		}
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), o)
	}
	xref := b.Len()
	b.WriteString("xref\n0 6\n0000000000 65535 f \n")
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", xref)
	return b.Bytes()
}

// TestScanNeedsALook: a chart that cannot be searched goes to a payer only when a
// person has looked at it, alone or inside a DICOM file.
func TestScanNeedsALook(t *testing.T) {
	for format, raw := range map[string][]byte{formatPDF: scan(), gather.FormatDICOM: encapsulated(t, scan(), dcm.ExplicitLE)} {
		for _, f := range Formats(worker, []byte("0123456789abcdef")) {
			if f.Name != format {
				continue
			}
			_, err := f.Clean(t.Context(), bytes.NewReader(raw), redact.Payment, Asked{})
			var r *redact.Refusal
			if !errors.As(err, &r) || r.Class != redact.Undecided || !strings.Contains(r.Reason, "page 1 is a scan") {
				t.Errorf("%s: %v", format, err)
			}
			out, err := f.Clean(t.Context(), bytes.NewReader(raw), redact.Payment, Asked{Reviewed: true})
			if err != nil {
				t.Errorf("%s, looked at: %v", format, err)
				continue
			}
			if len(out.Report.Notices) == 0 {
				t.Errorf("%s: the report does not tell of the look", format)
			}
			if err := out.Body.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
