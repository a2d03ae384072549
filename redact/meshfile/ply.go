package meshfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"strings"

	"chartseal/redact"
	"chartseal/redact/splice"
)

const (
	maxPLYHeader = 1 << 20
	maxPLYLines  = 10_000
)

// ply is a PLY file being read.
type ply struct {
	scan     *splice.Scanner
	header   bytes.Buffer // of the output
	format   string
	elements []plyElement
	renamed  int
	body     *splice.Plan
	t        tally
}

// cleanPLY writes the header without comments and keeps the body as it is,
// after checking that it is as long as the header says.
func cleanPLY(ctx context.Context, src redact.Source, t tally) (*redact.Output, error) {
	p := &ply{scan: splice.NewScanner(ctx, src, src.Size()), t: t}
	if err := p.readHeader(); err != nil {
		return nil, err
	}
	p.body = splice.New(src)
	p.body.Literal(p.header.Bytes())
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
	if p.scan.Left() > 0 {
		t[trailerRemoved]++
	}
	return &redact.Output{Size: p.body.Size(), Body: p.body.Body(ctx)}, nil
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

// walkText moves over the lines of an ASCII body.
func (p *ply) walkText() error {
	for _, e := range p.elements {
		from := p.scan.Pos()
		for range e.count {
			line, err := p.textLine()
			if err != nil {
				return err
			}
			if e.dropped {
				continue
			}
			n := len(strings.Fields(string(line)))
			if !numeric(string(line)) || n < len(e.props) || e.stride() > 0 && n > len(e.props) {
				return malformed("the scan has text where numbers belong")
			}
		}
		p.keep(e, from)
	}
	return nil
}

// keep plans what an element takes, from an offset to where the scanner stands.
func (p *ply) keep(e plyElement, from int64) {
	if !e.dropped {
		p.body.Range(from, p.scan.Pos()-from)
	}
}

// walkBinary moves over a binary body. Elements without lists are skipped in
// one step.
func (p *ply) walkBinary(order binary.ByteOrder) error {
	for _, e := range p.elements {
		from := p.scan.Pos()
		if stride := e.stride(); stride > 0 || len(e.props) == 0 {
			if stride > 0 && e.count > p.scan.Left()/stride {
				return io.ErrUnexpectedEOF
			}
			p.scan.MoveTo(p.scan.Pos() + e.count*stride)
			p.keep(e, from)
			continue
		}
		for range e.count {
			if err := p.walkElement(e, order); err != nil {
				return err
			}
		}
		p.keep(e, from)
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
