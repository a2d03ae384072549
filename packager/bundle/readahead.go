package bundle

import (
	"context"
	"errors"
	"io"
)

// ahead reads a file front to back, some blocks ahead of its consumer, so that
// decrypting and hashing share two processors.
type ahead struct {
	full  chan chunk
	empty chan []byte
	stop  context.CancelFunc
	cur   chunk
	whole []byte // cur's buffer, to give back
}

type chunk struct {
	data []byte
	err  error
}

// aheadBlocks bounds how far the reading runs ahead, in blocks of blockSize.
const aheadBlocks = 3

// readAhead reads the first size bytes of r. Close must be called; it waits
// until r is no longer used.
func readAhead(ctx context.Context, r io.ReaderAt, size int64) *ahead {
	ctx, stop := context.WithCancel(ctx)
	a := &ahead{full: make(chan chunk, aheadBlocks), empty: make(chan []byte, aheadBlocks), stop: stop}
	for range aheadBlocks {
		a.empty <- nil
	}
	go a.fill(ctx, r, size)
	return a
}

func (a *ahead) fill(ctx context.Context, r io.ReaderAt, size int64) {
	defer close(a.full)
	for off := int64(0); off < size && ctx.Err() == nil; off += blockSize {
		var buf []byte
		select {
		case buf = <-a.empty:
		case <-ctx.Done():
			continue
		}
		if buf == nil {
			buf = make([]byte, min(blockSize, size))
		}
		next := readChunk(r, buf[:min(blockSize, size-off)], off)
		a.full <- next
		if next.err != nil {
			return
		}
	}
	if err := ctx.Err(); err != nil {
		a.full <- chunk{err: err} // taken by Read, or by Close
	}
}

func readChunk(r io.ReaderAt, buf []byte, off int64) chunk {
	n, err := r.ReadAt(buf, off)
	switch {
	case n == len(buf):
		err = nil // io.ReaderAt may report the end along with the last bytes
	case err == nil || errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return chunk{buf[:n], err}
}

func (a *ahead) Read(p []byte) (int, error) {
	for len(a.cur.data) == 0 {
		if a.cur.err != nil {
			return 0, a.cur.err
		}
		if a.whole != nil {
			a.empty <- a.whole[:cap(a.whole)]
			a.whole = nil
		}
		next, ok := <-a.full
		if !ok {
			return 0, io.EOF
		}
		a.cur = next
		if next.data != nil {
			a.whole = next.data
		}
	}
	n := copy(p, a.cur.data)
	a.cur.data = a.cur.data[n:]
	return n, nil
}

// Close stops the reading and waits for it.
func (a *ahead) Close() {
	a.stop()
	for range a.full { // drained until fill is done
	}
}
