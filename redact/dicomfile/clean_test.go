package dicomfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"chartseal/redact"
)

// encodings are the ways one file can be written.
var encodings = []struct {
	name      string
	syn       syntax
	ts        string
	undefined bool
	packed    bool
}{
	{"explicit little", explicitLittle, tsExplicitLittle, false, false},
	{"explicit little undefined", explicitLittle, tsExplicitLittle, true, false},
	{"implicit little", implicitLittle, tsImplicitLittle, false, false},
	{"implicit little undefined", implicitLittle, tsImplicitLittle, true, false},
	{"explicit big", explicitBig, tsExplicitBig, false, false},
	{"explicit big undefined", explicitBig, tsExplicitBig, true, false},
	{"deflated", explicitLittle, tsDeflated, false, false},
	{"JPEG", explicitLittle, "1.2.840.10008.1.2.4.50", false, true},
	{"wrong syntax", explicitLittle, tsImplicitLittle, true, false},
	{"no syntax", implicitLittle, "", true, false},
}

func build(i int) []byte {
	e := encodings[i]
	d := radiograph(e.syn, e.undefined)
	if e.packed {
		d.encapsulated(pixelBytes(1))
	} else {
		d.el(tagPixelData, "OW", pixelBytes(1))
	}
	return d.tail().file(e.ts)
}

func TestCleanEncodings(t *testing.T) {
	for i, e := range encodings {
		t.Run(e.name, func(t *testing.T) {
			out, err := Clean(context.Background(), source(build(i)), redact.Treatment)
			if err != nil {
				t.Fatal(err)
			}
			b := cleaned(t, out)
			if at := bytes.Index(b, []byte(canary)); at >= 0 {
				t.Errorf("canary left at %d", at)
			}
			for _, kept := range []string{"M\xfcller^J\xf6rg", "83370", "19890817", "T-54010", "Tooth", `0.02\0.02`, "Periapical"} {
				if !bytes.Contains(b, []byte(kept)) {
					t.Errorf("%q is gone", kept)
				}
			}
			if !bytes.Contains(b, pixelBytes(1)) {
				t.Error("the pixels changed")
			}
			again, err := Clean(context.Background(), source(b), redact.Treatment)
			if err != nil {
				t.Fatalf("clean twice: %v", err)
			}
			if len(again.Report.Removed) > 0 && !onlyEmptied(again.Report.Removed) {
				t.Errorf("second cleaning removed %v", again.Report.Removed)
			}
			if !bytes.Equal(cleaned(t, again), b) {
				t.Error("cleaning twice is not cleaning once")
			}
		})
	}
}

func onlyEmptied(list []redact.Removal) bool {
	for _, r := range list {
		if r.Rule != "staff-required" {
			return false
		}
	}
	return true
}

func TestReport(t *testing.T) {
	out, err := Clean(context.Background(), source(build(0)), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"(0010,1040) PatientAddress": 1, "private (0009,xxxx)": 5, "group lengths": 1, "(0400,0561) OriginalAttributesSequence": 1,
		"(0088,0200) IconImageSequence": 1, "(FFFC,FFFC)": 1, "(0010,0021) IssuerOfPatientID": 1,
		"(0010,0020) PatientID": 1, "(0008,0090) ReferringPhysicianName": 1, "(0002,0016) SourceApplicationEntityTitle": 1,
	}
	last := ""
	for _, r := range out.Report.Removed {
		if n, ok := want[r.Item]; ok && n != r.Count {
			t.Errorf("%s: %d times, want %d", r.Item, r.Count, n)
		}
		delete(want, r.Item)
		if r.Item < last || r.Rule == "" || r.Reason == "" || strings.Contains(r.Item+r.Reason, canary) {
			t.Errorf("bad removal %+v after %q", r, last)
		}
		last = r.Item
	}
	if len(want) > 0 {
		t.Errorf("not reported: %v", want)
	}
	if got := strings.Join(out.Report.Notices, " "); !strings.Contains(got, "StudyDescription") {
		t.Errorf("free text is not named: %q", got)
	}
}

// TestBody reads the cleaned file in every way a Body can be read.
func TestBody(t *testing.T) {
	out, err := Clean(context.Background(), source(build(1)), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	src, ok := out.Body.(redact.Source)
	if !ok || src.Size() != out.Size {
		t.Fatal("Body is not a source of the output's size")
	}
	var whole bytes.Buffer
	if n, wErr := out.Body.(io.WriterTo).WriteTo(&whole); wErr != nil || n != out.Size {
		t.Fatalf("WriteTo: %d bytes, %v", n, wErr)
	}
	for _, size := range []int{1, 3, 7, 64, 1000} {
		var parts []byte
		for off := int64(0); off < src.Size(); off += int64(size) {
			p := make([]byte, size)
			n, rErr := src.ReadAt(p, off)
			if rErr != nil && !errors.Is(rErr, io.EOF) {
				t.Fatal(rErr)
			}
			parts = append(parts, p[:n]...)
		}
		if !bytes.Equal(parts, whole.Bytes()) {
			t.Errorf("reading %d bytes at a time differs", size)
		}
	}
	id, err := Identify(context.Background(), src)
	if err != nil || id.PatientID != "83370" || id.PatientName != "Müller^Jörg" {
		t.Errorf("identify cleaned file: %+v, %v", id, err)
	}
	if err := out.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Body.Read(make([]byte, 1)); !errors.Is(err, errClosed) {
		t.Errorf("read after close: %v", err)
	}
}

// TestTruncated cuts a file at every length (some encodings: every fifth): none
// may pass.
func TestTruncated(t *testing.T) {
	for i, e := range encodings {
		b := build(i)
		// What follows the pixels goes anyway; a cut there loses nothing.
		complete := bytes.Index(b, pixelBytes(1)) + 32
		if e.packed {
			complete += itemHeaderLength
		}
		if e.ts == tsDeflated {
			complete = len(b)
		}
		step := 5
		if i == 0 || i == 3 || e.packed {
			step = 1
		}
		for n := i % step; n < complete; n += step {
			_, err := Clean(context.Background(), source(b[:n]), redact.Treatment)
			if _, ok := errors.AsType[*redact.Refusal](err); !ok {
				t.Fatalf("%s cut to %d of %d bytes: %v", e.name, n, len(b), err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	little := func() *dataset { return radiograph(explicitLittle, false) }
	with := func(sopClass string) *dataset {
		d := &dataset{syn: explicitLittle}
		return d.text(0x00080016, "UI", sopClass).text(0x00080018, "UI", "1.2.3").text(0x00100020, "LO", "1")
	}
	nested := &dataset{syn: implicitLittle}
	for range 100_000 {
		nested.buf = implicitLittle.appendHeader(nested.buf, 0x00082218, vrSQ, undefinedLength)
		nested.buf = implicitLittle.appendU32(implicitLittle.appendTag(nested.buf, tagItem), undefinedLength)
	}
	private := &dataset{syn: implicitLittle}
	for range 100_000 {
		private.buf = implicitLittle.appendHeader(private.buf, 0x00091010, vrUN, undefinedLength)
		private.buf = implicitLittle.appendU32(implicitLittle.appendTag(private.buf, tagItem), undefinedLength)
	}
	huge := little()
	huge.buf = explicitLittle.appendHeader(huge.buf, 0x00091020, vrUN, 0xFFFFFFFE)
	tests := []struct {
		name string
		file []byte
		want redact.Class
	}{
		{"empty", nil, redact.Truncated},
		{"not DICOM", bytes.Repeat([]byte("<html> "), 100), redact.Unsupported},
		{"DICOMDIR", with("1.2.840.10008.1.3.10").file(tsExplicitLittle), redact.Unsupported},
		{"directory records", with("").seq(0x00041220, "SQ").file(tsExplicitLittle), redact.Unsupported},
		{"encapsulated PDF", with("1.2.840.10008.5.1.4.1.1.104.1").el(0x00420011, "OB", []byte("%PDF")).file(tsExplicitLittle), redact.Unfit},
		{"PDF in an image", little().el(0x00420011, "OB", []byte("%PDF")).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), redact.Unfit},
		{"structured report", with("1.2.840.10008.5.1.4.1.1.88.11").file(tsExplicitLittle), redact.Undecided},
		{"presentation state", with("1.2.840.10008.5.1.4.1.1.11.1").file(tsExplicitLittle), redact.Undecided},
		{"raw data", with("1.2.840.10008.5.1.4.1.1.66").file(tsExplicitLittle), redact.Unfit},
		{"no image", little().file(tsExplicitLittle), redact.Truncated},
		{"CT without an image", with("1.2.840.10008.5.1.4.1.1.2").file(tsExplicitLittle), redact.Truncated},
		{"panorama without an image", with("1.2.840.10008.5.1.4.1.1.1.1").text(0x00080060, "CS", "PX").file(tsExplicitLittle), redact.Truncated},
		{"secondary capture without an image", with("1.2.840.10008.5.1.4.1.1.7").file(tsExplicitLittle), redact.Truncated},
		{"photograph without an image", with("1.2.840.10008.5.1.4.1.1.77.1.4").file(tsExplicitLittle), redact.Truncated},
		{"image class in the header only", (&dataset{syn: explicitLittle}).text(0x00100020, "LO", "1").file(tsExplicitLittle), redact.Truncated},
		{"short image", little().el(tagPixelData, "OW", pixelBytes(1)[:30]).file(tsExplicitLittle), redact.Truncated},
		{"missing frames", little().text(0x00280008, "IS", "2").el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), redact.Truncated},
		{"missing fragments", little().text(0x00280008, "IS", "2").encapsulated(pixelBytes(1)).file("1.2.840.10008.1.2.4.50"), redact.Truncated},
		{"two images", little().el(tagPixelData, "OW", pixelBytes(1)).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), redact.Malformed},
		{"two patients", little().text(0x00100020, "LO", "other").el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), redact.Malformed},
		{"deep kept nesting", nested.file(tsImplicitLittle), redact.TooLarge},
		{"deep private nesting", private.file(tsImplicitLittle), redact.TooLarge},
		{"4 GiB length", huge.file(tsExplicitLittle), redact.Truncated},
		{"value where a sequence belongs", little().text(0x00082218, "LO", canary).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), redact.Malformed},
		{"sequence where a value belongs", little().seq(0x00180015, "SQ").el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), redact.Malformed},
		{"text after the end", append(little().el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), "CANARY CANARY"...), redact.Malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Clean(context.Background(), source(tt.file), redact.Treatment)
			var refusal *redact.Refusal
			if !errors.As(err, &refusal) || refusal.Class != tt.want {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			if strings.Contains(refusal.Reason, canary) {
				t.Errorf("reason shows a value: %q", refusal.Reason)
			}
		})
	}
}

// TestUnknownHidesSequence: UN may hold a sequence, implicit little endian
// inside (CP-246), of either kind of length.
func TestUnknownHidesSequence(t *testing.T) {
	for _, undefined := range []bool{false, true} {
		d := radiograph(explicitLittle, undefined)
		d.seq(0x52009229, "UN", func(i *dataset) {
			i.seq(0x00289110, "SQ", func(j *dataset) {
				j.text(0x00280030, "DS", `0.3\0.3`).text(0x00104000, "LT", canary)
			})
		})
		d.seq(0x52009231, "UN", func(i *dataset) { i.text(0x00104000, "LT", canary) })
		b := d.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
		out, err := Clean(context.Background(), source(b), redact.Treatment)
		if err != nil {
			t.Fatal(err)
		}
		got := cleaned(t, out)
		if bytes.Contains(got, []byte(canary)) || !bytes.Contains(got, []byte(`0.3\0.3`)) {
			t.Errorf("undefined %v: canary left or geometry lost", undefined)
		}
	}
}

// TestOddities: values that other programs stumble over, in a whole image.
func TestOddities(t *testing.T) {
	d := radiograph(explicitLittle, true)
	d.el(0x00291001, "UN", []byte(canary+"!")) // odd length
	d.seq(0x00291010, "UN", func(i *dataset) { i.text(0x00101000, "LO", canary) })
	d.el(0x00401060, "OD", []byte(canary+"OD"))
	out, err := Clean(context.Background(), source(d.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if b := cleaned(t, out); bytes.Contains(b, []byte(canary)) || !bytes.Contains(b, pixelBytes(1)) {
		t.Error("canary left or pixels changed")
	}
}

// TestSpectroscopy: what is stored as an MR image without pixels has spectra.
func TestSpectroscopy(t *testing.T) {
	d := (&dataset{syn: explicitLittle}).text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4.2").text(0x00080018, "UI", "1.2.3")
	b := d.el(0x56000020, "OF", []byte{1, 2, 3, 4}).file(tsExplicitLittle)
	out, err := Clean(context.Background(), source(b), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(cleaned(t, out), []byte{1, 2, 3, 4}) {
		t.Error("the spectrum is gone")
	}
}

// TestDuplicates: the policy holds for every occurrence, in any order.
func TestDuplicates(t *testing.T) {
	d := radiograph(explicitLittle, false)
	d.text(0x00101040, "LO", canary).text(0x00080080, "LO", canary).text(0x00101040, "LO", canary)
	b := d.el(tagPixelData, "OW", pixelBytes(1)).text(0x00080081, "ST", canary).file(tsExplicitLittle)
	out, err := Clean(context.Background(), source(b), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(cleaned(t, out), []byte(canary)) {
		t.Error("canary left")
	}
}

// TestNoPreamble: files without preamble, or without any header.
func TestNoPreamble(t *testing.T) {
	b := radiograph(explicitLittle, false).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
	dataStart := bytes.Index(b, []byte("CANARY_AE ")) + len("CANARY_AE ")
	for name, cut := range map[string]int{"no preamble": preambleLength, "meta only": preambleLength + 4, "data set only": dataStart} {
		if !Sniff(b[cut:]) {
			t.Errorf("%s: not recognised", name)
		}
		out, err := Clean(context.Background(), source(b[cut:]), redact.Treatment)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := cleaned(t, out); bytes.Contains(got, []byte(canary)) || string(got[128:132]) != "DICM" {
			t.Errorf("%s: canary left or no header", name)
		}
	}
}

func TestSniffElse(t *testing.T) {
	for _, s := range []string{"", "%PDF-1.7\n%....", "\xff\xd8\xff\xe0\x00\x10JFIF", "solid name\n facet", "PK\x03\x04", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"} {
		if Sniff([]byte(s + strings.Repeat("\x00", 200))) {
			t.Errorf("%.8q taken for DICOM", s)
		}
	}
}

func TestTrailingZeros(t *testing.T) {
	b := radiograph(explicitLittle, false).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
	out, err := Clean(context.Background(), source(append(b, make([]byte, 1000)...)), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if got := cleaned(t, out); !bytes.HasSuffix(got, pixelBytes(1)) {
		t.Error("padding is still there")
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	out, err := Clean(ctx, source(build(0)), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(out.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("read after cancel: %v", err)
	}
}
