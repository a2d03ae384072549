package heading

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Text is a piece of text as it stands on a page: a word, a run of words or a
// single letter, in points from the top left corner of the page as it is seen.
type Text struct {
	Text                     string
	Left, Top, Right, Bottom float64
}

// Page is one page with a text layer.
type Page struct {
	Number int     // counted from 1
	Height float64 // points
	Texts  []Text  // in any order
}

// Bounds of what is looked at. A page of a chart has some hundred lines.
const (
	maxTexts = 20_000 // on one page
	maxCells = 4_000
)

// cell is what stands together on a line: a label, a value, or both.
type cell struct {
	text        string
	left, right float64
	line        int
}

func (c cell) overlaps(d cell) bool { return c.left < d.right && d.left < c.right }

// lines are the lines of a page from the top down, each with its cells from left
// to right.
type lines struct {
	cells  [][]cell
	top    []float64 // of each line
	height []float64 // of its letters
}

// layOut puts the texts of a page into lines and cells.
func layOut(p Page) lines {
	var texts []Text
	for _, t := range p.Texts[:min(len(p.Texts), maxTexts)] {
		texts = append(texts, split(t)...)
	}
	texts = slices.DeleteFunc(texts, func(t Text) bool {
		return math.IsNaN(t.Left+t.Top+t.Right+t.Bottom) || strings.TrimSpace(t.Text) == ""
	})
	slices.SortStableFunc(texts, func(a, b Text) int { return cmp.Compare(a.Top+a.Bottom, b.Top+b.Bottom) })
	var l lines
	total := 0
	for len(texts) > 0 && total < maxCells {
		n := lineEnd(texts)
		cells, height := row(texts[:n], len(l.cells))
		l.cells, l.top, l.height = append(l.cells, cells), append(l.top, texts[0].Top), append(l.height, height)
		total += len(cells)
		texts = texts[n:]
	}
	return l
}

// lineEnd is how many of the texts, which are sorted, stand on the first line.
func lineEnd(texts []Text) int {
	middle, half := (texts[0].Top+texts[0].Bottom)/2, max(texts[0].Bottom-texts[0].Top, 4)/2
	for i, t := range texts {
		if (t.Top+t.Bottom)/2-middle > half {
			return i
		}
	}
	return len(texts)
}

// split parts a text at wide gaps, which some programs write as spaces, taking
// all its letters for equally wide.
func split(t Text) []Text {
	t.Text = strings.Map(func(r rune) rune {
		switch {
		case r == 2 || r == '\u00ad' || r == '\u2010' || r == '\u2011': // pdfium has 2 for the hyphen at the end of a line
			return '-'
		case r == '\t' || r == '|' || r == '¦': // a table drawn with bars
			return '\t'
		case r == '_': // a line to fill in
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, norm.NFC.String(strings.ToValidUTF8(t.Text, "")))
	t.Text = strings.ReplaceAll(t.Text, "\t", "    ")
	if !strings.Contains(t.Text, "   ") {
		return []Text{t}
	}
	var out []Text
	per := (t.Right - t.Left) / float64(max(1, utf8.RuneCountInString(t.Text)))
	at := t.Left
	for part := range strings.SplitSeq(t.Text, "   ") {
		n := float64(utf8.RuneCountInString(part))
		lead := float64(utf8.RuneCountInString(part) - utf8.RuneCountInString(strings.TrimLeft(part, " ")))
		if strings.TrimSpace(part) != "" {
			out = append(out, Text{strings.TrimSpace(part), at + lead*per, t.Top, at + n*per, t.Bottom})
		}
		at += (n + 3) * per
	}
	return out
}

// row makes cells of the texts on a line.
func row(texts []Text, line int) ([]cell, float64) {
	texts = slices.Clone(texts)
	slices.SortStableFunc(texts, func(a, b Text) int { return cmp.Compare(a.Left, b.Left) })
	heights := make([]float64, len(texts))
	for i, t := range texts {
		heights[i] = t.Bottom - t.Top
	}
	slices.Sort(heights)
	height := max(heights[len(heights)/2], 4)
	var cells []cell
	for _, t := range texts {
		last := len(cells) - 1
		if last >= 0 {
			switch gap := t.Left - cells[last].right; {
			case gap < 0.15*height: // letter by letter, or a word in two fonts
				cells[last].text += t.Text
				cells[last].right = max(cells[last].right, t.Right)
				continue
			case gap < 1.3*height:
				cells[last].text += " " + t.Text
				cells[last].right = max(cells[last].right, t.Right)
				continue
			}
		}
		cells = append(cells, cell{text: t.Text, left: t.Left, right: t.Right, line: line})
	}
	for i := range cells {
		cells[i].text = unspaced(strings.Join(strings.Fields(cells[i].text), " "))
	}
	return cells, height
}

// unspaced puts spaced letters together: P a t i e n t : A n a. Where words end
// is lost, so what is compared with it must be compared without spaces.
func unspaced(s string) string {
	words := strings.Split(s, " ")
	single := 0
	for _, w := range words {
		if utf8.RuneCountInString(w) == 1 {
			single++
		}
	}
	if len(words) < 6 || single*10 < len(words)*8 {
		return s
	}
	return strings.Join(words, "")
}
