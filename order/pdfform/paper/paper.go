// Package paper draws the practice's fillable order form: US Letter, to be filled
// in on the screen or by hand. What is printed is set by fpdf; the fields are put
// on it with pdfcpu (ISO 32000-1:2008, 12.7).
package paper

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"

	"chartseal/order/pdfform"
)

// Draw makes the blank form. It is the same, but for the file's id, for the same
// practice and day.
func Draw(p pdfform.Practice, day time.Time) ([]byte, error) {
	s := newSheet(p, day)
	s.head()
	for i, section := range pdfform.Sections(p) {
		s.section(section, i == 0)
	}
	var printed bytes.Buffer
	if err := s.Output(&printed); err != nil {
		return nil, fmt.Errorf("print form: %w", err)
	}
	out, err := withFields(printed.Bytes(), s.placed, hidden(p))
	if err != nil {
		return nil, fmt.Errorf("put fields on form: %w", err)
	}
	return out, nil
}

// hidden are the fields by which the form is known again.
func hidden(p pdfform.Practice) map[string]string {
	return map[string]string{pdfform.VersionField: pdfform.Version, pdfform.PracticeField: p.Key, pdfform.NameField: p.Name}
}

// Measures in millimetres.
const (
	pageWidth  = 215.9
	pageHeight = 279.4
	margin     = 15.0
	aside      = 36.0 // the column of headings
	column     = margin + aside + 4
	columnEnd  = pageWidth - margin
	bottom     = pageHeight - 15
	gutter     = 2.4

	labelHeight   = 3.9
	fieldHeight   = 6.2
	areaHeight    = 16.0
	rowGap        = 2.4
	boxRow        = 5.8
	boxSide       = 3.6
	captionHeight = 4.6
	groupGap      = 1.6 // below a group of boxes
	sectionGap    = 2.6 // above and below the line between parts
)

var (
	ink    = [3]int{20, 24, 28}
	soft   = [3]int{96, 104, 112}
	accent = [3]int{0, 88, 122}
	line   = [3]int{178, 190, 198}
	tint   = [3]int{245, 249, 251}
)

// sheet is the form being set.
type sheet struct {
	*fpdf.Fpdf
	practice pdfform.Practice
	placed   []placed
}

// placed is a field where it stands, from the top left corner of its page.
type placed struct {
	pdfform.Field
	page       int
	x, y, w, h float64
}

func newSheet(p pdfform.Practice, day time.Time) *sheet {
	s := &sheet{Fpdf: fpdf.New("P", "mm", "Letter", ""), practice: p}
	s.AddUTF8FontFromBytes("sans", "", liberationsansregular.TTF)
	s.AddUTF8FontFromBytes("sans", "B", liberationsansbold.TTF)
	s.SetCatalogSort(true)
	s.SetCreationDate(day)
	s.SetModificationDate(day)
	s.SetTitle("Release order - "+p.Name, true)
	s.SetAuthor(p.Name, true)
	s.SetCreator("chartseal", true)
	s.SetLang("en")
	s.SetCellMargin(0)
	s.SetMargins(margin, 13, margin)
	s.SetAutoPageBreak(false, 0)
	s.SetFooterFunc(s.foot)
	s.AddPage()
	return s
}

func (s *sheet) foot() {
	s.style("", 7.5, soft)
	s.SetXY(margin, pageHeight-10)
	s.CellFormat(pageWidth-2*margin, 4, s.fitted(s.practice.Name+"  ·  Release order  ·  form "+pdfform.Version, 150), "", 0, "L", false, 0, "")
	s.SetXY(margin, pageHeight-10)
	s.CellFormat(pageWidth-2*margin, 4, fmt.Sprintf("Page %d", s.PageNo()), "", 0, "R", false, 0, "")
}

func (s *sheet) style(weight string, size float64, rgb [3]int) {
	s.SetFont("sans", weight, size)
	s.SetTextColor(rgb[0], rgb[1], rgb[2])
}

// fitted cuts a text to w millimetres.
func (s *sheet) fitted(text string, w float64) string {
	text = strings.Join(strings.Fields(text), " ")
	if s.GetStringWidth(text) <= w {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && s.GetStringWidth(string(runes)+"…") > w {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

func (s *sheet) head() {
	const wide = pageWidth - 2*margin
	s.SetXY(margin, 12)
	s.style("B", 17, accent)
	s.CellFormat(wide*0.62, 8, s.fitted(s.practice.Name, wide*0.62), "", 0, "L", false, 0, "")
	s.style("B", 17, ink)
	s.SetXY(margin, 12)
	s.CellFormat(wide, 8, "Release order", "", 0, "R", false, 0, "")
	s.style("", 8.5, soft)
	s.SetXY(margin, 20)
	var lines []string
	for _, l := range []string{s.practice.Address, s.practice.Contact} {
		if l != "" {
			lines = append(lines, l)
		}
	}
	s.CellFormat(wide*0.66, 4.2, s.fitted(strings.Join(lines, "  ·  "), wide*0.66), "", 0, "L", false, 0, "")
	s.SetXY(margin, 20)
	s.CellFormat(wide, 4.2, "for patient records", "", 0, "R", false, 0, "")
	s.SetDrawColor(accent[0], accent[1], accent[2])
	s.SetLineWidth(0.6)
	s.Line(margin, 26, pageWidth-margin, 26)
	s.style("", 8.5, ink)
	s.SetXY(margin, 27.6)
	s.MultiCell(wide, 4.1, "Fill in page 1, and of the other pages only the part that page 1 points to. Save the file and drop it into the outbox; "+
		"do not print it to a new PDF. Dates are written year-month-day: 2026-11-18. A dot • marks what no order can do without.", "", "L", false)
	s.SetY(39.5)
}

// section sets one part: its heading at the left, its fields beside it.
func (s *sheet) section(sec pdfform.Section, firstOnPage bool) {
	h := s.height(sec)
	switch {
	case sec.NewTop || s.GetY()+h > bottom:
		s.AddPage()
		s.SetY(14)
	case !firstOnPage:
		s.SetDrawColor(line[0], line[1], line[2])
		s.SetLineWidth(0.2)
		s.Line(margin, s.GetY(), pageWidth-margin, s.GetY())
		s.SetY(s.GetY() + sectionGap)
	}
	top := s.GetY()
	s.heading(sec, top)
	y := top
	for i, row := range sec.Rows {
		if text := caption(sec.Rows, i); text != "" {
			s.style("", 7.6, soft)
			s.SetXY(column, y)
			s.CellFormat(columnEnd-column, captionHeight-0.6, text, "", 0, "L", false, 0, "")
			y += captionHeight
		}
		y = s.row(row, y) + after(sec.Rows, i)
	}
	s.SetY(top + h)
}

func (s *sheet) heading(sec pdfform.Section, y float64) {
	s.SetFillColor(accent[0], accent[1], accent[2])
	s.RoundedRect(margin, y+0.3, 5.4, 5.4, 1, "1234", "F")
	s.style("B", 9, [3]int{255, 255, 255})
	s.SetXY(margin, y+0.3)
	s.CellFormat(5.4, 5.4, sec.Mark, "", 0, "C", false, 0, "")
	s.style("B", 9.5, ink)
	s.SetXY(margin+7, y+0.9)
	s.MultiCell(aside-7, 4.2, sec.Title, "", "L", false)
	if sec.Note != "" {
		s.style("", 7.2, soft)
		s.SetXY(margin, max(s.GetY(), y+6)+0.6)
		s.MultiCell(aside, 3.2, sec.Note, "", "L", false)
	}
}

// height is that of a whole part, with the room below it.
func (s *sheet) height(sec pdfform.Section) float64 {
	fields := 0.0
	for i, row := range sec.Rows {
		if caption(sec.Rows, i) != "" {
			fields += captionHeight
		}
		fields += rowHeight(row) + after(sec.Rows, i)
	}
	s.style("B", 9.5, ink)
	head := 0.9 + 4.2*float64(len(s.SplitText(sec.Title, aside-7)))
	if sec.Note != "" {
		s.style("", 7.2, soft)
		head = max(head, 6) + 0.6 + 3.2*float64(len(s.SplitText(sec.Note, aside)))
	}
	return max(fields, head+1.5) + sectionGap - rowGap/2
}

// caption is what stands over the first row of a group of boxes.
func caption(rows []pdfform.Row, i int) string {
	text := rows[i][0].Group
	if i > 0 && rows[i-1][0].Group == text {
		return ""
	}
	return text
}

// after is the room below a row of boxes that ends its group.
func after(rows []pdfform.Row, i int) float64 {
	switch {
	case !isBoxes(rows[i]):
		return 0
	case i+1 == len(rows):
		return rowGap / 2
	case isBoxes(rows[i+1]) && rows[i+1][0].Group == rows[i][0].Group:
		return 0
	}
	return groupGap
}

func isBoxes(row pdfform.Row) bool {
	for _, f := range row {
		if f.Type != pdfform.Box {
			return false
		}
	}
	return true
}

func rowHeight(row pdfform.Row) float64 {
	if isBoxes(row) {
		return boxRow
	}
	h := labelHeight + fieldHeight + rowGap
	for _, f := range row {
		if f.Type == pdfform.Area {
			h = labelHeight + areaHeight + rowGap
		}
	}
	return h
}

// row sets fields side by side and returns where the next row begins.
func (s *sheet) row(row pdfform.Row, y float64) float64 {
	const unit = (columnEnd - column + gutter) / 12
	x := column
	for _, f := range row {
		w := unit*float64(f.Width) - gutter
		if f.Type == pdfform.Box {
			at := y + (boxRow-boxSide)/2
			if !isBoxes(row) {
				at = y + labelHeight + (fieldHeight-boxSide)/2
			}
			s.tick(f, x, at, w)
		} else {
			s.blank(f, x, y, w)
		}
		x += w + gutter
	}
	return y + rowHeight(row)
}

func (s *sheet) tick(f pdfform.Field, x, y, w float64) {
	s.SetDrawColor(soft[0], soft[1], soft[2])
	s.SetFillColor(255, 255, 255)
	s.SetLineWidth(0.25)
	s.RoundedRect(x, y, boxSide, boxSide, 0.5, "1234", "DF")
	s.style("", 8.5, ink)
	s.SetXY(x+boxSide+1.6, y-0.4)
	s.CellFormat(w-boxSide-1.6, boxSide+0.8, s.fitted(f.Label, w-boxSide-1.4), "", 0, "L", false, 0, "")
	s.place(f, x, y, boxSide, boxSide)
}

func (s *sheet) blank(f pdfform.Field, x, y, w float64) {
	h := fieldHeight
	if f.Type == pdfform.Area {
		h = areaHeight
	}
	s.style("", 7.6, ink)
	label := s.fitted(f.Label, w-2)
	s.SetXY(x, y)
	s.CellFormat(w, labelHeight, label, "", 0, "L", false, 0, "")
	end := x + s.GetStringWidth(label)
	if f.Must {
		s.style("B", 9, accent)
		s.SetXY(end+0.8, y)
		s.CellFormat(2, labelHeight, "•", "", 0, "L", false, 0, "")
		end += 2.4
	}
	if f.Hint != "" {
		s.style("", 6.8, soft)
		if s.GetStringWidth(f.Hint) <= x+w-end-1.5 {
			s.SetXY(x, y)
			s.CellFormat(w, labelHeight, f.Hint, "", 0, "R", false, 0, "")
		}
	}
	s.SetDrawColor(line[0], line[1], line[2])
	s.SetFillColor(tint[0], tint[1], tint[2])
	s.SetLineWidth(0.25)
	s.RoundedRect(x, y+labelHeight, w, h, 0.8, "1234", "DF")
	if f.Type == pdfform.Choice || f.Type == pdfform.Open {
		s.arrow(x+w-4.2, y+labelHeight+h/2)
	}
	s.place(f, x, y+labelHeight, w, h)
}

// arrow marks a list.
func (s *sheet) arrow(x, y float64) {
	s.SetFillColor(soft[0], soft[1], soft[2])
	s.Polygon([]fpdf.PointType{{X: x, Y: y - 0.7}, {X: x + 2.2, Y: y - 0.7}, {X: x + 1.1, Y: y + 0.8}}, "F")
}

func (s *sheet) place(f pdfform.Field, x, y, w, h float64) {
	s.placed = append(s.placed, placed{Field: f, page: s.PageNo(), x: x, y: y, w: w, h: h})
}
