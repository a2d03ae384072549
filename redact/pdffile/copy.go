package pdffile

import (
	"io"
	"maps"
	"regexp"
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
)

const (
	maxDepth   = 100       // of nested objects; ISO 32000-1 annex C has no bound, files stay below 30
	maxObjects = 2_000_000 // of the output
	maxPages   = 50_000    // far above any chart
)

// copier carries objects of a source over into a document, shape by shape.
type copier struct {
	src   *model.Context
	out   *document
	seen  map[place]types.IndirectRef
	tally *tally
	only  []Range // the pages that are copied; all if there are none
	taken []int   // the numbers of the pages that were copied, from 1
	flat  bool    // what comments look like becomes part of the page, too
	depth int
}

// place is a source object in one role. An object in two roles is copied
// twice, with what each role allows.
type place struct {
	number int
	shape  *shape
}

func newCopier(src *model.Context) *copier {
	return &copier{src: src, out: &document{}, seen: map[place]types.IndirectRef{}, tally: newTally()}
}

// resolve follows a reference. A reference to nothing is null (section
// 7.3.10), but one to an object that exists and could not be read is damage.
func (c *copier) resolve(o types.Object) (types.Object, error) {
	for range 8 {
		ref, ok := o.(types.IndirectRef)
		if !ok {
			return o, nil
		}
		entry, found := c.src.FindTableEntryForIndRef(&ref)
		if !found || entry.Free {
			return nil, nil
		}
		got, err := c.src.Dereference(ref)
		if err != nil || got == nil && !c.isNull(entry) {
			return nil, redact.Refuse(redact.Malformed, "a part of the PDF cannot be read")
		}
		o = got
	}
	return nil, redact.Refuse(redact.Malformed, "the PDF refers to itself in a circle")
}

// nullObject is an object that is null, or empty, which is the same (7.3.9).
var nullObject = regexp.MustCompile(`^\s*\d+\s+\d+\s+obj\s*(null|endobj)`)

// isNull reports whether the object behind entry really is null: pdfcpu leaves
// nil behind also where it skipped an object that it could not read.
func (c *copier) isNull(entry *model.XRefTableEntry) bool {
	if entry.Offset == nil || *entry.Offset == 0 {
		return entry.Compressed
	}
	if _, err := c.src.Read.RS.Seek(*entry.Offset, io.SeekStart); err != nil {
		return false
	}
	head := make([]byte, 64)
	n, _ := io.ReadFull(c.src.Read.RS, head)
	return nullObject.Match(head[:n])
}

// dict resolves o and returns it if it is a dictionary.
func (c *copier) dict(o types.Object) (types.Dict, error) {
	got, err := c.resolve(o)
	if err != nil {
		return nil, err
	}
	d, _ := got.(types.Dict)
	return d, nil
}

// copy returns the version of o that s allows, nil if nothing of it is.
func (c *copier) copy(o types.Object, s *shape) (types.Object, error) {
	if ref, ok := o.(types.IndirectRef); ok {
		return c.copyRef(ref, s)
	}
	if c.depth++; c.depth > maxDepth {
		return nil, redact.Refuse(redact.TooLarge, "the PDF is nested too deeply")
	}
	defer func() { c.depth-- }()
	switch o := o.(type) {
	case types.Boolean, types.Integer, types.Float, types.Name:
		if s.plain {
			return o, nil
		}
	case types.StringLiteral, types.HexLiteral:
		if s.text {
			return o, nil
		}
	case types.Array:
		if s.elems != nil {
			return c.copyArray(o, s.elems)
		}
	case types.Dict:
		if s.keys != nil || s.rest != nil {
			return c.copyDict(o, s)
		}
	case types.StreamDict:
		if s.stream {
			return c.copyStream(o, s)
		}
	}
	if o != nil {
		c.tally.add(otherRemoved, 1)
	}
	return nil, nil
}

// copyRef copies an indirect object once per shape. Simple values become
// direct, so that the output holds no object for them.
func (c *copier) copyRef(ref types.IndirectRef, s *shape) (types.Object, error) {
	at := place{ref.ObjectNumber.Value(), s}
	if done, ok := c.seen[at]; ok {
		return done, nil
	}
	o, err := c.resolve(ref)
	if err != nil || o == nil {
		return nil, err
	}
	switch o.(type) {
	case types.Dict, types.StreamDict, types.Array:
	default:
		return c.copy(o, s)
	}
	if len(c.out.objects) >= maxObjects {
		return nil, redact.Refuse(redact.TooLarge, "the PDF has too many parts")
	}
	to := c.out.add(nil) // taken before the descent: objects may form circles
	c.seen[at] = to
	got, err := c.copy(o, s)
	if err != nil {
		return nil, err
	}
	c.out.objects[to.ObjectNumber-1] = got
	return to, nil
}

func (c *copier) copyArray(a types.Array, s *shape) (types.Object, error) {
	out := make(types.Array, len(a))
	for i, e := range a {
		got, err := c.copy(e, s)
		if err != nil {
			return nil, err
		}
		out[i] = got // null keeps the places of the others
	}
	return out, nil
}

func (c *copier) copyDict(d types.Dict, s *shape) (types.Dict, error) {
	out := types.Dict{}
	for _, k := range slices.Sorted(maps.Keys(d)) {
		sub := s.keys[k]
		if sub == nil {
			sub = s.rest
		}
		if sub == nil {
			c.drop(k)
			continue
		}
		got, err := c.copy(d[k], sub)
		if err != nil {
			return nil, err
		}
		if got != nil {
			out[k] = got
		}
	}
	return out, nil
}

// drop counts an entry that goes.
func (c *copier) drop(key string) {
	switch r := dropped[key]; {
	case r != nil:
		c.tally.add(*r, 1)
	case key != "Parent" && key != "Length" && key != "P" && key != "DL":
		c.tally.add(otherRemoved, 1)
	}
}

func (c *copier) copyStream(sd types.StreamDict, s *shape) (types.Object, error) {
	if _, ok := sd.Find("F"); ok {
		return nil, redact.Refuse(redact.Unfit, "the PDF keeps a part of its pages in another file")
	}
	if s == xObject {
		switch subtype, _ := sd.Dict["Subtype"].(types.Name); subtype {
		case "Image":
			s = imageXObj
		case "Form":
			s = form
		default: // PostScript XObjects, which no viewer runs (8.8.2)
			c.tally.add(otherRemoved, 1)
			return nil, nil
		}
	}
	sd, err := c.embedded(sd, s.embed)
	if err != nil {
		return nil, err
	}
	var uses map[string]map[string]bool
	if s.embed == drawing {
		if sd, uses, err = c.drawn(sd); err != nil {
			return nil, err
		}
	}
	d, err := c.copyDict(sd.Dict, s)
	if err != nil {
		return nil, err
	}
	if uses != nil && d["Resources"] != nil {
		d["Resources"] = c.pruned(d["Resources"], uses)
	}
	return types.StreamDict{Dict: d, Raw: sd.Raw}, nil
}
