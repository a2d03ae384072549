package accounting

import (
	"bytes"
	"encoding/csv"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal/ledger"
)

var zone = time.FixedZone("EST", -5*3600)

func on(day string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		panic(err)
	}
	return t
}

func noon(day string) time.Time { return on(day).Add(12 * time.Hour).UTC() }

// entry is a line of the ledger as Append would have settled it.
func entry(event ledger.Event, day, basis, to string) ledger.Entry {
	e := ledger.Entry{
		At: noon(day), Event: event, Reference: "ref-" + day, Patient: "10432", Basis: basis, Recipient: &ledger.Party{Name: to, Address: "1 Court Street\nAlbany NY"},
		Information: "3 radiographs; 2023-01-04 to 2026-11-02", Purpose: "the court's order", AccountableWhy: "why",
	}
	e.Accountable = slices.Contains([]string{"legal_process", "directive"}, basis) && slices.Contains([]ledger.Event{ledger.Sent, ledger.Delivered, ledger.Relinked}, event)
	return e
}

func all(entries ...ledger.Entry) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func request(day string) Request {
	return Request{Match: func(id string) bool { return id == "10432" }, On: on(day), Given: on(day)}
}

func make1(t *testing.T, q Request, entries ...ledger.Entry) *Report {
	t.Helper()
	r, err := Make(all(entries...), q)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// 45 CFR 164.528(b)(2): the date, the recipient with the address, the information, the
// purpose.
func TestTheFourItems(t *testing.T) {
	r := make1(t, request("2026-11-20"), entry(ledger.Sent, "2026-11-18", "legal_process", "Albany County Court"))
	want := Line{
		First: noon("2026-11-18").In(zone), Last: noon("2026-11-18").In(zone), Count: 1,
		Recipient: ledger.Party{Name: "Albany County Court", Address: "1 Court Street\nAlbany NY"}, Information: "3 radiographs; 2023-01-04 to 2026-11-02",
		Purpose: "the court's order", Basis: "legal_process", Why: "why", Releases: []string{"ref-2026-11-18"},
	}
	if len(r.Lines) != 1 || r.Lines[0].Recipient != want.Recipient || r.Lines[0].Information != want.Information || r.Lines[0].Purpose != want.Purpose || !r.Lines[0].First.Equal(want.First) {
		t.Errorf("%+v", r.Lines)
	}
	if got := Address(r.Lines[0].Recipient); got != "1 Court Street, Albany NY" {
		t.Errorf("address %q", got)
	}
}

func TestWhatIsListed(t *testing.T) {
	other := entry(ledger.Sent, "2026-11-18", "legal_process", "Court")
	other.Patient = "99"
	for name, tc := range map[string]struct {
		entry          ledger.Entry
		listed, exempt bool
	}{
		"legal process":                {entry(ledger.Sent, "2026-11-18", "legal_process", "Court"), true, false},
		"a directive":                  {entry(ledger.Sent, "2026-11-18", "directive", "A friend"), true, false},
		"by mail":                      {entry(ledger.Delivered, "2026-11-18", "legal_process", "Court"), true, false},
		"treatment":                    {entry(ledger.Sent, "2026-11-18", "treatment", "Dr. Chen"), false, true},
		"an authorization":             {entry(ledger.Sent, "2026-11-18", "authorization", "Lawyer"), false, true},
		"held":                         {entry(ledger.Held, "2026-11-18", "legal_process", "Court"), false, false},
		"another patient":              {other, false, false},
		"six years before the request": {entry(ledger.Sent, "2020-11-20", "legal_process", "Court"), true, false},
		"more than six years before":   {entry(ledger.Sent, "2020-11-19", "legal_process", "Court"), false, false},
		"on the day of the request":    {entry(ledger.Sent, "2026-11-20", "legal_process", "Court"), true, false},
		"after the request":            {entry(ledger.Sent, "2026-11-21", "legal_process", "Court"), false, false},
	} {
		q := request("2026-11-20")
		if r := make1(t, q, tc.entry); (len(r.Lines) == 1) != tc.listed || len(r.Exempt) != 0 {
			t.Errorf("%s: %+v", name, r)
		}
		q.All = true
		if r := make1(t, q, tc.entry); (len(r.Lines) == 1) != tc.listed || (len(r.Exempt) == 1) != tc.exempt {
			t.Errorf("%s, with all: %+v", name, r)
		}
	}
}

func TestAShorterTime(t *testing.T) {
	q := request("2026-11-20")
	q.From, q.To = on("2026-01-02"), on("2026-01-03")
	r := make1(t, q,
		entry(ledger.Sent, "2026-01-01", "legal_process", "A"), entry(ledger.Sent, "2026-01-02", "legal_process", "B"),
		entry(ledger.Sent, "2026-01-03", "legal_process", "C"), entry(ledger.Sent, "2026-01-04", "legal_process", "D"))
	if len(r.Lines) != 2 || r.Lines[0].Recipient.Name != "B" || r.Lines[1].Recipient.Name != "C" {
		t.Errorf("%+v", r.Lines)
	}
	q.From, q.To = on("2010-01-01"), on("2030-01-01") // no more than the law gives
	if r = make1(t, q); !r.From.Equal(on("2020-11-20")) || !r.To.Equal(on("2026-11-20")) {
		t.Errorf("%s to %s", r.From, r.To)
	}
}

// (b)(3): several to one recipient for one purpose, as the first, how many, and the last.
func TestSeveralToOneRecipient(t *testing.T) {
	again := entry(ledger.Relinked, "2026-03-05", "legal_process", "Court")
	again.Reference, again.Information = "ref-2026-03-01", "" // a relinked line does not describe
	more := entry(ledger.Sent, "2026-04-01", "legal_process", "Court")
	more.Information = "1 chart"
	r := make1(t, request("2026-11-20"),
		entry(ledger.Sent, "2026-03-01", "legal_process", "Court"), again, entry(ledger.Sent, "2026-05-01", "legal_process", "Court"), more)
	if len(r.Lines) != 2 || r.Lines[0].Count != 3 || len(r.Lines[0].Releases) != 2 || !r.Lines[0].First.Equal(noon("2026-03-01")) || !r.Lines[0].Last.Equal(noon("2026-05-01")) {
		t.Errorf("%+v", r.Lines)
	}
	if r.Lines[1].Count != 1 || r.Lines[1].Information != "1 chart" {
		t.Errorf("other records are summarised: %+v", r.Lines)
	}
}

// (a)(2): what a law enforcement official asked to keep back, for as long as they said;
// on an oral statement for thirty days at most.
func TestSuspension(t *testing.T) {
	police := Suspension{Names: func(p ledger.Party) bool { return p.Name == "Albany Police" }, From: on("2026-10-01"), Until: on("2026-12-31")}
	oral, open := police, police
	oral.Oral = true
	open.Oral, open.Until = true, time.Time{}
	short := police
	short.Until, short.Oral = on("2026-10-10"), true
	for name, tc := range map[string]struct {
		s    Suspension
		day  string
		held bool
	}{
		"before it":                 {police, "2026-09-30", false},
		"on its first day":          {police, "2026-10-01", true},
		"on its last day":           {police, "2026-12-31", true},
		"after it":                  {police, "2027-01-01", false},
		"oral, thirty days":         {oral, "2026-10-31", true},
		"oral, after thirty days":   {oral, "2026-11-01", false},
		"oral without an end":       {open, "2026-10-31", true},
		"oral without an end, over": {open, "2026-11-01", false},
		"oral and short":            {short, "2026-10-11", false},
	} {
		q := request(tc.day)
		q.Suspended, q.All = []Suspension{tc.s}, true
		r := make1(t, q, entry(ledger.Sent, "2026-08-01", "legal_process", "Albany Police"), entry(ledger.Sent, "2026-08-02", "legal_process", "Court"))
		if held := r.Withheld == 1 && len(r.Lines) == 1 && r.Lines[0].Recipient.Name == "Court"; held != tc.held || len(r.Lines)+r.Withheld != 2 || len(r.Exempt) != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// What counts is the day on which the accounting is given, not that of the request: (a)(2)
// suspends the right to receive it.
func TestASuspensionCountsOnTheDayOfGiving(t *testing.T) {
	police := Suspension{For: "police", Names: func(p ledger.Party) bool { return p.Name == "Albany Police" }, From: on("2026-11-10"), Until: on("2026-11-20")}
	sent := entry(ledger.Sent, "2026-08-01", "legal_process", "Albany Police")
	for name, tc := range map[string]struct {
		asked, given string
		held         bool
	}{
		"stated after the request":       {"2026-11-01", "2026-11-15", true},
		"over when it is given":          {"2026-11-15", "2026-11-21", false},
		"given on the last day":          {"2026-11-01", "2026-11-20", true},
		"stated after it would be given": {"2026-11-01", "2026-11-09", false},
	} {
		q := request(tc.asked)
		q.Given, q.Suspended = on(tc.given).Add(15*time.Hour), []Suspension{police}
		r := make1(t, q, sent)
		if (r.Withheld == 1) != tc.held || len(r.Lines)+r.Withheld != 1 || tc.held != r.WithheldUntil.Equal(on("2026-11-20")) || len(r.Unmatched) != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// A statement that names nobody keeps nothing back, so staff must know; one about a time
// that is not asked for, or over, is in order.
func TestASuspensionOfNobody(t *testing.T) {
	named := func(name, from string) Suspension {
		return Suspension{For: name, Names: func(p ledger.Party) bool { return p.Name == name }, From: on(from), Until: on("2026-12-31")}
	}
	q := request("2026-11-20")
	q.From = on("2026-09-01")
	q.Suspended = []Suspension{named("Albany FBI", "2026-11-01"), named("Albany Police", "2026-11-01"), named("Nobody yet", "2026-12-01")}
	r := make1(t, q, entry(ledger.Sent, "2026-08-01", "legal_process", "Albany Police"), entry(ledger.Sent, "2026-10-01", "legal_process", "FBI, Albany"))
	if !slices.Equal(r.Unmatched, []string{"Albany FBI"}) || len(r.Lines) != 1 || r.Withheld != 0 {
		t.Errorf("%+v", r)
	}
}

// A number that no entry has is mistyped, most likely: what was given under it before is
// no sign of the contrary.
func TestAPatientWhomTheLedgerDoesNotKnow(t *testing.T) {
	given := accounted("2026-11-13")
	for name, tc := range map[string]struct {
		entries []ledger.Entry
		known   bool
	}{
		"an empty ledger":        {nil, false},
		"an accounting only":     {[]ledger.Entry{given}, false},
		"held":                   {[]ledger.Entry{entry(ledger.Held, "2026-11-18", "legal_process", "Court")}, true},
		"sent, longer ago":       {[]ledger.Entry{entry(ledger.Sent, "2019-11-18", "legal_process", "Court")}, true},
		"sent, after the period": {[]ledger.Entry{entry(ledger.Sent, "2026-11-21", "treatment", "Dr. Chen")}, true},
	} {
		if r := make1(t, request("2026-11-20"), tc.entries...); r.Known != tc.known {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestDaysThatLeaveNothing(t *testing.T) {
	for name, days := range map[string][2]string{
		"from after the request":    {"2027-03-01", ""},
		"from after to":             {"2026-03-02", "2026-03-01"},
		"to before the six years":   {"", "2020-11-19"},
		"both before the six years": {"2010-01-01", "2011-01-01"},
	} {
		q := request("2026-11-20")
		if days[0] != "" {
			q.From = on(days[0])
		}
		if days[1] != "" {
			q.To = on(days[1])
		}
		if r, err := Make(all(), q); !errors.Is(err, ErrNoTime) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func accounted(day string) ledger.Entry {
	return ledger.Entry{At: noon(day), Event: ledger.Accounted, Patient: "10432", Received: day}
}

// (c)(1), (c)(2): sixty days, thirty more; the first in twelve months is free.
func TestDueAndFree(t *testing.T) {
	r := make1(t, request("2026-11-20"))
	if !r.Due.Equal(on("2027-01-19")) || !r.DueLate.Equal(on("2027-02-18")) || !r.Free {
		t.Errorf("%+v", r)
	}
	for name, tc := range map[string]struct {
		earlier string
		free    bool
	}{
		"twelve months ago":     {"2025-11-20", true},
		"a day less":            {"2025-11-21", false},
		"last week":             {"2026-11-13", false},
		"the same request":      {"2026-11-20", true},
		"later, and dated back": {"2026-11-25", true},
	} {
		r := make1(t, request("2026-11-20"), accounted(tc.earlier))
		if r.Free != tc.free || r.Recorded != (tc.earlier == "2026-11-20") || !tc.free && !r.Earlier.Equal(on(tc.earlier)) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestALedgerThatDoesNotHoldMakesNoAccounting(t *testing.T) {
	broken := func(yield func(ledger.Entry, error) bool) {
		_ = yield(entry(ledger.Sent, "2026-03-01", "legal_process", "Court"), nil) && yield(ledger.Entry{}, ledger.ErrBroken)
	}
	if r, err := Make(broken, request("2026-11-20")); !errors.Is(err, ledger.ErrBroken) || r != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// RFC 4180, and no cell that a spreadsheet would compute.
func TestCSV(t *testing.T) {
	wild := entry(ledger.Sent, "2026-03-01", "legal_process", `=HYPERLINK("http://x";"a")`)
	wild.Purpose, wild.Recipient.Address = "a \"quoted\", text\nof two lines", "-1+1"
	exempt := entry(ledger.Sent, "2026-03-02", "treatment", "@SUM(A1)")
	q := request("2026-11-20")
	q.All = true
	var b bytes.Buffer
	if err := make1(t, q, wild, exempt).CSV(&b); err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(b.String(), "\uFEFF")
	if !ok || strings.Count(text, "\r\n") != 4 || !strings.Contains(text, `"a ""quoted"", text`) {
		t.Errorf("%q", text)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r") {
				t.Errorf("%q is a formula", cell)
			}
		}
	}
	if rows[1][0] != "yes" || rows[1][1] != "2026-03-01" || rows[1][4] != `'=HYPERLINK("http://x";"a")` || rows[2][0] != "no" {
		t.Errorf("%q", rows)
	}
}
