package strict

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parseYAML reads YAML 1.2 without the parts that let one place of a file change
// the meaning of another.
func parseYAML(text string) (root *Node, problems []Problem) {
	// The library has panicked on malformed input before; that must not stop a daemon.
	defer func() {
		if recover() != nil {
			root, problems = nil, []Problem{{Message: "The file cannot be read as YAML."}}
		}
	}()
	if parts(text) > MaxParts {
		return nil, []Problem{{Message: fmt.Sprintf("The file has more than %d lines and list items.", MaxParts)}}
	}
	tokens := lexer.Tokenize(text)
	if problems := refusedTokens(tokens); len(problems) > 0 {
		return nil, problems
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, []Problem{syntaxProblem(err)}
	}
	return documentNode(file)
}

// parts estimates the tokens of a text without allocating any.
func parts(text string) int {
	n := 0
	for i := range len(text) {
		switch text[i] {
		case '\n', '\r', ',', '[', ']', '{', '}', '?', '!', '&', '*':
			n++
		case '-', ':':
			if i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\t') {
				n++
			}
		}
	}
	return n
}

func documentNode(file *ast.File) (*Node, []Problem) {
	var body ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case body != nil:
			return nil, []Problem{{Line: lineOf(doc.Body), Message: "A second document begins here (after ---). Write one document in a file."}}
		default:
			body = doc.Body
		}
	}
	if body == nil {
		return nil, []Problem{{Message: "The file holds nothing but comments."}}
	}
	c := converter{}
	n := c.node(body, 1)
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return n, nil
}

// refusedTokens finds what is not allowed before the recursive parser sees it,
// nesting included.
func refusedTokens(tokens token.Tokens) []Problem {
	var problems []Problem
	flow, keys, line, onLine := 0, 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, onLine = t.Position.Line, 0
		}
		switch t.Type { //nolint:exhaustive // the other tokens are harmless
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			onLine++
		case token.MappingValueType:
			keys++
		}
		if flow > MaxDepth || onLine > MaxDepth {
			return append(problems, *tooDeep(line))
		}
		if keys > MaxKeys {
			return append(problems, *tooManyKeys(line))
		}
		if message := refusal(t); message != "" && len(problems) < maxProblems {
			problems = append(problems, Problem{Line: line, Column: t.Position.Column, Message: message})
		}
	}
	return problems
}

func refusal(t *token.Token) string {
	switch t.Type { //nolint:exhaustive // every other token is allowed
	case token.AnchorType:
		return "Anchors (&name) are not allowed. If the text begins with &, put it in quotes."
	case token.AliasType:
		return "Aliases (*name) are not allowed. If the text begins with *, put it in quotes."
	case token.MergeKeyType:
		return "Merge keys (<<) are not allowed. Write the fields out."
	case token.TagType:
		return "Tags (!name) are not allowed. If the text begins with !, put it in quotes."
	case token.DirectiveType:
		return "Directives (%NAME) are not allowed. If the text begins with %, put it in quotes."
	}
	return ""
}

func syntaxProblem(err error) Problem {
	var e yaml.Error
	if !errors.As(err, &e) {
		return Problem{Message: "The file cannot be read as YAML."}
	}
	p := Problem{Message: "This cannot be read as YAML: " + e.GetMessage() + "." + hint(e.GetMessage())}
	if t := e.GetToken(); t != nil && t.Position != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
	}
	return p
}

// hints turn the parser's words into what to do, by a word of the message.
var hints = []struct{ word, hint string }{
	{"\t", " Lines cannot begin with a tab; use spaces."},
	{"tab", " Lines cannot begin with a tab; use spaces."},
	{"escape", ` In double quotes a backslash has a meaning of its own: write 'C:\folder' in single quotes, or C:/folder.`},
	{"mapping value is not allowed", " A text that contains a colon and a space must be put in quotes; otherwise check that the lines begin in the same column."},
	{"reserved character", " Put the text in quotes."},
	{"find end character", " A closing quote is missing."},
	{"end token", " A closing bracket is missing."},
	{"unexpected", " Check the column in which the line begins."},
}

func hint(message string) string {
	for _, h := range hints {
		if strings.Contains(message, h.word) {
			return h.hint
		}
	}
	return ""
}

type converter struct{ problems []Problem }

func (c *converter) node(n ast.Node, depth int) *Node {
	out := &Node{Kind: Scalar}
	out.Line, out.Column = lineOf(n), columnOf(n)
	if depth > MaxDepth {
		c.problems = append(c.problems, *tooDeep(out.Line))
		return out
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		out.Kind = Null
	case *ast.MappingNode:
		c.mapping(out, n.Values, depth)
	case *ast.MappingValueNode:
		c.mapping(out, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out.Kind = Sequence
		for _, v := range n.Values {
			out.Items = append(out.Items, c.node(v, depth+1))
		}
	case *ast.LiteralNode:
		out.Text, out.Quoted = n.Value.Value, true
	case *ast.StringNode:
		out.Text, out.Quoted = n.Value, n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		out.Text = n.GetToken().Value
	default:
		c.problems = append(c.problems, Problem{Line: out.Line, Column: out.Column, Message: "This kind of YAML is not used here. Write plain fields and lists."})
	}
	return out
}

func (c *converter) mapping(out *Node, values []*ast.MappingValueNode, depth int) {
	out.Kind = Mapping
	for _, v := range values {
		key := v.Key.GetToken()
		if _, complex := v.Key.(*ast.MappingKeyNode); complex || key == nil {
			c.problems = append(c.problems, Problem{Line: out.Line, Message: "A key that begins with ? is not used here. Write name: value."})
			continue
		}
		m := Member{Key: key.Value, Line: key.Position.Line, Column: key.Position.Column, Value: c.node(v.Value, depth+1)}
		if len(out.Members) == 0 {
			out.Line, out.Column = m.Line, m.Column
		}
		if m.Value.Kind == Null || m.Value.Line == 0 {
			m.Value.Line, m.Value.Column = m.Line, m.Column
		}
		out.Members = append(out.Members, m)
	}
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

func columnOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil {
		return 0
	}
	return n.GetToken().Position.Column
}
