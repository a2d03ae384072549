package strict

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Unmarshaler is a type that reads its own node: a field that may be a text or a
// mapping. What is wrong is reported to the reader.
type Unmarshaler interface {
	UnmarshalStrict(n *Node, r *Reader)
}

// Chooser is a text type with a closed list of values.
type Chooser interface {
	Choices() []string
}

// Reader decodes nodes below one field and collects their problems.
type Reader struct {
	doc      *Document
	path     string
	problems *[]Problem
}

// Decode stores the document into the struct that into points to. Its fields
// carry `yaml:"name"` tags; `yaml:"name,required"` asks for a value. It panics if
// into is of a type that cannot be read, which is a mistake of the program.
func (d *Document) Decode(into any) []Problem {
	var problems []Problem
	r := &Reader{doc: d, problems: &problems}
	r.Decode(d.root, into)
	return Sorted(problems)
}

// Field is the path of the field being read.
func (r *Reader) Field() string { return r.path }

// Problem reports that the node is wrong. The message follows the field's name:
// "must be a date".
func (r *Reader) Problem(n *Node, format string, args ...any) {
	name := "The file"
	if r.path != "" {
		name = "'" + r.path + "'"
	}
	*r.problems = append(*r.problems, Problem{n.Line, n.Column, r.path, name + " " + fmt.Sprintf(format, args...)})
}

// Decode stores a node into the value that into points to.
func (r *Reader) Decode(n *Node, into any) { r.value(n, reflect.ValueOf(into).Elem()) }

func (r *Reader) value(n *Node, v reflect.Value) {
	r.doc.lines[r.path] = position{n.Line, n.Column}
	if n.Kind == Null {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch target := v.Addr().Interface().(type) {
	case Unmarshaler:
		target.UnmarshalStrict(n, r)
		return
	case encoding.TextUnmarshaler:
		r.textual(n, target)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		r.structure(n, v)
	case reflect.Map:
		r.mapping(n, v)
	case reflect.Slice:
		r.list(n, v)
	default:
		r.scalar(n, v)
	}
}

func (r *Reader) textual(n *Node, target encoding.TextUnmarshaler) {
	if n.Kind != Scalar {
		r.Problem(n, "must be a single value, not %s", n.what())
		return
	}
	if strings.TrimSpace(n.Text) == "" {
		return // a field left empty on a form
	}
	if err := target.UnmarshalText([]byte(n.Text)); err != nil {
		r.Problem(n, "%v", err)
	}
}

func (r *Reader) scalar(n *Node, v reflect.Value) {
	if n.Kind != Scalar {
		r.Problem(n, "must be a single value, not %s", n.what())
		return
	}
	switch v.Kind() {
	case reflect.String:
		r.text(n, v)
	case reflect.Bool:
		if n.Quoted || n.Text != "true" && n.Text != "false" {
			r.Problem(n, "must be true or false, without quotes; %s is neither", n.what())
			return
		}
		v.SetBool(n.Text == "true")
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(n.Text, 10, v.Type().Bits())
		if err != nil || n.Quoted {
			r.Problem(n, "must be a whole number, without quotes; %s is not", n.what())
			return
		}
		v.SetInt(i)
	default:
		panic("strict: cannot read into " + v.Type().String())
	}
}

func (r *Reader) text(n *Node, v reflect.Value) {
	choice, closed := reflect.TypeAssert[Chooser](v)
	if !closed || n.Text == "" {
		v.SetString(n.Text)
		return
	}
	choices := choice.Choices()
	if slices.Contains(choices, n.Text) {
		v.SetString(n.Text)
		return
	}
	if meant := Nearest(n.Text, choices); meant != "" {
		r.Problem(n, "is %s, which is not known; did you mean '%s'?", n.what(), meant)
		return
	}
	r.Problem(n, "is %s; it must be one of: %s", n.what(), strings.Join(choices, ", "))
}

func (r *Reader) list(n *Node, v reflect.Value) {
	if n.Kind != Sequence {
		r.Problem(n, "must be a list, like [%s]", example(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items))
	for i, item := range n.Items {
		child := r.child(index(r.path, i))
		if item.Kind == Null {
			child.Problem(item, "is empty; remove it or fill it in")
			continue
		}
		child.value(item, out.Index(i))
	}
	v.Set(out)
}

func example(n *Node) string {
	if n.Kind == Scalar && len(n.Text) < 40 {
		return n.Text
	}
	return "one, two"
}

func (r *Reader) mapping(n *Node, v reflect.Value) {
	if n.Kind != Mapping {
		r.Problem(n, "must be a group of fields (name: value), not %s", n.what())
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(n.Members))
	for _, m := range n.Members {
		item := reflect.New(v.Type().Elem()).Elem()
		r.child(join(r.path, m.Key)).value(m.Value, item)
		out.SetMapIndex(reflect.ValueOf(m.Key).Convert(v.Type().Key()), item)
	}
	v.Set(out)
}

func (r *Reader) structure(n *Node, v reflect.Value) {
	if n.Kind != Mapping {
		r.Problem(n, "must be a group of fields (name: value), not %s", n.what())
		return
	}
	fields, names := fieldsOf(v.Type())
	seen := make(map[string]*Node, len(n.Members))
	for _, m := range n.Members {
		child := r.child(join(r.path, m.Key))
		f, known := fields[m.Key]
		switch {
		case !known:
			child.unknown(m, names)
		case seen[m.Key] == nil:
			seen[m.Key] = m.Value
			child.value(m.Value, v.Field(f.index))
		}
	}
	for _, name := range names {
		r.required(n, seen[name], name, fields[name].required)
	}
}

func (r *Reader) required(parent, value *Node, name string, required bool) {
	switch child := r.child(join(r.path, name)); {
	case !required:
	case value == nil:
		child.Problem(parent, "is missing")
	case value.Kind == Null || value.Kind == Scalar && strings.TrimSpace(value.Text) == "":
		child.Problem(value, "is empty; fill it in")
	}
}

func (r *Reader) unknown(m Member, names []string) {
	at := &Node{Line: m.Line, Column: m.Column}
	if meant := Nearest(m.Key, names); meant != "" {
		r.Problem(at, "is not a field; did you mean '%s'?", meant)
		return
	}
	r.Problem(at, "is not a field; the fields here are: %s", strings.Join(names, ", "))
}

func (r *Reader) child(path string) *Reader {
	return &Reader{doc: r.doc, path: path, problems: r.problems}
}

type field struct {
	index    int
	required bool
}

func fieldsOf(t reflect.Type) (map[string]field, []string) {
	fields, names := map[string]field{}, []string{}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields[name] = field{i, options == "required"}
		names = append(names, name)
	}
	return fields, names
}
