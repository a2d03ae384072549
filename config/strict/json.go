package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// parseJSON reads RFC 8259 JSON. Keys written twice are kept for the checker.
func parseJSON(text string) (*Node, []Problem) {
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, []Problem{jsonProblem(text, err)}
	}
	p := newJSONParser(text)
	n, problem := p.value(1)
	if problem != nil {
		return nil, []Problem{*problem}
	}
	return n, nil
}

func jsonProblem(text string, err error) Problem {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return Problem{Message: "The file cannot be read as JSON."}
	}
	what := strings.TrimPrefix(syntax.Error(), "json: ")
	if strings.Contains(what, "after top-level value") {
		what = "more than one document in a file; write one"
	}
	return Problem{Line: lineAt(text, int(syntax.Offset)-1), Message: "This cannot be read as JSON: " + what + "."}
}

type jsonParser struct {
	text  string
	dec   *json.Decoder
	lines []int // offsets at which lines begin
	keys  int
}

func newJSONParser(text string) *jsonParser {
	p := &jsonParser{text: text, dec: json.NewDecoder(bytes.NewReader([]byte(text))), lines: []int{0}}
	p.dec.UseNumber()
	for i := range len(text) {
		if text[i] == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	return p
}

// position is that of the next token.
func (p *jsonParser) position() (line, column int) {
	i := int(p.dec.InputOffset())
	for i < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[i]) >= 0 {
		i++
	}
	line = sort.SearchInts(p.lines, i+1)
	return line, 1 + utf8.RuneCountInString(p.text[p.lines[line-1]:i])
}

func (p *jsonParser) value(depth int) (*Node, *Problem) {
	n := &Node{Kind: Scalar}
	n.Line, n.Column = p.position()
	if depth > MaxDepth {
		return nil, tooDeep(n.Line)
	}
	token, err := p.dec.Token()
	if err != nil {
		return nil, &Problem{Line: n.Line, Message: "This cannot be read as JSON."}
	}
	switch t := token.(type) {
	case nil:
		n.Kind = Null
	case string:
		n.Text, n.Quoted = t, true
	case json.Number:
		n.Text = t.String()
	case bool:
		n.Text = fmt.Sprint(t)
	case json.Delim:
		return p.group(n, t, depth)
	}
	return n, nil
}

func (p *jsonParser) group(n *Node, open json.Delim, depth int) (*Node, *Problem) {
	n.Kind = Sequence
	if open == '{' {
		n.Kind = Mapping
	}
	for p.dec.More() {
		m := Member{}
		m.Line, m.Column = p.position()
		if n.Kind == Mapping {
			if p.keys++; p.keys > MaxKeys {
				return nil, tooManyKeys(m.Line)
			}
			key, err := p.dec.Token()
			if err != nil {
				return nil, &Problem{Line: m.Line, Message: "This cannot be read as JSON."}
			}
			m.Key, _ = key.(string)
		}
		value, problem := p.value(depth + 1)
		if problem != nil {
			return nil, problem
		}
		if m.Value = value; n.Kind == Mapping {
			n.Members = append(n.Members, m)
		} else {
			n.Items = append(n.Items, value)
		}
	}
	if _, err := p.dec.Token(); err != nil {
		return nil, &Problem{Line: n.Line, Message: "This cannot be read as JSON."}
	}
	return n, nil
}

func tooDeep(line int) *Problem {
	return &Problem{Line: line, Message: fmt.Sprintf("Groups and lists are nested more than %d deep here.", MaxDepth)}
}

func tooManyKeys(line int) *Problem {
	return &Problem{Line: line, Message: fmt.Sprintf("The file has more than %d fields.", MaxKeys)}
}
