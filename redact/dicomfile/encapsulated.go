package dicomfile

import "chartseal/redact"

// encapsulated walks the fragments of pixel data of undefined length (PS3.5
// annex A.4): the Basic Offset Table, fragments of defined length, and the
// sequence delimiter, without which the image is cut.
func (w *walker) encapsulated(e *element, limit int64) error {
	off, items := e.val, 0
	for {
		items++
		if w.fragments++; w.fragments > maxFragments {
			return redact.Refuse(redact.TooLarge, "the file has more than %d fragments of images", maxFragments)
		}
		if w.fragments%pollEvery == 0 {
			if err := w.ctx.Err(); err != nil {
				return err
			}
		}
		if off+itemHeaderLength > limit {
			return w.past(limit)
		}
		b, err := w.win.bytes(off, itemHeaderLength)
		if err != nil {
			return err
		}
		t, n := e.syn.tag(b), e.syn.u32(b[4:])
		off += itemHeaderLength
		switch {
		case t == tagSeqDelim && n == 0:
			e.end, e.fragments = off, max(0, items-2)
			return nil
		case t != tagItem || n == undefinedLength:
			return malformed("the compressed image is not a list of fragments")
		}
		if off += int64(n); off > limit {
			return w.past(limit)
		}
	}
}
