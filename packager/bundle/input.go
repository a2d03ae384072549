package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// input reads exactly left bytes.
type input struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

// fill reads the next block. With the last one it makes sure that the input
// ends there.
func (in *input) fill(b *block) error {
	if err := in.ctx.Err(); err != nil {
		return err
	}
	b.data = b.data[:min(in.left, blockSize)]
	if _, err := io.ReadFull(in.r, b.data); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return ErrSize
		}
		return fmt.Errorf("read record: %w", err)
	}
	in.left -= int64(len(b.data))
	if in.left > 0 {
		return nil
	}
	var probe [1]byte
	switch n, err := io.ReadFull(in.r, probe[:]); {
	case n > 0:
		return ErrSize
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("read record: %w", err)
	}
	return nil
}

// headSource is a file of which only the beginning can be read.
type headSource struct {
	head []byte
	size int64
}

// Size is the whole file's.
func (h headSource) Size() int64 { return h.size }

// ReadAt fails past the head.
func (h headSource) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= h.size {
		return 0, io.EOF
	}
	if off >= int64(len(h.head)) {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, h.head[off:])
	switch {
	case n == len(p):
		return n, nil
	case off+int64(n) == h.size:
		return n, io.EOF
	}
	return n, io.ErrUnexpectedEOF
}
