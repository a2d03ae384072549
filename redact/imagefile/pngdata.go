package imagefile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// profile keeps a colour profile (iCCP, section 11.3.2.3) in its neutral form
// and under a neutral name.
func (p *png) profile(k chunk) error {
	const name = "Colours\x00\x00"
	if p.colour || k.n > maxICC {
		p.removed.add(iccRemoved)
		return nil
	}
	b, err := p.data(k)
	if err != nil {
		return err
	}
	var packed []byte
	if nul := bytes.IndexByte(b, 0); nul >= 0 && nul <= 79 && len(b) > nul+2 {
		packed = b[nul+2:]
	}
	out := p.cleanICC(inflateICC(packed))
	if out == nil {
		return nil
	}
	p.colour = true
	var z bytes.Buffer
	z.WriteString(name)
	w := zlib.NewWriter(&z)
	_, _ = w.Write(out) // a bytes.Buffer does not fail
	_ = w.Close()
	p.plan.Literal(pngChunk("iCCP", z.Bytes()))
	return nil
}

// inflateICC returns the profile, nil when it is broken or past its bound.
func inflateICC(b []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	out, err := io.ReadAll(io.LimitReader(z, maxICC+1))
	if err != nil || len(out) > maxICC {
		return nil
	}
	return out
}

// inflatedSize returns how many bytes of filtered scan lines the header h asks
// for (sections 7.2, 8.1), and whether h is legal.
func inflatedSize(h []byte) (int64, bool) {
	w, ht := int64(binary.BigEndian.Uint32(h)), int64(binary.BigEndian.Uint32(h[4:]))
	depth, colour := int64(h[8]), h[9]
	samples, ok := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
	legalDepth := depth == 8 || depth == 16 && colour != 3 ||
		(depth == 1 || depth == 2 || depth == 4) && (colour == 0 || colour == 3)
	if !ok || !legalDepth || w == 0 || ht == 0 || w > 1<<24 || ht > 1<<24 || h[10] != 0 || h[11] != 0 || h[12] > 1 {
		return 0, false
	}
	pass := func(w, h int64) int64 {
		if w == 0 || h == 0 {
			return 0
		}
		return h * (1 + (w*depth*samples+7)/8)
	}
	if h[12] == 0 {
		return pass(w, ht), true
	}
	var n int64
	for _, a := range adam7 {
		n += pass((w-a[0]+a[2]-1)/a[2], (ht-a[1]+a[3]-1)/a[3])
	}
	return n, true
}

// adam7 gives x and y of the first pixel and the steps of each pass (8.1).
var adam7 = [7][4]int64{
	{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
}

// imageData inflates the image data to see that it is whole, then plans it. A
// chunk that goes on after the end of the compressed data is cut there.
func (p *png) imageData() error {
	first := p.idat[0]
	back := p.in.Pos()
	defer func() { p.in.MoveTo(back) }()
	r := &idatReader{p: p, at: first.off, end: first.off + first.n + 12}
	if err := r.inflate(p.header); err != nil {
		return err
	}
	if r.left == 0 && r.at == r.end {
		p.plan.Range(first.off, r.end-first.off)
		return nil
	}
	p.removed.add(trailerRemoved)
	return p.cutIDAT(first.off, r)
}

// cutIDAT plans the image data up to where r stopped, the last chunk with a
// length and checksum of its own.
func (p *png) cutIDAT(off int64, r *idatReader) error {
	p.plan.Range(off, r.chunk-off)
	used := p.in.Pos() - r.chunk - 8
	if used == 0 {
		return nil
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(used)) // below 1<<31
	head = append(head, "IDAT"...)
	sum := crc32.NewIEEE()
	_, _ = sum.Write(head[4:])
	p.in.MoveTo(r.chunk + 8)
	if _, err := io.CopyN(sum, p.in, used); err != nil {
		return err
	}
	p.plan.Literal(head)
	p.plan.Range(r.chunk+8, used)
	p.plan.Literal(binary.BigEndian.AppendUint32(nil, sum.Sum32()))
	return nil
}

// idatReader reads the data of neighbouring IDAT chunks as one stream. It
// reads single bytes on demand, so that it stops exactly where the compressed
// data stops.
type idatReader struct {
	p     *png
	chunk int64 // offset of the chunk being read
	at    int64 // offset of the next chunk
	end   int64 // offset behind the last one
	left  int64 // bytes left in this chunk
}

// inflate reads the whole compressed stream, checksum included.
func (r *idatReader) inflate(header []byte) error {
	want, _ := inflatedSize(header)
	z, err := zlib.NewReader(r)
	if err != nil {
		return r.refuse(err)
	}
	n, err := io.Copy(io.Discard, io.LimitReader(z, want+1))
	if err != nil {
		return r.refuse(err)
	}
	if n != want {
		return malformed("the PNG does not hold as much image data as its header says")
	}
	return nil
}

func (r *idatReader) refuse(err error) error {
	if serr := r.p.in.Err(); serr != nil {
		return serr
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return malformed("the image data of the PNG is damaged")
}

// more moves to the next chunk that holds data.
func (r *idatReader) more() error {
	for r.left == 0 {
		if r.at >= r.end {
			return io.EOF
		}
		r.chunk = r.at
		r.p.in.MoveTo(r.at)
		h, err := r.p.in.Next(8)
		if err != nil {
			return err
		}
		r.left = int64(binary.BigEndian.Uint32(h))
		r.at += r.left + 12
	}
	return nil
}

// ReadByte implements io.ByteReader.
func (r *idatReader) ReadByte() (byte, error) {
	if r.left == 0 {
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	r.left--
	return r.p.in.ReadByte()
}

// Read implements io.Reader.
func (r *idatReader) Read(b []byte) (int, error) {
	if err := r.more(); err != nil {
		return 0, err
	}
	n, err := r.p.in.Read(b[:min(int64(len(b)), r.left)])
	r.left -= int64(n)
	return n, err
}
