package pdffile

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
)

// The file is written here and not by pdfcpu, so that nothing but the objects
// of the document is in it: no information dictionary, no date, no name of a
// program, no trace of the source. The same document gives the same bytes.

// counter counts what passes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// writeTo writes the document as a file with a cross-reference table
// (ISO 32000-1:2008 sections 7.5.2 to 7.5.5).
func (d *document) writeTo(w io.Writer) (int64, error) {
	cw := &counter{w: w}
	p := &printer{Writer: bufio.NewWriterSize(cw, 64<<10)}
	offset := func() int64 { return cw.n + int64(p.Buffered()) }
	p.str("%PDF-" + d.version + "\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int64, len(d.objects))
	for i, o := range d.objects {
		offsets[i] = offset()
		p.str(strconv.Itoa(i+1) + " 0 obj\n")
		if err := p.object(o, 0); err != nil {
			return 0, err
		}
		p.str("\nendobj\n")
	}
	at := offset()
	if at > 9_999_999_999 {
		return 0, redact.Refuse(redact.TooLarge, "the PDF is too large to be cleaned")
	}
	p.str(fmt.Sprintf("xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1))
	for _, off := range offsets {
		p.str(fmt.Sprintf("%010d 00000 n \n", off))
	}
	p.str(fmt.Sprintf("trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, int(d.root.ObjectNumber), at))
	err := p.Flush()
	return cw.n, err
}

// printer writes objects (section 7.3). Errors of a bufio.Writer are sticky
// and come out of Flush.
type printer struct{ *bufio.Writer }

func (p *printer) str(s string) { _, _ = p.WriteString(s) }

func (p *printer) object(o types.Object, depth int) error {
	if depth > 2*maxDepth {
		return redact.Refuse(redact.TooLarge, "the PDF is nested too deeply")
	}
	switch o := o.(type) {
	case nil:
		p.str("null")
	case types.Boolean:
		p.str(strconv.FormatBool(bool(o)))
	case types.Integer:
		p.str(strconv.Itoa(int(o)))
	case types.Float:
		p.str(strconv.FormatFloat(float64(o)+0, 'f', -1, 64)) // +0 turns -0 into 0
	case types.Name:
		p.name(string(o))
	case types.StringLiteral, types.HexLiteral:
		b, err := stringBytes(o)
		if err != nil {
			return err
		}
		p.str("<" + hex.EncodeToString(b) + ">")
	case types.IndirectRef:
		p.str(strconv.Itoa(int(o.ObjectNumber)) + " 0 R")
	case types.Array:
		return p.array(o, depth)
	case types.Dict:
		return p.dict(o, "", depth)
	case types.StreamDict:
		return p.stream(o, depth)
	default:
		return redact.Refuse(redact.Malformed, "the PDF holds a part of an unknown kind")
	}
	return nil
}

func (p *printer) array(a types.Array, depth int) error {
	p.str("[")
	for i, e := range a {
		if i > 0 {
			p.str(" ")
		}
		if err := p.object(e, depth+1); err != nil {
			return err
		}
	}
	p.str("]")
	return nil
}

// dict writes a dictionary in the order of its keys; extra comes first.
func (p *printer) dict(d types.Dict, extra string, depth int) error {
	p.str("<<" + extra)
	for _, k := range slices.Sorted(maps.Keys(d)) {
		p.name(k)
		p.str(" ")
		if err := p.object(d[k], depth+1); err != nil {
			return err
		}
	}
	p.str(">>")
	return nil
}

func (p *printer) stream(sd types.StreamDict, depth int) error {
	if err := p.dict(sd.Dict, "/Length "+strconv.Itoa(len(sd.Raw)), depth); err != nil {
		return err
	}
	p.str("\nstream\n")
	_, _ = p.Write(sd.Raw)
	p.str("\nendstream")
	return nil
}

// name writes a name (section 7.3.5).
func (p *printer) name(s string) {
	p.str("/")
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("()<>[]{}/%#", c) >= 0 {
			p.str(fmt.Sprintf("#%02x", c))
		} else {
			_ = p.WriteByte(c)
		}
	}
}

// stringBytes returns the bytes of a string object (section 7.3.4).
func stringBytes(o types.Object) ([]byte, error) {
	switch o := o.(type) {
	case types.StringLiteral:
		b, err := types.Unescape(string(o))
		if err != nil {
			return nil, redact.Refuse(redact.Malformed, "a text in the PDF cannot be read")
		}
		return b, nil
	case types.HexLiteral:
		s := strings.Map(func(r rune) rune {
			if r <= ' ' {
				return -1
			}
			return r
		}, string(o))
		if len(s)%2 == 1 {
			s += "0"
		}
		b, err := hex.DecodeString(s)
		if err != nil {
			return nil, redact.Refuse(redact.Malformed, "a text in the PDF cannot be read")
		}
		return b, nil
	}
	return nil, nil
}
