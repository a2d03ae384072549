// Package thumbnail draws small pictures of cleaned DICOM files, for people who
// have no viewer at hand. It shows what leaves, never what was in the source: it
// reads the output of a cleaner.
//
// Of a file with many frames it draws the middle one. It draws uncompressed
// pixels, RLE, JPEG baseline with 8 bits and JPEG lossless; gray, palette, RGB
// and YBR. Of anything else, and of anything that is damaged, there is no
// thumbnail: a picture is a convenience, never a reason to stop a release.
//
// Memory does not grow with the file: rows are read, reduced and forgotten.
package thumbnail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"

	"chartseal/redact"
	"chartseal/redact/dicomfile"
)

// Bounds of a thumbnail.
const (
	Side     = 320      // of the longer side, in pixels
	MaxBytes = 40 << 10 // of the JPEG file
)

// Bounds of what is drawn. Compressed frames are decoded from their beginning,
// so that their size bounds the work; of others only the rows that count are
// read. JPEG baseline is decoded in memory.
const (
	maxSide       = 20_000   // rows or columns
	maxCompressed = 32 << 20 // samples of a compressed frame
	maxFrame      = 64 << 20 // bytes of a compressed frame
	maxBaseline   = 6 << 20  // bytes of a decoded JPEG
)

// Image is a thumbnail.
type Image struct {
	JPEG          []byte
	Width, Height int
}

// ErrNone says that there is no thumbnail of a file.
var ErrNone = errors.New("no thumbnail of this file")

// Draw draws the middle frame of src. It fails with [ErrNone] whatever is wrong
// with the file, or with the error of ctx.
func Draw(ctx context.Context, src redact.Source) (out *Image, err error) {
	defer func() {
		if recover() != nil { // a fault of a decoder must not stop a release
			out, err = nil, ErrNone
		}
	}()
	m, err := draw(ctx, src)
	if err == nil {
		if out, err = encode(m); err == nil {
			return out, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, fmt.Errorf("%w: %w", ErrNone, err)
}

// errUnfit says that a picture is of a kind that is not drawn.
var errUnfit = errors.New("not a kind of picture that is drawn")

// errDamaged says that a picture is not what its header promises.
var errDamaged = errors.New("the picture is damaged")

func draw(ctx context.Context, src redact.Source) (image.Image, error) {
	p, err := dicomfile.ReadPicture(ctx, src)
	if err != nil {
		return nil, err
	}
	if !drawable(p) {
		return nil, errUnfit
	}
	r, err := open(ctx, src, p)
	if err != nil {
		return nil, err
	}
	c, err := newColors(src, p)
	if err != nil {
		return nil, err
	}
	return reduce(ctx, p, r, c)
}

// drawable checks what the drawing rests on (PS3.3 section C.7.6.3).
func drawable(p *dicomfile.Picture) bool {
	switch {
	case p.Rows < 1 || p.Rows > maxSide || p.Columns < 1 || p.Columns > maxSide:
	case p.Samples != 1 && p.Samples != 3:
	case p.BitsAllocated != 8 && p.BitsAllocated != 16:
	case p.BitsStored < 1 || p.BitsStored > p.BitsAllocated:
	case p.HighBit < p.BitsStored-1 || p.HighBit >= p.BitsAllocated:
	case p.Planar > 1:
	case p.Encapsulated && p.Rows*p.Columns*p.Samples > maxCompressed:
	default:
		return true
	}
	return false
}

// rows gives a picture from the top down. Samples are as they are stored, those
// of a pixel next to each other.
type rows interface {
	// row gives the pixels of row y that lie at some columns; at and dst are the
	// same every time, and y never falls.
	row(y int, at []int, dst []uint16) error
}

// Transfer syntaxes that are drawn besides the uncompressed ones (PS3.6 table
//
const (
	jpegBaseline   = "1.2.840.10008.1.2.4.50"
	jpegExtended   = "1.2.840.10008.1.2.4.51"
	jpegLossless   = "1.2.840.10008.1.2.4.57"
	jpegLosslessSV = "1.2.840.10008.1.2.4.70"
	rleLossless    = "1.2.840.10008.1.2.5"
)

func open(ctx context.Context, src redact.Source, p *dicomfile.Picture) (rows, error) {
	f := newFrame(ctx, src, p.Parts)
	if !p.Encapsulated {
		return newNative(f, p)
	}
	if f.size > maxFrame {
		return nil, errUnfit
	}
	switch p.TransferSyntax {
	case jpegBaseline, jpegExtended:
		return newBaseline(f, p)
	case jpegLossless, jpegLosslessSV:
		return newLossless(f, p)
	case rleLossless:
		return newRLE(f, p)
	}
	return nil, errUnfit
}

// frame is the bytes of one frame, fragment after fragment.
type frame struct {
	ctx   context.Context //nolint:containedctx // bounds the reading of one frame
	src   io.ReaderAt
	parts []dicomfile.Part
	size  int64
}

func newFrame(ctx context.Context, src io.ReaderAt, parts []dicomfile.Part) *frame {
	f := &frame{ctx: ctx, src: src, parts: parts}
	for _, p := range parts {
		f.size += p.Len
	}
	return f
}

// ReadAt implements [io.ReaderAt] on the frame.
func (f *frame) ReadAt(b []byte, off int64) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	n := 0
	for _, p := range f.parts {
		if off >= p.Len {
			off -= p.Len
			continue
		}
		want := b[n:min(int64(len(b)), int64(n)+p.Len-off)]
		got, err := f.src.ReadAt(want, p.Off+off)
		if n += got; got < len(want) {
			return n, err
		}
		if n == len(b) {
			return n, nil
		}
		off = 0
	}
	return n, io.EOF
}

// reader reads [from,to) of the frame.
func (f *frame) reader(from, to int64) io.Reader { return io.NewSectionReader(f, from, to-from) }

// qualities are tried until a thumbnail is small enough.
var qualities = []int{82, 65, 45, 25}

func encode(m image.Image) (*Image, error) {
	var buf bytes.Buffer
	for _, q := range qualities {
		buf.Reset()
		if err := jpeg.Encode(&buf, m, &jpeg.Options{Quality: q}); err != nil {
			return nil, err
		}
		if buf.Len() <= MaxBytes {
			size := m.Bounds().Size()
			return &Image{JPEG: bytes.Clone(buf.Bytes()), Width: size.X, Height: size.Y}, nil
		}
	}
	return nil, errUnfit
}
