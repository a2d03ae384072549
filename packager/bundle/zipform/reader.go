package zipform

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// Bounds of what is read. A bundle of 20,000 slices has a directory of 1.7 MB.
const (
	MaxMembers       = 100_000
	maxDirectorySize = 32 << 20
)

// Reader is the directory of a ZIP of this package's form.
type Reader struct {
	Entries []Entry // in the order of the file
	r       io.ReaderAt
	at      dosTime
	end     int64 // where the central directory begins
}

// Open reads and checks the central directory of the size bytes in r. It
// allocates in proportion to the directory, at most some 100 MB. What is not
// of the form is [ErrForm]; errors of r are returned as they are.
func Open(r io.ReaderAt, size int64) (*Reader, error) {
	count, length, offset, err := directory(r, size)
	if err != nil {
		return nil, err
	}
	dir := make([]byte, length)
	if err := readAt(r, dir, offset); err != nil {
		return nil, err
	}
	z := &Reader{r: r, end: offset}
	var next int64
	for range count {
		e, n, err := z.entry(dir)
		if err != nil {
			return nil, err
		}
		dir = dir[n:]
		if e.offset != next {
			return nil, fmt.Errorf("%w: members do not follow each other", ErrForm)
		}
		next = e.next(z.at)
		if next > offset {
			return nil, fmt.Errorf("%w: a member reaches into the directory", ErrForm)
		}
		z.Entries = append(z.Entries, *e)
	}
	if len(dir) != 0 || next != offset {
		return nil, fmt.Errorf("%w: bytes that belong to no member", ErrForm)
	}
	return z, nil
}

// directory finds the central directory from the end records and checks these
// byte for byte.
func directory(r io.ReaderAt, size int64) (count, length, offset int64, err error) {
	want := min(size, endSize+locator64Size+end64Size)
	if want < endSize {
		return 0, 0, 0, fmt.Errorf("%w: too short", ErrForm)
	}
	b := make([]byte, want)
	if err := readAt(r, b, size-want); err != nil {
		return 0, 0, 0, err
	}
	end := b[want-endSize:]
	count, length, offset = int64(le(end[10:12])), int64(le(end[12:16])), int64(le(end[16:20]))
	if count == max16 || length == max32 || offset == max32 {
		if want < endSize+locator64Size+end64Size {
			return 0, 0, 0, fmt.Errorf("%w: too short", ErrForm)
		}
		count, length, offset = int64(le(b[32:40])), int64(le(b[40:48])), int64(le(b[48:56]))
	}
	if count < 0 || length < 0 || offset < 0 || count > MaxMembers || length > maxDirectorySize || length < count*(centralSize+1) {
		return 0, 0, 0, fmt.Errorf("%w: directory out of bounds", ErrForm)
	}
	t := tail(count, length, offset)
	if offset > size || offset+length+int64(len(t)) != size || !bytes.HasSuffix(b, t) {
		return 0, 0, 0, fmt.Errorf("%w: end records", ErrForm)
	}
	return count, length, offset, nil
}

// entry reads the first record of the directory dir and its length. What it
// reads must be exactly what Entry.central writes.
func (z *Reader) entry(dir []byte) (*Entry, int, error) {
	if len(dir) < centralSize {
		return nil, 0, fmt.Errorf("%w: directory cut short", ErrForm)
	}
	at := dosTime{time: uint16(le(dir[12:14])), date: uint16(le(dir[14:16]))}
	if len(z.Entries) == 0 {
		z.at = at
	}
	nameLen, extraLen := int(le(dir[28:30])), int(le(dir[30:32]))
	n := centralSize + nameLen + extraLen
	if nameLen == 0 || nameLen > maxNameSize || len(dir) < n {
		return nil, 0, fmt.Errorf("%w: directory record", ErrForm)
	}
	e := &Entry{
		Name:       string(dir[centralSize : centralSize+nameLen]),
		Method:     uint16(le(dir[10:12])),
		CRC:        uint32(le(dir[16:20])),
		Compressed: int64(le(dir[20:24])),
		Size:       int64(le(dir[24:28])),
		Streamed:   le(dir[8:10])&flagStream != 0,
		offset:     int64(le(dir[42:46])),
	}
	e.long(dir[centralSize+nameLen : n])
	if !e.plausible() || at != z.at || !bytes.Equal(dir[:n], e.central(z.at)) {
		return nil, 0, fmt.Errorf("%w: directory record", ErrForm)
	}
	return e, n, nil
}

// long takes the 64-bit numbers of a ZIP64 extra field. That the field is as it
// must be shows when the record is compared.
func (e *Entry) long(extra []byte) {
	if len(extra) < 4 {
		return
	}
	values := extra[4:]
	for _, field := range []*int64{&e.Size, &e.Compressed, &e.offset} {
		if *field == max32 && len(values) >= 8 {
			*field = int64(le(values[:8]))
			values = values[8:]
		}
	}
}

// maxRatio is the most that deflate can expand: 258 bytes from 2 bits
// (RFC 1951), 1032:1.
const maxRatio = 1032

func (e *Entry) plausible() bool {
	const most = 1 << 46 // 64 TiB: no sum of offsets overflows
	if e.Size < 0 || e.Compressed < 0 || e.offset < 0 || e.Size > most || e.Compressed > most || e.offset > most {
		return false
	}
	switch e.Method {
	case Store:
		return e.Size == e.Compressed
	case Deflate:
		return e.Size <= e.Compressed*maxRatio && (e.big() || e.Compressed < max32)
	}
	return false
}

func (e *Entry) next(at dosTime) int64 {
	return e.offset + int64(len(e.local(at))) + e.Compressed + int64(len(e.descriptor()))
}

// Stamped reports whether the members bear the time t.
func (z *Reader) Stamped(t time.Time) bool { return z.at == toDOS(t) }

// Members is the number of bytes before the central directory: what a reader
// for Pass has to give.
func (z *Reader) Members() int64 { return z.end }

// Raw gives the stored form of e by random access.
func (z *Reader) Raw(e *Entry) *io.SectionReader {
	return io.NewSectionReader(z.r, e.offset+int64(len(e.local(z.at))), e.Compressed)
}

// Pass reads all members in one pass from in, which must give the file from
// its first byte, and hands each one's stored form to visit. Local headers and
// descriptors are checked byte for byte. What visit leaves unread is [ErrForm].
func (z *Reader) Pass(in io.Reader, visit func(e *Entry, stored io.Reader) error) error {
	for i := range z.Entries {
		e := &z.Entries[i]
		if err := expect(in, e.local(z.at)); err != nil {
			return err
		}
		stored := &io.LimitedReader{R: in, N: e.Compressed}
		if err := visit(e, stored); err != nil {
			return err
		}
		if stored.N != 0 {
			return fmt.Errorf("%w: bytes after the content of a member", ErrForm)
		}
		if err := expect(in, e.descriptor()); err != nil {
			return err
		}
	}
	return nil
}

func expect(in io.Reader, want []byte) error {
	got := make([]byte, len(want))
	if _, err := io.ReadFull(in, got); err != nil {
		return fmt.Errorf("read member: %w", err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%w: local header", ErrForm)
	}
	return nil
}

func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read directory: %w", err)
}

// le reads a little-endian number of 2, 4 or 8 bytes.
func le(b []byte) uint64 {
	var v [8]byte
	copy(v[:], b)
	return binary.LittleEndian.Uint64(v[:])
}
