package dcm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// charsets are the defined terms of (0008,0005) this package can encode
// (PS3.3 C.12.1.1.2). ISO_IR 192 is UTF-8.
var charsets = map[string]encoding.Encoding{
	"":           nil,
	"ISO_IR 6":   nil,
	"ISO_IR 100": charmap.ISO8859_1,
	"ISO_IR 101": charmap.ISO8859_2,
	"ISO_IR 144": charmap.ISO8859_5,
	"ISO_IR 192": encoding.Nop,
}

const undefined = 0xFFFFFFFF

type encoder struct {
	implicit  bool
	undefined bool // sequences and items of undefined length
	charset   encoding.Encoding
}

// element appends one element to buf. Streams must be written by the caller.
func (enc *encoder) element(buf *bytes.Buffer, e Element) error {
	switch v := e.Value.(type) {
	case []Dataset:
		return enc.sequence(buf, e.Attr, v)
	case Fragments:
		enc.fragments(buf, e.Attr, v)
		return nil
	}
	b, err := enc.value(e)
	if err != nil {
		return fmt.Errorf("encode (%04X,%04X): %w", e.Tag>>16, e.Tag&0xFFFF, err)
	}
	if err := enc.header(buf, e.Attr, uint32(len(b))); err != nil {
		return err
	}
	buf.Write(b)
	return nil
}

// header appends tag, VR and length (PS3.5 section 7.1).
func (enc *encoder) header(buf *bytes.Buffer, a Attr, length uint32) error {
	var h [12]byte
	binary.LittleEndian.PutUint16(h[0:], uint16(a.Tag>>16))
	binary.LittleEndian.PutUint16(h[2:], uint16(a.Tag))
	switch {
	case enc.implicit:
		binary.LittleEndian.PutUint32(h[4:], length)
		buf.Write(h[:8])
	case long(a.VR):
		copy(h[4:], a.VR)
		binary.LittleEndian.PutUint32(h[8:], length)
		buf.Write(h[:12])
	default:
		if length > math.MaxUint16 {
			return errors.New("value too long for its representation")
		}
		copy(h[4:], a.VR)
		binary.LittleEndian.PutUint16(h[6:], uint16(length))
		buf.Write(h[:8])
	}
	return nil
}

// long reports the representations with a 32-bit length (PS3.5 table 7.1-1).
func long(vr string) bool {
	switch vr {
	case "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV":
		return true
	}
	return false
}

func (enc *encoder) sequence(buf *bytes.Buffer, a Attr, items []Dataset) error {
	var body bytes.Buffer
	for _, item := range items {
		var inner bytes.Buffer
		for _, e := range item.sorted() {
			if err := enc.element(&inner, e); err != nil {
				return err
			}
		}
		enc.item(&body, inner.Bytes())
	}
	if enc.undefined {
		if err := enc.header(buf, a, undefined); err != nil {
			return err
		}
		buf.Write(body.Bytes())
		delimiter(buf, 0xE0DD, 0)
		return nil
	}
	if err := enc.header(buf, a, uint32(body.Len())); err != nil {
		return err
	}
	buf.Write(body.Bytes())
	return nil
}

func (enc *encoder) item(buf *bytes.Buffer, body []byte) {
	if enc.undefined {
		delimiter(buf, 0xE000, undefined)
		buf.Write(body)
		delimiter(buf, 0xE00D, 0)
		return
	}
	delimiter(buf, 0xE000, uint32(len(body)))
	buf.Write(body)
}

// delimiter appends one of the tags without representation (PS3.5 section 7.5).
func delimiter(buf *bytes.Buffer, element uint16, length uint32) {
	var h [8]byte
	binary.LittleEndian.PutUint16(h[0:], 0xFFFE)
	binary.LittleEndian.PutUint16(h[2:], element)
	binary.LittleEndian.PutUint32(h[4:], length)
	buf.Write(h[:])
}

// fragments appends encapsulated pixel data: always explicit, OB, undefined
// length, offset table first (PS3.5 A.4).
func (enc *encoder) fragments(buf *bytes.Buffer, a Attr, frames Fragments) {
	explicit := encoder{}
	_ = explicit.header(buf, Attr{a.Tag, "OB"}, undefined) // OB: length always fits
	table := make([]byte, 4*len(frames))
	offset := uint32(0)
	for i, f := range frames {
		binary.LittleEndian.PutUint32(table[4*i:], offset)
		offset += 8 + uint32(len(f)+len(f)%2)
	}
	delimiter(buf, 0xE000, uint32(len(table)))
	buf.Write(table)
	for _, f := range frames {
		f = even(f, 0)
		delimiter(buf, 0xE000, uint32(len(f)))
		buf.Write(f)
	}
	delimiter(buf, 0xE0DD, 0)
}

func (enc *encoder) value(e Element) ([]byte, error) {
	le := binary.LittleEndian
	switch v := e.Value.(type) {
	case nil:
		return nil, nil
	case string:
		return enc.text(e.VR, v)
	case int:
		return enc.text(e.VR, strconv.Itoa(v))
	case []byte:
		return even(v, 0), nil
	case uint16:
		return le.AppendUint16(nil, v), nil
	case int16:
		return le.AppendUint16(nil, uint16(v)), nil
	case uint32:
		if e.VR == "AT" { // a tag: group first
			return le.AppendUint16(le.AppendUint16(nil, uint16(v>>16)), uint16(v)), nil
		}
		return le.AppendUint32(nil, v), nil
	case float32:
		return le.AppendUint32(nil, math.Float32bits(v)), nil
	case float64:
		return le.AppendUint64(nil, math.Float64bits(v)), nil
	case []uint16:
		out := make([]byte, 0, 2*len(v))
		for _, x := range v {
			out = le.AppendUint16(out, x)
		}
		return out, nil
	case []uint32:
		out := make([]byte, 0, 4*len(v))
		for _, x := range v {
			out = le.AppendUint32(out, x)
		}
		return out, nil
	case []float64:
		out := make([]byte, 0, 8*len(v))
		for _, x := range v {
			out = le.AppendUint64(out, math.Float64bits(x))
		}
		return out, nil
	}
	return nil, fmt.Errorf("no encoding for %T", e.Value)
}

// text encodes and pads a string: UI with NUL, others with a space (PS3.5 6.2).
func (enc *encoder) text(vr, s string) ([]byte, error) {
	pad := byte(' ')
	if vr == "UI" || vr == "OB" || vr == "UN" {
		pad = 0
	}
	switch vr {
	case "SH", "LO", "ST", "LT", "UC", "UT", "PN":
		if enc.charset != nil {
			b, err := enc.charset.NewEncoder().Bytes([]byte(s))
			if err != nil {
				return nil, fmt.Errorf("encode text: %w", err)
			}
			return even(b, pad), nil
		}
	}
	for i := range len(s) {
		if s[i] >= 0x80 && vr != "UN" && vr != "OB" {
			return nil, errors.New("text beyond ASCII without a character set")
		}
	}
	return even([]byte(s), pad), nil
}

func even(b []byte, pad byte) []byte {
	if len(b)%2 == 0 {
		return b
	}
	return append(slices.Clip(b), pad)
}
