package order

import (
	"slices"
	"strings"
	"testing"
)

func TestPages(t *testing.T) {
	for in, want := range map[string]struct {
		pages Pages
		text  string
		words string
	}{
		"7":           {Pages{{7, 7}}, "7", "page 7"},
		"1-3, 7":      {Pages{{1, 3}, {7, 7}}, "1-3, 7", "pages 1–3 and 7"},
		"7,1 - 3":     {Pages{{1, 3}, {7, 7}}, "1-3, 7", "pages 1–3 and 7"},
		"2–4, 9, 5-5": {Pages{{2, 4}, {5, 5}, {9, 9}}, "2-4, 5, 9", "pages 2–4, 5 and 9"},
	} {
		got, err := ParsePages(in)
		if err != nil || !slices.Equal(got, want.pages) || got.String() != want.text || got.Words() != want.words {
			t.Errorf("%q: %v %q %q, %v", in, got, got.String(), got.Words(), err)
		}
		if again, err := ParsePages(got.String()); err != nil || !slices.Equal(again, got) {
			t.Errorf("%q is read back as %v, %v", got, again, err)
		}
	}
	many := strings.Repeat("1,", maxRanges) + "1"
	for in, want := range map[string]string{
		"": "is no page", "0": "is no page", "-3": "is no page", "3-": "is no page", "1--2": "is no page", "+1": "is no page", "all": "is no page", "1,,2": "is no page",
		"100001": "is no page", "99999999999999999999": "is no page", "3-1": "3-1 runs backwards", "1-3, 3": "names page 3 twice", "5, 4-6": "names page 5 twice", many: "names more than",
	} {
		if got, err := ParsePages(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, %v, want %q", in, got, err, want)
		}
	}
}

const someFiles = `order: R-1
received: 2026-11-18
patient: {id: "10432", name: "Alvarez, Maria", birth_date: 1984-03-09}
recipient: dr-chen
basis: treatment
records:
  kinds: [chart]
  items:
`

func TestItemsAreRead(t *testing.T) {
	o, err := Parse("o.yaml", []byte(someFiles+"    - {file: charts/2024.pdf, pages: \"1-3, 7\"}\n    - {file: letter.pdf, pages: 2}\n    - file: x.pdf\n      pages:\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{{"charts/2024.pdf", Pages{{1, 3}, {7, 7}}}, {"letter.pdf", Pages{{2, 2}}}, {"x.pdf", nil}}
	if !slices.EqualFunc(o.Records.Items, want, func(a, b Item) bool { return a.File == b.File && slices.Equal(a.Pages, b.Pages) }) {
		t.Errorf("got %v", o.Records.Items)
	}
}

func TestWrongItems(t *testing.T) {
	for in, want := range map[string]string{
		"    - {pages: 1}":                                     "line 9: 'records.items[0].file' is missing",
		"    - {file: \"\"}":                                   "line 9: 'records.items[0].file' is empty; fill it in",
		"    - {file: a.pdf, page: 1}":                         "line 9: 'records.items[0].page' is not a field; did you mean 'pages'?",
		"    - {file: a.pdf, pages: 3-1}":                      "line 9: 'records.items[0].pages' must be pages like 1-3, 7; 3-1 runs backwards",
		"    - {file: a.pdf, pages: [1, 2]}":                   "line 9: 'records.items[0].pages' must be a single value",
		"    - a.pdf":                                          "line 9: 'records.items[0]' must be a group of fields",
		"    - {file: a/B.pdf}\n    - {file: \"A\\\\b.pdf\"}":  "line 10: 'records.items[1].file' is named twice",
		"    - {file: /etc/passwd}":                            "line 9: 'records.items[0].file' must be a path below the patient's folder",
		"    - {file: \"C:\\\\a.pdf\"}":                        "line 9: 'records.items[0].file' must be a path below the patient's folder",
		"    - {file: a/../../b.pdf}":                          "line 9: 'records.items[0].file' must be a path below the patient's folder",
		"    - {file: \"a\\tb.pdf\"}":                          "line 9: 'records.items[0].file' has a character that no file name has",
		"    - {file: " + strings.Repeat("a", maxFile+1) + "}": "line 9: 'records.items[0].file' is longer than",
		strings.Repeat("    - {file: x}\n", MaxItems+1):        "'records.items' names 501 files; an order can name 500",
	} {
		_, err := Parse("o.yaml", []byte(someFiles+in+"\n"))
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
			t.Errorf("%.40q:\n got %v\nwant %s", in, err, want)
		}
	}
	_, err := Parse("o.yaml", []byte(strings.Replace(someFiles, "records:", "authorization: {scope: {items: [{file: a.pdf}]}}\nrecords:", 1)+"    - {file: a.pdf}\n"))
	if err == nil || !strings.Contains(err.Error(), "'authorization.scope.items' is not a field") {
		t.Errorf("a form's scope names files: %v", err)
	}
}

// TestFilesAreNarrowerThanDays: minimum necessary asks for days, or for files by
// name where nothing else can go.
func TestFilesAreNarrowerThanDays(t *testing.T) {
	file := []Item{{File: "a.pdf"}}
	for name, c := range map[string]struct {
		records Records
		stops   bool
	}{
		"days":              {Records{Kinds: Kinds{"chart"}, From: on(2026, 1, 1), To: on(2026, 2, 1)}, false},
		"neither":           {Records{Kinds: Kinds{"chart"}}, true},
		"files of one kind": {Records{Kinds: Kinds{"chart"}, Items: file}, false},
		"of several kinds":  {Records{Kinds: Kinds{"chart", "radiograph"}, Items: file}, true},
		"of all kinds":      {Records{Kinds: Kinds{AllKinds}, Items: file}, true},
	} {
		found := checkMinimum(&Order{Basis: Payment, Records: c.records}, nil)
		if (len(found) > 0) != c.stops {
			t.Errorf("%s: %v", name, found)
		}
	}
}
