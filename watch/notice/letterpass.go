package notice

import (
	"strconv"
	"strings"
)

// PassphraseLetter returns PASSPHRASE-LETTER.pdf: the words that unlock the
// package, large and numbered, and once on one line joined by hyphens. It holds
// no link. It is for another channel than the link letter. The error is a
// *LetterError.
func PassphraseLetter(d LetterData) ([]byte, error) {
	words := strings.Split(d.Passphrase, "-")
	if d.Passphrase == "" {
		return nil, &LetterError{"it has no passphrase"}
	}
	l := newLetter(d, "Passphrase letter", "The passphrase for the records")
	what, apart := "a link", "the link"
	if d.File != "" {
		what, apart = "a drive", "the drive"
	}
	l.say("You have received, or will receive, " + what + " with the reference " + plain(d.Reference) +
		". When its page asks for a passphrase, type these " + count(len(words)) + " words. Capitals do no harm, nor does a space in place of a hyphen:")
	l.words(words)
	l.oneLine(d.Passphrase)
	l.box(letterMargin, letterWidth, "Keep this letter away from "+apart,
		"Never send it together with "+apart+": not in the same envelope, not in the same e-mail. "+
			"Best is to tell the words by telephone, to a person whose number was known before.")
	ends := ""
	if d.File == "" {
		ends = "The other letter says until when the link works. " // a new link changes only that
	}
	l.say(ends + "Destroy this letter once the records are saved. " +
		"Nobody from our practice will ever ask you for the passphrase. Questions: " + d.callUs() + ".")
	l.signer()
	return l.bytes()
}

func count(n int) string {
	names := []string{"", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n < len(names) {
		return names[n]
	}
	return strconv.Itoa(n)
}

// words sets the words in two columns, each with its number.
func (l *letter) words(words []string) {
	const row, columns = 17.0, 2
	rows := (len(words) + columns - 1) / columns
	top, column := l.GetY()+1, letterWidth/columns
	for i, w := range words {
		x, y := letterMargin+column*float64(i/rows), top+row*float64(i%rows)
		l.SetFillColor(238, 243, 246)
		l.RoundedRect(x, y, column-3, row-3, 2, "1234", "F")
		l.style("B", 13, letterSoft)
		l.Text(x+4, y+9, strconv.Itoa(i+1))
		l.style("B", l.fit(plain(w), 27, column-20), letterInk)
		l.Text(x+13, y+10.4, plain(w))
	}
	l.SetY(top + row*float64(rows) + 2)
}

// oneLine sets the passphrase as it is typed, as large as the line allows.
func (l *letter) oneLine(passphrase string) {
	passphrase = plain(passphrase)
	l.style("", 11, letterSoft)
	l.MultiCell(letterWidth, 5.4, "As it is typed:", "", "L", false)
	l.style("B", l.fit(passphrase, 20, letterWidth-2), letterInk)
	l.CellFormat(letterWidth, 10, passphrase, "", 1, "L", false, 0, "")
	l.Ln(4)
}

// fit is the type size in points, at most size, at which text fits the width.
func (l *letter) fit(text string, size, width float64) float64 {
	l.SetFont("sans", "B", size)
	if w := l.GetStringWidth(text); w > width {
		return size * width / w
	}
	return size
}
