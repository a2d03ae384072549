package pdffile

import (
	"errors"
	"unicode"

	"chartseal/redact"
	"chartseal/redact/identifier"
	"chartseal/redact/pdffile/pdfium"
)

// sight is what the engine reads on a page.
type sight struct {
	hits       []identifier.Hit
	boxes      []pdfium.Box // of every character of a hit
	found      []string     // the hits themselves
	letters    int          // characters that show something
	body       int          // those away from the upper and lower edge of the page
	unreadable int          // those of which the font does not say what they are
	run        int          // the most of them in a row
}

// look reads the only page of a file and finds what the rules name.
func look(engine *pdfium.Engine, rules []identifier.Rule, pdf []byte) (s sight, err error) {
	err = onPage(engine, pdf, func(page *pdfium.Page) (err error) {
		s, err = see(page, rules)
		return err
	})
	return s, err
}

// see does so on an open page.
func see(page *pdfium.Page, rules []identifier.Rule) (s sight, err error) {
	text, err := page.Text()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, text.Close()) }()
	s.count(text.Chars)
	if s.body, err = bodyOf(page, text, s.letters); err != nil {
		return s, err
	}
	plain := runes(text.Chars)
	s.hits = hitsIn(rules, text.Chars)
	for _, h := range s.hits {
		s.found = append(s.found, string(plain[h.From:h.To]))
		for i := h.From; i < h.To; i++ {
			if text.Chars[i].Made || unicode.IsSpace(plain[i]) {
				continue
			}
			b, err := text.Box(i)
			if err != nil {
				return s, err
			}
			s.boxes = append(s.boxes, b)
		}
	}
	return s, nil
}

// onPage opens the only page of a file for fn.
func onPage(engine *pdfium.Engine, pdf []byte, fn func(*pdfium.Page) error) (err error) {
	doc, err := engine.Open(pdf)
	if err != nil {
		return engineRefusal(err)
	}
	defer func() { err = engineRefusal(errors.Join(err, doc.Close())) }()
	page, err := doc.Page(0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, page.Close()) }()
	return fn(page)
}

// engineRefusal turns a failure of the engine into a refusal of the file.
func engineRefusal(err error) error {
	switch {
	case errors.Is(err, pdfium.ErrTooMuch):
		return redact.Refuse(redact.TooLarge, "a page of the PDF is too large to be searched")
	case errors.Is(err, pdfium.ErrEngine):
		return redact.Refuse(redact.Unverified, "a page of the PDF cannot be searched")
	}
	return err
}

func (s *sight) count(chars []pdfium.Char) {
	run := 0
	for _, c := range chars {
		switch {
		case unknown(c):
			s.unreadable++
			run++
			s.run = max(s.run, run)
		case !shows(c):
			continue
		default:
			run = 0
		}
		s.letters++
	}
}

// unknown reports whether nothing says which letter a character is.
func unknown(c pdfium.Char) bool {
	return c.Unnamed || c.Rune == 0 || c.Rune == unicode.ReplacementChar || unicode.Is(unicode.Co, c.Rune)
}

func shows(c pdfium.Char) bool {
	return !c.Made && unicode.IsGraphic(c.Rune) && !unicode.IsSpace(c.Rune)
}

// stamped is how many letters stamps and the lines of fax machines have at most.
const stamped = 400

// bodyOf counts the letters away from the upper and lower edge of the page, as it is
// seen; where there are more than stamps have, it takes all.
func bodyOf(page *pdfium.Page, text *pdfium.Text, letters int) (n int, err error) {
	if letters == 0 || letters > stamped {
		return letters, nil
	}
	bounds, err := page.Bounds()
	if err != nil {
		return 0, err
	}
	turn, err := page.Turn()
	if err != nil {
		return 0, err
	}
	for i, c := range text.Chars {
		if !unknown(c) && !shows(c) {
			continue
		}
		b, err := text.Box(i)
		if err != nil {
			return 0, err
		}
		at, from, to := (b.Bottom+b.Top)/2, bounds.Bottom, bounds.Top
		if turn%180 == 90 {
			at, from, to = (b.Left+b.Right)/2, bounds.Left, bounds.Right
		}
		if m := edge * (to - from); at > from+m && at < to-m {
			n++
		}
	}
	return n, nil
}

func runes(chars []pdfium.Char) []rune {
	out := make([]rune, len(chars))
	for i, c := range chars {
		out[i] = c.Rune
	}
	return out
}

// hitsIn searches a text twice: as it reads, and with everything joined that the
// engine has set apart, as numbers may run over a line end or be spaced out.
func hitsIn(rules []identifier.Rule, chars []pdfium.Char) []identifier.Hit {
	text, joined := runes(chars), runes(chars)
	for i, c := range chars {
		if !c.Made || c.Rune == identifier.Break {
			continue
		}
		joined[i] = identifier.Gap
		if c.Rune == '\r' || c.Rune == ' ' && lone(chars, i-1, -1) && lone(chars, i+1, 1) {
			text[i] = identifier.Gap
		}
	}
	return identifier.Merge(append(identifier.Find(rules, text), identifier.Find(rules, joined)...))
}

// lone reports whether the character at i stands between blanks: letters that are
// spaced out, and no word. step leads away from the blank it is seen from.
func lone(chars []pdfium.Char, i, step int) bool {
	if i < 0 || i >= len(chars) || unicode.IsSpace(chars[i].Rune) {
		return false
	}
	i += step
	return i < 0 || i >= len(chars) || unicode.IsSpace(chars[i].Rune)
}
