package meshfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"chartseal/redact"
)

// secret is planted wherever a format has room for it.
const secret = "ALVAREZ-10432"

func clean(b []byte, p redact.Profile) ([]byte, redact.Report, error) {
	out, err := Clean(context.Background(), bytes.NewReader(b), p)
	if err != nil {
		return nil, redact.Report{}, err
	}
	defer func() { _ = out.Body.Close() }()
	got, err := io.ReadAll(out.Body)
	if err == nil && int64(len(got)) != out.Size {
		err = errors.New("size of the output differs from the promised one")
	}
	return got, out.Report, err
}

func mustClean(t *testing.T, b []byte, format string, items ...redact.Removal) []byte {
	t.Helper()
	got, report, err := clean(b, redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(bytes.ToUpper(got), []byte("ALVAREZ")) {
		t.Errorf("the secret is still there: %q", got[:min(len(got), 400)])
	}
	if report.Format != format {
		t.Errorf("format %q, want %q", report.Format, format)
	}
	for _, want := range items {
		found := false
		for _, r := range report.Removed {
			found = found || r.Item == want.Item && r.Count > 0
		}
		if !found {
			t.Errorf("the report does not name %q: %v", want.Item, report.Removed)
		}
	}
	again, second, err := clean(got, redact.Treatment)
	if err != nil || !bytes.Equal(again, got) || len(second.Removed) != 0 {
		t.Errorf("cleaning twice is not cleaning once: %v, %v", err, second.Removed)
	}
	return got
}

func wantRefusal(t *testing.T, err error, class redact.Class) {
	t.Helper()
	var r *redact.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal", err)
	}
	if r.Class != class || r.Reason == "" || strings.Contains(r.Reason, secret) || strings.HasSuffix(r.Reason, ".") {
		t.Errorf("got %v, want class %s and a clause", r, class)
	}
}

func triangles(n int) []byte {
	var b []byte
	for i := range n {
		for j := range 12 {
			v := float32(i+j) * 0.25
			if j < 3 {
				v = []float32{0, 0, 1}[j]
			}
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		b = append(b, byte(i), 0x80) // a colour in the attribute bytes
	}
	return b
}

func binSTL(header string, n int) []byte {
	b := append([]byte(header), bytes.Repeat([]byte(" "), 80-len(header))...)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	return append(b, triangles(n)...)
}

func TestBinarySTL(t *testing.T) {
	for _, header := range []string{
		"exported for " + secret, "solid " + secret + " by a program that does not know better",
		"COLOR=\x10\x20\x30\xff,MATERIAL=" + secret, "COLOR=" + secret,
	} {
		b := append(binSTL(header, 100), "trailer of "+secret...)
		got := mustClean(t, b, STL, headerRemoved, trailerRemoved)
		if !bytes.Equal(got[80:], b[80:84+5000]) {
			t.Error("the geometry changed")
		}
		if bytes.HasPrefix(got, []byte("solid")) {
			t.Error("the header makes it look like text")
		}
		if strings.HasPrefix(header, "COLOR=\x10") != bytes.HasPrefix(got, []byte("COLOR=\x10\x20\x30\xff\x00")) {
			t.Errorf("header %q became %q", header, got[:80])
		}
	}
}

func TestBinarySTLTruncated(t *testing.T) {
	b := binSTL("x", 200)
	for _, n := range []int{200, 4096, 5000, len(b) - 1} {
		_, _, err := clean(b[:n], redact.Treatment)
		wantRefusal(t, err, redact.Truncated)
	}
}

const facet = "  facet normal 0 0 1e+00\r\n    outer loop\r\n      vertex 1.5 -2 3\r\n      vertex 0 0 0\r\n      vertex 1 nan 2\r\n    endloop\r\n  endfacet\r\n"

func TestASCIISTL(t *testing.T) {
	in := "solid " + secret + "\r\n" + facet + "# " + secret + "\r\n" + facet + "endsolid " + secret + "\r\n" +
		"solid\n" + strings.ToUpper(strings.ReplaceAll(facet, "\r", "")) + "ENDSOLID " + secret + "\n" + "made for " + secret
	got := mustClean(t, []byte(in), STL, nameRemoved, commentRemoved, trailerRemoved)
	want := "solid scan\r\n" + facet + facet + "endsolid scan\r\n" +
		"solid scan\n" + strings.ToUpper(strings.ReplaceAll(facet, "\r", "")) + "endsolid scan\n"
	if string(got) != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestASCIISTLRefusals(t *testing.T) {
	for in, class := range map[string]redact.Class{
		"solid x\n" + facet:                                                                    redact.Truncated,
		"solid x\n" + facet + "  facet normal 0 0 1\n":                                         redact.Truncated,
		"solid x\n" + strings.Replace(facet, "-2", secret, 1) + "endsolid\n":                   redact.Malformed,
		"solid x\n" + strings.Replace(facet, " 3\r", "\r", 1) + "endsolid\n":                   redact.Malformed,
		"solid x\n" + strings.Replace(facet, "endloop", "patient "+secret, 1) + "endsolid\n":   redact.Malformed,
		"solid x\n" + facet + "vertex 1 2 3\nendsolid\n":                                       redact.Malformed,
		"solid x\n" + facet + strings.Repeat("vertex", 20000) + "\nendsolid\n":                 redact.Malformed,
		"solid x\n" + strings.Replace(facet, "1.5", "1.5 "+secret, 1) + "\nendsolid " + secret: redact.Malformed,
	} {
		_, _, err := clean([]byte(in), redact.Treatment)
		wantRefusal(t, err, class)
	}
}

func plyHeader(format, eol string, lines ...string) string {
	all := append([]string{"ply", "format " + format + " 1.0", "comment made for " + secret, "obj_info " + secret}, lines...)
	return strings.Join(append(all, "end_header", ""), eol)
}

func TestBinaryPLY(t *testing.T) {
	lines := []string{
		"element vertex 2", "property float x", "property float y", "comment TextureFile C:\\" + secret + ".png",
		"property uchar red", "element face 2", "property list uchar int vertex_indices", "property ushort flags",
	}
	for format, order := range map[string]binary.AppendByteOrder{
		"binary_little_endian": binary.LittleEndian, "binary_big_endian": binary.BigEndian,
	} {
		var body []byte
		body = append(body, make([]byte, 2*9)...)
		for n := range 2 {
			body = append(body, byte(3+n))
			for i := range 3 + n {
				body = order.AppendUint32(body, uint32(i))
			}
			body = order.AppendUint16(body, 7)
		}
		for _, eol := range []string{"\n", "\r\n"} {
			in := plyHeader(format, eol, lines...) + string(body)
			got := mustClean(t, []byte(in+secret), PLY, commentRemoved, textureRemoved, trailerRemoved)
			want := strings.Join([]string{
				"ply", "format " + format + " 1.0", lines[0], lines[1], lines[2],
				lines[4], lines[5], lines[6], lines[7], "end_header", "",
			}, eol) + string(body)
			if string(got) != want {
				t.Errorf("got %q\nwant %q", got, want)
			}
			for cut := 1; cut <= len(body); cut++ {
				_, _, err := clean([]byte(in[:len(in)-cut]), redact.Treatment)
				wantRefusal(t, err, redact.Truncated)
			}
		}
	}
}

func TestASCIIPLY(t *testing.T) {
	head := []string{"element vertex 2", "property double x", "property double y", "element face 1", "property list uchar int vertex_indices"}
	in := plyHeader("ascii", "\n", head...) + "0 1\n2.5 -3e1\n3 0 1 0\n"
	got := mustClean(t, []byte(in+"for "+secret), PLY, commentRemoved, trailerRemoved)
	if !bytes.HasSuffix(got, []byte("end_header\n0 1\n2.5 -3e1\n3 0 1 0\n")) {
		t.Errorf("got %q", got)
	}
	for _, c := range []struct {
		in    string
		class redact.Class
	}{
		{strings.TrimSuffix(in, "3 0 1 0\n"), redact.Truncated},
		{strings.Replace(in, "0 1\n", "0 "+secret+"\n", 1), redact.Malformed},
		{strings.Replace(in, "0 1\n", "0 1 2\n", 1), redact.Malformed},
		{strings.Replace(in, "double y", "text "+secret, 1), redact.Malformed},
		{strings.Replace(in, "vertex 2", "vertex -2", 1), redact.Malformed},
		{strings.Replace(in, "element vertex", "element "+secret, 1), redact.Malformed},
		{in[:40], redact.Truncated},
	} {
		_, _, err := clean([]byte(c.in), redact.Treatment)
		wantRefusal(t, err, c.class)
	}
}

func TestOBJ(t *testing.T) {
	in := "# exported for " + secret + "\r\nmtllib C:\\patients\\" + secret + ".mtl\r\no " + secret + "\r\n" +
		"v 1 2 3 0.5 0.5 0.5\r\nv 4 5 6 # " + secret + "\r\nvn 0 0 1\r\n\r\ng upper " + secret + "\r\nusemtl " + secret + "\r\ns off\r\n" +
		"f 1//1 \\\r\n 2//1 1//1\r\ng lower\r\nusemtl x\r\nusemtl " + secret + "\r\nl 1 2\r\n"
	got := mustClean(t, []byte(in), OBJ, commentRemoved, nameRemoved, textureRemoved)
	want := "o part1\r\nv 1 2 3 0.5 0.5 0.5\r\nv 4 5 6 \r\nvn 0 0 1\r\n\r\ng part2 part1\r\nusemtl material3\r\ns off\r\n" +
		"f 1//1 \\\r\n 2//1 1//1\r\ng part4\r\nusemtl material5\r\nusemtl material3\r\nl 1 2\r\n"
	if string(got) != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for in, class := range map[string]redact.Class{
		"v 1 2 3\nv 1 2 " + secret + "\n":     redact.Malformed,
		"v 1 2 3\npatient " + secret + "\n":   redact.Unsupported,
		"v 1 2 3\nf 1 2 \\\n":                 redact.Truncated,
		"v 1 2 3\n# a \\\n" + secret + "\n":   redact.Unsupported,
		"v 1 2 3\ns " + secret + "\n":         redact.Malformed,
		"v 1 2 3\nf 1 2 3 \\\n" + secret + "": redact.Malformed,
	} {
		_, _, err := clean([]byte(in), redact.Treatment)
		wantRefusal(t, err, class)
	}
}

func TestProfiles(t *testing.T) {
	b := binSTL("x", 3)
	for _, p := range []redact.Profile{redact.LimitedSet, redact.Deidentified, "unheard of"} {
		_, _, err := clean(b, p)
		wantRefusal(t, err, redact.Undecided)
	}
	for _, p := range []redact.Profile{redact.PatientAccess, redact.Authorization, redact.Payment, redact.Operations} {
		if _, _, err := clean(b, p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	for _, in := range []string{"", "hello", "%PDF-1.7", strings.Repeat("all sorts of text, line by line\n", 200), strings.Repeat("PK\x03\x04", 100)} {
		if f, ok := Sniff([]byte(in)); ok {
			t.Errorf("%.20q is taken for %s", in, f)
		}
		_, _, err := clean([]byte(in), redact.Treatment)
		wantRefusal(t, err, redact.Unsupported)
	}
}

// changing is a source that is another one after the first reading.
type changing struct {
	*bytes.Reader
	reads int
}

func (c *changing) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(b, off)
	if c.reads++; c.reads > 2 {
		copy(b[:n], bytes.ReplaceAll(b[:n], []byte("v 1 2 3\n"), []byte("# 1 2 3\n")))
	}
	return n, err
}

func TestSourceChanges(t *testing.T) {
	src := &changing{Reader: bytes.NewReader([]byte("v 0 0 0\nv 1 2 3\n"))}
	out, err := Clean(context.Background(), src, redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(out.Body); err == nil {
		t.Error("the change went unseen")
	}
}

func TestContextEnds(t *testing.T) {
	for _, b := range [][]byte{binSTL("x", 3), []byte("v 1 2 3\n")} {
		ctx, cancel := context.WithCancel(context.Background())
		out, err := Clean(ctx, bytes.NewReader(b), redact.Treatment)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.ReadAll(out.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the end of the context", err)
		}
	}
}

func FuzzSTL(f *testing.F) {
	f.Add(binSTL(secret, 3))
	f.Add(spelled(secret, 1))
	f.Add([]byte("solid " + secret + "\n" + facet + "endsolid\n"))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzOne(t, b, STL) })
}

func FuzzPLY(f *testing.F) {
	f.Add([]byte(plyHeader("ascii", "\n", "element vertex 1", "property float x", "element note 1", "property uchar c") + "1\n65\n"))
	f.Add([]byte(plyHeader("binary_little_endian", "\n", "element face 1", "property list uchar int i") + "\x01\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzOne(t, b, PLY) })
}

func FuzzOBJ(f *testing.F) {
	f.Add([]byte("o " + secret + "\nv 1 2 3\nf 1 1 1\n"))
	f.Add([]byte("mtllib a b.mtl\r\nv 1 2 3 # x\r\ng a b\r\nf 1/1/1 \\\r\n 2//1 -1\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzOne(t, b, OBJ) })
}

// fuzzOne asks of any input: no panic, a refusal or an output of the promised
// size that is clean already.
func fuzzOne(t *testing.T, b []byte, format string) {
	if f, _ := Sniff(b); f != format {
		return
	}
	got, _, err := clean(b, redact.Treatment)
	if err != nil {
		if _, ok := errors.AsType[*redact.Refusal](err); !ok {
			t.Errorf("an error that is no refusal: %v", err)
		}
		return
	}
	again, report, err := clean(got, redact.Treatment)
	if err != nil || !bytes.Equal(got, again) || len(report.Removed) != 0 {
		t.Errorf("cleaning twice is not cleaning once: %v, %v\n%q", err, report.Removed, got)
	}
}

func BenchmarkASCIISTL(b *testing.B) {
	in := []byte("solid x\n" + strings.Repeat(facet, 10000) + "endsolid\n")
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, _, err := clean(in, redact.Treatment); err != nil {
			b.Fatal(err)
		}
	}
}
