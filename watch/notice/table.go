package notice

import "strings"

// column is one of a table, its width in millimetres.
type column struct {
	head  string
	width float64
}

const (
	tableSize = 9.6 // points
	tableLine = 4.5 // millimetres
	tablePad  = 1.4
	tableGap  = 3.0 // between two columns

	shortByHand = "____________________" // fits every column
)

// table sets rows of texts below heads, which are repeated on every page. A row is not
// parted unless it is longer than a page.
func (l *letter) table(columns []column, rows [][]string) {
	l.Ln(0.8)
	l.tableHead(columns)
	for _, row := range rows {
		l.row(columns, row)
	}
	l.Ln(4)
}

func (l *letter) tableHead(columns []column) {
	l.style("B", tableSize, letterAccent)
	l.SetFillColor(230, 241, 245)
	x, y := letterMargin, l.GetY()
	l.Rect(x, y, letterWidth, tableLine+2*tablePad, "F")
	for _, c := range columns {
		l.SetXY(x+tableGap/2, y+tablePad)
		l.CellFormat(c.width-tableGap, tableLine, c.head, "", 0, "L", false, 0, "")
		x += c.width
	}
	l.SetXY(letterMargin, y+tableLine+2*tablePad)
}

// row sets one row, line by line.
func (l *letter) row(columns []column, texts []string) {
	l.style("", tableSize, letterInk)
	cells, high := make([][]string, len(columns)), 0
	for i, c := range columns {
		text := name(texts[i])
		l.byHand = l.byHand || strings.Contains(text, byHand)
		cells[i] = l.SplitText(strings.ReplaceAll(text, byHand, shortByHand), c.width-tableGap)
		high = max(high, len(cells[i]))
	}
	all := float64(high)*tableLine + 2*tablePad
	if l.GetY()+all > letterBottom && all < letterBottom-60 {
		l.AddPage()
		l.tableHead(columns)
	}
	l.SetY(l.GetY() + tablePad)
	for n := range high {
		if l.GetY()+tableLine > letterBottom {
			l.AddPage()
			l.tableHead(columns)
			l.SetY(l.GetY() + tablePad)
		}
		l.style("", tableSize, letterInk) // a new page is set in another
		x, y := letterMargin, l.GetY()
		for i, c := range columns {
			if n < len(cells[i]) {
				l.SetXY(x+tableGap/2, y)
				l.CellFormat(c.width-tableGap, tableLine, cells[i][n], "", 0, "L", false, 0, "")
			}
			x += c.width
		}
		l.SetXY(letterMargin, y+tableLine)
	}
	l.SetY(l.GetY() + tablePad)
	l.SetDrawColor(200, 206, 212)
	l.SetLineWidth(0.2)
	l.Line(letterMargin, l.GetY(), letterMargin+letterWidth, l.GetY())
}
