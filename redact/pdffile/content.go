package pdffile

import (
	"bytes"
)

// What a content stream draws is kept token by token; what it only carries goes:
// comments, marked content with its properties (14.6: /ActualText, /Alt and what
// programs like to note), operands that no operator takes and operators that no
// viewer knows. So the text that a program finds in a page is the text it shows.

// operators are those of a content stream (annex A) with the number of operands
// they take, -1 for any number.
var operators = map[string]int{
	"b": 0, "B": 0, "b*": 0, "B*": 0, "BT": 0, "BX": 0, "c": 6, "cm": 6, "CS": 1, "cs": 1, "d": 2, "d0": 2, "d1": 6, "Do": 1,
	"ET": 0, "EX": 0, "f": 0, "F": 0, "f*": 0, "G": 1, "g": 1, "gs": 1, "h": 0, "i": 1, "j": 1, "J": 1, "K": 4, "k": 4, "l": 2,
	"m": 2, "M": 1, "n": 0, "q": 0, "Q": 0, "re": 4, "RG": 3, "rg": 3, "ri": 1, "s": 0, "S": 0, "SC": -1, "sc": -1, "SCN": -1,
	"scn": -1, "sh": 1, "T*": 0, "Tc": 1, "Td": 2, "TD": 2, "Tf": 2, "Tj": 1, "TJ": 1, "TL": 1, "Tm": 6, "Tr": 1, "Ts": 1,
	"Tw": 1, "Tz": 1, "v": 4, "w": 1, "W": 0, "W*": 0, "y": 4, "'": 1, `"`: 3,
}

// resourceOf are the operators whose last operand names a resource, with its kind
// (7.8.3).
var resourceOf = map[string]string{
	"Tf": "Font", "Do": "XObject", "gs": "ExtGState", "CS": "ColorSpace", "cs": "ColorSpace", "sh": "Shading",
	"SCN": "Pattern", "scn": "Pattern",
}

// scanner reads a content stream.
type scanner struct {
	in   []byte
	pos  int
	out  []byte
	args []int  // where in out the operands since the last operator begin
	base int    // end of the last operator in out
	from [2]int // where the current word begins in in and in out
	// on is told each operator that stays and its operands, as written.
	on    func(op string, args [][]byte)
	uses  map[string]map[string]bool // names of resources by kind
	depth int
}

// scan returns content without what it only carries and the resources it uses;
// false if it cannot be read to its end.
func scan(content []byte, on func(op string, args [][]byte)) (*scanner, bool) {
	s := &scanner{in: content, out: make([]byte, 0, len(content)), on: on, uses: map[string]map[string]bool{}}
	for {
		s.space()
		if s.pos >= len(s.in) {
			break
		}
		if s.from = [2]int{s.pos, len(s.out)}; !s.token() {
			return s, false
		}
	}
	if len(s.args) > 0 { // operands without an operator
		s.out = s.out[:s.base]
	}
	return s, true
}

func (s *scanner) changed() bool { return !bytes.Equal(s.in, s.out) }

func blank(c byte) bool {
	return c == 0 || c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' '
}

func regular(c byte) bool { return !blank(c) && bytes.IndexByte([]byte("()<>[]{}/%"), c) < 0 }

// space copies white space and drops comments.
func (s *scanner) space() {
	for s.pos < len(s.in) {
		switch c := s.in[s.pos]; {
		case blank(c):
			s.out = append(s.out, c)
			s.pos++
		case c == '%':
			for s.pos < len(s.in) && s.in[s.pos] != '\n' && s.in[s.pos] != '\r' {
				s.pos++
			}
			if s.pos >= len(s.in) {
				s.out = append(s.out, '\n')
			}
		default:
			return
		}
	}
}

func (s *scanner) token() bool {
	c := s.in[s.pos]
	switch {
	case c == ')' || c == ']' || c == '{' || c == '}' || c == '>':
		s.pos++ // what viewers pass over
		s.out = append(s.out, ' ')
		return true
	case !regular(c) || c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.':
		s.args = append(s.args, len(s.out))
		return s.object()
	}
	word := s.word()
	switch word {
	case "true", "false", "null":
		s.args = append(s.args, len(s.out))
		s.out = append(s.out, word...)
		return true
	case "BI":
		return s.inlineImage()
	}
	n, known := operators[word]
	if !known {
		s.forget()
		return true
	}
	if n >= 0 && len(s.args) > n {
		first := len(s.out)
		if n > 0 {
			first = s.args[len(s.args)-n]
		}
		s.cut(s.args[0], first, len(s.args)-n)
	}
	s.told(word)
	s.out = append(s.out, word...)
	s.done()
	return true
}

// cut takes operands out that are one too many.
func (s *scanner) cut(from, to, n int) {
	if from > 0 && !blank(s.out[from-1]) { // they may be all that keeps two words apart
		s.out[from] = ' '
		from++
	}
	s.out = append(s.out[:from], s.out[to:]...)
	s.args = s.args[n:]
	for i := range s.args {
		s.args[i] -= to - from
	}
}

func (s *scanner) done() { s.args, s.base = s.args[:0], len(s.out) }

// rest is the content again where it could not be read to its end: clean up to
// there, and what follows as it is, because viewers make of it what they can.
func (s *scanner) rest() []byte { return append(s.out[:s.from[1]:s.from[1]], s.in[s.from[0]:]...) }

// forget drops an operator and its operands.
func (s *scanner) forget() {
	s.out = s.out[:s.base]
	if n := len(s.out); n > 0 && !blank(s.out[n-1]) {
		s.out = append(s.out, '\n')
	}
	s.done()
}

func (s *scanner) told(op string) {
	args := make([][]byte, len(s.args))
	for i, at := range s.args {
		end := len(s.out)
		if i+1 < len(s.args) {
			end = s.args[i+1]
		}
		args[i] = bytes.TrimRight(s.out[at:end], "\x00\t\n\f\r ")
	}
	at := len(args) - 1
	if op == "Tf" {
		at = 0
	}
	if kind := resourceOf[op]; kind != "" && at >= 0 && bytes.HasPrefix(args[at], []byte("/")) {
		s.use(kind, nameOf(args[at]))
	}
	if s.on != nil {
		s.on(op, args)
	}
}

func (s *scanner) use(kind, name string) {
	if s.uses[kind] == nil {
		s.uses[kind] = map[string]bool{}
	}
	s.uses[kind][name] = true
}

// nameOf decodes a name as written (7.3.5).
func nameOf(b []byte) string {
	b = b[1:]
	var out []byte
	for i := 0; i < len(b); i++ {
		if b[i] == '#' && i+2 < len(b) && unhex(b[i+1]) >= 0 && unhex(b[i+2]) >= 0 {
			out = append(out, byte(unhex(b[i+1])<<4|unhex(b[i+2])))
			i += 2
			continue
		}
		out = append(out, b[i])
	}
	return string(out)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func (s *scanner) word() string {
	from := s.pos
	for s.pos < len(s.in) && regular(s.in[s.pos]) {
		s.pos++
	}
	return string(s.in[from:s.pos])
}

// object copies one operand.
func (s *scanner) object() bool {
	if s.depth++; s.depth > maxDepth {
		return false
	}
	defer func() { s.depth-- }()
	switch c := s.in[s.pos]; {
	case c == '(':
		return s.copyTo(stringEnd(s.in, s.pos))
	case c == '<' && s.pos+1 < len(s.in) && s.in[s.pos+1] == '<':
		return s.group("<<", ">>")
	case c == '<':
		end := bytes.IndexByte(s.in[s.pos:], '>')
		return end > 0 && s.copyTo(s.pos+end+1)
	case c == '[':
		return s.group("[", "]")
	case c == '/':
		s.out = append(s.out, c)
		s.pos++
		s.out = append(s.out, s.word()...)
		return true
	case regular(c):
		s.out = append(s.out, s.word()...)
		return true
	}
	return false
}

func (s *scanner) copyTo(end int) bool {
	if end < 0 {
		return false
	}
	s.out = append(s.out, s.in[s.pos:end]...)
	s.pos = end
	return true
}

// group copies an array or dictionary.
func (s *scanner) group(from, to string) bool {
	s.copyTo(s.pos + len(from))
	for {
		s.space()
		if s.pos >= len(s.in) {
			return false
		}
		if bytes.HasPrefix(s.in[s.pos:], []byte(to)) {
			return s.copyTo(s.pos + len(to))
		}
		if !s.object() {
			return false
		}
	}
}

// stringEnd returns where the literal string that begins at i ends (7.3.4.2), -1
// if it does not.
func stringEnd(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
