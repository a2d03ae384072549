// Package strict reads one YAML or JSON document into a struct and reports
// everything that is wrong with it at once, each with its line: an unknown key
// with the key that was probably meant, a value of the wrong type, a missing
// field, a key written twice.
//
// It is narrower than YAML on purpose, because these files are written by hand
// and decide about health records: no anchors, aliases, merge keys or tags, one
// document, at most [MaxBytes] and [MaxDepth]. A text field takes any plain value
// as the letters that stand in the file, so that a patient number 010432 or 1e5
// stays what was typed.
//
// The texts of a [Problem] quote the document and are for the person who wrote
// it. They may hold a patient's name: never log them.
package strict

import (
	"fmt"
	"slices"
	"strings"
)

// Bounds of a document. They are far above any order or configuration.
const (
	MaxBytes = 1 << 20 // bytes of the file, and of its text once decoded
	MaxDepth = 32      // nested lists and mappings
	MaxKeys  = 8000    // keys in the whole document; the YAML parser is quadratic in them
	MaxParts = 30000   // lines, list items and brackets of YAML: each becomes a token of some 200 bytes
)

// maxProblems bounds a report: a file with more problems is of another kind.
const maxProblems = 100

// Problem is one thing wrong with a document, in words for its author.
type Problem struct {
	Line    int    `json:"line,omitempty"`   // counted from 1; 0: the file as a whole
	Column  int    `json:"column,omitempty"` // counted from 1, in characters; 0: the whole line
	Field   string `json:"field,omitempty"`  // path such as patient.id or sources[2].path
	Message string `json:"message"`          // a sentence
}

// String is the problem with its line, as staff read it.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.Message
	}
	return fmt.Sprintf("Line %d: %s", p.Line, p.Message)
}

// Document is one parsed document, ready to be decoded.
type Document struct {
	root  *Node
	lines map[string]position
}

type position struct{ line, column int }

// Decode parses data and stores it into the struct that into points to. The
// document is nil if data could not be parsed at all; the problems are sorted by
// line. The name decides only between JSON (*.json) and YAML.
func Decode(name string, data []byte, into any) (*Document, []Problem) {
	doc, problems := Parse(name, data)
	if doc == nil {
		return nil, problems
	}
	problems = append(problems, doc.Decode(into)...)
	return doc, Sorted(problems)
}

// Parse reads one document without giving it a type. The document is nil if it
// is not readable; a document with problems such as a doubled key is returned
// with them.
func Parse(name string, data []byte) (*Document, []Problem) {
	text, problem := decodeText(data)
	if problem != nil {
		return nil, []Problem{*problem}
	}
	root, problems := parseText(name, text)
	if root == nil {
		return nil, Sorted(problems)
	}
	c := checker{}
	c.check(root, "")
	return &Document{root: root, lines: map[string]position{}}, Sorted(append(problems, c.problems...))
}

func parseText(name, text string) (*Node, []Problem) {
	if strings.HasSuffix(strings.ToLower(name), ".json") {
		return parseJSON(text)
	}
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		// JSON under another name; if it is not, it may be a YAML flow mapping.
		if root, problems := parseJSON(text); root != nil {
			return root, problems
		}
	}
	return parseYAML(text)
}

// Line is the line on which the value of a field was found, 0 if it was not.
// Only fields seen by [Document.Decode] are known.
func (d *Document) Line(field string) int { return d.lines[field].line }

// Problem is a problem at a field that was decoded, or at its nearest parent.
func (d *Document) Problem(field, format string, args ...any) Problem {
	at, ok := d.lines[field]
	for parent := field; !ok && parent != ""; {
		cut := strings.LastIndexAny(parent, ".[")
		parent = parent[:max(cut, 0)]
		at, ok = d.lines[parent]
	}
	return Problem{Line: at.line, Column: at.column, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Text is the value of a scalar at the top level, "" if there is none. It works
// on documents that do not decode, so that a faulty order can still be named.
func (d *Document) Text(key string) string {
	for _, m := range d.root.Members {
		if m.Key == key && m.Value.Kind == Scalar {
			return m.Value.Text
		}
	}
	return ""
}

// Sorted orders problems by line and column and bounds their number.
func Sorted(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	if n := len(problems); n > maxProblems {
		problems = append(problems[:maxProblems:maxProblems],
			Problem{Message: fmt.Sprintf("There are %d more problems in this file.", n-maxProblems)})
	}
	return problems
}
