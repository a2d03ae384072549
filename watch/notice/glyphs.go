package notice

import (
	"sync"

	"github.com/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font/sfnt"
)

var letterFont = sync.OnceValues(func() (*sfnt.Font, error) { return sfnt.Parse(liberationsansregular.TTF) })

// settable says that the letters' font has every character of a text. What it lacks
// is printed as an empty box, and a reason that nobody can read is none (45 CFR
// 164.524(d)(2): in plain language).
func settable(text string) bool {
	font, err := letterFont()
	if err != nil {
		return false
	}
	var b sfnt.Buffer
	for _, r := range text {
		if r == '\n' {
			continue
		}
		if glyph, err := font.GlyphIndex(&b, r); err != nil || glyph == 0 {
			return false
		}
	}
	return true
}
