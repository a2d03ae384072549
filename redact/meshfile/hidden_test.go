package meshfile

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"chartseal/redact"
)

// spelled is a binary STL whose attribute bytes spell s, one byte of it every
// step bytes.
func spelled(s string, step int) []byte {
	row := make([]byte, len(s)*step+1)
	for i := range len(s) {
		row[i*step] = s[i]
	}
	b := binSTL("x", 100)
	for i := range 100 {
		at := 84 + stlTriangle*i + 48
		copy(b[at:at+2], make([]byte, 2))
		if i >= 40 && 2*(i-40) < len(row) {
			copy(b[at:at+2], row[2*(i-40):])
		}
	}
	return b
}

func TestSTLAttributesThatSpell(t *testing.T) {
	for name, in := range map[string][]byte{
		"bytes": spelled(secret, 1), "UTF-16": spelled(secret, 2), "UTF-16 of the other order": spelled("\x00"+strings.Join(strings.Split(secret, ""), "\x00"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			got := mustClean(t, in, STL, attrRemoved)
			for i := range 100 {
				at := 84 + stlTriangle*i
				if !bytes.Equal(got[at:at+48], in[at:at+48]) {
					t.Fatalf("triangle %d changed", i)
				}
				if got[at+48] != 0 || got[at+49] != 0 {
					t.Fatalf("attribute bytes of triangle %d stayed", i)
				}
			}
			out, err := Clean(t.Context(), bytes.NewReader(in), redact.Treatment)
			if err != nil {
				t.Fatal(err)
			}
			at, ok := out.Body.(io.ReaderAt)
			if !ok {
				t.Fatal("the body cannot be read at random")
			}
			part := make([]byte, 333)
			if _, err := at.ReadAt(part, 2100); err != nil || !bytes.Equal(part, got[2100:2433]) {
				t.Errorf("reading at random gives something else, %v", err)
			}
		})
	}
}

// TestSTLAttributesThatStay has colours of VisCAM and of Magics, numbers of
// teeth and counts.
func TestSTLAttributesThatStay(t *testing.T) {
	for name, value := range map[string]func(i int) uint16{
		"VisCAM":  func(i int) uint16 { return 0x8000 | uint16(i*7919) },
		"teeth":   func(i int) uint16 { return uint16(11 + i/3%38) },
		"regions": func(i int) uint16 { return uint16(i) },
	} {
		t.Run(name, func(t *testing.T) {
			b := binSTL("x", 2000)
			for i := range 2000 {
				binary.LittleEndian.PutUint16(b[84+stlTriangle*i+48:], value(i))
			}
			if name == "regions" {
				b = b[:84+stlTriangle*90]
				binary.LittleEndian.PutUint32(b[80:], 90)
			}
			if got := mustClean(t, b, STL, headerRemoved); !bytes.Equal(got[80:], b[80:]) {
				t.Error("the attribute bytes changed")
			}
		})
	}
	magics := spelled("COLOURSOFATOOTH", 1)
	copy(magics, "COLOR=\x10\x20\x30\xff,MATERIAL=")
	if got := mustClean(t, magics, STL, headerRemoved); !bytes.Equal(got[80:], magics[80:]) {
		t.Error("colours of Magics changed")
	}
}

func TestPLYBesideTheMesh(t *testing.T) {
	note := strings.ToLower(strings.Replace(secret, "-", "_", 1))
	lines := []string{
		"element vertex 1", "property float x", "property float " + note,
		"element " + note + " 13", "property uchar letter",
		"element face 1", "property list uchar int vertex_indices", "property float second_" + note,
	}
	kept := []string{
		"element vertex 1", "property float x", "property float property1",
		"element face 1", "property list uchar int vertex_indices", "property float property2",
	}
	for format, body := range map[string][3]string{
		"ascii":                {"1 2\n", strings.Repeat("65\n", 13), "1 0 3\n"},
		"binary_little_endian": {"ABCDEFGH", secret, "\x01\x00\x00\x00\x00wxyz"},
	} {
		in := plyHeader(format, "\n", lines...) + body[0] + body[1] + body[2]
		got := mustClean(t, []byte(in), PLY, extraRemoved, nameRemoved)
		want := strings.Join(append(append([]string{"ply", "format " + format + " 1.0"}, kept...), "end_header", ""), "\n") + body[0] + body[2]
		if string(got) != want {
			t.Errorf("got %q\nwant %q", got, want)
		}
	}
	for _, more := range []string{"property uchar " + note, "property list uchar char " + note} {
		_, _, err := clean([]byte(plyHeader("ascii", "\n", "element vertex 1", "property float x", more)+"1 1 65\n"), redact.Treatment)
		wantRefusal(t, err, redact.Unsupported)
	}
	for _, bad := range []string{"comment a\relement vertex 1", "format ascii 1.0198403"} {
		_, _, err := clean([]byte(plyHeader("ascii", "\n", bad, "element vertex 1", "property float x")+"1\n"), redact.Treatment)
		wantRefusal(t, err, redact.Malformed)
	}
}

// TestTwoWaysToEndALine: a program that takes a lone carriage return for the end
// of a line sees another file than one that does not.
func TestTwoWaysToEndALine(t *testing.T) {
	for _, in := range []string{
		"v 1 2 3\no part\rv 4 5 6\n", "v 1 2 3\n# a comment\rv 4 5 6\n", "solid x\r\n" + facet + "# x\r" + facet + "endsolid x\r\n",
	} {
		_, _, err := clean([]byte(in), redact.Treatment)
		wantRefusal(t, err, redact.Malformed)
	}
}
