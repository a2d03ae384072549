package accounting

import (
	"io"
	"strconv"
	"strings"
	"time"

	"chartseal/ledger/sheet"
)

// CSV writes the accounting as a table: first what is listed, then what is exempt.
func (r *Report) CSV(w io.Writer) error {
	rows := [][]string{{"listed", "first date", "last date", "number", "recipient", "address", "information", "purpose", "basis", "why", "releases"}}
	rows = append(rows, rowsOf("yes", r.Lines)...)
	return sheet.Write(w, append(rows, rowsOf("no", r.Exempt)...))
}

func rowsOf(listed string, lines []Line) (rows [][]string) {
	for _, l := range lines {
		rows = append(rows, []string{
			listed, l.First.Format(time.DateOnly), l.Last.Format(time.DateOnly), strconv.Itoa(l.Count), l.Recipient.Name,
			Address(l.Recipient), l.Information, l.Purpose, l.Basis, l.Why, strings.Join(l.Releases, " "),
		})
	}
	return rows
}
