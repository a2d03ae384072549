package pdffile

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
	"chartseal/redact/identifier"
	"chartseal/redact/pdffile/pdfium"
)

// trimmer takes identifiers out of a cleaned document that the purpose of the
// release does not need. A page that shows one becomes a picture with the place
// painted over: taking text out and leaving the page would need certainty about
// everything else that could still hold it.
type trimmer struct {
	engine   *pdfium.Engine
	rules    []identifier.Rule
	reviewed bool
	dpi      float64 // of pages that become pictures
	tally    *tally
	found    map[string]string           // what must not be in the result, and the rule that found it
	searched map[[sha256.Size]byte]sight // pages without a hit, by their file
}

func newTrimmer(engine *pdfium.Engine, rules []identifier.Rule, reviewed bool) *trimmer {
	return &trimmer{engine: engine, rules: rules, reviewed: reviewed, dpi: redrawDPI, found: map[string]string{}, searched: map[[sha256.Size]byte]sight{}}
}

const (
	// A page of which pictures cover this part, with fewer letters than this away
	// from its upper and lower edge, is a scan with a stamp or a line of a fax machine
	// on it, not a page of text.
	scanPart    = 0.5
	scanLetters = 60
	edge        = 0.1 // of its height
	// outlined is how many curves a page may have with fewer letters than that: text
	// that was made lines takes some ten for a letter.
	outlined = 400
	// A page is not read when this part of its letters is not, or so many in a row: a
	// social security number has nine.
	unreadPart = 0.1
	unreadRun  = 9
	// cardPart of a letter-size page is a little less than a licence or an insurance
	// card takes (ISO/IEC 7810 ID-1: 85.6 by 54 mm); a letterhead's sign is smaller.
	cardPart = 0.05

	trimNotice = "On some pages of a PDF, numbers that this release does not need were blacked out. These pages are pictures now: " +
		"they look as before, but their text cannot be searched or copied."
	unreadNotice   = "A PDF has pages (scans, pictures, letters without names) that cannot be searched for numbers that this release does not need. A person looked at it and released it."
	picturesNotice = "Pictures on pages of a PDF were not searched for numbers that this release does not need. If one may show a card or a form, look at it."
	madeNotice     = "; blacked out"
)

// trim changes doc. numbers are those of its pages in the source.
func (t *trimmer) trim(doc *document, numbers []int) error {
	pages := doc.singles()
	sights, err := t.pages(doc, pages)
	if err != nil {
		return err
	}
	if len(t.found) > 0 { // the same numbers may stand where nothing says what they are
		t.know()
		if sights, err = t.pages(doc, pages); err != nil {
			return err
		}
	}
	var unread []int
	for i, s := range sights {
		page, _ := doc.at(pages.kids[i]).(types.Dict)
		p := doc.painted(page)
		if !p.clear {
			return drawable{redact.Refuse(redact.Unverified, "page %d of the PDF is damaged, so it cannot be searched for numbers that must not go", numbers[i])}
		}
		if t.unplaced(p, s) {
			return redact.Refuse(redact.Unverified, "page %d of the PDF holds a number that must not go in a way that no viewer shows for certain", numbers[i])
		}
		switch area := doc.area(page); {
		case !searchable(s, p, area):
			unread = append(unread, numbers[i])
		case p.pictures > cardPart*area:
			t.tally.notice(picturesNotice)
		}
	}
	if len(unread) > 0 && !t.reviewed {
		return redact.Refuse(redact.Undecided, "%s", notSearched(unread))
	}
	if len(unread) > 0 {
		t.tally.notice(unreadNotice)
	}
	for i, s := range sights {
		if len(s.hits) == 0 {
			continue
		}
		for _, h := range s.hits {
			t.count(h.Rule, 1)
		}
		t.tally.notice(trimNotice)
		if err := t.redraw(doc, pages, i, s); err != nil {
			return err
		}
	}
	for _, kid := range pages.kids {
		page, _ := doc.at(kid).(types.Dict)
		if err := t.comments(doc, page); err != nil {
			return err
		}
	}
	return nil
}

// unplaced reports whether the strings of a page hold something that the engine has
// not found on it: text without a font that works, for one, shows nothing and can
// still be taken out.
func (t *trimmer) unplaced(p painted, s sight) bool {
	for _, h := range identifier.Find(t.rules, p.text) {
		value := solid(string(p.text[h.From:h.To]))
		if !slices.ContainsFunc(s.found, func(f string) bool { return strings.Contains(solid(f), value) }) {
			return true
		}
	}
	return false
}

// pages looks at every page and remark and notes what is found.
func (t *trimmer) pages(doc *document, pages *singles) ([]sight, error) {
	sights := make([]sight, len(pages.kids))
	for i, kid := range pages.kids {
		var err error
		if sights[i], err = t.page(pages, i); err != nil {
			return nil, err
		}
		page, _ := doc.at(kid).(types.Dict)
		err = eachRemark(doc, page, func(_ types.Dict, text []rune) {
			for _, h := range identifier.Find(t.rules, text) {
				t.found[string(text[h.From:h.To])] = h.Rule
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return sights, nil
}

// know adds rules for the very numbers that were found.
func (t *trimmer) know() {
	all := slices.Clone(t.rules)
	for _, value := range slices.Sorted(maps.Keys(t.found)) {
		for i := range t.rules {
			if r := &t.rules[i]; r.Name == t.found[value] {
				if known, ok := r.Known(value); ok {
					all = append(all, known)
				}
				break
			}
		}
	}
	t.rules = all
	clear(t.searched)
}

// page looks at a page as its fonts tell it and as it is drawn.
func (t *trimmer) page(pages *singles, i int) (sight, error) {
	told, err := t.read(pages, i, false)
	if err != nil {
		return told, err
	}
	drawn, err := t.read(pages, i, true)
	if err != nil {
		return told, err
	}
	for j, h := range drawn.hits {
		if slices.Contains(told.found, drawn.found[j]) {
			continue // seen both ways
		}
		told.hits, told.found = append(told.hits, h), append(told.found, drawn.found[j])
	}
	told.boxes = append(told.boxes, drawn.boxes...)
	for j, h := range told.hits {
		t.found[told.found[j]] = h.Rule
	}
	return told, nil
}

// read looks at a page, once: one that comes again, byte for byte, is known.
func (t *trimmer) read(pages *singles, i int, bare bool) (sight, error) {
	pdf, err := pages.pdf(i, bare)
	if err != nil {
		return sight{}, err
	}
	sum := sha256.Sum256(pdf)
	if s, known := t.searched[sum]; known {
		return s, nil
	}
	s, err := look(t.engine, t.rules, pdf)
	if err == nil && len(s.hits) == 0 {
		t.searched[sum] = s
	}
	return s, err
}

func (t *trimmer) count(rule string, n int) {
	for i := range t.rules {
		if r := &t.rules[i]; r.Name == rule {
			t.tally.add(removal{Item: r.Item, Rule: r.Name, Reason: r.Reason + madeNotice}, n)
			return
		}
	}
}

// searchable reports whether a page can be searched: what it shows is text that can
// be read, and not a picture of one.
func searchable(s sight, p painted, area float64) bool {
	switch {
	case p.aside:
		return false
	case s.letters == 0:
		return !p.anything
	case !s.readable():
		return false
	case p.pictures >= scanPart*area && p.seen < scanLetters:
		return false // what a program recognised in a scan: handwriting is not in it
	}
	return s.body >= scanLetters || p.pictures < scanPart*area && (s.letters >= scanLetters || p.curves < outlined && !p.filled)
}

// readable reports whether the fonts say what the letters are.
func (s *sight) readable() bool {
	return float64(s.unreadable) <= unreadPart*float64(s.letters) && s.run < unreadRun
}

// area is the size of what is shown of a page, in square points: its crop box
// within its media box (14.11.2).
func (d *document) area(page types.Dict) float64 {
	media := d.box(page["MediaBox"])
	b := media
	if crop := d.box(page["CropBox"]); crop != (pdfium.Box{}) {
		b = pdfium.Box{
			Left: max(crop.Left, media.Left), Bottom: max(crop.Bottom, media.Bottom),
			Right: min(crop.Right, media.Right), Top: min(crop.Top, media.Top),
		}
	}
	return max(b.Right-b.Left, 0) * max(b.Top-b.Bottom, 0)
}

func (d *document) box(o types.Object) (b pdfium.Box) {
	a, _ := d.at(o).(types.Array)
	if len(a) != 4 {
		return b
	}
	var v [4]float64
	for i := range v {
		v[i] = number(d.at(a[i]))
	}
	return pdfium.Box{Left: min(v[0], v[2]), Bottom: min(v[1], v[3]), Right: max(v[0], v[2]), Top: max(v[1], v[3])}
}

// notSearched says which pages a person has to look at.
func notSearched(pages []int) string {
	const most = 12
	var list []string
	for _, n := range pages[:min(len(pages), most)] {
		list = append(list, strconv.Itoa(n))
	}
	if len(pages) == 1 {
		return "page " + list[0] + " is a scan, a picture or written in letters without names, so it cannot be searched for numbers that must not go, as social security numbers"
	}
	last := list[len(list)-1]
	list = list[:len(list)-1]
	if len(pages) > most {
		list, last = append(list, last), fmt.Sprintf("%d more", len(pages)-most)
	}
	return "pages " + strings.Join(list, ", ") + " and " + last +
		" are scans, pictures or written in letters without names, so they cannot be searched for numbers that must not go, as social security numbers"
}

// gone stands where something was taken out of a remark.
const gone = "[removed]"

// eachRemark hands out the words of the remarks on a page.
func eachRemark(doc *document, page types.Dict, fn func(a types.Dict, text []rune)) error {
	list, _ := doc.at(page["Annots"]).(types.Array)
	for _, o := range list {
		a, _ := doc.at(o).(types.Dict)
		b, err := stringBytes(a["Contents"])
		if err != nil {
			return err
		}
		fn(a, remark(b))
	}
	return nil
}

// comments takes identifiers out of the remarks of a page.
func (t *trimmer) comments(doc *document, page types.Dict) error {
	return eachRemark(doc, page, func(a types.Dict, text []rune) {
		hits := identifier.Find(t.rules, text)
		for _, h := range slices.Backward(hits) {
			t.count(h.Rule, 1)
			text = slices.Concat(text[:h.From], []rune(gone), text[h.To:])
		}
		if len(hits) > 0 {
			a["Contents"] = types.HexLiteral(fmt.Sprintf("%x", utf16Bytes("\uFEFF"+string(text))))
		}
	})
}

// remark decodes a text string; what is in no known encoding is taken letter by
// letter.
func remark(b []byte) []rune {
	if s, ok := textString(b); ok {
		return []rune(s)
	}
	out := make([]rune, len(b))
	for i, c := range b {
		out[i] = rune(c)
	}
	return out
}

func utf16Bytes(s string) (out []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}
