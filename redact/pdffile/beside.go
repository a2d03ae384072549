package pdffile

import (
	"regexp"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// Patterns (8.7.3), soft masks (11.6.5.2) and the glyphs of Type 3 fonts (9.6.5)
// are content too, and the engine's text layer has nothing of it: a page that
// writes there cannot be searched, and pictures there are pictures on the page.

// beside looks at what the resources hold beside forms and pictures.
func (p *painter) beside(res types.Dict, depth int) {
	p.each(res["Pattern"], func(o types.Object) {
		if sd, ok := o.(types.StreamDict); ok {
			p.aside(sd, res, depth)
		}
	})
	p.each(res["ExtGState"], func(o types.Object) {
		gs, _ := o.(types.Dict)
		mask, _ := p.doc.at(gs["SMask"]).(types.Dict)
		if sd, ok := p.doc.at(mask["G"]).(types.StreamDict); ok {
			p.aside(sd, res, depth)
		}
	})
	p.each(res["Font"], func(o types.Object) {
		font, _ := o.(types.Dict)
		own, ok := p.doc.at(font["Resources"]).(types.Dict)
		if !ok {
			own = res
		}
		p.each(font["CharProcs"], func(o types.Object) {
			if sd, ok := o.(types.StreamDict); ok {
				p.aside(sd, own, depth)
			}
		})
	})
}

// each hands out the entries of a dictionary, those that are objects of their own
// once.
func (p *painter) each(o types.Object, fn func(types.Object)) {
	d, _ := p.doc.at(o).(types.Dict)
	for _, v := range d {
		if ref, ok := v.(types.IndirectRef); ok {
			if p.seen[ref] {
				continue
			}
			p.seen[ref] = true
		}
		fn(p.doc.at(v))
	}
}

// aside looks at one of these streams.
func (p *painter) aside(sd types.StreamDict, res types.Dict, depth int) {
	content, err := p.doc.decoded(sd)
	if err != nil || depth >= maxFormDepth {
		p.out.clear = false
		return
	}
	if own, ok := p.doc.at(sd.Dict["Resources"]).(types.Dict); ok {
		res = own
	}
	_, ok := scan(content, func(op string, args [][]byte) {
		switch op {
		case "Tj", "TJ", "'", `"`:
			p.out.aside = true
		case "BI":
			p.out.filled = true
		case "Do":
			if len(args) == 0 || len(args[0]) == 0 || args[0][0] != '/' {
				return
			}
			list, _ := p.doc.at(res["XObject"]).(types.Dict)
			o := list[nameOf(args[0])]
			inner, ok := p.doc.at(o).(types.StreamDict)
			switch ref, _ := o.(types.IndirectRef); {
			case !ok:
			case inner.Dict["Subtype"] == types.Name("Image"):
				p.out.filled = true
			case !p.seen[ref]:
				p.seen[ref] = true
				p.aside(inner, res, depth+1)
			}
		}
	})
	p.out.clear = p.out.clear && ok
	p.beside(res, depth+1)
}

// asideForm is how patterns, soft masks and Type 3 fonts are written where they are
// not packed.
var asideForm = regexp.MustCompile(`/PatternType\s*1\b|/Type3\b|/S\s*/(?:Luminosity|Alpha)\b`)

// writesAside reports whether a file that is drawn as a whole has any of them: on
// which page, and with what, only its parts would tell.
func writesAside(in []byte) bool {
	if asideForm.Match(in) {
		return true
	}
	src, err := read(in)
	if err != nil {
		return false
	}
	for _, e := range src.Table {
		if e != nil && !e.Free && isAside(e.Object, 0) {
			return true
		}
	}
	return false
}

func isAside(o types.Object, depth int) bool {
	if depth > maxDepth {
		return true
	}
	switch o := o.(type) {
	case types.StreamDict:
		return isAside(o.Dict, depth)
	case types.Array:
		for _, e := range o {
			if isAside(e, depth+1) {
				return true
			}
		}
	case types.Dict:
		if o["PatternType"] == types.Integer(1) || o["Subtype"] == types.Name("Type3") || o["S"] == types.Name("Luminosity") || o["S"] == types.Name("Alpha") {
			return true
		}
		for _, e := range o {
			if isAside(e, depth+1) {
				return true
			}
		}
	}
	return false
}
