package dicomfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"chartseal/redact"
)

func addSeeds(f *testing.F) {
	f.Helper()
	for i := range encodings {
		f.Add(build(i))
	}
	un := radiograph(explicitLittle, true).seq(0x52009229, "UN", func(i *dataset) { i.text(0x00280030, "DS", `1\1`) })
	f.Add(un.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle))
	early := (&dataset{syn: explicitLittle}).text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.1.3").text(0x00321030, "LO", canary)
	early.us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16) // what goes stands where it should not
	f.Add(early.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle))
	f.Add([]byte{})
	f.Add(build(0)[:200])
}

// fuzzCleaner replaces identifiers the same way in every run.
var fuzzCleaner = Cleaner{UIDSalt: []byte("0123456789abcdef"), Reviewed: true}

// FuzzClean: no panic; what is released under a profile has the pixels of the
// source, is cleaned no further by a second cleaning, and was no plan that the
// verifier rejects.
func FuzzClean(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range redact.Profiles() {
			out, err := fuzzCleaner.Clean(context.Background(), source(b), p)
			if err != nil {
				refusal, ok := errors.AsType[*redact.Refusal](err)
				if !ok || refusal.Class == redact.Unverified {
					t.Fatalf("%s: %v", p, err)
				}
				continue
			}
			if len(out.Report.Removed) > 3*maxItems {
				t.Fatalf("%d removals", len(out.Report.Removed))
			}
			once := cleaned(t, out)
			if !bytes.Equal(shapeOf(t, b, p).pixels, shapeOf(t, once, p).pixels) {
				t.Fatalf("%s: the pixels changed", p)
			}
			cleanAgain(t, once, p)
		}
	})
}

// cleanAgain cleans what was cleaned. Identifiers are replaced again, where a
// profile replaces them; all else is the same, byte for byte.
func cleanAgain(t *testing.T, once []byte, p redact.Profile) {
	t.Helper()
	out, err := fuzzCleaner.Clean(context.Background(), source(once), p)
	if err != nil {
		t.Fatalf("%s: clean twice: %v", p, err)
	}
	twice := cleaned(t, out)
	if p != redact.LimitedSet && p != redact.Deidentified {
		if !bytes.Equal(twice, once) {
			t.Fatalf("%s: cleaning twice is not cleaning once", p)
		}
		return
	}
	a, b := shapeOf(t, once, p), shapeOf(t, twice, p)
	if !slices.Equal(a.elements, b.elements) || !bytes.Equal(a.pixels, b.pixels) {
		t.Fatalf("%s: cleaning twice is not cleaning once", p)
	}
}

// shape is a data set without the values that a profile replaces.
type shape struct {
	nothing
	t        *testing.T
	src      redact.Source
	rules    *rules
	elements []string
	pixels   []byte
}

func shapeOf(t *testing.T, b []byte, p redact.Profile) *shape {
	t.Helper()
	f, err := open(context.Background(), source(b))
	if err != nil {
		t.Fatal(err)
	}
	r, err := rulesFor(p, RemoveDates)
	if err != nil {
		t.Fatal(err)
	}
	s := &shape{t: t, src: f.src, rules: r}
	w := newWalker(context.Background(), f.src)
	defer w.close()
	if _, err := w.root(s, f.start, f.syn); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shape) leaf(e *element) error {
	v := make([]byte, e.end-e.val)
	if err := readFull(s.src, v, e.val); err != nil {
		s.t.Fatal(err)
	}
	if e.depth == 0 && isPixels(e.tag) {
		s.pixels = v
		return nil
	}
	if !s.rules.decide(e.tag, e.depth).action.stays() {
		v = nil
	}
	s.elements = append(s.elements, fmt.Sprintf("%s %s %d %x", e.tag, e.vr, e.depth, v))
	return nil
}

func (s *shape) enter(e *element) (bool, error) {
	if !s.rules.decide(e.tag, e.depth).action.stays() {
		return false, nil // nobody looks into what goes
	}
	s.elements = append(s.elements, fmt.Sprintf("%s %s %d", e.tag, e.vr, e.depth))
	return true, nil
}

func (s *shape) item(e *element) error {
	s.elements = append(s.elements, fmt.Sprintf("item %d", e.depth))
	return nil
}

// FuzzOwnRules: a practice's overrides and masks make no plan that its own
// verifier rejects, and let no private element through but the one they keep.
func FuzzOwnRules(f *testing.F) {
	addSeeds(f)
	x := picture{8, 9, 1, 8, 8, 1, 0, 0, "MONOCHROME2"}
	f.Add(x.dataset("YES").el(tagPixelData, "OW", x.pixels()).file(tsExplicitLittle))
	x = picture{8, 9, 3, 8, 8, 2, 1, 0, "YBR_FULL"}
	f.Add(x.dataset("").el(tagPixelData, "OW", x.pixels()).file(tsExplicitLittle))
	private := radiograph(explicitLittle, true).text(0x00290010, "LO", "GOOD MAKER").text(0x00291010, "LO", "kept")
	f.Add(private.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle))
	own, err := ParseOverrides([]Override{
		{"(0029,xx10)", "GOOD MAKER", []redact.Profile{redact.Treatment}, "keep", "x"},
		override("(0008,0020)", "empty", redact.Treatment, redact.Deidentified),
		override("(0018,0060)", "remove", redact.Treatment, redact.Deidentified),
	})
	if err != nil {
		f.Fatal(err)
	}
	masks, err := ParseMasks([]Mask{{"MAKER", "Shooter 2", 8, 9, testRegions}})
	if err != nil {
		f.Fatal(err)
	}
	c := Cleaner{Overrides: own, Masks: masks, Reviewed: true}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range []redact.Profile{redact.Treatment, redact.Deidentified} {
			out, err := c.Clean(context.Background(), source(b), p)
			if refusal, ok := errors.AsType[*redact.Refusal](err); err != nil && (!ok || refusal.Class == redact.Unverified) {
				t.Fatalf("%s: %v", p, err)
			}
			if err != nil {
				continue
			}
			v := &strays{}
			walkAll(t, cleaned(t, out), v)
			if v.private > 0 && p == redact.Deidentified || v.other > 0 {
				t.Fatalf("%s: private elements are left", p)
			}
		}
	})
}

// strays counts private elements, and those that no override names.
type strays struct {
	nothing
	private, other int
}

func (s *strays) leaf(e *element) error {
	if e.tag.private() {
		s.private++
		if n := e.tag.element(); e.tag.group() != 0x0029 || n >= 0x1000 && n&0xFF != 0x10 {
			s.other++
		}
	}
	return nil
}

func walkAll(t *testing.T, b []byte, v visitor) {
	t.Helper()
	f, err := open(context.Background(), source(b))
	if err != nil {
		t.Fatal(err)
	}
	w := newWalker(context.Background(), f.src)
	defer w.close()
	if _, err := w.root(v, f.start, f.syn); err != nil {
		t.Fatal(err)
	}
}

// FuzzIdentify: no panic, and the cleaned file says the same as the source.
func FuzzIdentify(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := Identify(context.Background(), source(b))
		if err != nil {
			return
		}
		_, _ = id.FamilyGiven()
		_ = id.NameForms()
		_ = id.Date()
		out, err := Clean(context.Background(), source(b), redact.Treatment)
		if err != nil {
			return
		}
		after, err := Identify(context.Background(), out.Body.(redact.Source))
		if err != nil {
			t.Fatal(err)
		}
		if after.PatientID != id.PatientID || after.PatientName != id.PatientName || after.BirthDate != id.BirthDate {
			t.Fatal("identity changed")
		}
	})
}

// FuzzCanary: a canary inside an element that a profile removes is gone,
// whatever else is in the file.
func FuzzCanary(f *testing.F) {
	f.Add(uint8(0), uint32(0x00101040), []byte("value"))
	f.Add(uint8(3), uint32(0x00091001), []byte{1, 2, 3, 4})
	f.Add(uint8(5), uint32(0x0040A123), []byte{})
	f.Add(uint8(7), uint32(0x00081030), []byte("free text"))
	f.Fuzz(func(t *testing.T, how uint8, tag uint32, noise []byte) {
		e := encodings[int(how)%len(encodings)]
		secret := []byte("Zq7Canary9xPlanted")
		if Tag(tag).group() == delimiterGroup || len(noise) > 1<<10 {
			return
		}
		plant := func(i *dataset) { i.el(Tag(tag), "UN", padded(string(noise)+string(secret), 0)) }
		d := radiograph(e.syn, e.undefined)
		d.seq(0x00082218, "SQ", func(i *dataset) { plant(i); i.seq(0x00082220, "SQ", plant) })
		if e.packed {
			d.encapsulated(pixelBytes(1))
		} else {
			d.el(tagPixelData, "OW", pixelBytes(1))
		}
		raw := d.file(e.ts)
		for _, p := range redact.Profiles() {
			r, err := rulesFor(p, RemoveDates)
			if err != nil {
				t.Fatal(err)
			}
			if r.decide(Tag(tag), 1).action != remove {
				continue
			}
			out, err := fuzzCleaner.Clean(context.Background(), source(raw), p)
			if err != nil {
				refusal, ok := errors.AsType[*redact.Refusal](err)
				if !ok || refusal.Class == redact.Unverified {
					t.Fatalf("%s: %v", p, err)
				}
				continue
			}
			b := cleaned(t, out)
			if bytes.Contains(b, secret) {
				t.Fatalf("%s: (%08X) let the canary through", p, tag)
			}
			if !bytes.Contains(b, pixelBytes(1)) {
				t.Fatalf("%s: pixels changed", p)
			}
		}
	})
}

func FuzzCharset(f *testing.F) {
	f.Add("ISO_IR 100", []byte("M\xfcller"))
	f.Add(`\ISO 2022 IR 87`, []byte("Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"))
	f.Fuzz(func(_ *testing.T, terms string, b []byte) { _ = parseCharset(terms).decode(b) })
}

func FuzzSniff(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(_ *testing.T, b []byte) { Sniff(b) })
}
