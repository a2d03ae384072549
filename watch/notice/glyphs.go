package notice

import (
	"strings"
	"sync"
	"unicode"

	"github.com/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
)

var letterFont = sync.OnceValues(func() (*sfnt.Font, error) { return sfnt.Parse(liberationsansregular.TTF) })

// settable says that the letters' font has every character of a text. What it lacks
// is printed as an empty box, and a reason that nobody can read is none (45 CFR
// 164.524(d)(2): in plain language).
func settable(text string) bool {
	var b sfnt.Buffer
	return !strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !hasGlyph(&b, r) })
}

func hasGlyph(b *sfnt.Buffer, r rune) bool {
	font, err := letterFont()
	if err != nil {
		return false
	}
	glyph, err := font.GlyphIndex(b, r)
	return err == nil && glyph != 0
}

// byHand is printed where a name cannot be: a line to write on.
const byHand = "______________________________"

// name is a name or an address as a letter can print it: without signs that its font
// lacks, such as emoji, and with a line to write on in place of every line whose letters
// it lacks, or that runs from right to left, which it cannot set.
func name(s string) string {
	var b sfnt.Buffer
	lines := strings.Split(plain(norm.NFC.String(s)), "\n")
	for i, line := range lines {
		kept := strings.Map(func(r rune) rune {
			if !hasGlyph(&b, r) && !unicode.In(r, unicode.L, unicode.M, unicode.N) {
				return -1
			}
			return r
		}, line)
		if strings.ContainsFunc(kept, func(r rune) bool { return !hasGlyph(&b, r) || fromRight(r) }) {
			kept = byHand
		}
		lines[i] = strings.TrimSpace(kept)
	}
	return strings.Join(lines, "\n")
}

// fromRight tells letters of the scripts that run from right to left.
func fromRight(r rune) bool {
	return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}

// Printable says that the letters print a name or an address with all its letters.
func Printable(s string) bool { return !strings.Contains(name(s), byHand) }
