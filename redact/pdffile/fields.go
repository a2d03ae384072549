package pdffile

import (
	"bytes"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
)

// flagPushButton marks a button that holds no value (table 226).
const flagPushButton = 1 << 16

// acroForm is what the walk over pages has to know of an interactive form
// (section 12.7.2).
type acroForm struct {
	resources types.Object // DR
	stale     bool         // NeedAppearances: viewers draw the values anew
}

// form reads the interactive form. A dynamic one (XFA) is refused: what it
// shows is made by a program inside it.
func (c *copier) form(root types.Dict) (*acroForm, error) {
	d, err := c.dict(root["AcroForm"])
	if err != nil || d == nil {
		return &acroForm{}, err
	}
	xfa, err := c.resolve(d["XFA"])
	if err != nil {
		return nil, err
	}
	if xfa != nil {
		return nil, redact.Refuse(redact.Unfit,
			"the PDF is a form that draws itself, so it is not certain what a reader sees; print it to a plain PDF")
	}
	o, err := c.resolve(d["NeedAppearances"])
	if err != nil {
		return nil, err
	}
	stale, _ := o.(types.Boolean)
	return &acroForm{resources: d["DR"], stale: bool(stale)}, nil
}

// inheritedEntry finds an entry of a field or of those above it (12.7.3.1).
func (c *copier) inheritedEntry(field types.Dict, key string) (types.Object, error) {
	for range 32 {
		o, err := c.resolve(field[key])
		if err != nil || o != nil {
			return o, err
		}
		if field, err = c.dict(field["Parent"]); err != nil || field == nil {
			return nil, err
		}
	}
	return nil, redact.Refuse(redact.Malformed, "the form of the PDF runs in a circle")
}

// widget paints a form field. It refuses one that holds a value and no
// up-to-date picture of it.
func (w *pageWalk) widget(a types.Dict) (*painting, error) {
	kind, err := w.inheritedEntry(a, "FT")
	if err != nil {
		return nil, err
	}
	filled, err := w.filled(a, kind)
	if err != nil {
		return nil, err
	}
	ap, err := w.appearance(a)
	if err != nil {
		return nil, err
	}
	if kind == types.Name("Sig") && filled {
		w.tally.add(signatureRemoved, 1)
		w.tally.notice(signatureNotice)
	}
	if filled && kind != types.Name("Sig") {
		shown, err := w.shown(a, kind, ap)
		if err != nil {
			return nil, err
		}
		if !shown {
			return nil, redact.Refuse(redact.Unfit,
				"the PDF form leaves it to each program how to draw what was filled in, so it is not certain what a reader sees; print it to a plain PDF")
		}
	}
	w.tally.add(formRemoved, 1)
	if ap == nil {
		return nil, nil
	}
	return w.painting(a, ap)
}

// filled reports whether a field holds a value that a reader expects to see.
func (w *pageWalk) filled(a types.Dict, kind types.Object) (bool, error) {
	v, err := w.inheritedEntry(a, "V")
	if err != nil || v == nil {
		return false, err
	}
	switch kind {
	case types.Name("Btn"):
		flags, err := w.inheritedEntry(a, "Ff")
		if err != nil {
			return false, err
		}
		n, _ := flags.(types.Integer)
		return n&flagPushButton == 0 && v != types.Name("Off"), nil
	case types.Name("Sig"):
		return true, nil
	}
	switch v := v.(type) {
	case types.StringLiteral, types.HexLiteral:
		return w.said(v)
	case types.Array:
		return len(v) > 0, nil
	}
	return true, nil
}

// shown reports whether the appearance ap of a filled field shows something.
func (w *pageWalk) shown(a types.Dict, kind, ap types.Object) (bool, error) {
	if kind == types.Name("Btn") {
		// One button of several may be off; but it has to have a state.
		d, err := w.dict(a["AP"])
		return d != nil && a["AS"] != nil, err
	}
	if ap == nil || w.form.stale {
		return false, nil
	}
	o, err := w.resolve(ap)
	if err != nil {
		return false, err
	}
	sd, ok := o.(types.StreamDict)
	if !ok {
		return false, nil
	}
	stages, err := w.stages(sd.Dict)
	if err != nil {
		return false, err
	}
	content, err := w.decode(sd.Raw, stages)
	if err != nil {
		return false, redact.Refuse(redact.Malformed, "a field of the PDF form is damaged")
	}
	for _, op := range []string{"Tj", "TJ", "'", "\"", "Do"} {
		if bytes.Contains(content, []byte(op)) {
			return true, nil
		}
	}
	return false, nil
}
