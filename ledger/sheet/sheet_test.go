package sheet

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	rows := [][]string{{"name", "note"}, {"Łukasz, \"Dr.\"", "two\nlines"}, {"", "5"}}
	var b bytes.Buffer
	if err := Write(&b, rows); err != nil {
		t.Fatal(err)
	}
	if want := "\uFEFFname,note\r\n\"Łukasz, \"\"Dr.\"\"\",\"two\r\nlines\"\r\n,5\r\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	wild := []string{`=HYPERLINK("http://x";"a")`, "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "＠x"}
	var b bytes.Buffer
	if err := Write(&b, [][]string{wild}); err != nil {
		t.Fatal(err)
	}
	row, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\uFEFF"))).Read()
	if err != nil || len(row) != len(wild) {
		t.Fatal(row, err)
	}
	for i, cell := range row {
		if cell[0] != '\'' {
			t.Errorf("%q became %q", wild[i], cell)
		}
	}
	for _, plain := range []string{"", "Dr. Chen", "2026-11-18", "3"} {
		if harmless(plain) != plain {
			t.Errorf("%q is changed", plain)
		}
	}
	if !slices.Contains(wild, "=HYPERLINK(\"http://x\";\"a\")") {
		t.Error("the rows were changed in place")
	}
}
