package paper

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/order/pdfform"
)

// Flags of fields (tables 221, 228, 230) and annotations (table 165).
const (
	readOnly  = 1 << 0
	multiline = 1 << 12
	combo     = 1 << 17
	editable  = 1 << 18

	annotHidden = 1 << 1
	annotPrint  = 1 << 2
)

const (
	pointsPerMM = 72 / 25.4
	pageTop     = pageHeight * pointsPerMM
	textSize    = 9
	maxText     = 4000 // characters of one field
)

// binder puts fields on the pages of a printed form.
type binder struct {
	*model.XRefTable
	fields types.Array
	tick   map[string]types.IndirectRef // states of a tick box
	font   types.IndirectRef
	signs  types.IndirectRef // for programs that draw check marks of their own
}

func withFields(printed []byte, all []placed, hidden map[string]string) ([]byte, error) {
	api.DisableConfigDir()
	conf := model.NewDefaultConfiguration()
	conf.Offline = true
	ctx, err := api.ReadAndValidate(bytes.NewReader(printed), conf)
	if err != nil {
		return nil, err
	}
	b := &binder{XRefTable: ctx.XRefTable}
	if err := b.bind(all, hidden); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := api.WriteContext(ctx, &out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (b *binder) bind(all []placed, hidden map[string]string) (err error) {
	if err := b.appearances(); err != nil {
		return err
	}
	annots := map[int]types.Array{}
	for _, f := range all {
		page, err := b.page(f.page)
		if err != nil {
			return err
		}
		d, err := b.widget(f)
		if err != nil {
			return err
		}
		d["P"] = page
		ref, err := b.IndRefForNewObject(d)
		if err != nil {
			return err
		}
		annots[f.page], b.fields = append(annots[f.page], *ref), append(b.fields, *ref)
	}
	for _, name := range slices.Sorted(maps.Keys(hidden)) {
		page, err := b.page(1)
		if err != nil {
			return err
		}
		d := stamp(name, hidden[name])
		d["P"] = page
		ref, err := b.IndRefForNewObject(d)
		if err != nil {
			return err
		}
		annots[1], b.fields = append(annots[1], *ref), append(b.fields, *ref)
	}
	for n, list := range annots {
		d, _, _, err := b.PageDict(n, false)
		if err != nil {
			return err
		}
		d["Annots"], d["Tabs"] = list, types.Name("R")
	}
	return b.catalog()
}

func (b *binder) page(n int) (types.IndirectRef, error) {
	ref, err := b.PageDictIndRef(n)
	if err != nil || ref == nil {
		return types.IndirectRef{}, fmt.Errorf("find page %d: %w", n, err)
	}
	return *ref, nil
}

func (b *binder) catalog() error {
	root, err := b.Catalog()
	if err != nil {
		return err
	}
	root["AcroForm"] = types.Dict{
		"Fields": b.fields,
		"DA":     types.StringLiteral("/Helv 9 Tf 0 g"),
		"DR":     types.Dict{"Font": types.Dict{"Helv": b.font, "ZaDb": b.signs}},
	}
	root["ViewerPreferences"] = types.Dict{"DisplayDocTitle": types.Boolean(true)}
	return nil
}

// appearances makes what all fields share: the font (a standard one, which needs
// no embedding) and the two states of a tick box.
func (b *binder) appearances() error {
	font, err := b.IndRefForNewObject(types.Dict{
		"Type": types.Name("Font"), "Subtype": types.Name("Type1"), "BaseFont": types.Name("Helvetica"), "Encoding": types.Name("WinAnsiEncoding"),
	})
	if err != nil {
		return err
	}
	signs, err := b.IndRefForNewObject(types.Dict{
		"Type": types.Name("Font"), "Subtype": types.Name("Type1"), "BaseFont": types.Name("ZapfDingbats"),
	})
	if err != nil {
		return err
	}
	b.signs = *signs
	b.font, b.tick = *font, map[string]types.IndirectRef{}
	side := boxSide * pointsPerMM
	check := fmt.Sprintf("q 0 0.345 0.478 RG 1.5 w 1 J 1 j %.2f %.2f m %.2f %.2f l %.2f %.2f l S Q",
		side*0.22, side*0.52, side*0.42, side*0.27, side*0.8, side*0.78)
	for state, content := range map[string]string{"Yes": check, "Off": ""} {
		ref, err := b.drawing(side, side, content)
		if err != nil {
			return err
		}
		b.tick[state] = ref
	}
	return nil
}

// drawing is a form XObject of w by h points.
func (b *binder) drawing(w, h float64, content string) (types.IndirectRef, error) {
	sd, err := b.NewStreamDictForBuf([]byte(content))
	if err != nil {
		return types.IndirectRef{}, err
	}
	sd.InsertName("Type", "XObject")
	sd.InsertName("Subtype", "Form")
	sd.Insert("BBox", types.NewNumberArray(0, 0, w, h))
	sd.Insert("Resources", types.Dict{"Font": types.Dict{"Helv": b.font}})
	if err := sd.Encode(); err != nil {
		return types.IndirectRef{}, err
	}
	ref, err := b.IndRefForNewObject(*sd)
	if err != nil {
		return types.IndirectRef{}, err
	}
	return *ref, nil
}

// widget is a field and its only place, in one dictionary.
func (b *binder) widget(f placed) (types.Dict, error) {
	x, top := f.x*pointsPerMM, pageTop-f.y*pointsPerMM
	w, h := f.w*pointsPerMM, f.h*pointsPerMM
	tip := f.Label
	if f.Hint != "" {
		tip += " (" + f.Hint + ")"
	}
	d := types.Dict{
		"Type": types.Name("Annot"), "Subtype": types.Name("Widget"), "F": types.Integer(annotPrint),
		"Rect": types.NewNumberArray(x, top-h, x+w, top),
		"T":    types.StringLiteral(f.Name()), "TU": textString(tip),
	}
	if f.Type == pdfform.Box {
		d["FT"], d["V"], d["AS"] = types.Name("Btn"), types.Name("Off"), types.Name("Off")
		d["AP"] = types.Dict{"N": types.Dict{"Yes": b.tick["Yes"], "Off": b.tick["Off"]}}
		d["MK"] = types.Dict{"CA": types.StringLiteral("4")} // a check mark where a program draws its own
		d["DA"] = types.StringLiteral("/ZaDb 0 Tf 0 g")
		return d, nil
	}
	d["DA"] = types.StringLiteral(fmt.Sprintf("/Helv %d Tf 0 g", textSize))
	shown := ""
	switch f.Type {
	case pdfform.Choice, pdfform.Open:
		shown = choose(d, f.Field)
	case pdfform.Area:
		d["FT"], d["Ff"], d["MaxLen"] = types.Name("Tx"), types.Integer(multiline), types.Integer(maxText)
	default:
		d["FT"], d["MaxLen"] = types.Name("Tx"), types.Integer(maxText)
	}
	content := "/Tx BMC EMC"
	if shown != "" { // a default; ASCII, all of them are ours
		escaped, err := types.Escape(shown)
		if err != nil {
			return nil, err
		}
		content = fmt.Sprintf("/Tx BMC q 1 1 %.2f %.2f re W n BT /Helv %d Tf 0 g 2 %.2f Td (%s) Tj ET Q EMC", w-2, h-2, textSize, h/2-3.1, *escaped)
	}
	ap, err := b.drawing(w, h, content)
	d["AP"] = types.Dict{"N": ap}
	return d, err
}

// choose fills in the entries of a list and returns the words of its default.
func choose(d types.Dict, f pdfform.Field) string {
	flags := combo
	opts := types.Array{}
	if f.Type == pdfform.Open {
		flags |= editable
	}
	if f.Default == "" { // a choice can be taken back
		opts = append(opts, types.Array{textString(""), textString(" ")})
	}
	shown := ""
	for _, o := range f.Options {
		opts = append(opts, types.Array{textString(o.Value), textString(o.Words)})
		if o.Value == f.Default {
			shown = o.Words
		}
	}
	d["FT"], d["Ff"], d["Opt"] = types.Name("Ch"), types.Integer(flags), opts
	if f.Default != "" {
		d["V"], d["DV"] = textString(f.Default), textString(f.Default)
	}
	return shown
}

// stamp is a field that nobody sees or changes.
func stamp(name, value string) types.Dict {
	return types.Dict{
		"Type": types.Name("Annot"), "Subtype": types.Name("Widget"), "F": types.Integer(annotHidden),
		"Rect": types.NewNumberArray(0, 0, 0, 0),
		"T":    types.StringLiteral(name), "FT": types.Name("Tx"), "Ff": types.Integer(readOnly),
		"V": textString(value), "DA": types.StringLiteral("/Helv 9 Tf 0 g"),
	}
}

// textString writes a text: as it is in ASCII, else in UTF-16 (7.9.2.2).
func textString(s string) types.Object {
	for _, r := range s {
		if r < ' ' || r > '~' || r == '(' || r == ')' || r == '\\' {
			return utf16String(s)
		}
	}
	return types.StringLiteral(s)
}

func utf16String(s string) types.HexLiteral {
	b := []byte{0xFE, 0xFF}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return types.NewHexLiteral(b)
}
