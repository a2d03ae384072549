package dicomfile

// compressed finds the fragments of the frame (PS3.5 annex A.4): one for each
// frame, all of them for a single frame, else by an offset table.
func (r *pictureReader) compressed() error {
	p := r.p
	table, err := r.fragment(r.pixels.val)
	if err != nil {
		return err
	}
	first := table.Off + table.Len
	frames, nth := int64(p.Frames), int64(p.middle())
	switch {
	case p.Frames == 1:
		return r.collect(first, r.pixels.end)
	case r.pixels.fragments == p.Frames:
		return r.skip(first, p.middle())
	case table.Len >= 4*frames:
		return r.between(first, Part{table.Off, 4 * frames}, nth)
	case r.table.end-r.table.val >= 8*frames && frames > 0:
		return r.between(first, Part{r.table.val, 8 * frames}, nth)
	}
	return ErrNoPicture
}

// fragment reads the item header at off.
func (r *pictureReader) fragment(off int64) (Part, error) {
	b, err := r.w.win.bytes(off, itemHeaderLength)
	if err != nil {
		return Part{}, err
	}
	syn := r.pixels.syn
	n := syn.u32(b[4:])
	if syn.tag(b) != tagItem || n == undefinedLength || off+itemHeaderLength+int64(n) > r.pixels.end {
		return Part{}, ErrNoPicture
	}
	return Part{off + itemHeaderLength, int64(n)}, nil
}

// skip takes the fragment that comes after n others.
func (r *pictureReader) skip(off int64, n int) error {
	for i := 0; ; i++ {
		if i%pollEvery == pollEvery-1 {
			if err := r.w.ctx.Err(); err != nil {
				return err
			}
		}
		part, err := r.fragment(off)
		if err != nil {
			return err
		}
		if i == n {
			r.p.Parts = []Part{part}
			return nil
		}
		off = part.Off + part.Len
	}
}

// between takes the fragments from the nth offset of a table to the next.
// Offsets count from the first fragment's item.
func (r *pictureReader) between(first int64, table Part, nth int64) error {
	size := table.Len / int64(r.p.Frames) // 4 or 8 bytes
	at := func(n int64) (int64, error) {
		b, err := r.w.win.bytes(table.Off+n*size, int(size))
		if err != nil {
			return 0, err
		}
		off := int64(r.pixels.syn.u32(b))
		if size == 8 {
			off |= int64(r.pixels.syn.u32(b[4:])) << 32
		}
		if off < 0 || off > r.pixels.end-first {
			return 0, ErrNoPicture
		}
		return first + off, nil
	}
	from, err := at(nth)
	if err != nil {
		return err
	}
	to := r.pixels.end
	if nth+1 < int64(r.p.Frames) {
		if to, err = at(nth + 1); err != nil {
			return err
		}
	}
	return r.collect(from, to)
}

// collect takes the fragments in [off,end); the sequence delimiter may be the
// last thing there.
func (r *pictureReader) collect(off, end int64) error {
	for off+itemHeaderLength < end {
		part, err := r.fragment(off)
		if err != nil {
			return err
		}
		if len(r.p.Parts) == maxParts {
			return ErrNoPicture
		}
		r.p.Parts = append(r.p.Parts, part)
		off = part.Off + part.Len
	}
	if len(r.p.Parts) == 0 {
		return ErrNoPicture
	}
	return nil
}
