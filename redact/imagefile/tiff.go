package imagefile

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"chartseal/redact"
	"chartseal/redact/splice"
)

// Tags of TIFF 6.0 (and its technical notes 1 and 2) that this file treats by
// name.
const (
	tagNewSubfile      = 254
	tagWidth           = 256
	tagHeight          = 257
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagStripOffsets    = 273
	tagSamples         = 277
	tagStripByteCounts = 279
	tagColorMap        = 320
	tagTileOffsets     = 324
	tagTileByteCounts  = 325
	tagSubIFDs         = 330
	tagJPEGTables      = 347
	tagICC             = 34675
	tagDNGVersion      = 50706
)

const (
	compressionOldJPEG = 6
	compressionJPEG    = 7
)

// Bounds of a TIFF: a scanned chart has some hundreds of pages, a page of a
// 1 GB scan some ten thousand strips.
const (
	maxTIFFPages  = 4096
	maxTIFFStrips = 200_000 // in all pages
)

// tiffKept are the tags that decide how the picture looks, with the most
// values each can have. All of them are numbers: no text, no free bytes.
var tiffKept = map[uint16]uint32{
	tagNewSubfile: 1, 255: 1, tagWidth: 1, tagHeight: 1, tagBitsPerSample: 16, tagCompression: 1, tagPhotometric: 1,
	263: 1, 264: 1, 265: 1, 266: 1, 274: 1, tagSamples: 1, 278: 1, 280: 16, 281: 16, 282: 1, 283: 1, 284: 1, 290: 1, 291: 1 << 16,
	292: 1, 293: 1, 296: 1, 297: 2, 301: 3 << 16, 317: 1, 318: 2, 319: 6, tagColorMap: 3 << 16, 322: 1, 323: 1, 332: 1, 334: 1,
	338: 16, 339: 16, 340: 16, 341: 16, 529: 3, 530: 2, 531: 1, 532: 6,
}

// tiff is one walk over a TIFF file.
type tiff struct {
	*cleaning
	ctx    context.Context
	src    io.ReaderAt
	dirs   *ifds
	out    binary.AppendByteOrder
	used   int64 // bytes of strips planned so far
	known  int64 // bytes of the source that directories account for
	strips int
	pages  []page
}

// page is a directory of the output: its fields, and its strips or tiles as
// ranges of the source or literal bytes.
type page struct {
	shape  shape
	fields []field
	strips []strip
	tiled  bool
}

// field is a directory entry of the output with its value in file order.
type field struct {
	tag, typ uint16
	count    uint32
	value    []byte
}

// strip is a range of the source, or a plan when the strip had to be cleaned.
type strip struct {
	off, n int64
	plan   *splice.Plan
}

// cleanTIFF rebuilds a classic TIFF: a new directory for each page with the
// tags in tiffKept, then its strips or tiles as they are.
func cleanTIFF(ctx context.Context, c *cleaning, src redact.Source) error {
	in, next, err := openIFDs(src, src.Size())
	if err != nil {
		return tiffError(err)
	}
	t := &tiff{cleaning: c, ctx: ctx, src: src, dirs: in, out: binary.LittleEndian}
	if in.order == binary.ByteOrder(binary.BigEndian) {
		t.out = binary.BigEndian
	}
	seen := map[int64]bool{}
	for next != 0 {
		if seen[next] || len(t.pages) >= maxTIFFPages {
			return malformed("the list of pages of the TIFF runs in a circle")
		}
		seen[next] = true
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var d directory
		if d, next, err = in.directory(next); err != nil {
			return tiffError(err)
		}
		p, err := t.page(d)
		if err != nil {
			return tiffError(err)
		}
		t.pages = append(t.pages, p)
	}
	if len(t.pages) == 0 {
		return malformed("the TIFF holds no picture")
	}
	if src.Size()-t.known-t.used > 0 {
		c.removed.add(unusedRemoved)
	}
	t.dropThumbnails()
	return t.write()
}

func tiffError(err error) error {
	if errors.Is(err, errIFD) || errors.Is(err, errAbsent) {
		return malformed("a directory of the TIFF is broken")
	}
	return err
}

// page reads one directory.
func (t *tiff) page(d directory) (page, error) {
	if err := t.unsupported(d); err != nil {
		return page{}, err
	}
	var p page
	for _, need := range []uint16{tagWidth, tagHeight} {
		if _, err := t.dirs.numbers(d, need, 1); err != nil {
			return p, err
		}
	}
	t.account(d)
	p.shape = t.shapeOf(d)
	for _, e := range slices.CompactFunc(slices.Clone(d), func(a, b ifdEntry) bool { return a.tag == b.tag }) {
		limit, kept := tiffKept[e.tag]
		switch {
		case kept && e.count > 0 && e.count <= limit && e.typ != typeASCII && e.typ != typeUndefined && p.shape.tables(e):
			b, err := t.dirs.data(e)
			if err != nil {
				return p, err
			}
			p.fields = append(p.fields, field{e.tag, e.typ, e.count, slices.Clone(b)})
		case e.tag == tagICC:
			if err := t.icc(&p, e); err != nil {
				return p, err
			}
		case !t.handled(e.tag):
			t.removed.add(removedTag(e.tag))
		}
	}
	return p, t.data(&p, d)
}

// account adds what a directory and its values take, with the bytes that
// alignment may cost.
func (t *tiff) account(d directory) {
	t.known += 8 + 2 + 12*int64(len(d)) + 4 + 2
	for _, e := range d {
		if int(e.typ) < len(typeSizes) {
			if n := typeSizes[e.typ] * int64(e.count); n > 4 {
				t.known += n + 2
			}
		}
	}
	if n, ok := d.find(tagStripOffsets); ok {
		t.known += int64(n.count)
	}
}

// handled reports whether a tag is taken over in another way.
func (t *tiff) handled(tag uint16) bool {
	switch tag {
	case tagStripOffsets, tagStripByteCounts, tagTileOffsets, tagTileByteCounts, tagJPEGTables:
		return true
	}
	return false
}

func removedTag(tag uint16) redact.Removal {
	switch tag {
	case 700:
		return xmpRemoved
	case 33723, 34377:
		return iptcRemoved
	case tagExifIFD, 0x8825, tagInteropIFD:
		return exifRemoved
	}
	return tagRemoved
}

// unsupported refuses what would lose a picture or hide one.
func (t *tiff) unsupported(d directory) error {
	if _, ok := d.find(tagDNGVersion); ok {
		return redact.Refuse(redact.Unsupported, "the file is the raw picture of a camera; save it as JPEG, PNG or TIFF")
	}
	if _, ok := d.find(tagSubIFDs); ok {
		return redact.Refuse(redact.Unsupported, "the TIFF holds further pictures inside its pages; save the one that matters on its own")
	}
	if v, err := t.dirs.numbers(d, tagCompression, 1); err == nil && v[0] == compressionOldJPEG {
		return redact.Refuse(redact.Unsupported, "the TIFF is compressed in an old way that cannot be cleaned; save it anew")
	}
	return nil
}

func (t *tiff) icc(p *page, e ifdEntry) error {
	if e.count > maxICC {
		t.removed.add(iccRemoved)
		t.notice(iccDroppedNotice)
		return nil
	}
	b, err := t.dirs.data(e)
	if err != nil {
		return err
	}
	if out := t.cleanICC(b); out != nil {
		p.fields = append(p.fields, field{tagICC, typeUndefined, uint32(len(out)), out}) // below 4 MiB
	}
	return nil
}

// data takes over the strips or tiles of a page.
func (t *tiff) data(p *page, d directory) error {
	at, sizes := uint16(tagStripOffsets), uint16(tagStripByteCounts)
	if _, tiled := d.find(tagTileOffsets); tiled {
		at, sizes = tagTileOffsets, tagTileByteCounts
	}
	offsets, err := t.dirs.numbers(d, at, maxTIFFStrips)
	if err != nil {
		return err
	}
	counts, err := t.dirs.numbers(d, sizes, maxTIFFStrips)
	if err != nil {
		return err
	}
	if len(offsets) != len(counts) {
		return errIFD
	}
	if t.strips += len(offsets); t.strips > maxTIFFStrips {
		return splice.ErrSegments
	}
	p.tiled = at == tagTileOffsets
	for i := range offsets {
		s := strip{off: int64(offsets[i]), n: int64(counts[i])}
		if s.off+s.n > t.dirs.size {
			return io.ErrUnexpectedEOF
		}
		if t.used += s.n; t.used > t.dirs.size {
			return malformed("parts of the TIFF overlap")
		}
		p.strips = append(p.strips, s)
	}
	if err := t.trim(p, &p.shape); err != nil {
		return err
	}
	if v, err := t.dirs.numbers(d, tagCompression, 1); err == nil && v[0] == compressionJPEG {
		return t.jpegStrips(p, d)
	}
	return nil
}
