package notice

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func accountingData() Accounting {
	zone := time.FixedZone("EST", -5*3600)
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 12, 0, 0, 0, zone) }
	return Accounting{
		To: Recipient{Name: "Maria Alvarez", Address: "2217 Wisteria Terrace\nAlbany NY"}, Reference: "k7q2mzt4xw3e",
		At: day(2026, 11, 25), Requested: day(2026, 11, 20), From: day(2020, 11, 20), Day: day(2026, 11, 20), Begins: day(2024, 3, 1),
		Listed: []Disclosure{
			{
				First: day(2025, 2, 3), Last: day(2025, 2, 3), Count: 1, Name: "Albany County Court", Address: "16 Eagle Street, Albany NY 12207",
				Information: "3 radiographs, 1 chart; 2023-01-04 to 2024-11-02", Purpose: "subpoena 2025/118 with the patient's notice", Basis: "legal_process",
			},
			{
				First: day(2025, 4, 1), Last: day(2026, 9, 30), Count: 4, Name: "Jonah Reyes", Address: "jonah@x.example",
				Information: "1 CBCT volume (120 images); 2025-03-30", Purpose: "second opinion", Basis: "directive",
			},
		},
	}
}

func TestAccountingLetterHoldsTheFourItems(t *testing.T) {
	rows := disclosureRows(accountingData().Listed)
	for item, words := range map[string][]string{ // 45 CFR 164.528(b)(2)(i) to (iv), and (b)(3)
		"the date":            {"February 3, 2025", "4 times: first on April 1, 2025, last on September 30, 2026"},
		"who, and where":      {"Albany County Court\n16 Eagle Street, Albany NY 12207", "Jonah Reyes\njonah@x.example"},
		"what it was":         {"3 radiographs, 1 chart; 2023-01-04 to 2024-11-02", "1 CBCT volume"},
		"the purpose, basis":  {"Subpoena 2025/118 with the patient's notice.", "A court order, a subpoena or another legal process", "Second opinion.", "You asked us in writing to send it there."},
		"no word of the code": {},
	} {
		text := strings.ReplaceAll(fmt.Sprint(rows), "\u00A0", " ")
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in %s", item, w, text)
			}
		}
		if strings.Contains(text, "legal_process") {
			t.Error("the letter shows a word of the order")
		}
	}
}

func TestAccountingLettersThatDiffer(t *testing.T) {
	p := letterData().Practice
	a := accountingData()
	end := textOf(a.end(p, false))
	for _, w := range []string{"begins on March 1, 2024", "first list that you ask for within twelve months is free", "call +1 518 555 0100"} {
		if !strings.Contains(end, w) {
			t.Errorf("no %q in %s", w, end)
		}
	}
	a.Earlier, a.Gaps = a.Requested.AddDate(0, -2, 0), true
	end = textOf(a.end(p, true))
	for _, w := range []string{"September 20, 2026", "reasonable fee", "withdraw or change your request", "part of the electronic record was lost", "write in by hand"} {
		if !strings.Contains(end, w) {
			t.Errorf("no %q in %s", w, end)
		}
	}
	for _, word := range []string{"pursuant", "164.", "herein"} {
		if strings.Contains(end, word) {
			t.Errorf("the letter says %q", word)
		}
	}
}

// Whatever names there are, and however many, there is a letter.
func TestAccountingLettersAreValidAndReproducible(t *testing.T) {
	p := letterData().Practice
	long := accountingData()
	for i := range 60 {
		d := long.Listed[i%2]
		d.First, d.Last, d.Count = d.First.AddDate(0, 0, i), d.First.AddDate(0, 0, i), 1
		long.Listed = append(long.Listed, d)
	}
	long.ShowExempt, long.Exempt = true, long.Listed[:7]
	odd := accountingData()
	odd.To = Recipient{Name: "歯科 🦷 \x07", Address: strings.Repeat("line\n", 6)}
	odd.Listed[0].Name, odd.Listed[1].Name = "日本歯科 東京 🦷", "Łukasz Ωmega \u202Ereversed\u0301"
	odd.Listed[1].Information = strings.Repeat("one word after another ", 400) // longer than a page
	odd.Listed[0].Purpose = strings.Repeat("W", 300)                           // and one that cannot be parted
	none := accountingData()
	none.Listed, none.ShowExempt = nil, true
	if text := disclosureRows(odd.Listed)[0][1]; !strings.Contains(name(text), byHand) || !strings.Contains(name(text), "16 Eagle Street") {
		t.Errorf("%q is printed as %q", text, name(text))
	}
	for name, a := range map[string]Accounting{"accounting": accountingData(), "accounting-long": long, "accounting-odd": odd, "accounting-none": none} {
		x, err := AccountingLetter(p, a)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		y, err := AccountingLetter(p, a)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		valid(t, x)
		if !bytes.Equal(x, y) {
			t.Errorf("%s differs between two runs", name)
		}
		if dir := os.Getenv("CHARTSEAL_LETTERS"); dir != "" { // to be looked at
			if err := os.WriteFile(dir+"/"+name+".pdf", x, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
