package strict

import (
	"fmt"
	"unicode"
)

// Kind is the shape of a node.
type Kind int

// The shapes a value can have.
const (
	Null Kind = iota // nothing written, null or ~: the field counts as not filled in
	Scalar
	Mapping
	Sequence
)

// Node is one value of a document, the same for YAML and JSON.
type Node struct {
	Kind         Kind
	Line, Column int
	Text         string // of a scalar: what was written, without its quotes
	Quoted       bool   // of a scalar: written in quotes or as a text block
	Members      []Member
	Items        []*Node
}

// Member is one key of a mapping with its value.
type Member struct {
	Key          string
	Line, Column int
	Value        *Node
}

// what names a node's shape in a message.
func (n *Node) what() string {
	switch n.Kind {
	case Mapping:
		return "a group of fields"
	case Sequence:
		return "a list"
	case Scalar:
		return quote(n.Text)
	case Null:
		return "nothing"
	}
	return "nothing"
}

// quote shortens a text from the document for a message.
func quote(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:57]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

// checker looks at what is wrong in any document, whatever its type: keys
// written twice and characters that no one typed.
type checker struct{ problems []Problem }

func (c *checker) check(n *Node, path string) {
	switch n.Kind {
	case Scalar:
		c.text(n, path)
	case Mapping:
		c.members(n, path)
	case Sequence:
		for i, item := range n.Items {
			c.check(item, index(path, i))
		}
	case Null:
	}
}

func (c *checker) members(n *Node, path string) {
	first := make(map[string]int, len(n.Members))
	for _, m := range n.Members {
		field := join(path, m.Key)
		if line, twice := first[m.Key]; twice {
			c.problems = append(c.problems, Problem{
				m.Line, m.Column, field,
				fmt.Sprintf("'%s' is written twice; it stands on line %d already", field, line),
			})
		} else {
			first[m.Key] = m.Line
		}
		c.check(m.Value, field)
	}
}

func (c *checker) text(n *Node, path string) {
	for _, r := range n.Text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || turnsText(r) {
			c.problems = append(c.problems, Problem{
				n.Line, n.Column, path,
				fmt.Sprintf("'%s' holds a control character (%U); type the text again", path, r),
			})
			return
		}
	}
}

// turnsText says that a character makes what follows read in another direction, so
// that a name can look like another one. Languages written from right to left need
// none of them in a name (Unicode Standard Annex 9, 2.1 to 2.3).
func turnsText(r rune) bool { return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
