package meshfile

import (
	"bufio"
	"context"
	"errors"
	"io"

	"chartseal/redact/splice"
)

// The attribute bytes of triangles read as text when textRun of them in a row
// are printable and textLetters different letters are among them. VisCAM's colours
// have their highest bit set, numbers of regions and of teeth are no letters.
const (
	textRun     = 8
	textLetters = 4
)

// textInAttributes reports whether the attribute bytes of the triangles that r
// holds, put together, spell something: as bytes, or as UTF-16 in either order.
func textInAttributes(ctx context.Context, r io.Reader) (bool, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	var whole, low, high speller
	var triangle [stlTriangle]byte
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		if _, err := io.ReadFull(in, triangle[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return false, nil
			}
			return false, err
		}
		a, b := triangle[stlTriangle-2], triangle[stlTriangle-1]
		spells := whole.add(a) || whole.add(b)
		switch {
		case b == 0:
			spells = low.add(a) || spells
			high = speller{}
		case a == 0:
			spells = high.add(b) || spells
			low = speller{}
		default:
			low, high = speller{}, speller{}
		}
		if spells {
			return true, nil
		}
	}
}

// speller follows a row of bytes.
type speller struct {
	run     int
	letters uint64 // seen in this run, one bit each
	count   int
	last    byte
}

// add takes the next byte and reports whether the row spells something by now.
func (s *speller) add(b byte) bool {
	if b < ' ' || b > '~' {
		*s = speller{}
		return false
	}
	s.run++
	counting := b-s.last <= 1 || s.last-b <= 1 // 65, 66, 67 are numbers rather than ABC
	s.last = b
	if l := b | 0x20; !counting && l >= 'a' && l <= 'z' && s.letters>>(l-'a')&1 == 0 {
		s.letters |= 1 << (l - 'a')
		s.count++
	}
	return s.run >= textRun && s.count >= textLetters
}

// blankAttributes is a binary STL whose attribute bytes are read as zero.
type blankAttributes struct {
	*splice.Body
	pos int64
}

// Read implements io.Reader.
func (b *blankAttributes) Read(p []byte) (int, error) {
	n, err := b.Body.Read(p)
	b.blank(p[:n], b.pos)
	b.pos += int64(n)
	return n, err
}

// ReadAt implements io.ReaderAt.
func (b *blankAttributes) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.Body.ReadAt(p, off)
	b.blank(p[:n], off)
	return n, err
}

func (b *blankAttributes) blank(p []byte, off int64) {
	for i := range p {
		if at := off + int64(i) - stlHeader - 4; at >= 0 && at%stlTriangle >= stlTriangle-2 {
			p[i] = 0
		}
	}
}
