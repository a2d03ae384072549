package zipform

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Writer writes a ZIP front to back, without seeking. It is not safe for
// concurrent use.
type Writer struct {
	w       io.Writer
	n       int64
	at      dosTime
	entries []Entry
	open    bool
}

// NewWriter returns a Writer that stamps every member with at, in UTC.
func NewWriter(w io.Writer, at time.Time) *Writer {
	return &Writer{w: w, at: toDOS(at)}
}

// Whole writes a member of size bytes whose stored form is the
// concatenation of parts.
func (w *Writer) Whole(name string, method uint16, crc uint32, size int64, parts ...[]byte) error {
	e := Entry{Name: name, Method: method, CRC: crc, Size: size, offset: w.n}
	for _, p := range parts {
		e.Compressed += int64(len(p))
	}
	if err := w.start(&e); err != nil {
		return err
	}
	for _, p := range parts {
		if err := w.write(p); err != nil {
			return err
		}
	}
	w.entries = append(w.entries, e)
	return nil
}

// Deflatable reports whether a member of size bytes may be deflated: not just
// below the limit of ZIP64, where the stored form could outgrow it.
func Deflatable(size int64) bool { return size < max32-size>>8 || size >= max32 }

// Begin starts a member of exactly size bytes whose stored form follows in
// calls of Part and ends with End.
func (w *Writer) Begin(name string, method uint16, size int64) error {
	e := Entry{Name: name, Method: method, Size: size, Streamed: true, offset: w.n}
	if method == Deflate && !Deflatable(size) {
		return errors.New("zip: member may not be deflated")
	}
	if err := w.start(&e); err != nil {
		return err
	}
	w.entries = append(w.entries, e)
	w.open = true
	return nil
}

// Part writes a part of the stored form of the member begun.
func (w *Writer) Part(p []byte) error {
	if !w.open {
		return errors.New("zip: no member begun")
	}
	w.entries[len(w.entries)-1].Compressed += int64(len(p))
	return w.write(p)
}

// End ends the member begun.
func (w *Writer) End(crc uint32) error {
	if !w.open {
		return errors.New("zip: no member begun")
	}
	w.open = false
	e := &w.entries[len(w.entries)-1]
	e.CRC = crc
	return w.write(e.descriptor())
}

// Close writes the central directory. The underlying writer stays open.
func (w *Writer) Close() error {
	if w.open {
		return errors.New("zip: member not ended")
	}
	start := w.n
	for i := range w.entries {
		if err := w.write(w.entries[i].central(w.at)); err != nil {
			return err
		}
	}
	return w.write(tail(int64(len(w.entries)), w.n-start, start))
}

func (w *Writer) start(e *Entry) error {
	if w.open {
		return errors.New("zip: member not ended")
	}
	if len(e.Name) == 0 || len(e.Name) > maxNameSize || e.Size < 0 {
		return errors.New("zip: name or size out of bounds")
	}
	if e.Method == Store && !e.Streamed && e.Compressed != e.Size {
		return fmt.Errorf("zip: %d bytes for a member of %d", e.Compressed, e.Size)
	}
	return w.write(e.local(w.at))
}

func (w *Writer) write(p []byte) error {
	n, err := w.w.Write(p)
	w.n += int64(n)
	return err
}
