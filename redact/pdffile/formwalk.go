package pdffile

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
)

// formWalk collects the values of an interactive form as programs of every kind
// write them: it looks at values only and asks for no more order than that.
type formWalk struct {
	*copier
	form    Form
	seen    map[int]bool // fields by their object number: a tree has each once
	unclear map[string]bool
	bytes   int
}

// lineage is what a field has from those above it (12.7.3.1).
type lineage struct {
	name  string
	kind  types.Object // FT
	value types.Object // V
	given bool         // V is written, be it as null
	flags types.Object // Ff
	opt   types.Object // Opt
	depth int
}

func (w *formWalk) walk() error {
	root, err := w.src.Catalog()
	if err != nil || root == nil {
		return redact.Refuse(redact.Malformed, "the PDF is damaged and cannot be read")
	}
	acro, err := w.dict(root["AcroForm"])
	if err != nil {
		return err
	}
	if xfa, err := w.resolve(acro["XFA"]); err != nil || xfa != nil {
		return redact.Refuse(redact.Undecided, "the PDF is a form that draws itself (XFA)")
	}
	fields, err := w.array(acro["Fields"])
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return redact.Refuse(redact.Unsupported, "the PDF has no fields that can be read")
	}
	for _, f := range fields {
		if err := w.field(f, lineage{}); err != nil {
			return err
		}
	}
	w.form.Unclear = slices.Sorted(maps.Keys(w.unclear))
	return nil
}

func (w *formWalk) array(o types.Object) (types.Array, error) {
	got, err := w.resolve(o)
	a, _ := got.(types.Array)
	return a, err
}

// field visits a field and the fields below it. Kids without a name are its
// widgets.
func (w *formWalk) field(o types.Object, from lineage) error {
	if from.depth++; from.depth > maxFieldDepth {
		return redact.Refuse(redact.TooLarge, "the fields of the PDF are nested too deeply")
	}
	if ref, ok := o.(types.IndirectRef); ok {
		if w.seen[ref.ObjectNumber.Value()] {
			return nil
		}
		w.seen[ref.ObjectNumber.Value()] = true
	}
	d, err := w.dict(o)
	if err != nil || d == nil {
		return err
	}
	line, err := w.inherit(d, from)
	if err != nil {
		return err
	}
	kids, err := w.array(d["Kids"])
	if err != nil {
		return err
	}
	widgets := []types.Dict{d}
	if len(kids) > 0 {
		widgets = nil
	}
	parent := false
	for _, k := range kids {
		kid, err := w.dict(k)
		if err != nil {
			return err
		}
		if _, named := kid["T"]; named {
			parent = true
			if err := w.field(k, line); err != nil {
				return err
			}
			continue
		}
		if widgets = append(widgets, kid); len(widgets) > maxFormFields {
			return redact.Refuse(redact.TooLarge, "the form of the PDF has too many fields")
		}
	}
	if parent && len(widgets) == 0 {
		return nil
	}
	return w.terminal(line, widgets)
}

// inherit takes what d says over what stands above it.
func (w *formWalk) inherit(d types.Dict, line lineage) (lineage, error) {
	if t, ok := d["T"]; ok {
		part, clear, err := w.text(t)
		if err != nil || !clear || len(part) > 256 {
			return line, redact.Refuse(redact.Malformed, "a field of the PDF has no name that can be read")
		}
		if line.name != "" {
			part = line.name + "." + part
		}
		line.name = part
	}
	for key, into := range map[string]*types.Object{"FT": &line.kind, "Ff": &line.flags, "Opt": &line.opt} {
		got, err := w.resolve(d[key])
		if err != nil {
			return line, err
		}
		if got != nil {
			*into = got
		}
	}
	v, given := d["V"]
	if !given {
		return line, nil
	}
	got, err := w.resolve(v)
	line.value, line.given = got, true
	return line, err
}

// terminal notes what a field without fields below it holds.
func (w *formWalk) terminal(f lineage, widgets []types.Dict) error {
	if f.name == "" || f.kind == types.Name("Sig") {
		return nil
	}
	var values []string
	clear := !f.given || f.value != nil // pdfcpu makes null of what it cannot read
	var err error
	if f.kind == types.Name("Btn") {
		flags, _ := f.flags.(types.Integer)
		if flags&flagPushButton != 0 {
			return nil
		}
		values, clear, err = w.button(f, widgets, clear)
	} else if clear {
		values, clear, err = w.values(f.value)
		if err == nil && clear && len(values) == 0 {
			clear, err = w.blank(widgets)
		}
	}
	if err != nil {
		return err
	}
	return w.note(f.name, values, clear)
}

func (w *formWalk) note(name string, values []string, clear bool) error {
	w.bytes += len(name)
	for _, v := range values {
		if len(v) > maxFieldText {
			clear, values = false, nil
			break
		}
		w.bytes += len(v)
	}
	if before, twice := w.form.Values[name]; twice && !slices.Equal(before, values) {
		clear = false // which of the two is meant cannot be told
	}
	w.form.Values[name] = values
	if !clear {
		w.unclear[name] = true
	}
	if len(w.form.Values) > maxFormFields || w.bytes > maxFormBytes {
		return redact.Refuse(redact.TooLarge, "the form of the PDF is larger than a form can be")
	}
	return nil
}

// button returns the state of a check box or a group of radio buttons. What is
// saved must be what the widgets show.
func (w *formWalk) button(f lineage, widgets []types.Dict, clear bool) ([]string, bool, error) {
	states, ok, err := w.values(f.value)
	if err != nil || !ok || !clear || len(states) > 1 {
		return nil, false, err
	}
	on := ""
	if len(states) == 1 && strings.TrimPrefix(states[0], "/") != "Off" {
		on = strings.TrimPrefix(states[0], "/") // a name written as a string keeps its sign
	}
	shown, any := "", false
	for _, widget := range widgets {
		as, err := w.resolve(widget["AS"])
		if err != nil {
			return nil, false, err
		}
		state, is := as.(types.Name)
		if any = any || is; is && state != "Off" {
			shown = string(state)
		}
	}
	if any && shown != on {
		return nil, false, nil
	}
	if on == "" {
		return nil, true, nil
	}
	opt, err := w.array(f.opt)
	if i, bad := strconv.Atoi(on); err == nil && bad == nil && i >= 0 && i < len(opt) { // table 227
		on, ok, err = w.text(opt[i])
	}
	return []string{on}, ok, err
}

// values reads a text, a name, or a list of them; empty texts are no values.
func (w *formWalk) values(o types.Object) (values []string, clear bool, err error) {
	list, ok := o.(types.Array)
	if !ok {
		list = types.Array{o}
	}
	if len(list) > maxFormFields {
		return nil, false, nil
	}
	for _, e := range list {
		v, clear, err := w.text(e)
		if err != nil || !clear {
			return nil, false, err
		}
		if v != "" {
			values = append(values, v)
		}
	}
	return values, true, nil
}

// text reads one value: a string of either kind, the stream of a long text
// (table 222), or a name.
func (w *formWalk) text(o types.Object) (text string, clear bool, err error) {
	if o, err = w.resolve(o); err != nil {
		return "", false, err
	}
	switch o := o.(type) {
	case nil:
		return "", true, nil
	case types.Name:
		return string(o), true, nil
	case types.StringLiteral, types.HexLiteral:
		b, err := stringBytes(o)
		if err != nil {
			return "", false, nil //nolint:nilerr // the field is named, with all others
		}
		text, clear = textString(b)
		return text, clear, nil
	case types.StreamDict:
		if o.Decode() != nil || len(o.Content) > maxFieldText {
			return "", false, nil
		}
		text, clear = textString(o.Content)
		return text, clear, nil
	}
	return "", false, nil
}

// shownText is a text that a content stream shows (9.4.3).
var shownText = regexp.MustCompile(`(?s)(\((?:[^()\\]|\\.)*[^()\\\s](?:[^()\\]|\\.)*\)|<[0-9A-Fa-f\s]*[1-9A-Fa-f][0-9A-Fa-f\s]*>)[^()<>]{0,200}?(?:Tj|TJ|'|")`)

// blank reports whether the widgets of an empty field show no text: a form that
// was filled in only for the eye says nothing that can be read.
func (w *formWalk) blank(widgets []types.Dict) (bool, error) {
	for _, widget := range widgets {
		ap, err := w.dict(widget["AP"])
		if err != nil {
			return false, err
		}
		o, err := w.resolve(ap["N"])
		if err != nil {
			return false, err
		}
		sd, ok := o.(types.StreamDict)
		if !ok {
			continue
		}
		if sd.Decode() != nil || shownText.Match(sd.Content) {
			return false, nil
		}
	}
	return true, nil
}
