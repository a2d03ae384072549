package notice

import (
	"strings"

	"rsc.io/qr"
)

// LinkLetter returns LINK-LETTER.pdf: the link to the recipient page as
// clickable text and as a QR code (ISO/IEC 18004), what it opens, how, and
// until when. It holds no passphrase. The error is a *LetterError.
func LinkLetter(d LetterData) ([]byte, error) {
	if d.Link == "" {
		return nil, &LetterError{"it has no link"}
	}
	l := newLetter(d, "Link letter", "Records are ready for you to open")
	l.contents()
	l.howToOpen()
	l.link()
	l.signer()
	return l.bytes()
}

func (l *letter) contents() {
	what := "dental records"
	if len(l.d.Contents) > 0 {
		what = plain(listing(l.d.Contents))
	}
	text := "We are sending you " + what + " in one encrypted package."
	if l.d.Again {
		text += " This letter takes the place of an earlier one, whose link no longer counts."
	}
	l.say(text)
}

// listing joins parts as a sentence does.
func listing(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

func (l *letter) howToOpen() {
	unlock := l.d.unlockWords()
	if !l.d.hasWords() {
		unlock += " The program age opens the package, too."
	}
	l.steps(
		"Open the link on a computer or a phone. Any current browser will do; nothing has to be installed.",
		unlock,
		"Wait until the page says that everything was checked. Then look at the records, or save them.",
	)
}

// link sets the QR code with the clickable link beside it, and the link in
// full below for those who copy it.
func (l *letter) link() {
	code, err := qr.Encode(l.d.Link, qr.L)
	side := 0.0
	if err == nil { // else too long for any QR code: the text remains
		side = min(90, max(46, float64(code.Size+8)*0.57))
	}
	if l.GetY()+max(side, 66)+16 > letterBottom {
		l.AddPage()
	}
	top := l.GetY()
	if side > 0 {
		l.code(code, letterMargin, top, side)
	}
	l.beside(side, top)
	l.SetXY(letterMargin, max(top+side+2, l.GetY()))
	l.style("", 5.6, letterSoft)
	for _, line := range chop(l.d.Link, 140) {
		l.CellFormat(letterWidth, 2.6, line, "", 1, "L", false, 0, l.d.Link)
	}
	l.Ln(4)
}

// beside is what stands next to the QR code: the link in words, how to use
// either, and until when.
func (l *letter) beside(side, top float64) {
	x, w := letterMargin+side+6, letterWidth-side-6
	text := "On a screen: click the words above. On paper: point your phone’s camera at the code."
	if side == 0 {
		x, w, text = letterMargin, letterWidth, "Click the words above, or copy the link below in full."
	}
	l.SetXY(x, top)
	l.style("B", 14, letterAccent)
	l.CellFormat(w, 8, "Open the records", "", 2, "L", false, 0, l.d.Link)
	l.SetDrawColor(letterAccent[0], letterAccent[1], letterAccent[2])
	l.SetLineWidth(0.3)
	l.Line(x, l.GetY()-0.8, x+l.GetStringWidth("Open the records"), l.GetY()-0.8)
	l.style("", 12, letterInk)
	l.SetX(x)
	l.MultiCell(w, 5.7, text, "", "L", false)
	l.SetY(l.GetY() + 2.5)
	l.box(x, w, "The link works until "+until(l.d.Expires), "After that, or if it shows an error, "+l.d.callUs()+
		" and ask for a new one; the records stay with us. Do not forward this letter.")
}

// code draws a QR code with its quiet zone of four modules into a square.
func (l *letter) code(c *qr.Code, x, y, side float64) {
	m := side / float64(c.Size+8)
	l.SetFillColor(255, 255, 255)
	l.Rect(x, y, side, side, "F")
	l.SetFillColor(0, 0, 0)
	for row := range c.Size {
		for col := 0; col < c.Size; {
			run := 0
			for c.Black(col+run, row) {
				run++
			}
			if run > 0 {
				l.Rect(x+m*float64(col+4), y+m*float64(row+4), m*float64(run), m*1.01, "F")
			}
			col += run + 1
		}
	}
}

// chop cuts a link into lines; bytes, because a link is ASCII.
func chop(s string, n int) []string {
	var out []string
	for len(s) > n {
		out, s = append(out, s[:n]), s[n:]
	}
	return append(out, s)
}
