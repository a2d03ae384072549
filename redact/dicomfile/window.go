package dicomfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"chartseal/redact"
)

const (
	windowSize = 64 << 10 // largest read; no value is looked at beyond it
	headSize   = 16 << 10 // first read: most headers of images end within it
	probeSize  = 4 << 10  // read after a jump, when little is needed at the new place
)

// window is a bounded view of a source. It holds windowSize bytes at most,
// whatever the source's size.
type window struct {
	src  io.ReaderAt
	size int64
	buf  []byte
	slab *[]byte // buf's place in the pool
	off  int64
	n    int
}

var windowBuffers = sync.Pool{New: func() any { b := make([]byte, windowSize); return &b }}

func (w *window) open(src io.ReaderAt, size int64) {
	slab := windowBuffers.Get().(*[]byte)
	*w = window{src: src, size: size, buf: *slab, slab: slab}
}

func (w *window) close() {
	if w.slab != nil {
		windowBuffers.Put(w.slab)
		w.slab, w.buf = nil, nil
	}
}

// bytes returns n bytes at off; they are valid until the next call. The caller
// has checked that they lie within the source; n is at most windowSize.
func (w *window) bytes(off int64, n int) ([]byte, error) {
	if off >= w.off && off+int64(n) <= w.off+int64(w.n) {
		i := int(off - w.off)
		return w.buf[i : i+n], nil
	}
	if n > windowSize || off < 0 || off+int64(n) > w.size {
		return nil, errTruncated()
	}
	return w.fill(off, n)
}

func (w *window) fill(off int64, n int) ([]byte, error) {
	want := probeSize
	switch near := off - (w.off + int64(w.n)); {
	case w.n == 0:
		want = headSize
	case near > -windowSize && near < probeSize:
		want = windowSize
	}
	want = int(min(int64(max(want, n)), w.size-off))
	w.off, w.n = off, 0
	got, err := w.src.ReadAt(w.buf[:want], off)
	if got < n {
		return nil, readFault(err)
	}
	w.n = got
	return w.buf[:n], nil
}

func errTruncated() error {
	return redact.Refuse(redact.Truncated, "the file ends in the middle of its content")
}

// readFault wraps an error of the machine, without the path that an
// *fs.PathError carries. A refusal (from an inflating source) passes.
func readFault(err error) error {
	var refusal *redact.Refusal
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &refusal):
		return refusal
	case err == nil || errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	case errors.As(err, &pathErr):
		err = pathErr.Err
	}
	return fmt.Errorf("read record: %w", err)
}
