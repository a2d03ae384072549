package dicomfile

import (
	"compress/flate"
	"context"
	"errors"
	"io"
	"sync"

	"chartseal/redact"
)

// maxInflated bounds what a deflated data set may grow to.
const maxInflated = 2 << 30

// inflated is the data set of a deflated file (PS3.5 section A.5) as a source.
// It holds no more than the decompressor's window: reading on is cheap,
// reading back starts over. The daemon so needs neither memory nor a temporary
// file for it, and reads each file front to back.
type inflated struct {
	src  redact.Source
	off  int64 // of the compressed stream
	size int64
	ctx  context.Context //nolint:containedctx // bounds the decompression

	mu  sync.Mutex
	r   io.ReadCloser
	pos int64
}

// inflate replaces f.src by the inflated data set, which is explicit little
// endian; the cleaned file is written so.
func (f *file) inflate(ctx context.Context) error {
	in := &inflated{src: f.src, off: f.start, ctx: ctx}
	if err := in.measure(); err != nil {
		return err
	}
	f.src, f.start, f.inflated = in, 0, true
	f.syn, f.ts = explicitLittle, tsExplicitLittle
	if in.size < shortHeaderLength {
		return redact.Refuse(redact.Truncated, "the file ends before its content begins")
	}
	return nil
}

// Size is the length of the inflated data set.
func (in *inflated) Size() int64 { return in.size }

func (in *inflated) measure() error {
	in.rewind()
	n, err := in.skip(maxInflated + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return inflateFault(err)
	}
	if n > maxInflated {
		return redact.Refuse(redact.TooLarge, "the file unpacks to more than %d MiB", maxInflated>>20)
	}
	in.size = n
	return nil
}

func (in *inflated) rewind() {
	section := io.NewSectionReader(in.src, in.off, in.src.Size()-in.off)
	if reset, ok := in.r.(flate.Resetter); ok {
		_ = reset.Reset(section, nil) // never fails
	} else {
		in.r = flate.NewReader(section)
	}
	in.pos = 0
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
		got, err := in.r.Read((*buf)[:min(int64(len(*buf)), n-total)])
		total += int64(got)
		in.pos += int64(got)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// ReadAt inflates up to off and reads.
func (in *inflated) ReadAt(p []byte, off int64) (int, error) {
	if off >= in.size {
		return 0, io.EOF
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if off < in.pos {
		in.rewind()
	}
	if _, err := in.skip(off - in.pos); err != nil {
		return 0, inflateFault(err)
	}
	n, err := io.ReadFull(in.r, p)
	in.pos += int64(n)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return n, io.EOF
	case err != nil:
		return n, inflateFault(err)
	}
	return n, nil
}

func inflateFault(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return redact.Refuse(redact.Truncated, "the file ends in the middle of its packed content")
	case errors.As(err, &corrupt):
		return malformed("the file's packed content is damaged")
	}
	return err
}
