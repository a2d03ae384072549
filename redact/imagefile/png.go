package imagefile

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"

	"chartseal/redact"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngKept are the chunks that decide how the picture looks, with the lengths
// the PNG specification (third edition, section 11) gives them.
var pngKept = map[string]func(n int64) bool{
	"IHDR": exactly(13),
	"PLTE": func(n int64) bool { return n > 0 && n <= 768 && n%3 == 0 },
	"IDAT": func(int64) bool { return true },
	"IEND": exactly(0),
	"tRNS": func(n int64) bool { return n > 0 && n <= 256 },
	"gAMA": exactly(4),
	"cHRM": exactly(32),
	"sRGB": exactly(1),
	"sBIT": func(n int64) bool { return n > 0 && n <= 4 },
	"pHYs": exactly(9),
	"cICP": exactly(4),
	"bKGD": func(n int64) bool { return n == 1 || n == 2 || n == 6 },
}

func exactly(want int64) func(int64) bool { return func(n int64) bool { return n == want } }

// pngDropped says as what a chunk is counted that goes.
var pngDropped = map[string]redact.Removal{
	"eXIf": exifRemoved, "tEXt": commentRemoved, "zTXt": commentRemoved, "iTXt": commentRemoved, "tIME": timeRemoved,
}

// chunk is one chunk as it lies in the file.
type chunk struct {
	typ string
	off int64 // of its length field
	n   int64 // of its data
}

func (k chunk) whole() (off, n int64) { return k.off, k.n + 12 }

// png is one walk over a PNG file.
type png struct {
	*cleaning
	header []byte // IHDR data
	idat   []chunk
	after  bool // a chunk other than IDAT followed IDAT
	colour bool // a colour profile has been kept
}

// cleanPNG plans a PNG of the chunks in pngKept, with every checksum checked
// and the image data inflated once to see that it is whole and ends where it
// should: bytes behind the picture are where cropped parts survive.
func cleanPNG(c *cleaning) error {
	p := &png{cleaning: c}
	c.plan.Literal([]byte(pngMagic))
	c.in.MoveTo(int64(len(pngMagic)))
	for {
		k, err := p.next()
		if err != nil {
			return err
		}
		if p.header == nil && k.typ != "IHDR" || p.header != nil && k.typ == "IHDR" {
			return malformed("the PNG does not begin with its header")
		}
		if err := p.chunk(k); err != nil {
			return err
		}
		if k.typ == "IEND" {
			break
		}
		if err := c.plan.Check(); err != nil {
			return err
		}
	}
	if c.in.Left() > 0 {
		c.removed.add(trailerRemoved)
	}
	return nil
}

// next reads a chunk and checks its CRC (section 5.5); the scanner then stands
// behind it.
func (p *png) next() (chunk, error) {
	k := chunk{off: p.in.Pos()}
	h, err := p.in.Next(8)
	if err != nil {
		return k, err
	}
	k.typ, k.n = string(h[4:]), int64(binary.BigEndian.Uint32(h))
	if k.n > 1<<31-1 {
		return k, malformed("the PNG holds a chunk of impossible length")
	}
	if k.n+4 > p.in.Left() {
		return k, io.ErrUnexpectedEOF
	}
	sum := crc32.NewIEEE()
	_, _ = sum.Write(h[4:])
	if _, err = io.CopyN(sum, p.in, k.n); err != nil {
		return k, err
	}
	want, err := p.in.Next(4)
	if err != nil {
		return k, err
	}
	if sum.Sum32() != binary.BigEndian.Uint32(want) {
		return k, malformed("a checksum inside the PNG is wrong, so the picture is damaged")
	}
	return k, nil
}

func (p *png) chunk(k chunk) error {
	if k.typ != "IDAT" && len(p.idat) > 0 && !p.after {
		p.after = true
		if err := p.imageData(); err != nil {
			return err
		}
	}
	fits, kept := pngKept[k.typ]
	switch {
	case k.typ == "IDAT":
		if p.after {
			return malformed("the image data of the PNG is not in one piece")
		}
		return p.addIDAT(k)
	case kept && !fits(k.n):
		return malformed("a chunk of the PNG has the wrong length")
	case kept:
		if k.typ == "IHDR" {
			return p.start(k)
		}
		if k.typ == "IEND" && len(p.idat) == 0 {
			return malformed("the PNG holds no image data")
		}
		p.plan.Range(k.whole())
		return nil
	}
	return p.other(k)
}

// addIDAT remembers image data; neighbours are one entry, so that a large
// picture in small chunks costs no memory.
func (p *png) addIDAT(k chunk) error {
	if len(p.idat) == 0 {
		p.idat = []chunk{k}
		return nil
	}
	_, p.idat[0].n = p.idat[0].off, k.off+k.n-p.idat[0].off
	return nil
}

// start keeps the header and puts the orientation of the photo behind it.
func (p *png) start(k chunk) error {
	h, err := p.data(k)
	if err != nil {
		return err
	}
	if _, ok := inflatedSize(h); !ok {
		return malformed("the header of the PNG is not a legal one")
	}
	p.header = h
	p.plan.Range(k.whole())
	return nil
}

// data reads the data of a small chunk and moves on behind the chunk.
func (p *png) data(k chunk) ([]byte, error) {
	p.in.MoveTo(k.off + 8)
	b, err := p.in.Next(int(k.n))
	p.in.MoveTo(k.off + k.n + 12)
	return b, err
}

// other handles the chunks that do not stay as they are.
func (p *png) other(k chunk) error {
	switch {
	case k.typ == "acTL" || k.typ == "fcTL" || k.typ == "fdAT":
		return redact.Refuse(redact.Unsupported, "the PNG is an animation; save the picture that matters as a still one")
	case k.typ[0]&0x20 == 0: // critical, section 5.4
		return redact.Refuse(redact.Unsupported, "the PNG is of a private kind that cannot be cleaned")
	case k.typ == "iCCP" && !p.after:
		return p.profile(k)
	case k.typ == "eXIf" && k.n <= 1<<20:
		b, err := p.data(k)
		if err != nil {
			return err
		}
		kept := readPhotoFacts(b).encode()
		if kept != nil {
			p.plan.Literal(pngChunk("eXIf", kept))
		}
		if !bytes.Equal(kept, b) {
			p.removed.add(exifRemoved)
		}
		return nil
	}
	r, ok := pngDropped[k.typ]
	if !ok {
		r = appRemoved
	}
	p.removed.add(r)
	return nil
}

// pngChunk builds a chunk around b.
func pngChunk(typ string, b []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(b))) // below 5 MiB
	out = append(out, typ...)
	out = append(out, b...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}
