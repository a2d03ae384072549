package practice

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"
)

// page draws one part of a chart; it starts its own page.
type page func(c *chart)

// chart is a PDF of the practice while it is drawn. Millimetres on US Letter.
type chart struct {
	*fpdf.Fpdf
	k     *kit
	title string
}

const (
	pageWidth, pageHeight = 215.9, 279.4
	margin                = 18.0
	textWidth             = pageWidth - 2*margin
)

// chartPDF makes a chart of the pages given, with the traces a practice
// program leaves in the document's properties.
func chartPDF(k *kit, title string, pages ...page) ([]byte, error) {
	c := &chart{Fpdf: fpdf.New("P", "mm", "Letter", ""), k: k, title: title}
	c.AddUTF8FontFromBytes("sans", "", liberationsansregular.TTF)
	c.AddUTF8FontFromBytes("sans", "B", liberationsansbold.TTF)
	c.SetCatalogSort(true) // the same bytes every time
	c.SetMargins(margin, 14, margin)
	c.SetAutoPageBreak(false, 0)
	c.AliasNbPages("{total}")
	c.SetHeaderFunc(c.letterhead)
	c.SetFooterFunc(c.foot)
	c.properties()
	for _, draw := range pages {
		c.AddPage()
		draw(c)
	}
	var buf bytes.Buffer
	if err := c.Output(&buf); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// properties plants secrets in Info and XMP.
func (c *chart) properties() {
	k := c.k
	when := k.clock()
	author := k.unique("front-desk-") + " (T. Quennell)"
	k.secret(author)
	folder := k.secret(`\\FRONTDESK2\charts\` + k.person.Last0() + `_` + k.person.ID)
	c.SetCreationDate(when)
	c.SetModificationDate(when.Add(6 * time.Minute))
	c.SetAuthor(author, true)
	c.SetTitle(folder+`\`+k.date+".doc", false)
	c.SetSubject(k.secret("call back on "+k.person.phone), true)
	c.SetKeywords(k.unique("ledger-"), false)
	c.SetCreator(k.serial("ChairNotes licence ", "practice program"), false)
	c.SetXmpMetadata([]byte(xmp(author, folder, k.unique("uuid:"), when)))
}

// xmp is a metadata packet (ISO 16684-1).
func xmp(author, source, id string, when time.Time) string {
	return `<?xpacket begin="` + "\uFEFF" + `" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/">
<dc:creator><rdf:Seq><rdf:li>` + author + `</rdf:li></rdf:Seq></dc:creator>
<dc:source>` + source + `</dc:source>
<xmp:CreateDate>` + when.Format(time.RFC3339) + `</xmp:CreateDate>
<xmpMM:DocumentID>` + id + `</xmpMM:DocumentID>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>`
}

// letterhead is the practice's, on every page, with the patient under it.
func (c *chart) letterhead() {
	p := c.k.person
	c.mark(margin, 12)
	c.at(margin+13, 11.5, 15, "B", teal, "Lakeside Dental")
	c.at(margin+13, 17.5, 8, "", grey, "1 Main Street, Albany NY 12207   ·   +1 518 555 0100   ·   privacy@lakeside.example")
	c.color(teal)
	c.SetLineWidth(0.5)
	c.Line(margin, 23.5, pageWidth-margin, 23.5)

	c.fill(pale)
	c.Rect(margin, 26, textWidth, 13, "F")
	c.pair(margin+3, 27.5, "Patient", p.Name)
	c.pair(margin+66, 27.5, "Patient ID", p.ID)
	c.pair(margin+94, 27.5, "Date of birth", p.BirthDate)
	c.pair(margin+124, 27.5, "Sex", p.Sex)
	c.pair(margin+138, 27.5, "Date of record", c.k.date)
	c.at(margin, 43, 13, "B", ink, strings.ToUpper(c.title[:1])+c.title[1:])
	c.SetY(51)
}

func (c *chart) foot() {
	c.at(margin, pageHeight-11, 7.5, "", grey,
		"Confidential patient record. Provider: Dr. R. Lee, DDS. Page "+strconv.Itoa(c.PageNo())+" of {total}")
}

// mark is the practice's sign: a tooth over water.
func (c *chart) mark(x, y float64) {
	c.fill(teal)
	c.RoundedRect(x, y, 10, 10, 2, "1234", "F")
	c.fill([3]int{255, 255, 255})
	c.Polygon([]fpdf.PointType{
		{X: x + 2.4, Y: y + 2.4},
		{X: x + 4, Y: y + 1.7},
		{X: x + 5, Y: y + 2.2},
		{X: x + 6, Y: y + 1.7},
		{X: x + 7.6, Y: y + 2.4},
		{X: x + 7.8, Y: y + 4},
		{X: x + 6.8, Y: y + 7.6},
		{X: x + 6, Y: y + 7.6},
		{X: x + 5.4, Y: y + 5},
		{X: x + 4.6, Y: y + 5},
		{X: x + 4, Y: y + 7.6},
		{X: x + 3.2, Y: y + 7.6},
		{X: x + 2.2, Y: y + 4},
	}, "F")
}

var (
	ink  = [3]int{30, 34, 40}
	grey = [3]int{110, 116, 124}
	teal = [3]int{0, 105, 120}
	pale = [3]int{232, 242, 243}
	red  = [3]int{190, 50, 40}
	blue = [3]int{40, 90, 180}
)

func (c *chart) color(rgb [3]int) { c.SetDrawColor(rgb[0], rgb[1], rgb[2]) }
func (c *chart) fill(rgb [3]int)  { c.SetFillColor(rgb[0], rgb[1], rgb[2]) }

// at writes a line of text with its top at y.
func (c *chart) at(x, y, size float64, style string, rgb [3]int, text string) {
	c.SetFont("sans", style, size)
	c.SetTextColor(rgb[0], rgb[1], rgb[2])
	c.Text(x, y+size*0.3, text)
}

func (c *chart) pair(x, y float64, label, value string) {
	c.at(x, y, 7, "", grey, label)
	c.at(x, y+4.2, 10, "B", ink, value)
}

// heading starts a section and returns the height below it.
func (c *chart) heading(text string) {
	y := c.GetY() + 3
	c.at(margin, y, 11, "B", teal, text)
	c.color([3]int{190, 214, 217})
	c.SetLineWidth(0.2)
	c.Line(margin, y+5.2, pageWidth-margin, y+5.2)
	c.SetY(y + 7)
}

// say writes a paragraph.
func (c *chart) say(format string, args ...any) {
	c.SetFont("sans", "", 9.5)
	c.SetTextColor(ink[0], ink[1], ink[2])
	c.SetX(margin)
	c.MultiCell(textWidth, 4.8, fmt.Sprintf(format, args...), "", "L", false)
	c.Ln(1.2)
}

// table writes rows under a header; widths in mm.
func (c *chart) table(widths []float64, header []string, rows ...[]string) {
	c.tableRow(widths, header, "B", pale)
	for i, r := range rows {
		shade := [3]int{255, 255, 255}
		if i%2 == 1 {
			shade = [3]int{247, 250, 250}
		}
		c.tableRow(widths, r, "", shade)
	}
	c.Ln(1.5)
}

func (c *chart) tableRow(widths []float64, cells []string, style string, shade [3]int) {
	c.SetFont("sans", style, 8.5)
	c.SetTextColor(ink[0], ink[1], ink[2])
	c.fill(shade)
	c.color([3]int{205, 218, 220})
	c.SetLineWidth(0.15)
	c.SetX(margin)
	for i, w := range widths {
		text := ""
		if i < len(cells) {
			text = cells[i]
		}
		c.CellFormat(w, 5.6, text, "B", 0, "L", true, 0, "")
	}
	c.Ln(-1)
}
