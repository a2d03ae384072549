package gather

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/text/unicode/norm"
)

// fold makes names comparable whatever the file system does with case and
// accents: Windows and macOS ignore case, macOS stores accents decomposed.
func fold(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(foldRune, norm.NFC.String(s))
		}
	}
	return strings.ToUpper(s) // of ASCII the same: capitals come first
}

// foldRune picks one rune of the set that differs by case only.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}

// segment is one step of a path pattern, compared without case on every
// system: a record named SCAN.PDF must not stay behind because the
// configuration says *.pdf.
type segment struct {
	deep bool     // **
	alts []string // folded patterns, any of which may match
}

func (s segment) match(name string) bool {
	name = fold(name)
	for _, alt := range s.alts {
		if doublestar.MatchUnvalidated(alt, name) {
			return true
		}
	}
	return false
}

// positions is where in a pattern a folder may stand. With ** in a pattern
// there can be several at once.
type positions []int

// reach adds to the positions those that ** lets be reached without a step.
func reach(pattern []segment, at positions) positions {
	var out positions
	seen := make([]bool, len(pattern)+1)
	for _, i := range at {
		for !seen[i] {
			seen[i] = true
			out = append(out, i)
			if i < len(pattern) && pattern[i].deep {
				i++
			}
		}
	}
	return out
}

// step is what remains of the pattern below a folder of this name.
func step(pattern []segment, at positions, name string) positions {
	var next positions
	for _, i := range at {
		switch {
		case i == len(pattern):
		case pattern[i].deep:
			next = append(next, i)
		case pattern[i].match(name):
			next = append(next, i+1)
		}
	}
	return reach(pattern, next)
}

// done reports whether the whole pattern is used up.
func done(pattern []segment, at positions) bool {
	return slices.Contains(at, len(pattern))
}

// open reports whether anything below could still match.
func open(pattern []segment, at positions) bool {
	for _, i := range at {
		if i < len(pattern) {
			return true
		}
	}
	return false
}
