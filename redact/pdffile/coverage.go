package pdffile

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact/identifier"
)

// matrix is a transformation (8.3.4).
type matrix [6]float64

var identity = matrix{1, 0, 0, 1, 0, 0}

// times returns m followed by n.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3], m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// painted is what a page shows beside text.
type painted struct {
	anything bool    // lines, areas, pictures
	pictures float64 // their area in square points, what overlaps counted twice
	curves   int     // of lines and areas
	clear    bool    // all of it could be read
	text     []rune  // what is written, letter by letter as its bytes are
	filled   bool    // areas are filled with pictures, or glyphs are pictures
	aside    bool    // text in patterns, soft masks or glyphs
	seen     int     // bytes of text that no picture as large as half the page lies over
}

const (
	maxFormDepth = 12
	maxDrawn     = 2_000 // forms, patterns and glyphs that are drawn on one page
)

// painter adds up what content paints.
type painter struct {
	doc   *document
	out   painted
	forms int
	area  float64                    // of the page, in square points
	seen  map[types.IndirectRef]bool // what resources have been looked through
}

// pen is the part of the graphics state that matters here (8.4).
type pen struct {
	ctm  matrix
	mode string // how text is painted (9.3.6)
}

// unpainted are the modes in which text is not seen.
var unpainted = map[string]bool{"3": true, "7": true}

func (d *document) painted(page types.Dict) painted {
	p := &painter{doc: d, out: painted{clear: true}, area: d.area(page), seen: map[types.IndirectRef]bool{}}
	content, ok := d.pageContent(page)
	if !ok {
		p.out.clear = false
		return p.out
	}
	res, _ := d.at(page["Resources"]).(types.Dict)
	p.run(content, res, pen{ctm: identity}, 0)
	p.beside(res, 0)
	return p.out
}

// pageContent returns the content of a page of the output.
func (d *document) pageContent(page types.Dict) (content []byte, ok bool) {
	pieces, many := d.at(page["Contents"]).(types.Array)
	if !many {
		pieces = types.Array{page["Contents"]}
	}
	for _, o := range pieces {
		sd, is := d.at(o).(types.StreamDict)
		if !is {
			continue
		}
		b, err := d.decoded(sd)
		if err != nil {
			return nil, false
		}
		content = append(append(content, b...), '\n')
	}
	return content, true
}

func (p *painter) run(content []byte, res types.Dict, now pen, depth int) {
	var stack []pen
	_, ok := scan(content, func(op string, args [][]byte) {
		switch op {
		case "q":
			stack = append(stack, now)
		case "Q":
			if n := len(stack); n > 0 {
				now, stack = stack[n-1], stack[:n-1]
			}
		case "cm":
			if m, ok := numbersOf(args); ok {
				now.ctm = m.times(now.ctm)
			}
		case "Tr":
			now.mode = string(slices.Concat(args...))
		case "Tj", "TJ", "'", `"`:
			p.text(args, !unpainted[now.mode])
		case "BI":
			p.picture(now.ctm)
		case "Do":
			if len(args) > 0 && len(args[0]) > 0 && args[0][0] == '/' {
				p.do(nameOf(args[0]), res, now, depth)
			}
		case "c", "v", "y":
			p.out.curves++
		case "f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "sh":
			p.out.anything = true
		}
	})
	p.out.clear = p.out.clear && ok
}

// text notes the bytes of the strings that are shown, whatever their font makes of
// them, and counts those that are seen.
func (p *painter) text(args [][]byte, seen bool) {
	for _, a := range args {
		for i := 0; i < len(a); i++ {
			end := -1
			var o types.Object
			switch a[i] {
			case '(':
				if end = stringEnd(a, i); end > 0 {
					o = types.StringLiteral(a[i+1 : end-1])
				}
			case '<':
				if end = i + 1 + bytes.IndexByte(a[i:], '>'); end > i {
					o = types.HexLiteral(a[i+1 : end-1])
				}
			}
			if end <= i {
				continue
			}
			b, err := stringBytes(o)
			p.out.clear = p.out.clear && err == nil
			if seen {
				p.out.seen += len(b)
			}
			for _, c := range b {
				p.out.text = append(p.out.text, rune(c))
			}
			i = end - 1
		}
	}
	p.out.text = append(p.out.text, identifier.Gap)
}

func (p *painter) picture(ctm matrix) {
	p.out.anything = true
	size := math.Abs(ctm[0]*ctm[3] - ctm[1]*ctm[2])
	p.out.pictures += size
	if size >= scanPart*p.area {
		p.out.seen = 0 // it lies over what was written before
	}
}

func (p *painter) do(name string, res types.Dict, now pen, depth int) {
	list, _ := p.doc.at(res["XObject"]).(types.Dict)
	sd, ok := p.doc.at(list[name]).(types.StreamDict)
	if !ok {
		return
	}
	if sd.Dict["Subtype"] == types.Name("Image") {
		p.picture(now.ctm)
		return
	}
	if p.forms++; depth >= maxFormDepth || p.forms > maxDrawn {
		p.out.clear = false
		return
	}
	content, err := p.doc.decoded(sd)
	if err != nil {
		p.out.clear = false
		return
	}
	inner, ok := p.doc.at(sd.Dict["Resources"]).(types.Dict)
	if !ok {
		inner = res
	}
	m := identity
	if a, ok := p.doc.at(sd.Dict["Matrix"]).(types.Array); ok && len(a) == 6 {
		for i := range a {
			m[i] = number(p.doc.at(a[i]))
		}
	}
	p.run(content, inner, pen{m.times(now.ctm), now.mode}, depth+1)
	p.beside(inner, depth+1)
}

func number(o types.Object) float64 {
	switch o := o.(type) {
	case types.Integer:
		return float64(o)
	case types.Float:
		return float64(o)
	}
	return 0
}

func numbersOf(args [][]byte) (m matrix, ok bool) {
	if len(args) != len(m) {
		return m, false
	}
	for i, a := range args {
		v, err := strconv.ParseFloat(string(a), 64)
		if err != nil {
			return m, false
		}
		m[i] = v
	}
	return m, true
}
