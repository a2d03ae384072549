package imagefile

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"

	"chartseal/redact"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngKept are the chunks that decide how the picture looks, each with the
// length that the PNG specification (third edition, section 11) gives it for a
// colour type (the tenth byte of IHDR). Below 0 the chunk has no meaning for
// that colour type: what is in it would be seen by nobody.
var pngKept = map[string]func(colour byte) int64{
	"IHDR": always(13),
	"IDAT": nil, // any length
	"IEND": always(0),
	"PLTE": func(c byte) int64 { return only(c == colourPalette, 768) }, // or less; elsewhere it only suggests
	"tRNS": byColour(2, 6, 256, -1, -1),                                 // 256: or less
	"gAMA": always(4),
	"cHRM": always(32),
	"sRGB": always(1),
	"sBIT": byColour(1, 3, 3, 2, 4),
	"pHYs": always(9),
	"cICP": always(4),
	"bKGD": byColour(2, 6, 1, 2, 6),
}

// colourPalette is the colour type of pictures with a palette (section 11.2.1).
const colourPalette = 3

func always(n int64) func(byte) int64 { return func(byte) int64 { return n } }

func only(meant bool, n int64) int64 {
	if meant {
		return n
	}
	return -1
}

// byColour gives a length for grey, colour, palette, grey with alpha and colour
// with alpha.
func byColour(grey, colour, palette, greyAlpha, colourAlpha int64) func(byte) int64 {
	return func(c byte) int64 {
		return map[byte]int64{0: grey, 2: colour, colourPalette: palette, 4: greyAlpha, 6: colourAlpha}[c]
	}
}

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
	after  bool            // a chunk other than IDAT followed IDAT
	colour bool            // a colour profile has been kept
	seen   map[string]bool // chunks that were kept: each may come once
	colors int64           // entries of the palette
}

// cleanPNG plans a PNG of the chunks in pngKept, with every checksum checked
// and the image data inflated once to see that it is whole and ends where it
// should: bytes behind the picture are where cropped parts survive.
func cleanPNG(c *cleaning) error {
	p := &png{cleaning: c, seen: map[string]bool{}}
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
	if _, kept := pngKept[k.typ]; kept {
		return p.kept(k)
	}
	return p.other(k)
}

// kept takes over a chunk that decides how the picture looks.
func (p *png) kept(k chunk) error {
	switch k.typ {
	case "IHDR":
		if k.n != 13 {
			return malformed("the header of the PNG is not a legal one")
		}
		return p.start(k)
	case "IDAT":
		if p.after {
			return malformed("the image data of the PNG is not in one piece")
		}
		return p.addIDAT(k)
	case "IEND":
		if len(p.idat) == 0 {
			return malformed("the PNG holds no image data")
		}
	}
	want := pngKept[k.typ](p.header[9])
	if p.seen[k.typ] || want < 0 || p.after && k.typ != "IEND" { // decoders take the first, and none behind the picture
		p.removed.add(appRemoved)
		return nil
	}
	if !p.fits(k, want) {
		return malformed("a chunk of the PNG has the wrong length")
	}
	p.seen[k.typ] = true
	p.plan.Range(k.whole())
	return nil
}

// fits reports whether a chunk has the length it must have: a palette has at
// most as many colours as the bit depth can name (section 11.2.2), and its
// transparency at most one value for each (section 11.3.1.1).
func (p *png) fits(k chunk, want int64) bool {
	switch {
	case k.typ == "PLTE":
		p.colors = k.n / 3
		return k.n > 0 && k.n%3 == 0 && p.colors <= 1<<min(p.header[8], 8)
	case k.typ == "tRNS" && p.header[9] == colourPalette:
		return k.n > 0 && k.n <= p.colors
	}
	return k.n == want
}

// addIDAT remembers image data; neighbours are one entry, so that a large
// picture in small chunks costs no memory.
func (p *png) addIDAT(k chunk) error {
	if len(p.idat) == 0 {
		if p.header[9] == colourPalette && p.colors == 0 {
			return malformed("the PNG has no palette for its colours")
		}
		p.idat = []chunk{k}
		return nil
	}
	p.idat[0].n = k.off + k.n - p.idat[0].off
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
		if p.seen[k.typ] {
			kept = nil
		}
		p.seen[k.typ] = true
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
