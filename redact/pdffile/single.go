package pdffile

import (
	"bytes"
	"maps"
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// singles makes each page of a document a document of its own, so that the
// engine has to hold no more than the largest page.
type singles struct {
	doc  *document
	tree types.Integer
	kids types.Array
}

func (d *document) singles() *singles {
	ref, kids := d.tree()
	own := &document{objects: slices.Clone(d.objects), root: d.root, version: d.version}
	return &singles{doc: own, tree: ref.ObjectNumber, kids: kids}
}

// pdf returns page i, counted from 0, as a file. With bare its fonts do not say
// which letters their glyphs stand for (ToUnicode, 9.10.3): a program then goes
// by their encoding, which is what decides what is drawn.
func (s *singles) pdf(i int, bare bool) ([]byte, error) {
	s.doc.objects[s.tree-1] = types.Dict{
		"Type": types.Name("Pages"), "Count": types.Integer(1), "Kids": types.Array{s.kids[i]},
	}
	one := s.doc.renumbered()
	if bare {
		for j, o := range one.objects {
			one.objects[j] = withoutUnicode(o)
		}
		one = one.renumbered()
	}
	var b bytes.Buffer
	_, err := one.writeTo(&b)
	return b.Bytes(), err
}

// withoutUnicode takes ToUnicode out of the fonts in an object.
func withoutUnicode(o types.Object) types.Object {
	switch o := o.(type) {
	case types.Dict:
		out := maps.Clone(o)
		delete(out, "ToUnicode")
		for k, v := range out {
			out[k] = withoutUnicode(v)
		}
		return out
	case types.Array:
		out := slices.Clone(o)
		for i, v := range out {
			out[i] = withoutUnicode(v)
		}
		return out
	case types.StreamDict:
		d, _ := withoutUnicode(o.Dict).(types.Dict)
		return types.StreamDict{Dict: d, Raw: o.Raw}
	}
	return o
}
