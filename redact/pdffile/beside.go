package pdffile

import "github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

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
