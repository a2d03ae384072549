//go:build interop

package dicomfile

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"chartseal/redact"
)

// TestInteropMask has dcm2pnm draw masked pictures: the regions are black to
// the eye, in every kind of picture, and the rest looks as before.
func TestInteropMask(t *testing.T) {
	need(t, "dcm2pnm")
	for _, x := range []picture{
		{8, 9, 1, 8, 8, 1, 0, 0, "MONOCHROME2"},
		{8, 9, 1, 8, 8, 1, 0, 0, "MONOCHROME1"},
		{8, 9, 1, 16, 12, 1, 0, 0, "MONOCHROME1"},
		{8, 9, 1, 16, 16, 1, 0, 0, "MONOCHROME2"},
		{8, 9, 1, 16, 16, 1, 0, 1, "MONOCHROME1"},
		{8, 9, 1, 16, 16, 1, 0, 1, "MONOCHROME2"},
		{8, 9, 3, 8, 8, 1, 0, 0, "RGB"},
		{8, 9, 3, 8, 8, 1, 1, 0, "RGB"},
		{8, 9, 3, 8, 8, 1, 0, 0, "YBR_FULL"},
		{8, 9, 3, 8, 8, 1, 1, 0, "YBR_FULL"},
	} {
		name := fmt.Sprintf("%s %d of %d bits, planes %d, signed %d", x.photometric, x.stored, x.bits, x.planar, x.signed)
		raw := x.dataset("YES").el(tagPixelData, "OW", padded(string(x.pixels()), 0)).file(tsExplicitLittle)
		out, err := maskCleaner(t).Clean(context.Background(), source(raw), redact.Deidentified)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		was, is := draw(t, x, raw), draw(t, x, cleaned(t, out))
		for i := range x.rows * x.columns {
			a, b := was[i*x.samples:(i+1)*x.samples], is[i*x.samples:(i+1)*x.samples]
			if inRegions(i%x.columns, i/x.columns) {
				if !bytes.Equal(b, make([]byte, x.samples)) {
					t.Errorf("%s: row %d column %d is not black: %v", name, i/x.columns, i%x.columns, b)
				}
			} else if !bytes.Equal(a, b) {
				t.Errorf("%s: row %d column %d changed from %v to %v", name, i/x.columns, i%x.columns, a, b)
			}
		}
	}
}

// TestInteropMaskCorpus blacks out the name in the corpus's burned-in picture.
func TestInteropMaskCorpus(t *testing.T) {
	need(t, "dcm2pnm", "dcmdump")
	interopFiles(t)
	src, raw := readSource(t, filepath.Join(corpus(t), "synthetic", "px_burned.dcm"))
	regions := []Region{{0, 0, 220, 40}}
	m, err := ParseMasks([]Mask{{"DemoXDent Alpha", "Model-7", 100, 220, regions}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := (&Cleaner{Masks: m}).Clean(context.Background(), src, redact.Deidentified)
	if err != nil {
		t.Fatal(err)
	}
	x := picture{100, 220, 1, 16, 12, 1, 0, 0, "MONOCHROME2"}
	b := cleaned(t, out)
	was, is := draw(t, x, raw), draw(t, x, b)
	if !bytes.Equal(is[:40*220], make([]byte, 40*220)) || !bytes.Equal(was[40*220:], is[40*220:]) || bytes.Equal(was, is) {
		t.Error("the picture is not masked as it should be")
	}
	name := filepath.Join(t.TempDir(), "masked.dcm")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if d := dumpOf(t, name); !d.ok || d.first(0x00280301) != "[NO]" {
		t.Errorf("BurnedInAnnotation is %q", d.first(0x00280301))
	}
}

// draw renders the first frame with the whole range of values as its window,
// one byte for each sample.
func draw(t *testing.T, x picture, raw []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	name, pnm := filepath.Join(dir, "x.dcm"), filepath.Join(dir, "x.pnm")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"+op"} // 8 bits, binary
	if x.samples == 1 {
		center, width := 1<<(x.stored-1), 1<<x.stored
		if x.signed == 1 {
			center = 0
		}
		args = append(args, "+Ww", strconv.Itoa(center), strconv.Itoa(width))
	}
	if text, err := tool("dcm2pnm", append(args, name, pnm)...); err != nil {
		t.Fatalf("dcm2pnm: %v %s", err, text)
	}
	b, err := os.ReadFile(pnm)
	if err != nil {
		t.Fatal(err)
	}
	n := x.rows * x.columns * x.samples
	if len(b) < n {
		t.Fatalf("dcm2pnm wrote %d bytes", len(b))
	}
	return b[len(b)-n:]
}
