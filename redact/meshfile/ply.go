package meshfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"regexp"
	"strconv"
	"strings"

	"chartseal/redact"
	"chartseal/redact/splice"
)

const (
	maxPLYHeader = 1 << 20
	maxPLYLines  = 10_000
)

// plySizes are the bytes of the types, in both generations of names.
var plySizes = map[string]int64{
	"char": 1, "uchar": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4, "float": 4, "double": 8,
	"int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "float32": 4, "float64": 8,
}

// plyName is what programs call elements and properties.
var plyName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,31}$`)

// plyElement is one element of the header.
type plyElement struct {
	count int64
	props []plyProperty
}

// plyProperty is a value of size bytes, or a list of them after a count of
// list bytes.
type plyProperty struct{ list, size int64 }

// stride returns the bytes of one element, 0 if it holds lists.
func (e plyElement) stride() int64 {
	var n int64
	for _, p := range e.props {
		if p.list > 0 {
			return 0
		}
		n += p.size
	}
	return n
}

// ply is a PLY file being read.
type ply struct {
	scan     *splice.Scanner
	header   bytes.Buffer // of the output
	format   string
	elements []plyElement
	t        tally
}

// cleanPLY writes the header without comments and keeps the body as it is,
// after checking that it is as long as the header says.
func cleanPLY(ctx context.Context, src redact.Source, t tally) (*redact.Output, error) {
	p := &ply{scan: splice.NewScanner(ctx, src, src.Size()), t: t}
	if err := p.readHeader(); err != nil {
		return nil, err
	}
	from := p.scan.Pos()
	var err error
	switch p.format {
	case "ascii":
		err = p.walkText()
	case "binary_little_endian":
		err = p.walkBinary(binary.LittleEndian)
	case "binary_big_endian":
		err = p.walkBinary(binary.BigEndian)
	default:
		err = malformed("the header of the scan does not name its format")
	}
	if err != nil {
		return nil, err
	}
	to := p.scan.Pos()
	if p.scan.Left() > 0 {
		t[trailerRemoved]++
	}
	plan := splice.New(src)
	plan.Literal(p.header.Bytes())
	plan.Range(from, to-from)
	return &redact.Output{Size: plan.Size(), Body: plan.Body(ctx)}, nil
}

// readHeader reads up to end_header and writes the header of the output.
func (p *ply) readHeader() error {
	for n := 0; ; n++ {
		if p.scan.Pos() > maxPLYHeader || n > maxPLYLines {
			return malformed("the header of the scan is too long")
		}
		line, err := p.textLine()
		if err != nil {
			return err
		}
		keep, err := p.headerLine(strings.Fields(string(line)), n)
		if err != nil {
			return err
		}
		if keep {
			p.header.Write(line)
		}
		if strings.TrimSpace(string(line)) == "end_header" {
			return nil
		}
	}
}

// textLine reads a line with its end; the last one may have none.
func (p *ply) textLine() ([]byte, error) {
	var out []byte
	for {
		w, err := p.scan.Window(1)
		if err != nil {
			return nil, err
		}
		i := bytes.IndexByte(w, '\n') + 1
		if i == 0 {
			i = len(w)
		}
		out = append(out, w[:i]...)
		p.scan.MoveTo(p.scan.Pos() + int64(i))
		if out[len(out)-1] == '\n' || p.scan.Left() == 0 {
			return out, nil
		}
		if len(out) > maxLine {
			return nil, malformed("a line of the scan is too long")
		}
	}
}

// headerLine takes one line in and reports whether it stays.
func (p *ply) headerLine(words []string, n int) (bool, error) {
	bad := malformed("the header of the scan is broken")
	if len(words) == 0 {
		return false, nil
	}
	switch key := words[0]; {
	case key == "ply" && n == 0 && len(words) == 1, key == "end_header" && len(words) == 1:
		return true, nil
	case key == "comment" || key == "obj_info":
		p.dropComment(words)
		return false, nil
	case key == "format" && len(words) == 3 && number(words[2]):
		p.format = words[1]
		return true, nil
	case key == "element" && len(words) == 3 && plyName.MatchString(words[1]):
		count, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil || count < 0 || count > 1<<40 {
			return false, bad
		}
		p.elements = append(p.elements, plyElement{count: count})
		return true, nil
	case key == "property" && len(p.elements) > 0:
		prop, ok := plyPropertyOf(words)
		if !ok {
			return false, bad
		}
		e := &p.elements[len(p.elements)-1]
		e.props = append(e.props, prop)
		return true, nil
	}
	return false, bad
}

func (p *ply) dropComment(words []string) {
	if len(words) > 1 && strings.EqualFold(words[1], "TextureFile") {
		p.t[textureRemoved]++
		return
	}
	p.t[commentRemoved]++
}

func plyPropertyOf(words []string) (plyProperty, bool) {
	switch {
	case len(words) == 3 && plySizes[words[1]] > 0 && plyName.MatchString(words[2]):
		return plyProperty{size: plySizes[words[1]]}, true
	case len(words) == 5 && words[1] == "list" && plySizes[words[2]] > 0 && plySizes[words[3]] > 0 && plyName.MatchString(words[4]):
		integer := !strings.HasPrefix(words[2], "float") && words[2] != "double"
		return plyProperty{list: plySizes[words[2]], size: plySizes[words[3]]}, integer
	}
	return plyProperty{}, false
}

// walkText moves over the lines of an ASCII body.
func (p *ply) walkText() error {
	for _, e := range p.elements {
		for range e.count {
			line, err := p.textLine()
			if err != nil {
				return err
			}
			n := len(strings.Fields(string(line)))
			if !numeric(string(line)) || n < len(e.props) || e.stride() > 0 && n > len(e.props) {
				return malformed("the scan has text where numbers belong")
			}
		}
	}
	return nil
}

// walkBinary moves over a binary body. Elements without lists are skipped in
// one step.
func (p *ply) walkBinary(order binary.ByteOrder) error {
	for _, e := range p.elements {
		if stride := e.stride(); stride > 0 || len(e.props) == 0 {
			if stride > 0 && e.count > p.scan.Left()/stride {
				return io.ErrUnexpectedEOF
			}
			p.scan.MoveTo(p.scan.Pos() + e.count*stride)
			continue
		}
		for range e.count {
			if err := p.walkElement(e, order); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *ply) walkElement(e plyElement, order binary.ByteOrder) error {
	for _, prop := range e.props {
		n := prop.size
		if prop.list > 0 {
			w, err := p.scan.Window(int(prop.list))
			if err != nil {
				return err
			}
			count := listCount(w[:prop.list], order)
			p.scan.MoveTo(p.scan.Pos() + prop.list)
			n = count * prop.size
		}
		if n > p.scan.Left() {
			return io.ErrUnexpectedEOF
		}
		p.scan.MoveTo(p.scan.Pos() + n)
	}
	return nil
}

func listCount(b []byte, order binary.ByteOrder) int64 {
	switch len(b) {
	case 1:
		return int64(b[0])
	case 2:
		return int64(order.Uint16(b))
	}
	return int64(order.Uint32(b))
}
