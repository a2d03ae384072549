package imagefile

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"slices"

	"chartseal/redact/splice"
)

// jpegStrips cleans strips that are JPEG streams of their own (TIFF technical
// note 2): applications put comments and EXIF into them too.
func (t *tiff) jpegStrips(p *page, d directory) error {
	for i := range p.strips {
		s := &p.strips[i]
		c := &cleaning{plan: splice.New(t.src), in: splice.NewScanner(t.ctx, t.src, s.off+s.n), removed: t.removed}
		c.in.MoveTo(s.off)
		if err := cleanJPEG(c); err != nil {
			return err
		}
		if c.plan.Size() != s.n {
			s.plan, s.n = c.plan, c.plan.Size()
		}
	}
	e, ok := d.find(tagJPEGTables)
	if !ok {
		return nil
	}
	if e.count > 1<<16 {
		return errIFD
	}
	b, err := t.dirs.data(e)
	if err != nil {
		return err
	}
	tables, err := cleanTables(t.ctx, b, t.removed)
	if err != nil {
		return err
	}
	p.fields = append(p.fields, field{tagJPEGTables, typeUndefined, uint32(len(tables)), tables}) // below 64 KiB
	return nil
}

// cleanTables cleans an abbreviated stream of tables.
func cleanTables(ctx context.Context, b []byte, removed tally) ([]byte, error) {
	r := bytes.NewReader(b)
	c := &cleaning{plan: splice.New(r), in: splice.NewScanner(ctx, r, r.Size()), removed: removed}
	j := &jpeg{cleaning: c, tablesOnly: true}
	if err := j.run(); err != nil {
		return nil, err
	}
	return io.ReadAll(c.plan.Body(ctx))
}

// write plans the output: a header, then for each page its strips and its
// directory. Everything begins at an even offset, as TIFF 6.0 section 2 asks.
func (t *tiff) write() error {
	at := make([]int64, len(t.pages)+1) // where the directories begin; 0 ends the list
	pos := int64(8)
	for i := range t.pages {
		p := &t.pages[i]
		pos = p.place(t, pos)
		at[i] = pos
		pos += p.size()
	}
	if pos > 1<<32-1 {
		return splice.ErrSegments
	}
	head := []byte("II*\x00")
	if t.out.String() == "BigEndian" {
		head = []byte("MM\x00*")
	}
	t.plan.Literal(t.out.AppendUint32(head, uint32(at[0]))) // below 1<<32, checked above
	for i, p := range t.pages {
		for _, s := range p.strips {
			if s.plan != nil {
				t.plan.Append(s.plan)
			} else {
				t.plan.Range(s.off, s.n)
			}
			t.plan.Literal(make([]byte, s.n%2))
		}
		t.plan.Literal(p.encode(t.out, at[i], at[i+1]))
		if err := t.plan.Check(); err != nil {
			return err
		}
	}
	return nil
}

// place lays the strips from pos on, adds the fields that name them and
// returns the offset behind them.
func (p *page) place(t *tiff, pos int64) int64 {
	offsets, counts := make([]byte, 0, 4*len(p.strips)), make([]byte, 0, 4*len(p.strips))
	for _, s := range p.strips {
		offsets = t.out.AppendUint32(offsets, uint32(pos)) // the source is below 4 GiB or refused in write
		counts = t.out.AppendUint32(counts, uint32(s.n))   // from 32-bit fields
		pos += s.n + s.n%2
	}
	at, sizes := uint16(tagStripOffsets), uint16(tagStripByteCounts)
	if p.tiled {
		at, sizes = tagTileOffsets, tagTileByteCounts
	}
	n := uint32(len(p.strips)) // at most maxTIFFStrips
	p.fields = append(p.fields, field{at, typeLong, n, offsets}, field{sizes, typeLong, n, counts})
	slices.SortFunc(p.fields, func(a, b field) int { return int(a.tag) - int(b.tag) })
	return pos
}

// size returns the bytes of a directory with its values.
func (p *page) size() int64 {
	n := int64(2 + 12*len(p.fields) + 4)
	for _, f := range p.fields {
		if len(f.value) > 4 {
			n += int64(len(f.value) + len(f.value)%2)
		}
	}
	return n
}

// encode writes the directory at offset at, which is followed by next.
func (p *page) encode(order binary.AppendByteOrder, at, next int64) []byte {
	b := order.AppendUint16(nil, uint16(len(p.fields))) // as many as tags are kept
	var values []byte
	free := at + int64(2+12*len(p.fields)+4)
	for _, f := range p.fields {
		b = order.AppendUint16(b, f.tag)
		b = order.AppendUint16(b, f.typ)
		b = order.AppendUint32(b, f.count)
		if len(f.value) <= 4 {
			b = append(b, f.value...)
			b = append(b, make([]byte, 4-len(f.value))...)
			continue
		}
		b = order.AppendUint32(b, uint32(free)+uint32(len(values))) // below 1<<32, checked in write
		values = append(values, f.value...)
		values = append(values, make([]byte, len(f.value)%2)...)
	}
	b = order.AppendUint32(b, uint32(next)) // below 1<<32, checked in write
	return append(b, values...)
}
