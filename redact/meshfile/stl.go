package meshfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"strings"

	"chartseal/redact"
	"chartseal/redact/splice"
)

// Layout of a binary STL: 80 bytes of header, a count, triangles of 12 floats
// and two attribute bytes, little endian.
const (
	stlHeader   = 80
	stlTriangle = 50
	// stlMost bounds the count: 5 GB. It is below every count that four bytes
	// of text would give, so text is never taken for a binary STL.
	stlMost = 100_000_000
)

// binarySTL reports whether head looks like a binary STL: a possible count,
// and triangles with sane coordinates and normals no longer than one.
func binarySTL(head []byte) bool {
	if len(head) < stlHeader+4+stlTriangle {
		return false
	}
	n := int(binary.LittleEndian.Uint32(head[stlHeader:]))
	if n == 0 || n > stlMost {
		return false
	}
	b := head[stlHeader+4:]
	for range min(n, len(b)/stlTriangle) {
		var length float64
		for i := range 12 {
			v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
			if i < 3 {
				length += v * v
			} else if math.IsNaN(v) || math.Abs(v) > 1e7 {
				return false
			}
		}
		if length > 1.1 { // NaN compares false: normals of slivers
			return false
		}
		b = b[stlTriangle:]
	}
	return true
}

// cleanSTL blanks the header and keeps the triangles, attribute bytes
// included: VisCAM and Magics put colours there, others numbers of regions. If
// they read as text, they are set to zero.
func cleanSTL(ctx context.Context, src redact.Source, t tally) (*redact.Output, error) {
	var head [stlHeader + 4]byte
	if _, err := src.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	size := int64(len(head)) + stlTriangle*int64(binary.LittleEndian.Uint32(head[stlHeader:]))
	if size > src.Size() {
		return nil, io.ErrUnexpectedEOF
	}
	if size < src.Size() {
		t[trailerRemoved]++
	}
	neutral := neutralHeader(head[:stlHeader])
	if !bytes.Equal(neutral, head[:stlHeader]) {
		t[headerRemoved]++
	}
	p := splice.New(src)
	p.Literal(neutral)
	p.Range(stlHeader, size-stlHeader)
	if !bytes.HasPrefix(neutral, []byte(magicsColor)) {
		text, err := textInAttributes(ctx, io.NewSectionReader(src, int64(len(head)), size-int64(len(head))))
		if err != nil {
			return nil, err
		}
		if text {
			t[attrRemoved]++
			return &redact.Output{Size: p.Size(), Body: &blankAttributes{Body: p.Body(ctx)}}, nil
		}
	}
	return &redact.Output{Size: p.Size(), Body: p.Body(ctx)}, nil
}

// magicsColor is how Magics marks the colour of the whole object in the header.
const magicsColor = "COLOR="

// neutralHeader returns zero bytes, so that it cannot begin with "solid", but
// for the colour and material of the whole object that Magics puts behind
// "COLOR=" and "MATERIAL=": they decide how attribute bytes are read. They are
// taken for colours when each ends in an opaque or a clear alpha, which no
// text does.
func neutralHeader(h []byte) []byte {
	out := make([]byte, 0, stlHeader)
	for _, m := range []struct {
		mark string
		n    int
	}{{magicsColor, 4}, {"MATERIAL=", 12}} {
		at := bytes.Index(h, []byte(m.mark))
		if end := at + len(m.mark) + m.n; at >= 0 && end <= len(h) && colours(h[end-m.n:end]) {
			out = append(out, h[at:end]...)
		}
	}
	return append(out, make([]byte, stlHeader-len(out))...)
}

// colours reports whether b is a row of RGBA values.
func colours(b []byte) bool {
	for ; len(b) >= 4; b = b[4:] {
		if b[3] != 0 && b[3] != 255 {
			return false
		}
	}
	return true
}

// stlText cleans an ASCII STL: the words that make up triangles stay, names of
// solids and comments go.
type stlText struct {
	state  int // index into stlOrder of the line that is expected
	inside bool
	solids int
}

// stlOrder is the body of a solid: keywords and how many numbers follow.
var stlOrder = []struct {
	words   []string
	numbers int
}{
	{[]string{"facet", "normal"}, 3},
	{[]string{"outer", "loop"}, 0},
	{[]string{"vertex"}, 3},
	{[]string{"vertex"}, 3},
	{[]string{"vertex"}, 3},
	{[]string{"endloop"}, 0},
	{[]string{"endfacet"}, 0},
}

func (s *stlText) line(b []byte, t tally) ([]byte, error) {
	text, eol := splitEOL(b)
	words := strings.Fields(text)
	switch {
	case len(words) == 0:
		return eol, nil
	case strings.HasPrefix(words[0], "#") || strings.HasPrefix(words[0], ";") || strings.HasPrefix(words[0], "//"):
		t[commentRemoved]++
		return nil, nil
	case s.state == 0 && strings.EqualFold(words[0], "solid") && !s.inside,
		s.state == 0 && strings.EqualFold(words[0], "endsolid") && s.inside:
		return s.solid(text, words, eol, t), nil
	case s.solids > 0 && !s.inside:
		t[trailerRemoved]++
		return nil, nil
	}
	return b, s.triangle(words)
}

func (s *stlText) solid(text string, words []string, eol []byte, t tally) []byte {
	s.inside = !s.inside
	keyword := strings.ToLower(words[0])
	if s.inside {
		s.solids++
	}
	neutral := keyword + " scan"
	if text != neutral && len(words) > 1 {
		t[nameRemoved]++
	}
	return append([]byte(neutral), eol...)
}

// triangle checks one line of a facet.
func (s *stlText) triangle(words []string) error {
	want := stlOrder[s.state]
	n := len(want.words)
	if !s.inside || len(words) < n || !slices.EqualFunc(words[:n], want.words, strings.EqualFold) {
		return malformed("the text of the scan does not follow the rules of STL")
	}
	if len(words) != n+want.numbers || slices.ContainsFunc(words[n:], notNumber) {
		return malformed("the scan has text where numbers belong")
	}
	s.state = (s.state + 1) % len(stlOrder)
	return nil
}

func (s *stlText) end() error {
	if s.inside || s.solids == 0 {
		return io.ErrUnexpectedEOF
	}
	return nil
}
