package dicomfile

import (
	"bufio"
	"compress/flate"
	"context"
	"errors"
	"io"
	"sync"

	"chartseal/redact"
)

// Bounds of a deflated data set.
const (
	maxInflated = 2 << 30 // what it may grow to, in bytes
	maxRewinds  = 200     // how often it is unpacked anew from its beginning
	lookBack    = 1 << 20 // bytes that can be read back without unpacking anew
)

// inflated is the data set of a deflated file (PS3.5 section A.5) as a source.
// It holds no more than the decompressor's window and the last bytes it gave:
// reading on is cheap, reading far back starts over. The daemon so needs
// neither memory nor a temporary file for it, and reads each file front to
// back.
type inflated struct {
	src  redact.Source
	off  int64 // of the compressed stream
	size int64
	rest int64           // bytes of the file behind the stream
	ctx  context.Context //nolint:containedctx // bounds the decompression

	mu      sync.Mutex
	packed  *packedReader
	r       io.ReadCloser
	pos     int64
	rewinds int
	past    []byte // what was read before pos, lookBack bytes and a window at most
}

// packedReader counts what the decompressor takes: it reads byte by byte, and
// not one too many (compress/flate).
type packedReader struct {
	*bufio.Reader
	taken int64
}

// ReadByte and Read are the reader's, counted.
func (p *packedReader) ReadByte() (byte, error) {
	b, err := p.Reader.ReadByte()
	if err == nil {
		p.taken++
	}
	return b, err
}

// Read see ReadByte.
func (p *packedReader) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.taken += int64(n)
	return n, err
}

// inflate replaces f.src by the inflated data set, which is explicit little
// endian; the cleaned file is written so.
func (f *file) inflate(ctx context.Context) error {
	in := &inflated{src: f.src, off: f.start, ctx: ctx}
	if err := in.measure(); err != nil {
		return err
	}
	f.src, f.start, f.inflated, f.rest = in, 0, true, in.rest
	f.syn, f.ts = explicitLittle, tsExplicitLittle
	if in.size < shortHeaderLength {
		return redact.Refuse(redact.Truncated, "the file ends before its content begins")
	}
	return nil
}

// Size is the length of the inflated data set.
func (in *inflated) Size() int64 { return in.size }

// measure unpacks once. What lies behind the packed content goes, whether it is
// the padding to an even length or something else.
func (in *inflated) measure() error {
	in.rewind()
	n, err := in.skip(maxInflated + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return inflateFault(err)
	}
	if n > maxInflated {
		return redact.Refuse(redact.TooLarge, "the file unpacks to more than %d MiB", maxInflated>>20)
	}
	in.size, in.rest = n, in.src.Size()-in.off-in.packed.taken
	return nil
}

func (in *inflated) rewind() {
	section := io.NewSectionReader(in.src, in.off, in.src.Size()-in.off)
	if in.packed == nil {
		in.packed = &packedReader{Reader: bufio.NewReaderSize(section, windowSize)}
		in.r = flate.NewReader(in.packed)
	} else {
		in.packed.Reset(section)
		_ = in.r.(flate.Resetter).Reset(in.packed, nil) // never fails
	}
	in.packed.taken, in.pos, in.past = 0, 0, in.past[:0]
}

// read unpacks into p and remembers it.
func (in *inflated) read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.pos += int64(n)
	if len(in.past)+n > 2*lookBack {
		in.past = append(in.past[:0], in.past[max(0, len(in.past)-lookBack):]...)
	}
	in.past = append(in.past, p[max(0, n-lookBack):n]...)
	return n, err
}

// skip reads n bytes and drops them.
func (in *inflated) skip(n int64) (int64, error) {
	buf := windowBuffers.Get().(*[]byte)
	defer windowBuffers.Put(buf)
	var total int64
	for total < n {
		if err := in.ctx.Err(); err != nil {
			return total, err
		}
		got, err := in.read((*buf)[:min(int64(len(*buf)), n-total)])
		total += int64(got)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// ReadAt gives what was read lately, or inflates up to off and reads.
func (in *inflated) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= in.size {
		return 0, io.EOF
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if err := in.reach(off); err != nil {
		return 0, err
	}
	n := 0
	if back := in.pos - off; back > 0 {
		n = copy(p, in.past[int64(len(in.past))-back:])
	}
	for n < len(p) {
		got, err := in.read(p[n:min(len(p), n+windowSize)])
		n += got
		switch {
		case errors.Is(err, io.EOF) && in.pos == in.size:
			return n, eofUnless(n == len(p))
		case err != nil:
			return n, inflateFault(err)
		}
	}
	return n, nil
}

func eofUnless(full bool) error {
	if full {
		return nil
	}
	return io.EOF
}

// reach brings off into what can be given: at pos, or before it in past.
func (in *inflated) reach(off int64) error {
	if off < in.pos-int64(len(in.past)) {
		if in.rewinds++; in.rewinds > maxRewinds {
			return redact.Refuse(redact.TooLarge, "the packed file cannot be read in order")
		}
		in.rewind()
	}
	if off <= in.pos {
		return nil
	}
	if _, err := in.skip(off - in.pos); err != nil {
		return inflateFault(err)
	}
	return nil
}

// inflateFault tells a damaged file from a fault of the machine. The end of
// the source is the file's if it comes while unpacking for the first time;
// afterwards the source has changed, and the reading fails all the same.
func inflateFault(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return redact.Refuse(redact.Truncated, "the file ends in the middle of its packed content")
	case errors.As(err, &corrupt):
		return malformed("the file's packed content is damaged")
	}
	return readFault(err)
}
