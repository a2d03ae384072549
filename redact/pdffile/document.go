package pdffile

import (
	"maps"
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// document is a PDF being built: objects in the order of their numbers, which
// begin at 1.
type document struct {
	objects []types.Object
	root    types.IndirectRef
	pages   int
	version string
}

func (d *document) add(o types.Object) types.IndirectRef {
	d.objects = append(d.objects, o)
	return *types.NewIndirectRef(len(d.objects), 0)
}

// at returns the object behind a reference of the output.
func (d *document) at(o types.Object) types.Object {
	if ref, ok := o.(types.IndirectRef); ok {
		return d.objects[ref.ObjectNumber-1]
	}
	return o
}

func (d *document) resolve(o types.Object) (types.Object, error) { return d.at(o), nil }

// decoded returns the data of a stream.
func (d *document) decoded(sd types.StreamDict) ([]byte, error) {
	stages, err := stagesOf(sd.Dict, d.resolve)
	if err != nil {
		return nil, err
	}
	return decoded(sd.Raw, stages, d.resolve)
}

// tree returns the reference to the list of pages, and the pages.
func (d *document) tree() (types.IndirectRef, types.Array) {
	catalog, _ := d.at(d.root).(types.Dict)
	ref, _ := catalog["Pages"].(types.IndirectRef)
	tree, _ := d.at(ref).(types.Dict)
	kids, _ := d.at(tree["Kids"]).(types.Array)
	return ref, kids
}

// renumbered returns the document with its objects numbered in the order in
// which they are met from the catalog, those that are never met left out. So
// the numbers follow from the content alone, and cleaning a clean file gives
// the same file.
func (d *document) renumbered() *document {
	r := &renumbering{from: d, to: &document{pages: d.pages, version: d.version}, numbers: map[types.Integer]types.IndirectRef{}}
	r.to.root = r.value(d.root).(types.IndirectRef) //nolint:forcetypeassert // a catalog is a dictionary
	return r.to
}

type renumbering struct {
	from, to *document
	numbers  map[types.Integer]types.IndirectRef
}

func (r *renumbering) value(o types.Object) types.Object {
	switch o := o.(type) {
	case types.IndirectRef:
		return r.ref(o)
	case types.Array:
		out := make(types.Array, len(o))
		for i, e := range o {
			out[i] = r.value(e)
		}
		return out
	case types.Dict:
		return r.dict(o)
	case types.StreamDict:
		return types.StreamDict{Dict: r.dict(o.Dict), Raw: o.Raw}
	}
	return o
}

func (r *renumbering) ref(o types.IndirectRef) types.Object {
	if to, ok := r.numbers[o.ObjectNumber]; ok {
		return to
	}
	target := r.from.at(o)
	if target == nil {
		return nil // a reference to nothing is null
	}
	to := r.to.add(nil)
	r.numbers[o.ObjectNumber] = to
	r.to.objects[to.ObjectNumber-1] = r.value(target)
	return to
}

func (r *renumbering) dict(d types.Dict) types.Dict {
	out := types.Dict{}
	for _, k := range slices.Sorted(maps.Keys(d)) {
		if v := r.value(d[k]); v != nil {
			out[k] = v
		}
	}
	return out
}
