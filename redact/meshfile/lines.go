package meshfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"chartseal/redact"
)

// maxLine bounds a line of text; a polygon with a thousand corners takes 30 KB.
const maxLine = 64 << 10

// A lineCleaner turns the lines of a file, each with its end, into those of
// the cleaned one.
type lineCleaner interface {
	line(b []byte, t tally) ([]byte, error)
	end() error // after the last line
}

// cleanLines runs a cleaner over the source once, to check it and to learn the
// size of the output, and returns an output that runs a second one.
func cleanLines(ctx context.Context, src redact.Source, fresh func() lineCleaner, t tally) (*redact.Output, error) {
	first := newLineReader(ctx, src, fresh(), t)
	size, err := io.Copy(io.Discard, first)
	if err != nil {
		return nil, err
	}
	return &redact.Output{
		Size: size,
		Body: &lineBody{lineReader: newLineReader(ctx, src, fresh(), tally{}), left: size},
	}, nil
}

// lineReader reads the cleaned lines of a source.
type lineReader struct {
	ctx   context.Context
	in    *bufio.Reader
	clean lineCleaner
	t     tally
	out   []byte
	spare []byte
	err   error
}

func newLineReader(ctx context.Context, src redact.Source, c lineCleaner, t tally) *lineReader {
	return &lineReader{ctx: ctx, in: bufio.NewReaderSize(io.NewSectionReader(src, 0, src.Size()), maxLine), clean: c, t: t}
}

// Read implements io.Reader.
func (r *lineReader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// fill cleans lines until there is enough to hand out.
func (r *lineReader) fill() {
	if r.err = r.ctx.Err(); r.err != nil {
		return
	}
	r.out = r.spare[:0]
	for len(r.out) < 32<<10 && r.err == nil {
		b, err := r.in.ReadSlice('\n')
		if len(b) > 0 && (err == nil || errors.Is(err, io.EOF)) {
			if bytes.IndexByte(bytes.TrimRight(b, "\r\n"), '\r') >= 0 { // some programs would see two lines
				r.out, r.err = nil, malformed("the lines of the scan end in different ways")
				return
			}
			var line []byte
			if line, r.err = r.clean.line(b, r.t); r.err != nil {
				r.out = nil
				return
			}
			r.out = append(r.out, line...)
		}
		switch {
		case errors.Is(err, io.EOF):
			if r.err = r.clean.end(); r.err == nil {
				r.err = io.EOF
			}
		case errors.Is(err, bufio.ErrBufferFull):
			r.err = malformed("a line of the scan is too long")
		case err != nil:
			r.err = err
		}
	}
	r.spare = r.out[:0]
}

// lineBody is the output: exactly as long as promised, or an error.
type lineBody struct {
	*lineReader
	left   int64
	closed bool
}

// Read implements io.Reader. A source that changed in between gives an error.
func (b *lineBody) Read(p []byte) (int, error) {
	if b.closed {
		return 0, errors.New("read cleaned scan: closed")
	}
	n, err := b.lineReader.Read(p)
	if int64(n) > b.left || errors.Is(err, io.EOF) && b.left > 0 {
		return 0, errors.New("read cleaned scan: the source changed")
	}
	b.left -= int64(n)
	return n, err
}

// Close implements io.Closer. The source stays open: it is not ours.
func (b *lineBody) Close() error {
	b.closed = true
	return nil
}

// splitEOL parts a line from its end.
func splitEOL(b []byte) (string, []byte) {
	text := strings.TrimRight(string(b), "\r\n")
	return text, b[len(text):]
}
