package dicomfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"chartseal/redact"
)

const classPDF = storageRoot + "104.1"

// withPDF is an encapsulated document around what is given.
func withPDF(syn syntax, class string, doc []byte) *dataset {
	d := &dataset{syn: syn}
	d.text(0x00080005, "CS", "ISO_IR 100").text(0x00080016, "UI", class).text(0x00080018, "UI", "1.2.3.4.5")
	d.text(0x00080020, "DA", "20260301").text(0x00080060, "CS", "DOC").text(0x00080080, "LO", canary+" clinic")
	d.text(0x00100010, "PN", "Alvarez^Maria").text(0x00100020, "LO", "83370").text(0x00100030, "DA", "19890817")
	d.text(0x0020000D, "UI", "1.2.3").text(0x0020000E, "UI", "1.2.4").text(0x00280301, "CS", "NO")
	d.text(0x00420010, "ST", "Letter").el(tagDocument, "OB", padded(string(doc), 0))
	d.text(tagDocumentType, "LO", "application/pdf").text(0x00420014, "LO", "image/jpeg")
	return d.el(tagDocumentLength, "UL", syn.appendU32(nil, uint32(len(doc))))
}

// scrubber is a cleaner of documents as the PDF cleaner is one: it gives a
// stream that can be read once. It drops the canary.
type scrubber struct {
	opened, closed int
	change         func(out []byte, run int) []byte
}

type counted struct {
	io.Reader
	s *scrubber
}

func (c counted) Close() error { c.s.closed++; return nil }

func (s *scrubber) clean(_ context.Context, src redact.Source, p redact.Profile) (*redact.Output, error) {
	in, err := io.ReadAll(io.NewSectionReader(src, 0, src.Size()))
	if err != nil {
		return nil, err
	}
	if p != redact.Treatment && p != redact.PatientAccess {
		return nil, redact.Refuse(redact.Undecided, "the test does not want it")
	}
	in = bytes.TrimRight(in, "\x00")
	out := bytes.ReplaceAll(in, []byte(canary), nil)
	s.opened++
	if s.change != nil {
		out = s.change(out, s.opened)
	}
	return &redact.Output{
		Size: int64(len(out)), Body: counted{iotest.HalfReader(bytes.NewReader(out)), s},
		Report: redact.Report{
			Format: "PDF", Notices: []string{"Something was lost."},
			Removed: []redact.Removal{{Item: "JavaScript", Rule: "pdf.javascript", Reason: "it runs", Count: bytes.Count(in, []byte(canary))}},
		},
	}, nil
}

func paper(n int) []byte {
	return []byte("%PDF-1.7\n" + canary + strings.Repeat("x0123456789", n/11) + canary + "\n%%EOF" + strings.Repeat("y", n%11))
}

func TestDocument(t *testing.T) {
	for _, e := range encodings[:7] {
		for _, n := range []int{0, 1, 10, 1000, 65_400, 65_537, 300_001, 300_002} {
			s := &scrubber{}
			doc := paper(n)
			raw := withPDF(e.syn, classPDF, doc).file(e.ts)
			out, err := (&Cleaner{Documents: s.clean}).Clean(t.Context(), source(raw), redact.Treatment)
			if err != nil {
				t.Fatalf("%s, %d: %v", e.name, n, err)
			}
			want := bytes.ReplaceAll(doc, []byte(canary), nil)
			length := e.syn.appendU32(nil, uint32(len(want)))
			b := cleaned(t, out)
			if bytes.Contains(b, []byte(canary)) || !bytes.Contains(b, want) || !bytes.HasSuffix(b, length) {
				t.Errorf("%s, %d: the document is not the cleaned one", e.name, n)
			}
			if got := valuesOf(t, b).byName["EncapsulatedDocument"]; !bytes.Equal(got, padded(string(want), 0)) {
				t.Errorf("%s, %d: %d bytes of document", e.name, n, len(got))
			}
			if s.opened != 1 || s.closed != 1 {
				t.Errorf("%s, %d: cleaned %d times, closed %d times", e.name, n, s.opened, s.closed)
			}
			checkDocumentReport(t, out.Report)
			again, err := (&Cleaner{Documents: s.clean}).Clean(t.Context(), source(b), redact.Treatment)
			if err != nil || !bytes.Equal(cleaned(t, again), b) {
				t.Errorf("%s, %d: cleaning twice is not cleaning once: %v", e.name, n, err)
			}
		}
	}
}

func checkDocumentReport(t *testing.T, r redact.Report) {
	t.Helper()
	found := false
	for i, x := range r.Removed {
		found = found || x.Item == "document: JavaScript" && x.Count == 2
		if i > 0 && x.Item < r.Removed[i-1].Item {
			t.Error("the report is not sorted")
		}
	}
	notices := strings.Join(r.Notices, " ")
	if !found || !strings.Contains(notices, "is a PDF document") || !strings.Contains(notices, "inside it: Something was lost.") {
		t.Errorf("report %+v", r)
	}
}

// TestDocumentAtRandom reads the cleaned file back and forth: what is cleaned
// again has to be the same.
func TestDocumentAtRandom(t *testing.T) {
	raw := withPDF(explicitLittle, classPDF, paper(400_000)).file(tsExplicitLittle)
	s := &scrubber{}
	out, err := (&Cleaner{Documents: s.clean}).Clean(t.Context(), source(raw), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	src := out.Body.(redact.Source)
	whole := make([]byte, src.Size())
	if _, err := src.ReadAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{src.Size() - 10, 100_000, 399_000, 0, 200_000} {
		got := make([]byte, 5000)
		n, err := src.ReadAt(got, at)
		if err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(got[:n], whole[at:at+int64(n)]) {
			t.Errorf("at %d: %d bytes, %v", at, n, err)
		}
	}
	s.change = func(out []byte, _ int) []byte { return append([]byte("%PDF-2.0"), out...) }
	if _, err := src.ReadAt(make([]byte, 10), 100_000); err == nil {
		t.Error("a document that changed was read")
	}
}

func TestDocumentHeld(t *testing.T) {
	s := &scrubber{}
	pdf := paper(100)
	hidden := (&dataset{syn: explicitLittle}).text(0x00080016, "UI", storageRoot+"88.11").text(0x00080018, "UI", "1.2").
		seq(0x0040A730, "SQ", func(i *dataset) { i.el(tagDocument, "OB", pdf) })
	pieces := (&dataset{syn: explicitLittle}).text(0x00080016, "UI", classPDF).text(0x00080018, "UI", "1.2")
	fragments := (&dataset{syn: explicitLittle}).encapsulated(pdf).buf
	pieces.buf = append(pieces.buf, explicitLittle.appendTag(nil, tagDocument)...)
	pieces.buf = append(pieces.buf, fragments[4:]...)
	late := (&dataset{syn: explicitLittle}).text(0x00080016, "UI", classPDF).text(0x00080018, "UI", "1.2").
		el(tagDocumentLength, "UL", []byte{1, 0, 0, 0}).el(tagDocument, "OB", padded(string(pdf), 0))
	twice := withPDF(explicitLittle, classPDF, pdf).el(tagDocument, "OB", padded(string(pdf), 0))
	mime := (&dataset{syn: explicitLittle}).text(0x00080016, "UI", classPDF).text(0x00080018, "UI", "1.2").
		el(tagDocument, "OB", padded(string(pdf), 0)).text(tagDocumentType, "LO", "text/XML")
	words := (&dataset{syn: explicitBig}).text(0x00080016, "UI", classPDF).text(0x00080018, "UI", "1.2").
		el(tagDocument, "OW", padded(string(pdf), 0))
	for _, tt := range []struct {
		name  string
		file  []byte
		p     redact.Profile
		class redact.Class
		why   string
	}{
		{"de-identified", withPDF(explicitLittle, classPDF, pdf).file(tsExplicitLittle), redact.Deidentified, redact.Unfit, "cannot be de-identified"},
		{"limited set", withPDF(explicitLittle, classPDF, pdf).file(tsExplicitLittle), redact.LimitedSet, redact.Unfit, "cannot be de-identified"},
		{"refused", withPDF(explicitLittle, classPDF, pdf).file(tsExplicitLittle), redact.Payment, redact.Undecided, "the test does not want it"},
		{"CDA", withPDF(explicitLittle, storageRoot+"104.2", []byte("<xml>")).file(tsExplicitLittle), redact.Treatment, redact.Unfit, "CDA"},
		{"CDA with a PDF", withPDF(explicitLittle, storageRoot+"104.2", pdf).file(tsExplicitLittle), redact.Treatment, redact.Unfit, "CDA"},
		{"STL", withPDF(explicitLittle, storageRoot+"104.3", []byte("solid")).file(tsExplicitLittle), redact.PatientAccess, redact.Unfit, "STL"},
		{"OBJ", withPDF(explicitLittle, storageRoot+"104.4", []byte("v 1")).file(tsExplicitLittle), redact.Treatment, redact.Unfit, "OBJ"},
		{"MTL", withPDF(explicitLittle, storageRoot+"104.5", []byte("Ka")).file(tsExplicitLittle), redact.Treatment, redact.Unfit, "MTL"},
		{"no PDF", withPDF(explicitLittle, classPDF, []byte("MZ executable")).file(tsExplicitLittle), redact.Treatment, redact.Unfit, "other than a PDF"},
		{"empty", withPDF(explicitLittle, classPDF, nil).file(tsExplicitLittle), redact.Treatment, redact.Truncated, "missing"},
		{"hidden in a report", hidden.file(tsExplicitLittle), redact.PatientAccess, redact.Unfit, "hidden"},
		{"in a report", withPDF(explicitLittle, storageRoot+"88.11", []byte("MZ")).file(tsExplicitLittle), redact.PatientAccess, redact.Unfit, "other than a PDF"},
		{"in pieces", pieces.file(tsExplicitLittle), redact.Treatment, redact.Malformed, "no length"},
		{"length first", late.file(tsExplicitLittle), redact.Treatment, redact.Malformed, "two documents"},
		{"two", twice.file(tsExplicitLittle), redact.Treatment, redact.Malformed, "two documents"},
		{"said to be XML", mime.file(tsExplicitLittle), redact.Treatment, redact.Unfit, "something else"},
		{"in words", words.file(tsExplicitBig), redact.Treatment, redact.Unfit, "other than a PDF"},
	} {
		for _, reviewed := range []bool{false, true} {
			_, err := (&Cleaner{Documents: s.clean, Reviewed: reviewed}).Clean(t.Context(), source(tt.file), tt.p)
			var r *redact.Refusal
			if !errors.As(err, &r) || r.Class != tt.class || !strings.Contains(r.Reason, tt.why) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
	if s.opened != s.closed {
		t.Errorf("%d cleaners opened, %d closed", s.opened, s.closed)
	}
}

// TestDocumentElsewhere: an image may hold a PDF as well.
func TestDocumentElsewhere(t *testing.T) {
	raw := radiograph(explicitLittle, false).el(tagDocument, "OB", paper(11)).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
	out, err := (&Cleaner{Documents: (&scrubber{}).clean}).Clean(t.Context(), source(raw), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	b := cleaned(t, out)
	if bytes.Contains(b, []byte(canary)) || !bytes.Contains(b, pixelBytes(1)) || !bytes.Contains(b, []byte("%PDF-1.7")) {
		t.Error("the file is not as it should be")
	}
	if !strings.Contains(strings.Join(out.Report.Notices, " "), "also holds a PDF") {
		t.Errorf("notices %q", out.Report.Notices)
	}
}

// TestDocumentFails: a cleaner that breaks off does not end the file early.
func TestDocumentFails(t *testing.T) {
	raw := withPDF(explicitLittle, classPDF, paper(300_000)).file(tsExplicitLittle)
	broken := func(ctx context.Context, src redact.Source, p redact.Profile) (*redact.Output, error) {
		out, err := (&scrubber{}).clean(ctx, src, p)
		out.Size += 5
		return out, err
	}
	out, err := (&Cleaner{Documents: broken}).Clean(t.Context(), source(raw), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	failing := func(context.Context, redact.Source, redact.Profile) (*redact.Output, error) {
		return nil, fmt.Errorf("start PDF worker: %w", io.ErrClosedPipe)
	}
	var r *redact.Refusal
	if _, err := (&Cleaner{Documents: failing}).Clean(t.Context(), source(raw), redact.Treatment); err == nil || errors.As(err, &r) {
		t.Errorf("a fault of the machine became %v", err)
	}
}

// TestDocumentVerified plants what a wrong plan could do.
func TestDocumentVerified(t *testing.T) {
	raw := withPDF(explicitLittle, classPDF, paper(1000)).file(tsExplicitLittle)
	fresh := func() (*plan, *body) {
		p, _, err := (&Cleaner{Documents: (&scrubber{}).clean}).plan(t.Context(), source(raw), redact.Treatment)
		if err != nil {
			t.Fatal(err)
		}
		return p, &body{ctx: t.Context(), src: joint{p.file.src, p.doc}, l: &p.layout, doc: p.doc}
	}
	p, b := fresh()
	if p.doc.size%2 == 0 {
		t.Fatal("the test wants padding")
	}
	if err := verify(t.Context(), p, b); err != nil {
		t.Fatal(err)
	}
	from := int64(bytes.Index(raw, []byte("%PDF-")))
	at := func(p *plan) int {
		for i, s := range p.layout.segs {
			if s.src == documentAt {
				return i
			}
		}
		t.Fatal("no document")
		return 0
	}
	for name, harm := range map[string]func(*plan){
		"the source's own": func(p *plan) { p.layout.segs[at(p)].src = from },
		"moved":            func(p *plan) { p.layout.segs[at(p)].src++ },
		"too short":        func(p *plan) { p.layout.segs[at(p)+1].out-- },
		"wrong length": func(p *plan) {
			p.layout.lits[bytes.LastIndex(p.layout.lits, explicitLittle.appendU32(nil, uint32(p.doc.size)))]++
		},
		"half the source's": func(p *plan) {
			i := at(p)
			s := p.layout.segs[i]
			p.layout.segs = append(p.layout.segs[:i+1:i+1], p.layout.segs[i:]...)
			p.layout.segs[i+1] = segment{out: s.out + 100, src: from + 100}
		},
		"none": func(p *plan) { p.doc = nil },
		"elsewhere": func(p *plan) {
			p.layout.segs = append(p.layout.segs, segment{out: p.layout.size, src: from})
			p.layout.size += 10
		},
	} {
		p, b := fresh()
		harm(p)
		if err := verify(t.Context(), p, b); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

// FuzzDocument: whatever the file around a document looks like, the document
// that leaves is the cleaned one, whole, and its cleaner is closed.
func FuzzDocument(f *testing.F) {
	for _, e := range encodings[:7] {
		f.Add(withPDF(e.syn, classPDF, paper(20)).file(e.ts), false)
		f.Add(withPDF(e.syn, storageRoot+"88.11", paper(21)).file(e.ts), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, access bool) {
		p := redact.Treatment
		if access {
			p = redact.PatientAccess
		}
		s := &scrubber{}
		c := &Cleaner{Documents: s.clean, Reviewed: true}
		out, err := c.Clean(t.Context(), source(raw), p)
		if err != nil {
			if s.opened != s.closed {
				t.Errorf("%d cleaners opened, %d closed", s.opened, s.closed)
			}
			return
		}
		b := cleaned(t, out)
		if doc := valuesOf(t, b).byName["EncapsulatedDocument"]; bytes.Contains(doc, []byte(canary)) || len(doc) > 0 && s.opened == 0 {
			t.Errorf("a document left as it was: %q", doc)
		}
		again, err := c.Clean(t.Context(), source(b), p)
		if err != nil {
			t.Fatalf("clean twice: %v", err)
		}
		if !bytes.Equal(cleaned(t, again), b) {
			t.Error("cleaning twice is not cleaning once")
		}
	})
}
