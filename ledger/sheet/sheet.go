// Package sheet writes tables that spreadsheets open as they are meant.
package sheet

import (
	"encoding/csv"
	"io"
	"strings"
	"unicode/utf8"
)

// Write writes rows as comma-separated values with CRLF line ends (RFC 4180), in UTF-8
// with a mark at the beginning, without which Excel takes it for another encoding. What a
// spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV
// Injection").
func Write(w io.Writer, rows [][]string) error {
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = harmless(cell)
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// formula are the characters that begin one, in their full width too.
const formula = "=+-@\t\r\n＝＋－＠"

func harmless(s string) string {
	if first, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " \u00A0")); s != "" && strings.ContainsRune(formula, first) {
		return "'" + s
	}
	return s
}
