package dicomfile

import "strings"

// maxCreator is the length of a private creator, an LO (PS3.5 section 7.8.1).
const maxCreator = 64

// blocks knows, for every open data set, which private block is whose (PS3.5
// section 7.8.1), and in limited and de-identified sets which coding scheme is
// in use. Plan and verifier each have their own.
type blocks struct {
	codes   *codes // nil: the meaning of codes is not looked at
	allowed map[privateTag]decision
	owners  [maxDepth + 2]map[Tag]string // by group and block number, at each depth
}

// blocksOf is nil if nothing depends on what stands before.
func blocksOf(r *rules) *blocks {
	if r.deidentifies() { // which never keeps private elements
		return &blocks{codes: new(codes)}
	}
	if r.overrides == nil || len(r.overrides.private[r.profile]) == 0 {
		return nil
	}
	return &blocks{allowed: r.overrides.private[r.profile]}
}

// item forgets the blocks of the item before.
func (b *blocks) item(depth int) {
	if b != nil {
		clear(b.owners[depth])
		if b.codes != nil {
			b.codes.public[depth] = false
		}
	}
}

// decide overrides d for a private element that the practice keeps, and for
// its creator.
func (b *blocks) decide(w *walker, e *element, d *decision) error {
	switch {
	case b == nil:
		return nil
	case b.codes != nil:
		return b.codes.decide(w, e, d)
	case !e.tag.private():
		return nil
	}
	n := e.tag.element()
	switch {
	case n >= 0x10 && n <= 0xFF:
		return b.creator(w, e, d)
	case n < 0x1000:
		return nil
	}
	owner := b.owners[e.depth][Tag(e.tag.group())<<16|Tag(n>>8)]
	mine, ok := b.allowed[privateTag{e.tag.group(), byte(n), owner}]
	if !ok || owner == "" {
		return nil
	}
	hidden, err := hidesItems(w, e)
	if err == nil && !hidden {
		*d = mine
	}
	return err
}

// creator notes whose a block is, in groups that matter. A block that is
// claimed twice is nobody's.
func (b *blocks) creator(w *walker, e *element, d *decision) error {
	if e.undefined() || e.end-e.val > maxCreator || e.vr == vrSQ {
		return nil
	}
	v, err := w.win.bytes(e.val, int(e.end-e.val))
	if err != nil {
		return err
	}
	mine, matters := b.claim(e.tag.group(), strings.Trim(string(v), " \x00"))
	if !matters {
		return nil
	}
	if b.owners[e.depth] == nil {
		b.owners[e.depth] = make(map[Tag]string)
	}
	block := Tag(e.tag.group())<<16 | Tag(e.tag.element())
	if _, again := b.owners[e.depth][block]; again {
		mine = privateTag{}
	}
	b.owners[e.depth][block] = mine.creator
	if mine.creator != "" {
		*d = b.allowed[mine]
	}
	return nil
}

// claim finds a kept element of a creator; matters tells that the group has
// kept elements of anybody.
func (b *blocks) claim(group uint16, name string) (mine privateTag, matters bool) {
	for k := range b.allowed {
		if k.group != group {
			continue
		}
		if matters = true; k.creator == name {
			return k, true
		}
	}
	return privateTag{}, matters
}

// hidesItems reports a value that is a sequence in disguise: nothing looks
// inside it.
func hidesItems(w *walker, e *element) (bool, error) {
	if e.undefined() || e.vr == vrSQ || e.end-e.val < itemHeaderLength {
		return false, nil
	}
	b, err := w.win.bytes(e.val, 4)
	return err == nil && (implicitLittle.tag(b) == tagItem || explicitBig.tag(b) == tagItem), err
}
