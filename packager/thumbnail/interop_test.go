//go:build interop

package thumbnail

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"chartseal/redact/dicomfile"
	"chartseal/testdata/practice/dcm"
)

// tool runs a program that must succeed.
func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// pnm is a picture as dcmtk draws it: samples of 8 bits.
type pnm struct {
	w, h, channels int
	px             []byte
}

// drawnByPeer has dcmtk draw frame n (from 1) with the file's first window, or the
// range of its values, or the first VOI LUT.
func drawnByPeer(t *testing.T, file string, frame int, how ...string) (pnm, error) {
	t.Helper()
	args := append([]string{"-q", "+op", "+F", fmt.Sprint(frame), "-O"}, how...) // -O: no overlays
	out := filepath.Join(t.TempDir(), "out.pnm")
	if said, err := exec.CommandContext(t.Context(), "dcmj2pnm", append(args, file, out)...).CombinedOutput(); err != nil {
		return pnm{}, fmt.Errorf("dcmj2pnm: %w: %s", err, said)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		return pnm{}, err
	}
	r := bufio.NewReader(bytes.NewReader(b))
	var p pnm
	var kind string
	var top int
	if _, err := fmt.Fscan(r, &kind, &p.w, &p.h, &top); err != nil || top != 255 {
		return pnm{}, fmt.Errorf("a picture of %s, %d: %w", kind, top, err)
	}
	p.channels = map[string]int{"P5": 1, "P6": 3}[kind]
	_, _ = r.ReadByte()
	p.px, err = io.ReadAll(r)
	if len(p.px) != p.w*p.h*p.channels {
		return pnm{}, fmt.Errorf("%d bytes: %w", len(p.px), err)
	}
	return p, err
}

// reduced takes the same places of a picture as a thumbnail does.
func (p pnm) reduced(w, h int) (out []float64) {
	across, down := newAxis(p.w, w), newAxis(p.h, h)
	for y := range h {
		for x := range w {
			for c := range p.channels {
				sum := 0.0
				for _, py := range down.at[y*down.taps:][:down.taps] {
					for _, px := range across.at[x*across.taps:][:across.taps] {
						sum += float64(p.px[(py*p.w+px)*p.channels+c])
					}
				}
				out = append(out, sum/float64(across.taps*down.taps))
			}
		}
	}
	return out
}

// apart says how far a thumbnail is from a picture of dcmtk: at most, and in the
// mean.
func apart(m image.Image, p pnm) (most, mean float64) {
	size := m.Bounds().Size()
	for i, want := range p.reduced(size.X, size.Y) {
		x, y := i/p.channels%size.X, i/p.channels/size.X
		c := color.RGBAModel.Convert(m.At(x, y)).(color.RGBA)
		d := math.Abs(want - float64([]byte{c.R, c.G, c.B}[i%p.channels]))
		most, mean = max(most, d), mean+d
	}
	return most, mean / float64(size.X*size.Y*p.channels)
}

// films are pictures that dcmtk can write in other encodings: an arch of bright
// teeth in noise.
func films() map[string]film {
	px := noise(300*200, 7)
	for i := range px {
		x, y := float64(i%300-150)/150, float64(i/300-100)/100
		if d := math.Hypot(x, y-0.3); d > 0.5 && d < 0.8 {
			px[i] += 2200
		}
		px[i] += uint16(300 * (2 + x + y))
	}
	low := make([]byte, len(px))
	rgb := make([]byte, 0, 3*len(px))
	for i, v := range px {
		low[i] = byte(v >> 4)
		rgb = append(rgb, byte(v>>4), byte(v>>5), 255-byte(v>>4))
	}
	signed := make([]uint16, len(px))
	for i, v := range px {
		signed[i] = (v - 1500) & 0xFFF
	}
	curve := make([]int, 3000)
	for i := range curve {
		curve[i] = int(65535 * math.Sqrt(float64(i)/3000))
	}
	return map[string]film{
		"gray 16":  {bits: 16, stored: 12, window: "1500/2400", pixels: px},
		"range":    {bits: 16, stored: 12, pixels: px},
		"signed":   {bits: 16, stored: 12, signed: true, window: "200/1800", slope: "2/-300", pixels: signed},
		"inverted": {bits: 16, stored: 12, photometric: "MONOCHROME1", window: "1500/2400", pixels: px},
		"modality": {bits: 16, stored: 12, window: "20000/30000", more: table(0x00283000, len(curve), 100, 16, curve...), pixels: px},
		"VOI":      {bits: 16, stored: 12, more: table(0x00283010, len(curve), 100, 16, curve...), pixels: px},
		"gray 8":   {bits: 8, window: "128/256", pixels: low},
		"RGB":      {bits: 8, samples: 3, photometric: "RGB", pixels: rgb},
	}
}

// TestInteropEncodings compares with dcmtk what is drawn of files that dcmtk has
// written.
func TestInteropEncodings(t *testing.T) {
	type encoding struct {
		name, program string
		args          []string
		most, mean    float64
	}
	all := []encoding{
		{"explicit", "dcmconv", []string{"+te"}, 1, 0.6},
		{"implicit", "dcmconv", []string{"+ti"}, 1, 0.6},
		{"RLE", "dcmcrle", nil, 1, 0.6},
		{"lossless SV1", "dcmcjpeg", []string{"+e1"}, 1, 0.6},
	}
	predictors := slices.Clone(all)
	for sv := 1; sv <= 7; sv++ {
		predictors = append(predictors, encoding{fmt.Sprint("lossless ", sv), "dcmcjpeg", []string{"+el", "+sv", fmt.Sprint(sv)}, 1, 0.6})
	}
	some := append([]encoding{{"baseline", "dcmcjpeg", []string{"+eb", "+q", "90"}, 100, 2}, {"extended, 8 bit", "dcmcjpeg", []string{"+ee", "+q", "90", "+be"}, 100, 2}}, all...)
	for name, f := range films() {
		f.rows, f.columns = 200, 300
		list := all
		switch {
		case f.bits == 8:
			list = some
		case name == "gray 16":
			list = predictors
		}
		if f.samples != 3 && f.bits == 16 {
			list = append([]encoding{{"big endian", "dcmconv", []string{"+tb"}, 1, 0.6}}, list...)
		}
		dir := t.TempDir()
		plain := filepath.Join(dir, "plain.dcm")
		if err := os.WriteFile(plain, f.file(t), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			t.Run(name+", "+e.name, func(t *testing.T) {
				file := filepath.Join(dir, "coded.dcm")
				tool(t, e.program, append(e.args, plain, file)...)
				compare(t, file, 1, shownAs(f.window != "", hasVOI(f.more)), e.most, e.mean)
			})
		}
	}
}

// shownAs are dcmtk's words for the way in which a picture is shown.
func shownAs(windowed, voi bool) []string {
	switch {
	case windowed:
		return []string{"+Wi", "1"}
	case voi:
		return []string{"+Wl", "1"}
	}
	return []string{"+Wm"}
}

func hasVOI(d dcm.Dataset) bool {
	return slices.ContainsFunc(d, func(e dcm.Element) bool { return e.Tag == 0x00283010 })
}

// compare draws a file and has dcmtk draw it.
func compare(t *testing.T, file string, frame int, how []string, most, mean float64) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := draw(t.Context(), of(raw))
	if err != nil {
		t.Fatal(err)
	}
	peer, err := drawnByPeer(t, file, frame, how...)
	if err != nil {
		t.Fatal(err)
	}
	if gotMost, gotMean := apart(m, peer); gotMost > most || gotMean > mean {
		t.Errorf("%.1f at most and %.2f in the mean from what dcmtk draws", gotMost, gotMean)
	}
}

func TestInteropPalette(t *testing.T) {
	f := films()["RGB"]
	f.rows, f.columns = 200, 300
	dir := t.TempDir()
	plain, file := filepath.Join(dir, "plain.dcm"), filepath.Join(dir, "palette.dcm")
	if err := os.WriteFile(plain, f.file(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"+pw"}, {"+pe"}, {"+pc", "16"}} {
		tool(t, "dcmquant", append(args, plain, file)...)
		compare(t, file, 1, shownAs(false, false), 1, 0.6)
	}
}

// TestInteropFrames compares the middle one of many frames, whose fragments dcmtk
// has cut.
func TestInteropFrames(t *testing.T) {
	f := film{rows: 40, columns: 60, bits: 16, stored: 12, frames: 7, window: "1000/2000"}
	var px []uint16
	for i := range 7 {
		for _, v := range noise(40*60, 9) {
			px = append(px, v+uint16(100*i))
		}
	}
	f.pixels = px
	dir := t.TempDir()
	plain, file := filepath.Join(dir, "plain.dcm"), filepath.Join(dir, "coded.dcm")
	if err := os.WriteFile(plain, f.file(t), 0o600); err != nil {
		t.Fatal(err)
	}
	peer, err := drawnByPeer(t, plain, 4, "+Wi", "1")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"dcmconv"}, {"dcmcrle"}, {"dcmcrle", "+fs", "1"}, {"dcmcrle", "-ot"}, {"dcmcjpeg", "+e1"}, {"dcmcjpeg", "+e1", "+fs", "1"}} {
		tool(t, args[0], append(args[1:], plain, file)...)
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := draw(t.Context(), of(raw))
		if err != nil {
			t.Errorf("%v: %v", args, err)
		} else if most, mean := apart(m, peer); most > 1 || mean > 0.6 {
			t.Errorf("%v: %.1f at most and %.2f in the mean from the same frame uncompressed", args, most, mean)
		}
	}
}

// corpus is test material that lives beside the checkout, never in it.
func corpus(t *testing.T) (files []string) {
	t.Helper()
	for _, pattern := range []string{"files/*", "synthetic/*.dcm"} {
		got, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "corpus", "dicom", filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, got...)
	}
	if len(files) == 0 {
		t.Fatal("no corpus beside the checkout")
	}
	return files
}

// TestInteropCorpus draws files of many makers and compares what can be drawn
// with dcmtk. With -v it says what becomes of each.
func TestInteropCorpus(t *testing.T) {
	drawn := 0
	for _, file := range corpus(t) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		m, err := draw(t.Context(), of(raw))
		p, perr := dicomfile.ReadPicture(t.Context(), of(raw))
		if perr != nil {
			p = &dicomfile.Picture{}
		}
		if err != nil {
			t.Logf("%s: none: %v (%s %s)", name, err, p.TransferSyntax, p.Photometric)
			continue
		}
		drawn++
		peer, err := drawnByPeer(t, file, p.Frames/2+1, shownAs(p.Windowed, p.VOI != nil)...)
		if err != nil {
			t.Logf("%s: drawn, but not by dcmtk: %v", name, err)
			continue
		}
		if peer.w != p.Columns || peer.h != p.Rows {
			t.Errorf("%s: dcmtk draws %d by %d", name, peer.w, peer.h)
			continue
		}
		most, mean := apart(m, peer)
		t.Logf("%s: drawn, %.1f at most, %.2f in the mean from dcmtk (%s %s)", name, most, mean, p.TransferSyntax, p.Photometric)
		if mean > 2 && name != "012_GH610.dcm" { // of values of some 1e-8 dcmtk takes the range to be 0
			t.Errorf("%s: %.1f at most and %.2f in the mean from what dcmtk draws", name, most, mean)
		}
	}
	if drawn < 20 {
		t.Errorf("only %d drawn", drawn)
	}
}
