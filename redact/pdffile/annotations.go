package pdffile

import (
	"bytes"
	"fmt"
	"maps"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
)

// Annotation flags (table 165).
const (
	flagHidden = 1 << 1
	flagNoView = 1 << 5
)

// What becomes of an annotation, by subtype (table 169).
type fate int

const (
	paint  fate = iota // its appearance becomes part of the page
	leave              // goes: it shows nothing of its own
	person             // a person has to look
)

// fates of the subtypes that are not simply painted.
var fates = map[types.Name]fate{
	"Link": leave, "Popup": leave, "PrinterMark": leave, "TrapNet": leave, "FileAttachment": leave,
	"Redact": person, "Movie": person, "Sound": person, "Screen": person, "3D": person, "RichMedia": person,
}

// remarks are the subtypes whose Contents is a remark shown beside the page
// and not text painted on it (section 12.5.6.2).
var remarks = map[types.Name]bool{
	"Text": true, "Highlight": true, "Underline": true, "Squiggly": true, "StrikeOut": true, "Ink": true, "Line": true,
	"Square": true, "Circle": true, "Polygon": true, "PolyLine": true, "Caret": true, "Stamp": true,
}

// annotations puts what the annotations of a page show into the page itself,
// because what a clinician wrote on a chart is part of the record. A remark
// that is read in a window of its own stays an annotation, stripped to what it
// shows and says. What can be kept neither way is refused.
func (w *pageWalk) annotations(o types.Object, page types.Dict) error {
	o, err := w.resolve(o)
	if err != nil {
		return err
	}
	list, _ := o.(types.Array)
	var painted []painting
	var kept types.Array
	for _, e := range list {
		a, err := w.dict(e)
		if err != nil {
			return err
		}
		if a == nil {
			continue
		}
		p, comment, err := w.annotation(a)
		if err != nil {
			return err
		}
		if p != nil {
			painted = append(painted, *p)
		}
		if comment != nil {
			kept = append(kept, w.out.add(comment))
		}
	}
	if kept != nil {
		page["Annots"] = kept
	}
	return w.paint(painted, page)
}

// annotation decides on one annotation: it is painted, kept as a comment, or
// neither.
func (w *pageWalk) annotation(a types.Dict) (*painting, types.Dict, error) {
	o, err := w.resolve(a["Subtype"])
	if err != nil {
		return nil, nil, err
	}
	subtype, _ := o.(types.Name)
	switch fates[subtype] {
	case person:
		return nil, nil, refusedAnnotation(subtype)
	case leave:
		w.left(subtype)
		return nil, nil, nil
	case paint:
	}
	flags, err := w.integer(a["F"])
	if err != nil {
		return nil, nil, err
	}
	if flags&(flagHidden|flagNoView) != 0 {
		w.tally.add(hiddenRemoved, 1)
		w.tally.notice(hiddenNotice)
		return nil, nil, nil
	}
	said, err := w.said(a["Contents"])
	if err != nil {
		return nil, nil, err
	}
	var p *painting
	var kept types.Dict
	switch {
	case remarks[subtype] && said:
		kept, err = w.comment(a)
		if err == nil && w.flat {
			p, err = w.flattened(a, kept)
		}
	case subtype == "Widget":
		p, err = w.widget(a)
	default:
		p, err = w.mark(subtype, a)
	}
	return p, kept, err
}

// mark paints an annotation that is neither a remark nor a field.
func (w *pageWalk) mark(subtype types.Name, a types.Dict) (*painting, error) {
	ap, err := w.appearance(a)
	if err != nil {
		return nil, err
	}
	if ap == nil {
		if subtype == "Text" {
			w.tally.add(annotRemoved, 1) // an empty note
			return nil, nil
		}
		return nil, redact.Refuse(redact.Unfit,
			"the PDF has notes or marks that every program draws in its own way, so they cannot be kept for certain")
	}
	w.tally.add(annotRemoved, 1)
	return w.painting(a, ap)
}

func refusedAnnotation(subtype types.Name) error {
	if subtype == "Redact" {
		return redact.Refuse(redact.Unfit, "the PDF has passages marked to be blacked out that are still in it")
	}
	return redact.Refuse(redact.Unfit, "the PDF holds sound, video or other media that would be lost")
}

func (w *pageWalk) left(subtype types.Name) {
	switch subtype {
	case "Link":
		w.tally.add(linkRemoved, 1)
	case "FileAttachment":
		w.tally.add(attachmentRemoved, 1)
		w.tally.notice(attachmentNotice)
	default:
		w.tally.add(annotRemoved, 1)
	}
}

// comment returns what stays of an annotation that says something.
func (w *pageWalk) comment(a types.Dict) (types.Dict, error) {
	for _, k := range []string{"T", "NM", "M", "CreationDate", "Subj", "RC"} {
		if _, ok := a.Find(k); ok {
			w.tally.notice(commentNotice)
		}
	}
	ap, err := w.appearance(a)
	if err != nil {
		return nil, err
	}
	a = maps.Clone(a)
	delete(a, "AP")
	delete(a, "AS")
	if ap != nil {
		a["AP"] = types.Dict{"N": ap}
	}
	return w.copyDict(a, comment)
}

// flattened paints what a comment looks like and leaves it nothing but its place
// and its words.
func (w *pageWalk) flattened(a, kept types.Dict) (*painting, error) {
	ap, err := w.appearance(a)
	if err != nil || ap == nil {
		return nil, err
	}
	kept["AP"] = types.Dict{"N": w.out.add(types.StreamDict{Dict: types.Dict{
		"Type": types.Name("XObject"), "Subtype": types.Name("Form"),
		"BBox": types.Array{types.Integer(0), types.Integer(0), types.Integer(1), types.Integer(1)},
	}})}
	return w.painting(a, ap)
}

// said reports whether o is a text that is not empty.
func (w *pageWalk) said(o types.Object) (bool, error) {
	o, err := w.resolve(o)
	if err != nil {
		return false, err
	}
	b, err := stringBytes(o)
	return len(bytes.Trim(b, "\xfe\xff\x00 \t\r\n")) > 0, err
}

func (w *pageWalk) integer(o types.Object) (int, error) {
	o, err := w.resolve(o)
	n, _ := o.(types.Integer)
	return n.Value(), err
}

// appearance returns the normal appearance of an annotation, the one of its
// state if it has several (section 12.5.5), or nil.
func (w *pageWalk) appearance(a types.Dict) (types.Object, error) {
	ap, err := w.dict(a["AP"])
	if err != nil || ap == nil {
		return nil, err
	}
	o, err := w.resolve(ap["N"])
	if err != nil {
		return nil, err
	}
	switch n := o.(type) {
	case types.StreamDict:
		return ap["N"], nil
	case types.Dict:
		state, err := w.resolve(a["AS"])
		if err != nil {
			return nil, err
		}
		name, _ := state.(types.Name)
		if o, err := w.resolve(n[string(name)]); err != nil || o == nil {
			return nil, err
		}
		return n[string(name)], nil
	}
	return nil, nil
}

// painting is a form to be drawn on a page.
type painting struct {
	form   types.Object // of the output
	matrix [6]float64
}

// painting copies an appearance and computes where it goes: the box of the
// form, turned by its matrix, fills the rectangle of the annotation
// (section 12.5.5, algorithm 8.1).
func (w *pageWalk) painting(a types.Dict, ap types.Object) (*painting, error) {
	o, err := w.resolve(ap)
	if err != nil {
		return nil, err
	}
	sd, ok := o.(types.StreamDict)
	if !ok {
		return nil, redact.Refuse(redact.Malformed, "an annotation of the PDF is broken")
	}
	rect, ok1 := w.numbers(a["Rect"], 4)
	box, ok2 := w.numbers(sd.Dict["BBox"], 4)
	m, ok3 := w.numbers(sd.Dict["Matrix"], 6)
	if !ok3 {
		m = []float64{1, 0, 0, 1, 0, 0}
	}
	if !ok1 || !ok2 {
		return nil, redact.Refuse(redact.Malformed, "an annotation of the PDF is broken")
	}
	x0, y0, x1, y1 := transformed(box, m)
	if x1 == x0 || y1 == y0 {
		return nil, nil // shows nothing
	}
	rx0, rx1 := min(rect[0], rect[2]), max(rect[0], rect[2])
	ry0, ry1 := min(rect[1], rect[3]), max(rect[1], rect[3])
	sx, sy := (rx1-rx0)/(x1-x0), (ry1-ry0)/(y1-y0)
	form, err := w.formFor(ap, sd)
	if err != nil {
		return nil, err
	}
	return &painting{form, [6]float64{sx, 0, 0, sy, rx0 - x0*sx, ry0 - y0*sy}}, nil
}

// formFor copies the appearance as a form XObject. One without resources of
// its own uses those of the interactive form, as viewers do.
func (w *pageWalk) formFor(ap types.Object, sd types.StreamDict) (types.Object, error) {
	o, err := w.copy(ap, form)
	if err != nil {
		return nil, err
	}
	out, ok := w.out.at(o).(types.StreamDict)
	if !ok {
		return nil, redact.Refuse(redact.Malformed, "an annotation of the PDF is broken")
	}
	out.Dict["Type"], out.Dict["Subtype"] = types.Name("XObject"), types.Name("Form")
	if sd.Dict["Resources"] == nil && w.form.resources != nil {
		res, err := w.copy(w.form.resources, resources)
		if err != nil {
			return nil, err
		}
		out.Dict["Resources"] = res
	}
	return o, nil
}

// numbers returns n numbers of an array.
func (w *pageWalk) numbers(o types.Object, n int) ([]float64, bool) {
	o, err := w.resolve(o)
	a, ok := o.(types.Array)
	if err != nil || !ok || len(a) != n {
		return nil, false
	}
	out := make([]float64, n)
	for i := range a {
		e, err := w.resolve(a[i])
		if err != nil {
			return nil, false
		}
		switch v := e.(type) {
		case types.Integer:
			out[i] = float64(v)
		case types.Float:
			out[i] = float64(v)
		default:
			return nil, false
		}
	}
	return out, true
}

// transformed returns the box around box after m.
func transformed(box, m []float64) (x0, y0, x1, y1 float64) {
	for i, p := range [4][2]float64{{box[0], box[1]}, {box[2], box[1]}, {box[0], box[3]}, {box[2], box[3]}} {
		x := m[0]*p[0] + m[2]*p[1] + m[4]
		y := m[1]*p[0] + m[3]*p[1] + m[5]
		if i == 0 {
			x0, y0, x1, y1 = x, y, x, y
		}
		x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
	}
	return x0, y0, x1, y1
}

// paint draws forms behind the content of the page, which is put between q and
// Q so that it leaves no graphics state behind.
func (w *pageWalk) paint(forms []painting, page types.Dict) error {
	if len(forms) == 0 {
		return nil
	}
	res, ok := w.out.at(page["Resources"]).(types.Dict)
	if !ok {
		return redact.Refuse(redact.Malformed, "the resources of a page are broken")
	}
	res, xobjects := maps.Clone(res), types.Dict{}
	if old, ok := w.out.at(res["XObject"]).(types.Dict); ok {
		maps.Copy(xobjects, old)
	}
	var draw bytes.Buffer
	draw.WriteString("\nQ\n")
	n := 0
	for _, f := range forms {
		name := ""
		for taken := true; taken; n++ {
			name = "Annotation" + strconv.Itoa(n)
			_, taken = xobjects[name]
		}
		xobjects[name] = f.form
		draw.WriteString("q")
		for _, v := range f.matrix {
			draw.WriteString(" " + strconv.FormatFloat(v, 'f', -1, 64))
		}
		fmt.Fprintf(&draw, " cm /%s Do Q\n", name)
	}
	res["XObject"] = xobjects
	page["Resources"] = res
	before := w.out.add(types.StreamDict{Dict: types.Dict{}, Raw: []byte("q\n")})
	after := w.out.add(types.StreamDict{Dict: types.Dict{}, Raw: draw.Bytes()})
	all := types.Array{before}
	switch old := w.out.at(page["Contents"]).(type) {
	case types.StreamDict:
		all = append(all, page["Contents"])
	case types.Array:
		all = append(all, old...)
	}
	page["Contents"] = append(all, after)
	return nil
}
