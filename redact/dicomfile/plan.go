package dicomfile

import "chartseal/redact"

// plan is the cleaned file before a byte of it is written: which source ranges
// stay, and what stands between them.
type plan struct {
	file   *file
	rules  *rules
	ids    *pseudonyms
	layout layout
	tally  tally
	facts  facts

	w       *walker
	marks   [2*maxDepth + 4]planMark // one for every open sequence and item
	open    int
	hollow  bool        // nothing of the source stays
	added   []insertion // elements the profile adds, in tag order
	pending []insertion // those still to be inserted
	blocks  *blocks
	mask    *paint // nil: the picture stays as it is
	// maskable tells that the practice has masks for the device.
	maskable bool
	// whole tells that a person has looked: reports and the like keep their content.
	whole bool

	documents   redact.Cleaner // nil: there is none
	doc         *document      // nil: the file holds none
	docReport   *redact.Report
	lengthFirst bool // the document's length came before it
}

// planMark remembers where an open sequence or item began.
type planMark struct {
	layout  mark
	changed bool
}

// insertion is an element the profile adds to the main data set.
type insertion struct {
	tag   Tag
	vr    VR
	value string
}

// build walks the source once; v decides over what it meets, the plan itself
// but in tests.
func (p *plan) build(w *walker, v visitor) error {
	p.w = w
	p.pending, p.blocks = p.added, blocksOf(p.rules)
	end, err := w.root(v, p.file.start, p.file.syn)
	if err != nil {
		return err
	}
	if err := p.insert(0xFFFFFFFF); err != nil {
		return err
	}
	if rest := w.win.size - end; rest > 0 {
		p.tally.add("trailing zeros", p.rules.classes["padding"])
	}
	if p.file.rest > 1 { // one makes the length even (PS3.5 section A.5)
		p.tally.add("bytes after the packed content", p.rules.classes["padding"])
	}
	p.facts.end = true
	return p.layout.fits()
}

// header appends the header of an element the plan writes itself.
func (p *plan) header(e *element, length uint32) {
	var b [longHeaderLength]byte
	if e.tag.group() == delimiterGroup {
		p.layout.literal(e.syn.appendU32(e.syn.appendTag(b[:0], e.tag), length))
		return
	}
	p.layout.literal(e.syn.appendHeader(b[:0], e.tag, e.vr, length))
}

func (p *plan) delimiter(t Tag, syn syntax) {
	var b [itemHeaderLength]byte
	p.layout.literal(syn.appendU32(syn.appendTag(b[:0], t), 0))
}

// changed marks all that is open as changed: what lost something inside is
// written with undefined length.
func (p *plan) changed() {
	if p.open > 0 {
		p.marks[p.open-1].changed = true
	}
}

func (p *plan) push() {
	p.marks[p.open] = planMark{layout: p.layout.mark()}
	p.open++
}

func (p *plan) pop() planMark {
	p.open--
	return p.marks[p.open]
}

func (p *plan) drop(e *element, d decision) {
	p.tally.count(e, d)
	p.facts.dropped(e, d)
	p.changed()
}

// leaf decides over an element with a value.
func (p *plan) leaf(e *element) error {
	if e.depth == 0 {
		if err := p.facts.observe(p.w, e); err != nil {
			return err
		}
		if e.tag == 0x00080016 && p.whole && contentTells(familyOf(p.facts.sopClass)) {
			p.rules.content = true
		}
	}
	d := p.rules.decide(e.tag, e.depth)
	if err := p.blocks.decide(p.w, e, &d); err != nil {
		return err
	}
	if d.action != remove && d.known && d.seq {
		return malformed("an element that should hold others holds something else")
	}
	if d.action != remove && e.fragments >= 0 && e.tag != tagPixelData {
		return errNoLength // no other reader takes it (PS3.5 section A.4)
	}
	if err := p.special(e, &d); err != nil {
		return err
	}
	if err := p.insertBefore(e, d); err != nil {
		return err
	}
	if taken, err := p.enclosed(e, d); taken || err != nil {
		return err
	}
	switch d.action {
	case keep, review:
		p.keep(e, d)
		return nil
	case empty, newUID, dummy, shift:
		return p.replace(e, d)
	case remove:
		p.drop(e, d)
	}
	return nil
}

func (p *plan) keep(e *element, d decision) {
	if d.action == review && e.end > e.val {
		p.facts.review(d.keyword)
	}
	if d.class.name == "practice" {
		p.facts.kept(e.tag, d)
	}
	if e.depth == 0 && e.tag == tagPixelData && p.mask != nil {
		p.layout.source(e.off, e.val)
		p.mask.lay(&p.layout, e.val, e.end)
		p.tally.add(e.tag.String()+" PixelData", maskClass)
	} else {
		p.layout.source(e.off, e.end)
	}
	p.tally.stay(e.tag, d.keyword)
}

// special handles the elements whose fate depends on their value.
func (p *plan) special(e *element, d *decision) error {
	if e.depth == 0 && adds(p.added, e.tag) {
		d.action = remove // ours takes its place
		return nil
	}
	if d.action == shift {
		err := p.rules.settle(p.w, e, d)
		p.required(e, d)
		return err
	}
	p.required(e, d)
	if d.class.name == "device-serial" && d.action == dummy && !requiresSerial(p.facts.sopClass) {
		d.action = remove
		return nil
	}
	if d.class.name != "id-issuer" || !d.action.stays() || p.rules.profile == redact.PatientAccess {
		return nil
	}
	ssn, err := namesSocialSecurity(p.w, e)
	if ssn {
		d.action = remove
	}
	return err
}

// replace writes an element whose value the profile changes.
func (p *plan) replace(e *element, d decision) error {
	value, same, err := p.newValue(e, d)
	if err != nil {
		return err
	}
	if same {
		p.keep(e, d)
		return nil
	}
	if len(value) > 0xFFFE {
		return malformed("an identifier is longer than the standard allows")
	}
	p.header(e, uint32(len(value)))
	p.layout.literal(value)
	p.tally.count(e, d)
	p.changed()
	return p.layout.fits()
}

// newValue gives the value to write; same tells that the old one stays.
func (p *plan) newValue(e *element, d decision) (value []byte, same bool, err error) {
	if e.end == e.val || d.action == empty {
		return nil, e.end == e.val, nil
	}
	if e.end-e.val > windowSize {
		return nil, false, malformed("an identifier is longer than the standard allows")
	}
	old, err := p.w.win.bytes(e.val, int(e.end-e.val))
	if err != nil {
		return nil, false, err
	}
	if d.action == newUID {
		value, same = p.ids.uids(old)
		return value, same, nil
	}
	if d.action == shift {
		value, _ = moveDates(dictionaryVR(e.tag), old, -p.ids.days())
		return value, false, nil
	}
	if d.class.name == "patient-id" {
		return p.ids.number(old), false, nil
	}
	if day := dummyDates[e.tag]; day != "" {
		return []byte(day), false, nil
	}
	return []byte(dummyText), string(old) == dummyText, nil
}

func (p *plan) enter(e *element) (bool, error) {
	if e.depth == 0 {
		p.facts.enter(e)
	}
	d := p.rules.decide(e.tag, e.depth)
	if err := p.blocks.decide(p.w, e, &d); err != nil {
		return false, err
	}
	if d.action == empty && d.seq && e.length > 0 {
		return false, p.empty(e, d)
	}
	if d.action == remove || d.action == empty && !d.seq {
		p.drop(e, d)
		return false, nil
	}
	if err := p.insertBefore(e, d); err != nil {
		return false, err
	}
	if d.class.name == "practice" {
		p.facts.kept(e.tag, d)
	}
	if d.known && !d.seq {
		return false, malformed("an element that should hold a value holds others")
	}
	if d.action == review {
		p.facts.review(d.keyword)
	}
	p.push()
	p.header(e, undefinedLength)
	return true, p.layout.fits()
}

// empty leaves a sequence without its items.
func (p *plan) empty(e *element, d decision) error {
	if err := p.insertBefore(e, d); err != nil {
		return err
	}
	p.header(e, 0)
	p.tally.count(e, d)
	p.changed()
	return p.layout.fits()
}

func (p *plan) item(e *element) error {
	p.blocks.item(e.depth)
	p.push()
	p.header(e, undefinedLength)
	return nil
}

func (p *plan) itemEnd(e *element) error {
	p.shut(e, tagItemDelim, e.syn)
	return nil
}

func (p *plan) leave(e *element) error {
	p.shut(e, tagSeqDelim, e.inner())
	return p.layout.fits()
}

// shut closes what push opened: unchanged content becomes one source range.
func (p *plan) shut(e *element, delim Tag, syn syntax) {
	m := p.pop()
	if !m.changed {
		p.layout.rollback(m.layout)
		p.layout.source(e.off, e.end)
		return
	}
	p.delimiter(delim, syn)
	p.changed()
}

// insertBefore writes what belongs before e, if e stays: what goes gives no
// order.
func (p *plan) insertBefore(e *element, d decision) error {
	if e.depth > 0 || d.action == remove {
		return nil
	}
	return p.insert(e.tag)
}

// insert writes the pending insertions that sort before t.
func (p *plan) insert(t Tag) error {
	for len(p.pending) > 0 && p.pending[0].tag < t {
		in := p.pending[0]
		p.pending = p.pending[1:]
		value := in.bytes(p.file.syn)
		e := element{tag: in.tag, vr: in.vr, syn: p.file.syn}
		p.header(&e, uint32(len(value)))
		p.layout.literal(value)
	}
	return p.layout.fits()
}

func isPixels(t Tag) bool {
	return t == tagPixelData || t == tagFloatPixels || t == tagDoublePixels
}

var errNoLength = malformed("an element has no length")

var errUnverified = redact.Refuse(redact.Unverified, "the cleaned file did not pass its own check")
