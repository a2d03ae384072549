package order

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// nameMatch is what comparing two names gives. Given says that the given names
// agree, whatever the family names do.
type nameMatch struct {
	evidence
	given bool
}

// fullName is a name in parts, each folded: small letters without accents,
// hyphens, spaces and apostrophes.
type fullName struct {
	family string
	given  []string // first name first
	suffix string   // jr, sr, ii, iii, iv
}

// SameName says that two written names can be the same person's.
func SameName(a, b string) bool { return compareNames(a, b).evidence == agrees }

func compareNames(a, b string) nameMatch {
	best := nameMatch{silent, false}
	for _, x := range readNames(a) {
		for _, y := range readNames(b) {
			got := x.compare(y)
			if best.evidence == silent || better(got, best) {
				best = got
			}
		}
	}
	return best
}

// better prefers the reading in which more agrees.
func better(a, b nameMatch) bool {
	rank := map[evidence]int{agrees: 3, partly: 2, opposite: 1}
	if rank[a.evidence] != rank[b.evidence] {
		return rank[a.evidence] > rank[b.evidence]
	}
	return a.given && !b.given
}

func (n fullName) compare(m fullName) nameMatch {
	if n.suffix != "" && m.suffix != "" && n.suffix != m.suffix {
		return nameMatch{partly, false} // father and son
	}
	family, given := n.family != "" && n.family == m.family, sameGiven(n.given, m.given)
	single := len(n.given) == 0 && len(m.given) == 0 // people with one name
	switch {
	case family && (given || single):
		return nameMatch{agrees, true}
	case family || given:
		return nameMatch{partly, given}
	}
	return nameMatch{opposite, false}
}

// sameGiven compares given names: Anne Marie, Anne-Marie and Annemarie are the
// same; a missing middle name is no difference, another one is.
func sameGiven(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	if strings.Join(a, "") == strings.Join(b, "") {
		return true
	}
	if a[0] != b[0] {
		return false
	}
	for i := 1; i < min(len(a), len(b)); i++ {
		if !sameMiddle(a[i], b[i]) {
			return false
		}
	}
	return true
}

// sameMiddle takes an initial for the name.
func sameMiddle(a, b string) bool {
	return a == b || len(a) == 1 && strings.HasPrefix(b, a) || len(b) == 1 && strings.HasPrefix(a, b)
}

// maxName is longer than any name: DICOM's has at most three groups of 64
// characters (PS3.5, 6.2).
const maxName = 1024

// readNames gives every reading of a written name, none if there is no name.
func readNames(s string) []fullName {
	if len(s) > maxName {
		return nil
	}
	var readings []fullName
	for _, group := range strings.SplitN(s, "=", 3) { // DICOM: alphabetic=ideographic=phonetic
		for _, spelled := range spellings(group) {
			readings = append(readings, readName(spelled)...)
		}
	}
	return readings
}

func readName(s string) []fullName {
	switch {
	case strings.Contains(s, "^"):
		part := append(strings.Split(s, "^"), "", "", "", "")
		return named(part[0], part[1]+" "+part[2], part[4])
	case strings.Contains(s, ","):
		part := append(strings.SplitN(s, ",", 3), "")
		return named(part[0], part[1], part[2])
	}
	return loose(words(s))
}

func named(family, given, suffix string) []fullName {
	last, first, after := words(family), words(given), words(suffix)
	n := fullName{}
	last, n.suffix = cutSuffix(last)
	if first, after = slices.Clip(first), slices.Clip(after); len(after) > 0 {
		first = append(first, after...)
	}
	if cut, found := cutSuffix(first); found != "" {
		first, n.suffix = cut, found
	}
	n.family, n.given = strings.Join(last, ""), first
	if n.family == "" && len(n.given) == 0 {
		return nil
	}
	return []fullName{n}
}

// loose gives a name without comma every way it can be cut in two, in both orders.
func loose(all []string) []fullName {
	all, suffix := cutSuffix(all[:min(len(all), 12)])
	if len(all) == 1 {
		return []fullName{{family: all[0], suffix: suffix}}
	}
	var readings []fullName
	for i := 1; i < len(all); i++ {
		readings = append(readings,
			fullName{family: strings.Join(all[i:], ""), given: all[:i], suffix: suffix},
			fullName{family: strings.Join(all[:i], ""), given: all[i:], suffix: suffix})
	}
	return readings
}

var suffixes = []string{"jr", "sr", "ii", "iii", "iv"}

func cutSuffix(words []string) ([]string, string) {
	if n := len(words); n > 1 && slices.Contains(suffixes, words[n-1]) {
		return words[:n-1], words[n-1]
	}
	if len(words) == 1 && slices.Contains(suffixes, words[0]) {
		return nil, words[0]
	}
	return words, ""
}

var titles = []string{"dr", "mr", "mrs", "ms", "miss", "prof"}

// words folds a text and cuts it into words of letters and digits; apostrophes
// join, hyphens, dots and spaces part.
func words(s string) []string {
	all := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(all) > 1 && slices.Contains(titles, all[0]) {
		all = all[1:]
	}
	return all
}

var (
	apostrophes = strings.NewReplacer("'", "", "’", "", "‘", "", "`", "", "´", "")
	// strokes are letters that Unicode does not decompose.
	strokes = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "æ", "ae", "œ", "oe", "ı", "i", "ħ", "h")
	// umlauts are written with an e where a system has only ASCII.
	umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ø", "oe", "å", "aa")
)

// spellings folds case and gives the spellings without accents: Müller is Muller
// and Mueller.
func spellings(s string) []string {
	folded := apostrophes.Replace(norm.NFC.String(cases.Fold().String(s)))
	plain := unaccented(folded)
	if long := unaccented(umlauts.Replace(folded)); long != plain {
		return []string{plain, long}
	}
	return []string{plain}
}

func unaccented(s string) string {
	return strokes.Replace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) { // accents, and what cannot be seen
			return -1
		}
		return r
	}, norm.NFKD.String(s)))
}
