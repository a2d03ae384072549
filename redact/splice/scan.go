package splice

import (
	"context"
	"errors"
	"io"
)

// windowSize is what a Scanner reads ahead: large enough to make the number of
// reads small, small enough not to matter.
const windowSize = 64 << 10

// A Scanner walks over a source from the start with one small window, for
// planners that look at headers and skip over content. Errors are sticky.
type Scanner struct {
	ctx  context.Context
	src  io.ReaderAt
	size int64
	pos  int64
	buf  []byte // window: bytes at [base, base+len(buf))
	base int64
	err  error
}

// NewScanner returns a Scanner over the first size bytes of src.
func NewScanner(ctx context.Context, src io.ReaderAt, size int64) *Scanner {
	return &Scanner{ctx: ctx, src: src, size: size}
}

// Pos returns the offset of the next byte.
func (s *Scanner) Pos() int64 { return s.pos }

// Left returns how many bytes follow.
func (s *Scanner) Left() int64 { return s.size - s.pos }

// MoveTo moves to offset off, which may lie past the end: the next read fails.
func (s *Scanner) MoveTo(off int64) { s.pos = off }

// Err returns the first error: io.ErrUnexpectedEOF past the end, the error of
// the source, or the error of the context.
func (s *Scanner) Err() error { return s.err }

// Window returns the bytes at the position that are at hand, at least min of
// them (min ≤ 64 KiB), without moving on. It is valid until the next call.
func (s *Scanner) Window(minimum int) ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	if s.pos < 0 || int64(minimum) > s.Left() {
		s.err = io.ErrUnexpectedEOF
		return nil, s.err
	}
	if s.pos < s.base || s.pos+int64(minimum) > s.base+int64(len(s.buf)) {
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
	return s.buf[s.pos-s.base:], nil
}

func (s *Scanner) fill() error {
	if err := s.ctx.Err(); err != nil {
		s.err = err
		return err
	}
	want := min(windowSize, s.Left())
	if int64(cap(s.buf)) < want {
		s.buf = make([]byte, want)
	}
	n, err := s.src.ReadAt(s.buf[:want], s.pos)
	if int64(n) < want {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		s.err = err
		return err
	}
	s.base = s.pos
	s.buf = s.buf[:want]
	return nil
}

// Next returns a copy of the next n bytes and moves past them. n is bounded by
// the caller.
func (s *Scanner) Next(n int) ([]byte, error) {
	out := make([]byte, 0, n)
	for len(out) < n {
		w, err := s.Window(1)
		if err != nil {
			return nil, err
		}
		w = w[:min(len(w), n-len(out))]
		out = append(out, w...)
		s.pos += int64(len(w))
	}
	return out, nil
}

// Read implements io.Reader from the position on.
func (s *Scanner) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if s.Left() <= 0 && s.err == nil {
		return 0, io.EOF
	}
	w, err := s.Window(1)
	if err != nil {
		return 0, err
	}
	n := copy(b, w)
	s.pos += int64(n)
	return n, nil
}

// ReadByte implements io.ByteReader.
func (s *Scanner) ReadByte() (byte, error) {
	if i := s.pos - s.base; i >= 0 && i < int64(len(s.buf)) && s.pos < s.size && s.err == nil {
		s.pos++
		return s.buf[i], nil
	}
	if s.Left() <= 0 && s.err == nil {
		return 0, io.EOF
	}
	w, err := s.Window(1)
	if err != nil {
		return 0, err
	}
	s.pos++
	return w[0], nil
}
