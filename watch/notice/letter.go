package notice

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"
)

// LetterData is what the two letters to a recipient say. It names no patient.
type LetterData struct {
	Practice   Practice
	Recipient  Recipient
	Reference  string    // release reference, to be named on the telephone
	Link       string    // of the recipient page; a secret
	Expires    time.Time // when the link stops working, in the practice's time zone
	SignerKey  string    // the practice's minisign public key, one line
	Passphrase string    // words joined by hyphens; empty if the recipient has a key, or it is forgotten
	Words      bool      // it opens with a passphrase, also where that is forgotten
	Contents   []string  // "14 radiographs"
	Sent       time.Time // in the practice's time zone

	Again bool // the link takes the place of an earlier one

	File, PageFile string // instead of a link: the package and its page on a drive
}

// LetterError says why a letter cannot be made. Its text holds nothing from
// the letter.
type LetterError struct{ Reason string }

func (e *LetterError) Error() string { return "write letter: " + e.Reason }

// letter is a PDF being set: US Letter, millimetres, large type.
type letter struct {
	*fpdf.Fpdf
	d     LetterData
	unset bool // it has text that its font cannot set

	byHand bool // a line to write on stands in its table
}

const (
	letterMargin = 22.0
	letterWidth  = 215.9 - 2*letterMargin
	letterBottom = 279.4 - 18
)

// Large type: what is said and what is to be done.
const (
	bodySize = 13.5 // points
	bodyLine = 6.3  // millimetres
	boxHead  = 14.0
)

var (
	letterInk    = [3]int{20, 24, 28}
	letterSoft   = [3]int{90, 98, 106}
	letterAccent = [3]int{0, 88, 122}
)

// newLetter starts a letter with head, date, address and subject. kind goes
// into the document's title and the foot.
func newLetter(d LetterData, kind, subject string) *letter {
	l := &letter{Fpdf: fpdf.New("P", "mm", "Letter", ""), d: d}
	l.AddUTF8FontFromBytes("sans", "", liberationsansregular.TTF)
	l.AddUTF8FontFromBytes("sans", "B", liberationsansbold.TTF)
	l.SetCatalogSort(true)
	l.SetCreationDate(d.Sent)
	l.SetModificationDate(d.Sent)
	l.SetTitle(kind+", reference "+plain(d.Reference), true)
	l.SetAuthor(plain(d.Practice.Name), true)
	l.SetCreator("chartseal", true)
	l.SetLang("en")
	l.SetCellMargin(0)
	l.SetMargins(letterMargin, 16, letterMargin)
	l.SetAutoPageBreak(true, 279.4-letterBottom)
	l.SetFooterFunc(func() {
		l.SetY(-13)
		l.style("", 8.5, letterSoft)
		l.CellFormat(letterWidth, 4, kind+"   ·   reference "+plain(d.Reference), "", 0, "L", false, 0, "")
	})
	l.AddPage()
	l.head(subject)
	return l
}

func (l *letter) head(subject string) {
	p := l.d.Practice
	l.style("B", 17, letterAccent)
	l.MultiCell(letterWidth, 7.5, name(p.Name), "", "L", false)
	l.style("", 10, letterSoft)
	for _, line := range []string{p.Address, p.Contact.String()} {
		if line != "" {
			l.MultiCell(letterWidth, 4.8, name(line), "", "L", false)
		}
	}
	l.rule()
	l.style("", 11.5, letterInk)
	r := l.d.Recipient
	y := l.GetY()
	l.SetX(letterMargin + letterWidth*0.6)
	l.MultiCell(letterWidth*0.4, 5.4, l.d.Sent.Format("January 2, 2006")+"\nReference "+plain(l.d.Reference), "", "R", false)
	l.SetXY(letterMargin, y)
	l.MultiCell(letterWidth*0.58, 5.4, strings.TrimSpace(name(r.Name)+"\n"+name(r.Address)), "", "L", false)
	l.SetY(max(l.GetY(), y+10.8) + 6)
	l.style("B", 16, letterInk)
	l.MultiCell(letterWidth, 7.2, subject, "", "L", false)
	l.Ln(2.5)
}

func (l *letter) style(weight string, size float64, rgb [3]int) {
	l.SetFont("sans", weight, size)
	l.SetTextColor(rgb[0], rgb[1], rgb[2])
}

func (l *letter) rule() {
	l.Ln(2.5)
	l.SetDrawColor(letterAccent[0], letterAccent[1], letterAccent[2])
	l.SetLineWidth(0.5)
	l.Line(letterMargin, l.GetY(), letterMargin+letterWidth, l.GetY())
	l.Ln(6)
}

// say sets a paragraph.
func (l *letter) say(text string) {
	l.style("", bodySize, letterInk)
	l.MultiCell(letterWidth, bodyLine, text, "", "L", false)
	l.Ln(2.2)
}

// steps sets a numbered list.
func (l *letter) steps(items ...string) {
	for i, text := range items {
		y := l.GetY()
		if y > letterBottom-14 {
			l.AddPage()
			y = l.GetY()
		}
		l.style("B", bodySize, letterAccent)
		l.Text(letterMargin, y+4.8, fmt.Sprintf("%d.", i+1))
		l.style("", bodySize, letterInk)
		l.SetXY(letterMargin+8, y)
		l.MultiCell(letterWidth-8, bodyLine, text, "", "L", false)
		l.Ln(1.2)
	}
	l.Ln(1.5)
}

// box sets a text that must not be overlooked, w millimetres wide at x.
func (l *letter) box(x, w float64, title, text string) {
	l.style("B", boxHead, letterInk)
	heads := len(l.SplitText(title, w-9))
	l.style("", bodySize, letterInk)
	h := 7 + 6.6*float64(heads) + bodyLine*float64(len(l.SplitText(text, w-9)))
	if l.GetY()+h > letterBottom {
		l.AddPage()
	}
	y := l.GetY()
	l.SetFillColor(255, 246, 222)
	l.SetDrawColor(200, 140, 0)
	l.SetLineWidth(0.5)
	l.RoundedRect(x, y, w, h, 2, "1234", "FD")
	l.SetXY(x+4, y+3)
	l.style("B", boxHead, letterInk)
	l.MultiCell(w-8, 6.6, title, "", "L", false)
	l.SetX(x + 4)
	l.style("", bodySize, letterInk)
	l.MultiCell(w-8, bodyLine, text, "", "L", false)
	l.SetY(y + h + 4)
}

// heading sets a line above a part of the letter, never alone at a page's end.
func (l *letter) heading(text string) {
	if l.GetY() > letterBottom-20 {
		l.AddPage()
	}
	l.style("B", 12.5, letterAccent)
	l.MultiCell(letterWidth, 6.4, text, "", "L", false)
}

const (
	sectionSize   = 10.8 // points
	sectionLine   = 4.9  // millimetres
	signatureRoom = 20.0
)

// sections sets a letter that consists of text and is signed. The signature never
// stands alone on a page.
func (l *letter) sections(all []section) {
	for i, s := range all {
		l.section(s, i == len(all)-1)
	}
	l.signature()
}

// section sets one part; the last one keeps the signature company.
func (l *letter) section(s section, last bool) {
	l.unset = l.unset || !settable(s.text)
	l.style("", sectionSize, letterInk)
	high := sectionLine*float64(len(l.SplitText(s.text, letterWidth))) + 9
	if last && high < letterBottom/2 && l.GetY()+high+signatureRoom > letterBottom {
		l.AddPage()
	}
	if s.head != "" {
		l.heading(s.head)
	}
	l.style("", sectionSize, letterInk)
	l.MultiCell(letterWidth, sectionLine, s.text, "", "L", false)
	l.Ln(2.4)
}

// signature leaves room for the one who signs for the practice.
func (l *letter) signature() {
	if l.GetY()+signatureRoom > letterBottom {
		l.AddPage()
	}
	l.style("", sectionSize, letterInk)
	l.MultiCell(letterWidth, sectionLine, "Sincerely,", "", "L", false)
	l.Ln(9.5)
	l.SetDrawColor(letterSoft[0], letterSoft[1], letterSoft[2])
	l.SetLineWidth(0.2)
	l.Line(letterMargin, l.GetY(), letterMargin+75, l.GetY())
	l.Ln(1)
	l.style("", 9.5, letterSoft)
	l.MultiCell(letterWidth, 4.6, "Signature, for "+name(l.d.Practice.Name), "", "L", false)
}

// signer prints the key that signed the manifest, so that it is known from
// outside the bundle.
func (l *letter) signer() {
	key := plain(l.d.SignerKey)
	if key == "" {
		return
	}
	if l.GetY()+24 > letterBottom {
		l.AddPage()
	}
	l.style("B", 9.5, letterInk)
	l.MultiCell(letterWidth, 4.6, "How to be sure it comes from us", "", "L", false)
	l.style("", 9.5, letterSoft)
	text := "The list of records is signed with our minisign key. The page shows the key it checked: compare it with this one."
	if id := keyID(key); id != "" {
		text += " Key number " + id + "."
	}
	l.MultiCell(letterWidth, 4.4, text, "", "L", false)
	l.style("B", 9.5, letterInk)
	l.MultiCell(letterWidth, 5, key, "", "L", false)
	l.Ln(2)
}

// keyID is the number minisign shows for a public key: bytes 2 to 9 of its
// encoding, little endian (jedisct1.github.io/minisign, "Public key format").
func keyID(key string) string {
	b, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(b) != 42 {
		return ""
	}
	return fmt.Sprintf("%016X", binary.LittleEndian.Uint64(b[2:10]))
}

// bytes closes the letter.
func (l *letter) bytes() ([]byte, error) {
	if l.unset {
		return nil, &LetterError{"its font lacks some of the characters"}
	}
	var b bytes.Buffer
	if err := l.Output(&b); err != nil {
		return nil, &LetterError{"the PDF could not be made"} // the library's words may quote the text
	}
	return b.Bytes(), nil
}

// plain keeps what the letters' fonts can set: no control characters but line
// ends, and nothing outside the basic plane.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r < 0x20 || r == 0x7F:
			return ' '
		case r > 0xFFFF:
			return '\uFFFD'
		}
		return r
	}, strings.TrimSpace(s))
}

// until writes a time with date, time zone and its distance from UTC.
func until(t time.Time) string {
	zone, _ := t.Zone()
	out := t.Format("Monday, January 2, 2006, 3:04 PM")
	if zone == "UTC" {
		return out + " UTC"
	}
	if strings.ContainsAny(zone, "+-0123456789") || zone == "" {
		return out + t.Format(" (UTC-07:00)")
	}
	return out + " " + zone + t.Format(" (UTC-07:00)")
}

// callUs names whom to call.
func (d LetterData) callUs() string {
	switch c := d.Practice.Contact; {
	case c.Phone != "":
		return "call " + strings.ReplaceAll(plain(c.Phone), " ", "\u00A0") // on one line
	case c.Email != "":
		return "write to " + plain(c.Email)
	}
	return "call the practice"
}
