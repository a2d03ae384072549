// Package pdfform is the practice's fillable PDF order form: which fields it has,
// and what their values say as a release order. It reads no file: a list of values
// comes in, an [order.Order] and problems go out. Package paper draws the form.
//
// Like package order it works on patient data: none of its texts may be logged.
package pdfform

import (
	"fmt"
	"strings"

	"chartseal/order"
)

// Version is printed into every form. A form of another version is not read: its
// fields may mean something else.
const Version = "3"

// The fields nobody sees, by which a form is known.
const (
	VersionField  = "chartseal-form"
	PracticeField = "chartseal-practice"
	NameField     = "chartseal-name"
)

// Practice is whose form it is, and what its lists offer.
type Practice struct {
	Key        string // id of the practice's signing key
	Name       string
	Address    string
	Contact    string // one line
	Recipients []Option
	Approvers  []string
	Different  bool     // who wrote an order may not approve it
	Kinds      []string // kinds of record, the practice's own included
	Categories []string // sensitive categories
}

// Type is how a field is filled in.
type Type int

// The types of field.
const (
	Text   Type = iota
	Area        // a text of several lines
	Date        // a text, year-month-day
	Box         // a tick box
	Choice      // one of a list
	Open        // one of a list, or a text
)

// Option is one value of a list with the words for it.
type Option struct{ Value, Words string }

// keySeparator stands between a recipient's key and name in the list.
const keySeparator = " | "

// Recipient is a recipient of the book as the list shows it.
func Recipient(key, name string) Option { return Option{key, key + keySeparator + name} }

// Field is one field of the form. Its name in the PDF is made from its path.
type Field struct {
	Path    string // where its value belongs in an order: patient.id, decisions[0].rule
	Item    string // of a tick box in a list at Path: the value it adds
	Label   string // as printed
	Hint    string // printed beside the label, small
	Group   string // of a tick box: what is printed over its group
	Type    Type
	Options []Option
	Default string
	Must    bool // no order can be read without it
	Width   int  // in twelfths of the row
}

// Name is the field's name in the PDF: its path with - for the dots, which have a
// meaning there (ISO 32000-1:2008, 12.7.3.2).
func (f Field) Name() string {
	name := strings.NewReplacer("[", ".", "]", "").Replace(f.Path)
	if f.Item != "" {
		name += "." + f.Item
	}
	return strings.ReplaceAll(name, ".", "-")
}

// Row is fields side by side.
type Row []Field

// Section is a part of the form.
type Section struct {
	Mark   string // number or letter, as printed
	Title  string
	Note   string // one or two sentences beside it
	Rows   []Row
	NewTop bool // begins a page
}

// Sections lays the form out for a practice.
func Sections(p Practice) []Section {
	all := append(request(p), papers(p)...)
	return append(append(all, answers(p)...), files())
}

func options(values []string, words map[string]string) []Option {
	out := make([]Option, len(values))
	for i, v := range values {
		out[i] = Option{v, Words(v)}
		if w, ok := words[v]; ok {
			out[i].Words = w
		}
	}
	return out
}

// Words is a word of the order as people write it: facial photo.
func Words(value string) string {
	if known, ok := properWords[value]; ok {
		return known
	}
	text := strings.ReplaceAll(value, "_", " ")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

var properWords = map[string]string{
	"cbct": "CBCT scans", "chart": "Charts", "consent": "Consent forms", "billing": "Billing", "lab": "Lab records",
	"implant": "Implant records", "radiograph": "Radiographs", "scan": "Intraoral scans", "photo": "Photographs",
	"model": "Models", "treatment_plan": "Treatment plans", order.AllKinds: "All records",
	"sud": "Substance use", "hiv_sti": "HIV or STI", "reproductive": "Reproductive health", "genetic": "Genetic information",
	"sedation": "Sedation, anesthesia", "facial_photo": "Facial photographs", "psychotherapy_notes": "Psychotherapy notes",
}

// StandardCategories are the sensitive categories every form has a box for.
func StandardCategories() []string {
	return []string{"facial_photo", "sedation", "psychotherapy_notes", "sud", "hiv_sti", "genetic", "reproductive", "domestic_violence"}
}

// boxes are the tick boxes of a list, four to a row.
func boxes(path, group string, values []string) []Row {
	var rows []Row
	for i, v := range values {
		if i%4 == 0 {
			rows = append(rows, nil)
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], Field{Path: path, Item: v, Label: Words(v), Group: group, Type: Box, Width: 3})
	}
	return rows
}

func numbered(format string, n int) string { return fmt.Sprintf(format, n) }

// Question is the field's label as a question outside the form, with its hint.
func (f Field) Question() string {
	if f.Hint == "" {
		return f.label()
	}
	return f.label() + " (" + f.Hint + ")"
}
