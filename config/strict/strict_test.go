package strict

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

type color string

func (color) Choices() []string { return []string{"green", "yellow"} }

type day string

func (d *day) UnmarshalText(text []byte) error {
	if _, err := time.Parse(time.DateOnly, string(text)); err != nil {
		return errors.New("must be a date like 2026-11-18")
	}
	*d = day(text)
	return nil
}

type person struct {
	ID   string `yaml:"id,required"`
	Name string `yaml:"name,required"`
	Born day    `yaml:"birth_date"`
}

type who struct {
	Key    string
	Person person
}

func (w *who) UnmarshalStrict(n *Node, r *Reader) {
	switch n.Kind {
	case Scalar:
		w.Key = n.Text
	case Mapping:
		r.Decode(n, &w.Person)
	default:
		r.Problem(n, "must be a name or a group of fields")
	}
}

type sample struct {
	Order   string            `yaml:"order,required"`
	Patient person            `yaml:"patient,required"`
	To      who               `yaml:"recipient"`
	Kinds   []string          `yaml:"kinds"`
	Color   color             `yaml:"color"`
	Signed  bool              `yaml:"signed"`
	Count   int               `yaml:"count"`
	Life    Duration          `yaml:"lifetime"`
	Extra   *person           `yaml:"extra"`
	People  []person          `yaml:"people"`
	Words   map[string]string `yaml:"words"`
}

const good = `# a comment
order: R-1
patient: {id: 010432, name: "Alvarez, Maria", birth_date: 1984-03-09}
recipient: dr-chen
kinds: [chart, 0x1F, 1e5, true, 1.50]
color: green
signed: true
count: 12
lifetime: 1d12h
extra:
people:
  - id: 1_000
    name: >-
      Two
      lines
words: {a: b, dr-lee: ""}
`

const goodJSON = `{
	"order": "R-1",
	"patient": {"id": "010432", "name": "Alvarez, Maria", "birth_date": "1984-03-09"},
	"recipient": "dr-chen",
	"kinds": ["chart", "0x1F", 1e5, true, 1.50],
	"color": "green",
	"signed": true, "count": 12, "lifetime": "1d12h", "extra": null,
	"people": [{"id": "1_000", "name": "Two lines"}],
	"words": {"a": "b", "dr-lee": ""}
}`

func wanted() sample {
	return sample{
		Order: "R-1", Patient: person{"010432", "Alvarez, Maria", "1984-03-09"}, To: who{Key: "dr-chen"},
		Kinds: []string{"chart", "0x1F", "1e5", "true", "1.50"}, Color: "green", Signed: true, Count: 12,
		Life: Duration(36 * time.Hour), People: []person{{ID: "1_000", Name: "Two lines"}},
		Words: map[string]string{"a": "b", "dr-lee": ""},
	}
}

func utf16Bytes(s string, order binary.ByteOrder) []byte {
	out := []byte{}
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		b := make([]byte, 2)
		order.PutUint16(b, u)
		out = append(out, b...)
	}
	return out
}

func TestDecodeReadsEveryForm(t *testing.T) {
	for name, data := range map[string][]byte{
		"plain.yaml":     []byte(good),
		"crlf.yaml":      []byte(strings.ReplaceAll(good, "\n", "\r\n")),
		"bom.yaml":       []byte("\ufeff" + good),
		"notepad-le.yml": utf16Bytes(good, binary.LittleEndian),
		"notepad-be.yml": utf16Bytes(good, binary.BigEndian),
		"json.json":      []byte(goodJSON),
		"json.txt":       []byte(goodJSON),
		"header.yaml":    []byte("---\n" + good + "...\n"),
	} {
		var got sample
		if _, problems := Decode(name, data, &got); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
		if !reflect.DeepEqual(got, wanted()) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	const bad = `order: R-2
order: R-3
patient:
  id: [1]
  naem: x
recipeint: y
kinds: chart
color: gren
signed: yes
count: "3"
lifetime: 1 week
people: [{id: 1, name: ""}, ]
words: x
`
	want := []string{
		"Line 2: 'order' is written twice; it stands on line 1 already",
		"Line 4: 'patient.name' is missing",
		"Line 4: 'patient.id' must be a single value, not a list",
		"Line 5: 'patient.naem' is not a field; did you mean 'name'?",
		"Line 6: 'recipeint' is not a field; did you mean 'recipient'?",
		"Line 7: 'kinds' must be a list, like [chart]",
		"Line 8: 'color' is \"gren\", which is not known; did you mean 'green'?",
		"Line 9: 'signed' must be true or false, without quotes; \"yes\" is neither",
		"Line 10: 'count' must be a whole number, without quotes; \"3\" is not",
		"Line 11: 'lifetime' must be a length of time, like 7d, 12h, 30m or 15s; \"1 week\" is not",
		"Line 12: 'people[0].name' is empty; fill it in",
		"Line 13: 'words' must be a group of fields (name: value), not \"x\"",
	}
	var got sample
	doc, problems := Decode("x.yaml", []byte(bad), &got)
	compare(t, problems, want)
	if doc.Text("order") != "R-2" || doc.Line("patient.id") != 4 {
		t.Errorf("order %q, line of patient.id %d", doc.Text("order"), doc.Line("patient.id"))
	}
}

func compare(t *testing.T, problems []Problem, want []string) {
	t.Helper()
	for i := range max(len(problems), len(want)) {
		g, w := "", ""
		if i < len(problems) {
			g = problems[i].String()
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("problem %d:\n got %s\nwant %s", i, g, w)
		}
	}
}

func TestRefusedDocuments(t *testing.T) {
	for data, want := range map[string]string{
		"":                                "The file is empty.",
		" \n\t\n":                         "The file is empty.",
		"# nothing\n":                     "The file holds nothing but comments.",
		"order: &a x\n":                   "Line 1: Anchors (&name) are not allowed. If the text begins with &, put it in quotes.",
		"order: *a\n":                     "Line 1: Aliases (*name) are not allowed. If the text begins with *, put it in quotes.",
		"a: 1\n<<: {b: c}\n":              "Line 2: Merge keys (<<) are not allowed. Write the fields out.",
		"order: !!str x\n":                "Line 1: Tags (!name) are not allowed. If the text begins with !, put it in quotes.",
		"%YAML 1.2\n---\norder: x":        "Line 1: Directives (%NAME) are not allowed. If the text begins with %, put it in quotes.",
		"order: x\n---\norder: y":         "Line 3: A second document begins here (after ---). Write one document in a file.",
		"{\"a\": 1} {\"a\": 2}":           "Line 1: This cannot be read as YAML",
		"order:\n\tx: y\n":                "Line 2: This cannot be read as YAML: found character '\t' that cannot start any token. Lines cannot begin with a tab; use spaces.",
		"p: \"C:\\images\"":               "Line 1: This cannot be read as YAML: found unknown escape character 'i'. In double quotes a backslash has a meaning of its own: write 'C:\\folder' in single quotes, or C:/folder.",
		"a: b: c\n":                       "Line 1: This cannot be read as YAML: mapping value is not allowed in this context. A text that contains a colon and a space must be put in quotes; otherwise check that the lines begin in the same column.",
		"order: \x92x\n":                  "Line 1: A character here is not UTF-8 (byte 0x92): an accented letter saved in an old encoding, or not a text file. Save the file again with the encoding UTF-8.",
		"o\x00r\x00":                      "Line 1: The file holds a zero byte: it is not a text file. Save it as plain text, encoding UTF-8.",
		"\xff\xfeo\x00r":                  "The file is saved as UTF-16 and ends in the middle of a character. Save it again with the encoding UTF-8.",
		"\xff\xfe\x00\xd8\x20\x00":        "Line 1: The file is saved as UTF-16 and holds a broken character. Save it again with the encoding UTF-8.",
		"\xff\xfe\x00\x00":                "The file is saved as UTF-32. Save it again with the encoding UTF-8.",
		strings.Repeat("[", 40):           "Line 1: Groups and lists are nested more than 32 deep here.",
		strings.Repeat("- ", 40):          "Line 1: Groups and lists are nested more than 32 deep here.",
		nested(40):                        "Line 33: Groups and lists are nested more than 32 deep here.",
		"? a\n: b\n":                      "Line 2: A key that begins with ? is not used here. Write name: value.",
		strings.Repeat("x", MaxBytes+1):   "The file has 1048577 bytes; at most 1048576 can be read. It is probably not the file you meant.",
		strings.Repeat("- a\n", MaxParts): "The file has more than 30000 lines and list items.",
	} {
		doc, problems := Parse("x.yaml", []byte(data))
		if doc != nil || len(problems) == 0 || !strings.HasPrefix(problems[0].String(), want) {
			t.Errorf("%.40q:\n got %v\nwant %s", data, problems, want)
		}
	}
}

func nested(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestJSONProblems(t *testing.T) {
	for data, want := range map[string]string{
		"{\n\"a\": 1,\n}":           "Line 3: This cannot be read as JSON: invalid character '}' looking for beginning of object key string.",
		"{}\n{}":                    "Line 2: This cannot be read as JSON: more than one document in a file; write one.",
		"{\n\"a\": 1,\n\"a\": 2\n}": "Line 3: 'a' is written twice; it stands on line 2 already",
		strings.Repeat("[", 40) + strings.Repeat("]", 40): "Line 1: Groups and lists are nested more than 32 deep here.",
		`{"a": "x\u0007"}`:  "Line 1: 'a' holds a control character (U+0007); type the text again",
		`{"a": "x\u202ey"}`: "Line 1: 'a' holds a control character (U+202E); type the text again",
	} {
		if _, problems := Parse("x.json", []byte(data)); len(problems) == 0 || problems[0].String() != want {
			t.Errorf("%q:\n got %v\nwant %s", data, problems, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"recipient", "birth_date", "id", "patient"}
	for word, want := range map[string]string{
		"recipeint": "recipient", "Birth-Date": "birth_date", "birthdate": "birth_date",
		"ID": "id", "patent": "patient", "banana": "", "": "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"7d": 168 * time.Hour, "12h": 12 * time.Hour, "1d12h": 36 * time.Hour, "90m": 90 * time.Minute,
		"15s": 15 * time.Second, "250ms": 250 * time.Millisecond, "0s": 0, "3650d": 87600 * time.Hour,
	} {
		var d, again Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.Duration() != want {
			t.Errorf("%s: %v, %v", text, d.Duration(), err)
		}
		if err := again.UnmarshalText([]byte(d.String())); err != nil || again != d {
			t.Errorf("%s written as %s reads as %v, %v", text, d, again, err)
		}
	}
	for _, text := range []string{"", "7", "d", "7 d", "-1d", "1h1d", "1d1d", "1.5h", "99999d", "9999999999999d", "7days"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, d)
		}
	}
}

// TestParseIsBounded keeps hostile input from costing more than a moment.
func TestParseIsBounded(t *testing.T) {
	var keys strings.Builder
	for i := 0; i <= MaxKeys; i++ {
		fmt.Fprintf(&keys, "k%d: v\n", i)
	}
	for name, data := range map[string]string{
		"keys": keys.String(), "tags": strings.Repeat("!a ", MaxBytes/3), "colons": strings.Repeat(":", MaxBytes),
		"flow": "{" + strings.Repeat("a,", MaxParts/2) + "}", "questions": strings.Repeat("? ", MaxBytes/2),
		"dashes": strings.Repeat("-\n", MaxParts/2), "lines": strings.Repeat("\n", MaxBytes-1) + "a",
	} {
		if _, problems := Parse("x.yaml", []byte(data)); len(problems) == 0 && name == "keys" {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{good, goodJSON, "\ufeffa: b", "a: |\n  b\n", "- - - a", "{a: [b, {c: d}]}", "? a\n: b", "a: 'b", "a: \"\\x41\""} {
		f.Add("x.yaml", []byte(seed))
		f.Add("x.json", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		var s sample
		doc, problems := Decode(name, data, &s)
		if doc == nil && len(problems) == 0 {
			t.Error("neither a document nor a problem")
		}
		for _, p := range problems {
			if p.Message == "" || p.Line < 0 {
				t.Errorf("problem without words: %+v", p)
			}
		}
	})
}
