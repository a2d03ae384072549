package imagefile

import "slices"

// Tags of TIFF 6.0 that say how large the parts of a picture are.
const (
	tagRowsPerStrip   = 278
	tagPlanar         = 284
	tagGreyResponse   = 291
	tagTransfer       = 301
	tagTileWidth      = 322
	tagTileHeight     = 323
	compressionNone   = 1
	photometricColors = 3 // a palette
	photometricYCbCr  = 6 // rows of different samples can have different lengths
	planarSeparate    = 2
)

// shape is what a directory says of the size of its picture.
type shape struct {
	width, height int64
	partW, partH  int64   // of a strip or tile; partH is 0 where the directory does not tell
	bits          []int64 // of each sample
	separate      bool    // each sample has strips of its own
	photometric   uint32
	compression   uint32
	reduced       bool // a smaller version of another page (NewSubfileType, bit 0)
}

func (t *tiff) shapeOf(d directory) shape {
	one := func(tag uint16, otherwise uint32) int64 {
		if v, err := t.dirs.numbers(d, tag, 1); err == nil {
			return int64(v[0])
		}
		return int64(otherwise)
	}
	s := shape{
		width: one(tagWidth, 0), height: one(tagHeight, 0), photometric: uint32(one(tagPhotometric, 0)),
		compression: uint32(one(tagCompression, compressionNone)), reduced: one(tagNewSubfile, 0)&1 == 1,
		separate: one(tagPlanar, 1) == planarSeparate,
	}
	s.partW, s.partH = s.width, one(tagRowsPerStrip, 0)
	if _, tiled := d.find(tagTileOffsets); tiled {
		s.partW, s.partH = one(tagTileWidth, 0), one(tagTileHeight, 0)
	} else {
		s.partH = min(s.partH, s.height) // all rows in one strip is written as 2³²-1
	}
	samples := min(max(one(tagSamples, 1), 1), 16)
	bits, err := t.dirs.numbers(d, tagBitsPerSample, 16)
	for i := range samples {
		switch {
		case err != nil:
			s.bits = append(s.bits, 1)
		default: // some programs write the depth once for all samples
			s.bits = append(s.bits, int64(bits[min(int(i), len(bits)-1)]))
		}
	}
	return s
}

// tables reports whether a table of a value for each level of grey has as many
// as the depth asks for; what lies beyond is seen by nobody.
func (s *shape) tables(e ifdEntry) bool {
	levels := uint32(1) << min(s.bits[0], 16)
	switch e.tag {
	case tagColorMap:
		return s.photometric == photometricColors && e.count == 3*levels
	case tagTransfer:
		return e.count == levels || e.count == 3*levels
	case tagGreyResponse:
		return e.count == levels
	}
	return true
}

// parts is how many strips or tiles a picture has; 0 if the directory does not
// tell.
func (s *shape) parts() int64 {
	const most = 1 << 24 // pixels; past it the products below would not fit
	for _, n := range []int64{s.partW, s.partH, s.width, s.height} {
		if n <= 0 || n > most {
			return 0
		}
	}
	n := ((s.width + s.partW - 1) / s.partW) * ((s.height + s.partH - 1) / s.partH)
	if s.separate {
		n *= int64(len(s.bits))
	}
	return n
}

// bytes is how long strip or tile i of an uncompressed picture is; 0 if that
// cannot be told.
func (s *shape) bytes(i int64, tiled bool) int64 {
	if s.compression != compressionNone || s.photometric == photometricYCbCr || s.parts() == 0 || slices.Max(s.bits) > 64 {
		return 0
	}
	rows, plane := s.partH, int64(0)
	if !tiled {
		each := (s.height + s.partH - 1) / s.partH
		plane = i / each
		rows = min(rows, s.height-i%each*s.partH)
	} else if s.separate {
		plane = i / (s.parts() / int64(len(s.bits)))
	}
	depth := int64(0)
	if s.separate {
		depth = s.bits[min(plane, int64(len(s.bits))-1)]
	} else {
		for _, b := range s.bits {
			depth += b
		}
	}
	return rows * ((s.partW*depth + 7) / 8)
}

// trim cuts off what lies behind the picture: strips beyond the last row, and
// bytes beyond the end of an uncompressed strip.
func (t *tiff) trim(p *page, s *shape) error {
	if want := s.parts(); want > 0 {
		if int64(len(p.strips)) < want {
			return malformed("a page of the TIFF has fewer parts than its size asks for")
		}
		if int64(len(p.strips)) > want {
			t.removed.add(unusedRemoved)
			p.strips = p.strips[:want]
		}
	}
	cut := false
	for i := range p.strips {
		if n := s.bytes(int64(i), p.tiled); n > 0 && p.strips[i].n > n {
			p.strips[i].n, cut = n, true
		}
	}
	if cut {
		t.removed.add(unusedRemoved)
	}
	return nil
}

// dropThumbnails drops the pages that say of themselves that they are a smaller
// version of another and are smaller than one that does not: like the thumbnail
// of a photograph they may show an earlier version of it.
func (t *tiff) dropThumbnails() {
	var largest int64
	for _, p := range t.pages {
		if !p.shape.reduced {
			largest = max(largest, p.shape.width*p.shape.height)
		}
	}
	t.pages = slices.DeleteFunc(t.pages, func(p page) bool {
		small := p.shape.reduced && p.shape.width*p.shape.height < largest
		if small {
			t.removed.add(thumbRemoved)
		}
		return small
	})
}
