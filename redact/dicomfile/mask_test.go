package dicomfile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"

	"chartseal/redact"
)

// picture is a burned-in picture of a device.
type picture struct {
	rows, columns, samples, bits, stored, frames int
	planar, signed                               uint16
	photometric                                  string
}

func (x picture) size() int { return x.rows * x.columns * x.samples * x.bits / 8 * x.frames }

func (x picture) pixels() []byte {
	b := make([]byte, x.size())
	for i := range b {
		b[i] = byte(i%251 + 3) // never a run of zeros
	}
	return b
}

func (x picture) dataset(burned string) *dataset {
	d := &dataset{syn: explicitLittle}
	d.text(0x00080008, "CS", `DERIVED\SECONDARY`).text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7").text(0x00080018, "UI", "1.2.3")
	d.text(0x00080060, "CS", "OT").text(0x00080070, "LO", "Maker").text(0x00081090, "LO", "Shooter 2")
	d.us(0x00280002, uint16(x.samples)).text(0x00280004, "CS", x.photometric).us(0x00280006, x.planar)
	d.text(0x00280008, "IS", string(rune('0'+x.frames))).us(0x00280010, uint16(x.rows)).us(0x00280011, uint16(x.columns))
	d.us(0x00280100, uint16(x.bits)).us(0x00280101, uint16(x.stored)).us(0x00280102, uint16(x.stored-1)).us(0x00280103, x.signed)
	if burned != "" {
		d.text(0x00280301, "CS", burned)
	}
	return d
}

// samplesAt lists where the samples of a pixel are.
func (x picture) samplesAt(frame, y, col int) []int {
	n, px := x.bits/8, x.rows*x.columns
	var out []int
	for s := range x.samples {
		at := ((frame*px+y*x.columns+col)*x.samples + s) * n
		if x.planar == 1 {
			at = ((frame*x.samples+s)*px + y*x.columns + col) * n
		}
		out = append(out, at)
	}
	return out
}

var testRegions = []Region{{0, 0, 5, 2}, {3, 1, 4, 2}, {0, 7, 9, 1}}

func inRegions(x, y int) bool {
	return slices.ContainsFunc(testRegions, func(r Region) bool {
		return x >= r.Left && x < r.Left+r.Width && y >= r.Top && y < r.Top+r.Height
	})
}

func maskCleaner(t *testing.T) *Cleaner {
	t.Helper()
	m, err := ParseMasks([]Mask{{" MAKER", "shooter 2", 8, 9, testRegions}})
	if err != nil {
		t.Fatal(err)
	}
	return &Cleaner{UIDSalt: interopSaltForTests, Masks: m}
}

// TestMask: inside the regions there is black, outside every byte is the
// source's, in every layout of pixels.
func TestMask(t *testing.T) {
	tests := []struct {
		name  string
		x     picture
		black []uint16
	}{
		{"gray 8", picture{8, 9, 1, 8, 8, 1, 0, 0, "MONOCHROME2"}, []uint16{0}},
		{"gray 12 inverted", picture{8, 9, 1, 16, 12, 2, 0, 0, "MONOCHROME1"}, []uint16{0x0FFF}},
		{"gray 16 inverted", picture{8, 9, 1, 16, 16, 1, 0, 0, "MONOCHROME1"}, []uint16{0xFFFF}},
		{"gray signed", picture{8, 9, 1, 16, 12, 1, 0, 1, "MONOCHROME2"}, []uint16{0xF800}},
		{"gray signed inverted", picture{8, 9, 1, 16, 12, 1, 0, 1, "MONOCHROME1"}, []uint16{0x07FF}},
		{"color", picture{8, 9, 3, 8, 8, 3, 0, 0, "RGB"}, []uint16{0, 0, 0}},
		{"color by plane", picture{8, 9, 3, 8, 8, 2, 1, 0, "RGB"}, []uint16{0, 0, 0}},
		{"luminance", picture{8, 9, 3, 8, 8, 1, 0, 0, "YBR_FULL"}, []uint16{0, 128, 128}},
		{"luminance by plane", picture{8, 9, 3, 8, 8, 2, 1, 0, "YBR_FULL"}, []uint16{0, 128, 128}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := tt.x.dataset("YES").el(tagPixelData, "OW", tt.x.pixels()).file(tsExplicitLittle)
			out, err := maskCleaner(t).Clean(context.Background(), source(raw), redact.Deidentified)
			if err != nil {
				t.Fatal(err)
			}
			b := cleaned(t, out)
			got, was := b[len(b)-tt.x.size():], tt.x.pixels()
			for frame := range tt.x.frames {
				for i := range tt.x.rows * tt.x.columns {
					y, col := i/tt.x.columns, i%tt.x.columns
					if !inRegions(col, y) {
						continue
					}
					for s, at := range tt.x.samplesAt(frame, y, col) {
						v := uint16(got[at])
						if tt.x.bits == 16 {
							v |= uint16(got[at+1]) << 8
						}
						if v != tt.black[s] {
							t.Fatalf("frame %d row %d column %d sample %d is %#x", frame, y, col, s, v)
						}
						for k := range tt.x.bits / 8 {
							got[at+k], was[at+k] = 0, 0
						}
					}
				}
			}
			if sha256.Sum256(got) != sha256.Sum256(was) {
				t.Error("the picture changed outside the regions")
			}
			checkMaskReport(t, out.Report, b)
		})
	}
}

func checkMaskReport(t *testing.T, r redact.Report, b []byte) {
	t.Helper()
	if !slices.ContainsFunc(r.Removed, func(x redact.Removal) bool { return x.Item == "(7FE0,0010) PixelData" && x.Rule == "mask" }) {
		t.Errorf("the report does not tell: %+v", r.Removed)
	}
	v := valuesOf(t, b)
	if s := strings.TrimSpace(string(v.byName["BurnedInAnnotation"])); s != "NO" {
		t.Errorf("BurnedInAnnotation is %q", s)
	}
	if s := string(v.byName["DeidentificationMethod"]); !strings.Contains(s, "pixel mask") {
		t.Errorf("DeidentificationMethod is %q", s)
	}
	if !strings.Contains(strings.Join(r.Notices, " "), "blacked out") {
		t.Errorf("no notice: %q", r.Notices)
	}
}

// TestMaskDoesNotApply: where a mask does not fit, the release holds; where
// pictures are never altered, it does nothing.
func TestMaskDoesNotApply(t *testing.T) {
	x := picture{8, 9, 1, 8, 8, 1, 0, 0, "MONOCHROME2"}
	other := x
	other.rows = 9
	strange := x
	strange.photometric = "CMYK"
	unused := picture{8, 9, 1, 16, 12, 1, 0, 0, "MONOCHROME2"}
	high := unused.dataset("YES").reset(0x00280102, 15)
	for name, raw := range map[string][]byte{
		"another size":   other.dataset("YES").el(tagPixelData, "OW", other.pixels()).file(tsExplicitLittle),
		"compressed":     x.dataset("YES").encapsulated(x.pixels()).file("1.2.840.10008.1.2.4.50"),
		"unknown colors": strange.dataset("YES").el(tagPixelData, "OW", x.pixels()).file(tsExplicitLittle),
		"shifted bits":   high.el(tagPixelData, "OW", unused.pixels()).file(tsExplicitLittle),
	} {
		_, err := maskCleaner(t).Clean(context.Background(), source(raw), redact.Deidentified)
		if refusal, ok := errors.AsType[*redact.Refusal](err); !ok || refusal.Class != redact.Undecided {
			t.Errorf("%s: %v", name, err)
		}
	}
	raw := x.dataset("YES").el(tagPixelData, "OW", x.pixels()).file(tsExplicitLittle)
	short := x.dataset("YES").el(tagPixelData, "OW", x.pixels()[:60]).file(tsExplicitLittle)
	if _, err := maskCleaner(t).Clean(context.Background(), source(short), redact.Deidentified); err == nil {
		t.Error("a short picture was released")
	}
	out, err := maskCleaner(t).Clean(context.Background(), source(raw), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(cleaned(t, out), x.pixels()) {
		t.Error("a treatment release altered the picture")
	}
}

// TestMaskVerified plants what a wrong plan could do to a masked picture.
func TestMaskVerified(t *testing.T) {
	x := picture{8, 9, 1, 8, 8, 1, 0, 0, "MONOCHROME2"}
	raw := x.dataset("YES").el(tagPixelData, "OW", x.pixels()).file(tsExplicitLittle)
	fresh := func() (*plan, *body) {
		p, _, err := maskCleaner(t).plan(context.Background(), source(raw), redact.Deidentified)
		if err != nil {
			t.Fatal(err)
		}
		return p, &body{ctx: context.Background(), src: p.file.src, l: &p.layout}
	}
	p, b := fresh()
	if err := verify(context.Background(), p, b); err != nil {
		t.Fatal(err)
	}
	last := func(p *plan) int { return len(p.layout.segs) - 1 } // the last row, all black
	for name, harm := range map[string]func(*plan){
		"not masked":    func(p *plan) { p.layout.segs[last(p)].src = p.facts.pixels.end - 9 },
		"moved":         func(p *plan) { p.layout.segs[last(p)-1].src-- },
		"run too short": func(p *plan) { p.layout.segs[last(p)].out++; p.layout.segs[last(p)].src-- },
		"run too long":  func(p *plan) { p.layout.segs[last(p)].out--; p.layout.segs[last(p)].src++ },
		"not black":     func(p *plan) { p.layout.lits[^p.layout.segs[last(p)].src] = 7 },
		"mask elsewhere": func(p *plan) {
			m := *p.mask
			m.rows = append([][]span{{{0, 1}}}, p.mask.rows[:len(p.mask.rows)-1]...)
			p.mask = &m
		},
	} {
		p, b := fresh()
		harm(p)
		if err := verify(context.Background(), p, b); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

func TestParseMasks(t *testing.T) {
	ok := Mask{"M", "X", 8, 9, []Region{{0, 0, 9, 8}}}
	for name, change := range map[string]func(*Mask){
		"no maker":   func(m *Mask) { m.Manufacturer = " " },
		"no model":   func(m *Mask) { m.Model = "" },
		"no size":    func(m *Mask) { m.Rows = 0 },
		"huge":       func(m *Mask) { m.Columns = 1 << 16 },
		"no regions": func(m *Mask) { m.Regions = nil },
		"outside":    func(m *Mask) { m.Regions = []Region{{1, 0, 9, 8}} },
		"below":      func(m *Mask) { m.Regions = []Region{{0, 1, 9, 8}} },
		"negative":   func(m *Mask) { m.Regions = []Region{{-1, 0, 2, 2}} },
		"empty":      func(m *Mask) { m.Regions = []Region{{0, 0, 0, 2}} },
	} {
		m := ok
		change(&m)
		if _, err := ParseMasks([]Mask{m}); err == nil {
			t.Errorf("%s: accepted", name)
		} else if _, typed := errors.AsType[*MaskError](err); !typed {
			t.Errorf("%s: %T", name, err)
		}
	}
	if _, err := ParseMasks([]Mask{ok, ok}); err == nil {
		t.Error("one device twice: accepted")
	}
	if _, err := ParseMasks([]Mask{ok}); err != nil {
		t.Error(err)
	}
}

// TestPaintHostile: numbers no picture has make no paint, and no panic.
func TestPaintHostile(t *testing.T) {
	mask := &Mask{"M", "X", 8, 9, testRegions}
	good := facts{
		rows: 8, columns: 9, bits: 8, photometric: "MONOCHROME2",
		pixels: element{tag: tagPixelData, fragments: -1, val: 0, end: 72},
	}
	df := &file{ts: tsExplicitLittle, syn: explicitLittle}
	if first := good; newPaint(mask, &first, df) == nil {
		t.Fatal("a plain picture is not painted")
	}
	for name, change := range map[string]func(*facts){
		"no bits":        func(f *facts) { f.bits = 0 },
		"odd bits":       func(f *facts) { f.bits = 12 },
		"stored bits":    func(f *facts) { f.bitsStored = 0xFFFF; f.highBit = 0xFFFE },
		"many samples":   func(f *facts) { f.samples = 0xFFFF },
		"many frames":    func(f *facts) { f.framesGiven, f.frames = true, 1<<62 },
		"minus frames":   func(f *facts) { f.framesGiven, f.frames = true, -1 },
		"too few pixels": func(f *facts) { f.pixels.end = 71 },
		"planes":         func(f *facts) { f.planar = 2 },
	} {
		f := good
		change(&f)
		if newPaint(mask, &f, df) != nil {
			t.Errorf("%s: painted", name)
		}
	}
}
