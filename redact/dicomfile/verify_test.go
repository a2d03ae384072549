package dicomfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"testing"

	"chartseal/redact"
)

// TestVerifyCatches plants what a wrong plan could do; the verifier has to
// find each.
func TestVerifyCatches(t *testing.T) {
	raw := radiograph(explicitLittle, true).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
	fresh := func() (*plan, *body) {
		p, _, err := (&Cleaner{}).plan(context.Background(), source(raw), "treatment")
		if err != nil {
			t.Fatal(err)
		}
		return p, &body{ctx: context.Background(), src: p.file.src, l: &p.layout}
	}
	p, b := fresh()
	if err := verify(context.Background(), p, b); err != nil {
		t.Fatal(err)
	}
	at := func(s string) int64 { return int64(bytes.Index(raw, []byte(s))) }
	address := at("CANARY lane") - shortHeaderLength
	damage := map[string]func(p *plan){
		"a removed element is back": func(p *plan) { p.layout.source(address, address+shortHeaderLength+12) },
		"an element is missing": func(p *plan) {
			*p = *planWithout(p, at("83370"))
		},
		"a value from elsewhere": func(p *plan) {
			i := p.layout.find(p.layout.size / 2)
			for p.layout.segs[i].src < 0 {
				i++
			}
			p.layout.segs[i].src += 2
		},
		"pixels moved": func(p *plan) {
			i := p.layout.find(p.layout.size - 1)
			p.layout.segs[i].src -= 2
		},
		"preamble kept": func(p *plan) {
			lits := p.layout.lits
			lits[bytes.Index(lits, []byte("DICM"))-1] = 1
		},
		"extra header element": func(p *plan) {
			meta := appendMeta(buildMeta("", "", tsExplicitLittle), 0x00020016, mkVR('A', 'E'), []byte("AE"))
			p.layout.segs = p.layout.segs[1:]
			cut := p.layout.segs[0].out
			for i := range p.layout.segs {
				p.layout.segs[i].out -= cut
			}
			p.layout.size -= cut
			p.layout.prepend(meta)
		},
		"a stray byte": func(p *plan) { p.layout.literal([]byte{0x41}) },
		"cut short":    func(p *plan) { p.layout.size -= 2 },
	}
	for name, harm := range damage {
		p, b := fresh()
		harm(p)
		b.l = &p.layout
		if err := verify(context.Background(), p, b); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// planWithout leaves out the segment that holds source offset off.
func planWithout(p *plan, off int64) *plan {
	q := *p
	q.layout = layout{lits: p.layout.lits}
	for i, s := range p.layout.segs {
		n := p.layout.end(i) - s.out
		switch {
		case s.src < 0:
			q.layout.segs = append(q.layout.segs, segment{q.layout.size, s.src})
			q.layout.size += n
		case s.src <= off && off < s.src+n:
			q.layout.source(s.src, off-shortHeaderLength)
			q.layout.source(off+6, s.src+n)
		default:
			q.layout.source(s.src, s.src+n)
		}
	}
	return &q
}

// saboteur is a planner with a fault: what it does instead of a step of the
// plan; true means done.
type saboteur struct {
	*plan
	onLeaf, onEnter, onItem, onItemEnd, onLeave func(*saboteur, *element) bool

	held   *element // kept back by a fault that swaps
	struck bool     // the fault has had its chance
}

func (s *saboteur) does(fault func(*saboteur, *element) bool, e *element) bool {
	return fault != nil && fault(s, e)
}

func (s *saboteur) leaf(e *element) error {
	if s.does(s.onLeaf, e) {
		return nil
	}
	return s.plan.leaf(e)
}

func (s *saboteur) enter(e *element) (bool, error) {
	if s.does(s.onEnter, e) {
		return false, nil
	}
	return s.plan.enter(e)
}

func (s *saboteur) item(e *element) error {
	if s.does(s.onItem, e) {
		return nil
	}
	return s.plan.item(e)
}

func (s *saboteur) itemEnd(e *element) error {
	if s.does(s.onItemEnd, e) {
		return nil
	}
	return s.plan.itemEnd(e)
}

func (s *saboteur) leave(e *element) error {
	if s.does(s.onLeave, e) {
		return nil
	}
	return s.plan.leave(e)
}

// raw lays an element out whole, whatever the rules say.
func (s *saboteur) raw(e *element) bool {
	s.layout.source(e.off, e.end)
	s.changed()
	s.struck = true
	return true
}

// is tells a tag at a depth, the first time.
func (s *saboteur) is(e *element, t Tag, depth int) bool {
	return !s.struck && e.tag == t && e.depth == depth
}

// faults are what a planner could do wrong.
var faults = map[string]saboteur{
	"a private element stays": {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x00091001, 0) && s.raw(e) }},
	"a private element stays in a sequence": {onLeaf: func(s *saboteur, e *element) bool {
		return s.is(e, 0x00091001, 1) && s.raw(e)
	}},
	"a private sequence stays": {onEnter: func(s *saboteur, e *element) bool {
		if !s.is(e, 0x00091010, 0) {
			return false
		}
		s.layout.source(e.off, e.val) // its content follows, undefined or not
		s.struck = true
		return true
	}},
	"identity stays in a sequence": {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x00100020, 1) && s.raw(e) }},
	"a listed element stays":       {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x00101040, 0) && s.raw(e) }},
	"a group length stays":         {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x00080000, 0) && s.raw(e) }},
	"the padding behind stays":     {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, tagTrailingPad, 0) && s.raw(e) }},
	"an element is there twice":    {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x00181164, 0) && s.raw(e) && s.raw(e) }},
	"spacing is lost":              {onLeaf: func(s *saboteur, e *element) bool { s.struck = s.is(e, 0x00181164, 0); return s.struck }},
	"the tooth is lost":            {onLeaf: func(s *saboteur, e *element) bool { s.struck = s.is(e, 0x00080104, 1); return s.struck }},
	"the last pixels are lost":     {onLeaf: func(s *saboteur, e *element) bool { s.struck = s.is(e, tagPixelData, 0); return s.struck }},
	"a sequence is lost":           {onEnter: func(_ *saboteur, e *element) bool { return e.tag == 0x00082218 }},
	"a value is emptied": {onLeaf: func(s *saboteur, e *element) bool {
		if !s.is(e, 0x00181164, 0) {
			return false
		}
		s.header(e, 0)
		return true
	}},
	"a value is written anew": {onLeaf: func(s *saboteur, e *element) bool {
		if !s.is(e, 0x00181164, 0) {
			return false
		}
		s.header(e, uint32(e.end-e.val))
		s.layout.literal(make([]byte, e.end-e.val))
		return true
	}},
	"a value is shifted": {onLeaf: func(s *saboteur, e *element) bool {
		if !s.is(e, 0x00181164, 0) {
			return false
		}
		s.layout.source(e.off, e.val)
		s.layout.source(e.val+1, e.end+1)
		return true
	}},
	"a pixel is lost": {onLeaf: func(s *saboteur, e *element) bool {
		if !s.is(e, tagPixelData, 0) || e.undefined() {
			return s.is(e, tagPixelData, 0) && s.cut(e)
		}
		s.layout.source(e.off, e.val+10)
		s.layout.source(e.val+12, e.end)
		s.layout.literal([]byte{0, 0})
		return true
	}},
	"two elements are swapped": {onLeaf: func(s *saboteur, e *element) bool {
		if s.is(e, 0x00180060, 0) {
			held := *e
			s.held = &held
			return true
		}
		return s.held != nil && e.tag == 0x00181164 && s.raw(e) && s.raw(s.held)
	}},
	"the end of an item is missing": {onItemEnd: func(s *saboteur, e *element) bool {
		if e.depth > 1 || s.struck {
			return false
		}
		s.pop()
		s.changed()
		s.struck = true
		return true
	}},
	"the end of a sequence is missing": {onLeave: func(s *saboteur, _ *element) bool {
		s.pop()
		s.struck = true
		return true
	}},
	"an item is missing": {onItem: func(s *saboteur, _ *element) bool {
		s.push() // and no header
		s.struck = true
		return true
	}},
	"what is removed does not count": {
		onLeaf: func(_ *saboteur, e *element) bool { return e.depth > 0 && e.tag.private() },
		onLeave: func(s *saboteur, e *element) bool {
			s.layout.rollback(s.pop().layout) // as if nothing inside had changed
			s.layout.source(e.off, e.end)
			return true
		},
	},
}

// cut leaves out the last fragment's last bytes.
func (s *saboteur) cut(e *element) bool {
	s.layout.source(e.off, e.end-itemHeaderLength-2)
	s.layout.source(e.end-itemHeaderLength, e.end)
	return true
}

// deidentifyingFaults matter where values are replaced.
var deidentifyingFaults = map[string]saboteur{
	"a UID stays":        {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x00080018, 0) && s.raw(e) }},
	"a name stays":       {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x00100010, 0) && s.raw(e) }},
	"a number stays":     {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x00100020, 0) && s.raw(e) }},
	"a date stays":       {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x00080020, 0) && s.raw(e) }},
	"a number is copied": {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x00100020, 0) && s.written(e, "83370 ") }},
	"a name is copied":   {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x00100010, 0) && s.written(e, "M\xfcller") }},
	"a UID is copied":    {onLeaf: func(s *saboteur, e *element) bool { return s.is(e, 0x0020000D, 0) && s.written(e, "1.2.3.4\x00") }},
	"a UID is lost":      {onLeaf: func(s *saboteur, e *element) bool { s.struck = s.is(e, 0x0020000D, 0); return s.struck }},
	"nothing says how":   {onLeaf: func(s *saboteur, _ *element) bool { s.pending = nil; return false }},
	"something else is said": {onLeaf: func(s *saboteur, _ *element) bool {
		if len(s.pending) > 0 {
			s.pending = []insertion{{s.pending[0].tag, s.pending[0].vr, "83370"}}
		}
		return false
	}},
}

func (s *saboteur) written(e *element, v string) bool {
	s.header(e, uint32(len(v)))
	s.layout.literal([]byte(v))
	s.struck = true
	return true
}

// errNoChance: the file has no place for the fault.
var errNoChance = errors.New("the same file came out")

// sabotaged plans a file with a fault and says what the verifier says.
func sabotaged(t *testing.T, raw []byte, p redact.Profile, fault saboteur) error {
	t.Helper()
	c := Cleaner{UIDSalt: []byte("0123456789abcdef"), Reviewed: true}
	sound, _, err := c.plan(context.Background(), source(raw), p)
	if err != nil {
		t.Fatal(err)
	}
	fault.plan = &plan{file: sound.file, rules: sound.rules, ids: sound.ids, added: sound.added}
	w := newWalker(context.Background(), sound.file.src)
	defer w.close()
	if err := fault.build(w, &fault); err != nil {
		t.Fatal(err)
	}
	fault.meta()
	got := &body{ctx: context.Background(), src: sound.file.src, l: &fault.layout}
	if bytes.Equal(readAll(t, got), readAll(t, &body{ctx: context.Background(), src: sound.file.src, l: &sound.layout})) {
		return errNoChance
	}
	return verify(context.Background(), fault.plan, got)
}

func readAll(t *testing.T, b *body) []byte {
	t.Helper()
	all, err := io.ReadAll(b)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestVerifyCatchesPlanner: whatever step of the planner goes wrong, in
// whatever encoding, the verifier notices.
func TestVerifyCatchesPlanner(t *testing.T) {
	noticed := make(map[string]int)
	try := func(how string, raw []byte, p redact.Profile, list map[string]saboteur) {
		for name, fault := range list {
			switch err := sabotaged(t, raw, p, fault); {
			case err == nil:
				t.Errorf("%s, %s: %s: not noticed", how, p, name)
			case !errors.Is(err, errNoChance):
				noticed[name]++
			}
		}
	}
	for i, e := range encodings {
		raw := build(i)
		if err := sabotaged(t, raw, redact.Treatment, saboteur{}); !errors.Is(err, errNoChance) {
			t.Fatalf("%s: a sound plan: %v", e.name, err)
		}
		try(e.name, raw, redact.Treatment, faults)
		try(e.name, raw, redact.Deidentified, faults)
		try(e.name, raw, redact.Deidentified, deidentifyingFaults)
	}
	all := maps.Clone(faults)
	maps.Copy(all, deidentifyingFaults)
	for name := range all {
		if noticed[name] < len(encodings) {
			t.Errorf("%s: tried %d times only", name, noticed[name])
		}
	}
}

// TestVerifyCatchesHeader: a header that is not what it has to be.
func TestVerifyCatchesHeader(t *testing.T) {
	raw := build(2)
	group := func(change func([]byte) []byte) []byte {
		b := buildMeta("1.2.840.10008.5.1.4.1.1.1.3", "2.25.1", tsImplicitLittle)
		return change(b)
	}
	for name, head := range map[string][]byte{
		"another syntax": buildMeta("1.2.840.10008.5.1.4.1.1.1.3", "2.25.1", tsExplicitLittle),
		"the old UID":    buildMeta("1.2.840.10008.5.1.4.1.1.1.3", "1.2.3.4.5", tsImplicitLittle),
		"a wrong length": group(func(b []byte) []byte { b[preambleLength+4+shortHeaderLength]++; return b }),
		"no syntax":      buildMeta("1.2.840.10008.5.1.4.1.1.1.3", "2.25.1", ""),
		"one element more": group(func(b []byte) []byte {
			return appendMeta(b, 0x00020016, mkVR('A', 'E'), []byte("CANARY"))
		}),
	} {
		p, _, err := (&Cleaner{}).plan(context.Background(), source(raw), redact.Deidentified)
		if err != nil {
			t.Fatal(err)
		}
		p = &plan{file: p.file, rules: p.rules, ids: p.ids, added: p.added}
		w := newWalker(context.Background(), p.file.src)
		if err := p.build(w, p); err != nil {
			t.Fatal(err)
		}
		w.close()
		p.layout.prepend(head)
		if err := verify(context.Background(), p, &body{ctx: context.Background(), src: p.file.src, l: &p.layout}); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}
