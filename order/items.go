package order

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Records is which records an order asks for: a scope, and within it the files
// that alone go, if any are named.
type Records struct {
	Kinds Kinds `yaml:"kinds"`
	From  Date  `yaml:"from"` // first day, included; empty: from the beginning
	To    Date  `yaml:"to"`   // last day, included; empty: until today
	// Items are files by name. Of a kind of which files are named only these go; of
	// the other kinds everything in scope goes.
	Items []Item `yaml:"items"`
}

// Item is one file of the patient, or some of its pages.
type Item struct {
	// File is its path below the patient's folder, such as charts/2024.pdf, or its
	// name alone if no other file has it.
	File  string `yaml:"file,required"`
	Pages Pages  `yaml:"pages"` // of a PDF: 1-3, 7; empty: all of it
}

// Scope is the same without the files.
func (r Records) Scope() Scope { return Scope{r.Kinds, r.From, r.To} }

// All says that every kind is meant.
func (r Records) All() bool { return r.Scope().All() }

// onlyItems says that nothing goes but the files that are named: of one kind, whose
// files they must be. Of several kinds the order alone does not tell.
func (r Records) onlyItems() bool { return len(r.Kinds) == 1 && !r.All() && len(r.Items) > 0 }

// Bounds of the files an order can name.
const (
	MaxItems  = 500
	maxRanges = 100    // in one file
	maxPage   = 100000 // no chart has more
	maxFile   = 1024   // characters
)

// PageRange is a run of pages, counted from 1 as a viewer counts them, whatever
// is printed on them. Both ends are included.
type PageRange struct{ First, Last int }

// Pages are runs of pages in their order, none of them twice; none: all pages.
type Pages []PageRange

var errPages = errors.New("must be pages like 1-3, 7")

// ParsePages reads runs of pages: 1-3, 7. They may come in any order.
func ParsePages(s string) (Pages, error) {
	var all Pages
	for part := range strings.SplitSeq(strings.NewReplacer("–", "-", "—", "-").Replace(s), ",") {
		if len(all) >= maxRanges {
			return nil, fmt.Errorf("names more than %d runs of pages; make the record a file of its own", maxRanges)
		}
		r, err := parseRange(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b PageRange) int { return a.First - b.First })
	for i := 1; i < len(all); i++ {
		if all[i].First <= all[i-1].Last {
			return nil, fmt.Errorf("names page %d twice", all[i].First)
		}
	}
	return all, nil
}

func parseRange(s string) (PageRange, error) {
	from, to, run := strings.Cut(s, "-")
	if !run {
		to = from
	}
	first, err := parsePage(from)
	if err != nil {
		return PageRange{}, err
	}
	last, err := parsePage(to)
	if err != nil {
		return PageRange{}, err
	}
	if last < first {
		return PageRange{}, fmt.Errorf("%w; %d-%d runs backwards", errPages, first, last)
	}
	return PageRange{first, last}, nil
}

func parsePage(s string) (int, error) {
	s = strings.TrimSpace(s)
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxPage || s[0] < '0' || s[0] > '9' {
		return 0, fmt.Errorf("%w; %q is no page between 1 and %d", errPages, s, maxPage)
	}
	return n, nil
}

// UnmarshalText reads runs of pages.
func (p *Pages) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePages(string(text))
	return err
}

// MarshalText writes 1-3, 7.
func (p Pages) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// String is 1-3, 7; "" for all pages.
func (p Pages) String() string { return p.join("-", ", ") }

// Words is pages 1–3 and 7, as a sentence says it.
func (p Pages) Words() string {
	if p.Count() == 1 {
		return "page " + strconv.Itoa(p[0].First)
	}
	text := p.join("–", ", ")
	if i := strings.LastIndex(text, ", "); i >= 0 {
		text = text[:i] + " and " + text[i+2:]
	}
	return "pages " + text
}

func (p Pages) join(to, and string) string {
	parts := make([]string, len(p))
	for i, r := range p {
		if parts[i] = strconv.Itoa(r.First); r.Last > r.First {
			parts[i] += to + strconv.Itoa(r.Last)
		}
	}
	return strings.Join(parts, and)
}

// Count is how many pages these are.
func (p Pages) Count() (n int) {
	for _, r := range p {
		n += r.Last - r.First + 1
	}
	return n
}

// items checks the files that an order names.
func (v *validator) items(r Records) {
	if len(r.Items) > MaxItems {
		v.report("records.items", "names %d files; an order can name %d. Ask for the kinds and days instead", len(r.Items), MaxItems)
		return
	}
	seen := map[string]bool{}
	for i, it := range r.Items {
		field := fmt.Sprintf("records.items[%d].file", i)
		file := path.Clean(strings.ReplaceAll(it.File, `\`, "/"))
		switch wrong := wrongFile(file); {
		case it.File == "": // said already
		case wrong != "":
			v.report(field, "%s", wrong)
		case seen[strings.ToLower(file)]:
			v.report(field, "is named twice; write all its pages in one place, like 1-3, 7")
		}
		seen[strings.ToLower(file)] = true
	}
}

// wrongFile says why a path cannot be below the patient's folder.
func wrongFile(file string) string {
	switch {
	case len(file) > maxFile:
		return fmt.Sprintf("is longer than %d characters", maxFile)
	case strings.HasPrefix(file, "/"), len(file) > 1 && file[1] == ':', file == "..", strings.HasPrefix(file, "../"):
		return "must be a path below the patient's folder, such as charts/2024.pdf"
	case strings.ContainsFunc(file, unicode.IsControl):
		return "has a character that no file name has"
	}
	return ""
}
