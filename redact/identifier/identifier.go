// Package identifier finds numbers in running text that name a person to
// authorities and banks and that a release to a payer or another third party
// does not need: social security numbers, driver's licences, passports, bank
// accounts, payment cards. It finds formats, not meaning.
//
// What a dental chart is full of must not be taken for one: tooth numbers, codes
// of procedures (CDT: D0120) and diagnoses, dates, telephone numbers, provider
// numbers (NPI), chart, claim and member numbers, amounts, UIDs of images.
package identifier

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"chartseal/redact"
)

// Gap marks a place in a text where a reader sees nothing or less than a blank:
// blanks and line ends that a program has put between letters. It is a private
// use character (Unicode 16, 23.5).
const Gap = '\uE000'

// Break is how pdfium reports a hyphen at the end of a line.
const Break = '\x02'

// Hit is one identifier: runes From to To (exclusive) of the text.
type Hit struct {
	Rule     string
	From, To int
}

// Rule is a kind of identifier.
type Rule struct {
	Name   string // as reports cite it
	Item   string // as staff read it
	Reason string
	find   func(text string) [][2]int // byte offsets
}

// For returns the rules that apply under a profile; none for treatment and the
// patient, whose records are not trimmed (45 CFR 164.502(b)(2)). Payment and
// operations get the minimum necessary (164.502(b), 164.514(d)). Under an
// authorization goes what it describes (164.508(c)(1)(i)), which is records of
// care and not numbers that open accounts.
func For(p redact.Profile) []Rule {
	switch p {
	case redact.Payment, redact.Operations, redact.Authorization:
		return rules
	case redact.Treatment, redact.PatientAccess, redact.LimitedSet, redact.Deidentified:
	}
	return nil
}

// shortest is the least number of letters and digits of a value that is looked for
// without the words that say what it is.
const shortest = 6

// Known returns the rule for one value that was found in another place: it is the
// same number where nothing says so. ok is false for one too short to be told from
// others.
func (r Rule) Known(value string) (_ Rule, ok bool) {
	plain, _ := normal([]rune(value))
	var re strings.Builder
	n := 0
	for _, c := range plain {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			if n++; n > 1 {
				re.WriteString(`[\s.\-` + string(Gap) + `]{0,3}`)
			}
			re.WriteRune(c)
		}
	}
	if n < shortest {
		return Rule{}, false
	}
	same := regexp.MustCompile(re.String())
	r.find = func(text string) [][2]int {
		return matches(same, text, 0, func(from, to int) bool { return alone(text, from, to) })
	}
	return r, true
}

// Find returns what the rules find in a text, in order and without overlaps.
func Find(rules []Rule, text []rune) []Hit {
	plain, at := normal(text)
	var hits []Hit
	for i := range rules {
		for _, span := range rules[i].find(plain) {
			hits = append(hits, Hit{rules[i].Name, at[span[0]], at[span[1]-1] + 1})
		}
	}
	return Merge(hits)
}

// Merge sorts hits and joins those that overlap.
func Merge(hits []Hit) []Hit {
	slices.SortFunc(hits, func(a, b Hit) int {
		if a.From != b.From {
			return a.From - b.From
		}
		return b.To - a.To
	})
	var out []Hit
	for _, h := range hits {
		if n := len(out); n > 0 && h.From < out[n-1].To {
			out[n-1].To = max(out[n-1].To, h.To)
			continue
		}
		out = append(out, h)
	}
	return out
}

// normal writes a text as the patterns expect it: digits of all scripts as
// ASCII, all dashes as hyphens, what is not seen as a gap. at holds the rune of
// each byte.
func normal(text []rune) (plain string, at []int) {
	var b strings.Builder
	for i, r := range text {
		n := b.Len()
		b.WriteRune(simple(r))
		for range b.Len() - n {
			at = append(at, i)
		}
	}
	return b.String(), at
}

func simple(r rune) rune {
	switch {
	case r < 0x80 && r != Break && r != 0:
		return r
	case r == 0xAD, r == Break: // soft hyphen
		return '-'
	case r == 0, unicode.Is(unicode.Cf, r): // zero width
		return Gap
	case unicode.Is(unicode.Pd, r), r == 0x2212, r == 0x2043: // minus sign, hyphen bullet
		return '-'
	case unicode.Is(unicode.Nd, r):
		return digit(r)
	case unicode.Is(unicode.Zs, r):
		return ' '
	case r >= 0xFF21 && r <= 0xFF5A: // full-width letters
		return r - 0xFF21 + 'A'
	}
	return r
}

// digit is the value of a decimal digit: they stand in rows of ten.
func digit(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	return r
}

// matches returns group of each match, also of those that overlap.
func matches(re *regexp.Regexp, text string, group int, keep func(from, to int) bool) (spans [][2]int) {
	for start := 0; start < len(text); {
		m := re.FindStringSubmatchIndex(text[start:])
		if m == nil {
			break
		}
		from, to := start+m[2*group], start+m[2*group+1]
		if m[2*group] >= 0 && to > from && keep(from, to) {
			spans = append(spans, [2]int{from, to})
			start = to
			continue
		}
		start += m[0] + 1
		for start < len(text) && text[start]&0xC0 == 0x80 { // on to the next rune
			start++
		}
	}
	return spans
}

// digits returns the digits of a text.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// alone reports whether neither end of a span runs on in a longer number.
func alone(text string, from, to int) bool { return begins(text, from) && ends(text, to) }

// begins reports whether a number does not run on before from.
func begins(text string, from int) bool {
	before := text[:from]
	if tail := strings.TrimRight(before, "-."); tail != before && endsInDigit(tail) || endsInDigit(before) {
		return false
	}
	return !endsInLetter(before) || label.MatchString(before[max(0, len(before)-8):])
}

// label is one that a number is written to without a blank.
var label = regexp.MustCompile(`(?i)(?:^|[^a-z])(?:ssn|ss|no|nr)$`)

// ends reports whether a number does not run on at to.
func ends(text string, to int) bool {
	after := text[to:]
	if head := strings.TrimLeft(after, "-."); head != after && startsWithDigit(head) || startsWithDigit(after) {
		return false
	}
	return !startsWithLetter(after)
}

func endsInDigit(s string) bool     { return s != "" && s[len(s)-1] >= '0' && s[len(s)-1] <= '9' }
func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func letter(c byte) bool             { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func endsInLetter(s string) bool     { return s != "" && letter(s[len(s)-1]) }
func startsWithLetter(s string) bool { return s != "" && letter(s[0]) }
