// Package generate makes the JSON Schema of a release order out of the types of
// package order and the comments beside their fields.
package generate

import (
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"chartseal/config/strict"
	"chartseal/order"
)

// object is a schema; its keys are written in their order.
type object map[string]any

// Order makes the schema from package order, whose source lies in dir.
func Order(dir string) ([]byte, error) {
	comments, err := fieldComments(dir)
	if err != nil {
		return nil, err
	}
	g := &generator{comments: comments, defs: object{}}
	root := g.structure(reflect.TypeFor[order.Order]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Release order of chartseal"
	root["description"] = "The practice's release-of-information form. Dates are written year-month-day."
	root["allOf"] = conditions()
	root["$defs"] = g.defs
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return append(out, '\n'), nil
}

// conditions are what reading an order asks for beyond its types.
func conditions() []object {
	when := func(decision []string, byDefault bool, then object) object {
		is := object{"properties": object{"decision": object{"enum": decision}}}
		if !byDefault {
			is["required"] = []string{"decision"}
		}
		return object{"if": is, "then": then}
	}
	return []object{
		when([]string{"release"}, true, object{
			"required": []string{"basis", "recipient", "records"}, "properties": object{"records": object{"required": []string{"kinds"}}},
		}),
		when([]string{"deny"}, false, object{"required": []string{"denial"}}),
		when([]string{"extend"}, false, object{"required": []string{"extension"}}),
	}
}

type generator struct {
	comments map[string]map[string]string // type, field: comment
	defs     object
}

var choices = reflect.TypeFor[strict.Chooser]()

// value is the schema of a type.
func (g *generator) value(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[order.Date]():
		return object{"type": "string", "format": "date", "pattern": `^\d{4}-\d{2}-\d{2}$`}
	case reflect.TypeFor[order.Money]():
		return object{"type": []string{"string", "number"}, "pattern": `^\$?\d{1,7}(\.\d{2})?$`}
	case reflect.TypeFor[strict.Duration]():
		return object{"type": "string", "pattern": `^(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$`}
	case reflect.TypeFor[order.Kinds]():
		words := g.kinds()
		return object{"anyOf": []any{object{"const": order.AllKinds}, object{"type": "array", "items": words, "minItems": 1, "uniqueItems": true}}}
	case reflect.TypeFor[order.Pages](): // one page can be written as a number
		return object{"type": []string{"string", "integer"}, "minimum": 1, "pattern": `^ *\d{1,6} *([-–—] *\d{1,6} *)?(, *\d{1,6} *([-–—] *\d{1,6} *)?)*$`}
	case reflect.TypeFor[order.Recipient]():
		return g.recipient()
	}
	if t.Implements(choices) {
		zero, _ := reflect.TypeAssert[strict.Chooser](reflect.Zero(t))
		return object{"enum": zero.Choices()}
	}
	switch t.Kind() { //nolint:exhaustive // an order has no others
	case reflect.Pointer:
		return g.value(t.Elem())
	case reflect.Struct:
		return g.reference(t)
	case reflect.Slice:
		return object{"type": "array", "items": g.value(t.Elem())}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": []string{"string", "number"}} // a number is read as the digits that stand there
	}
	if t.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return object{"type": "string"}
	}
	panic("schema: no words for " + t.String())
}

// kinds are the standard kinds; a practice may have its own.
func (g *generator) kinds() object {
	return object{"anyOf": []any{object{"enum": order.StandardKinds()}, object{"type": "string", "pattern": "^[a-z][a-z0-9_]{0,31}$", "not": object{"const": order.AllKinds}}}}
}

// recipient is a key of the recipient book, or a group of its own.
func (g *generator) recipient() object {
	text := object{"type": []string{"string", "number"}}
	return object{"anyOf": []any{
		object{"type": "string", "minLength": 1},
		object{
			"type": "object", "additionalProperties": false, "required": []string{"name", "kind"},
			"properties": object{
				"name": text, "kind": object{"enum": order.ThePatient.Choices()}, "address": text, "email": text, "phone": text,
			},
		},
	}}
}

func (g *generator) reference(t reflect.Type) object {
	if _, known := g.defs[t.Name()]; !known {
		g.defs[t.Name()] = object{} // taken before the descent
		g.defs[t.Name()] = g.structure(t)
	}
	return object{"$ref": "#/$defs/" + t.Name()}
}

func (g *generator) structure(t reflect.Type) object {
	properties, required := object{}, []string{}
	for f := range t.Fields() {
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		p := g.value(f.Type)
		if option == "required" {
			required = append(required, name)
		} else {
			p = orEmpty(p)
		}
		if words := g.comments[t.Name()][f.Name]; words != "" {
			p["description"] = words
		}
		properties[name] = p
	}
	if id, ok := properties["order"].(object); ok && t == reflect.TypeFor[order.Order]() {
		id["pattern"] = "^[A-Za-z0-9._-]{1,64}$"
	}
	s := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// orEmpty allows a field to be left empty, as on a blank form.
func orEmpty(p object) object {
	return object{"anyOf": []any{p, object{"type": "null"}, object{"const": ""}}}
}

// fieldComments reads the comments of every field of every type.
func fieldComments(dir string) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("find source: %w", err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("read source: %w", err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				maps.Copy(into(all, spec.Name.Name), commentsOf(s))
			}
			return false
		})
	}
	return all, nil
}

func into(all map[string]map[string]string, name string) map[string]string {
	if all[name] == nil {
		all[name] = map[string]string{}
	}
	return all[name]
}

func commentsOf(s *ast.StructType) map[string]string {
	words := map[string]string{}
	for _, f := range s.Fields.List {
		text := strings.Join(slices.DeleteFunc([]string{f.Doc.Text(), f.Comment.Text()}, func(s string) bool { return s == "" }), " ")
		for _, name := range f.Names {
			words[name.Name] = strings.Join(strings.Fields(text), " ")
		}
	}
	return words
}
