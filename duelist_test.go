package chartseal

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/watch"
)

// listed is a practice that keeps its list, and nothing else.
func listed(t *testing.T) (p *Practice, now *time.Time, outbox string) {
	t.Helper()
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	now = &at
	dir := t.TempDir()
	cfg := &config.Config{Outbox: filepath.Join(dir, "outbox"), State: filepath.Join(dir, "state")}
	cfg.Practice.Name, cfg.Deadlines = "Lakeside", config.Deadlines{Warn: 10, Remind: 14}
	p = &Practice{cfg: cfg, log: slog.New(slog.DiscardHandler), orders: newRegistry(t), requests: newRequests()}
	p.opts.Now = func() time.Time { return *now }
	if err := os.Mkdir(cfg.Outbox, 0o700); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.state, err = openState(cfg.State); err != nil {
		t.Fatal(err)
	}
	if p.ledger, err = ledger.Open(p.state.path("ledger"), p.opts.Now); err != nil {
		t.Fatal(err)
	}
	if p.box, err = watch.Open(cfg.Outbox, watch.Options{Owner: "here-1"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _, _ = p.box.Close(), p.ledger.Close(), p.state.close()
	})
	p.openDueList()
	return p, now, cfg.Outbox
}

func look(t *testing.T, p *Practice, outbox string) string {
	t.Helper()
	if err := p.tryDueList(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(outbox, watch.DueList))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func held(t *testing.T, p *Practice, id string) {
	t.Helper()
	ref := order.Reference(id)
	if _, mine, err := p.orders.Admit(t.Context(), ref, "sha", "claim "+id); err != nil || !mine {
		t.Fatal(mine, err)
	}
	if err := p.orders.Settle(t.Context(), ref, hold); err != nil {
		t.Fatal(err)
	}
	if _, err := p.enter(t.Context(), ledger.Entry{
		Key: ref + "/held", Event: ledger.Held, Order: id, Reference: ref, Basis: "patient_access", Received: "2026-11-18",
	}); err != nil {
		t.Fatal(err)
	}
}

// A held order whose folder staff delete stays on the list for a while, and is then
// recorded as withdrawn, once: every request ends with an outcome (rule R36).
func TestADeletedHoldCountsAsWithdrawn(t *testing.T) {
	p, now, outbox := listed(t)
	held(t, p, "R-1")
	if text := look(t, p, outbox); !strings.Contains(text, "R-1") || !strings.Contains(text, "its folder was deleted") || !strings.Contains(text, "23 days left") {
		t.Errorf("%s", text)
	}
	*now = now.Add(withdrawnBy - time.Minute)
	if text := look(t, p, outbox); !strings.Contains(text, "R-1") {
		t.Error("gone too early")
	}
	*now = now.Add(2 * time.Minute)
	for range 2 {
		if text := look(t, p, outbox); strings.Contains(text, "R-1") || !strings.Contains(text, "Every order has been answered") {
			t.Errorf("%s", text)
		}
	}
	e, err := p.ledgerEntry(order.Reference("R-1") + "/withdrawn")
	if err != nil || e.Event != ledger.Withdrawn || e.Order != "R-1" || e.Received != "2026-11-18" {
		t.Errorf("%+v, %v", e, err)
	}
}

// What another site has taken in or answered is not this site's to withdraw.
func TestAnOrderOfAnotherSiteIsNotWithdrawn(t *testing.T) {
	p, now, outbox := listed(t)
	held(t, p, "R-1")
	other := p.orders.Orders("there", "there-1", time.Now)
	if _, mine, err := other.Admit(t.Context(), order.Reference("R-1"), "sha", "their claim"); err != nil || !mine {
		t.Fatal(mine, err)
	}
	for range 2 {
		if text := look(t, p, outbox); strings.Contains(text, "R-1") {
			t.Error("listed here although it is worked on there")
		}
		*now = now.Add(2 * withdrawnBy)
	}
	if _, err := p.ledgerEntry(order.Reference("R-1") + "/withdrawn"); err == nil {
		t.Error("withdrawn")
	}
}

// The list is written when something changes, when a day has passed and when staff
// delete or change it; otherwise it is left alone.
func TestTheDueListIsWrittenWhenItMustBe(t *testing.T) {
	p, now, outbox := listed(t)
	file := filepath.Join(outbox, watch.DueList)
	first := look(t, p, outbox)
	*now = now.Add(time.Hour)
	if look(t, p, outbox) != first {
		t.Error("written although nothing changed")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if second := look(t, p, outbox); second == first {
		t.Error("put back with the old time")
	}
	var third string
	for what, after := range map[string]time.Duration{"later": time.Minute, "at once": 0} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		at := info.ModTime().Add(after)
		if err := errors.Join(os.WriteFile(file, []byte("scribbled"), 0o600), os.Chtimes(file, at, at)); err != nil {
			t.Fatal(err)
		}
		if third = look(t, p, outbox); strings.Contains(third, "scribbled") {
			t.Errorf("what staff wrote %s stays", what)
		}
	}
	*now = now.Add(24 * time.Hour)
	if look(t, p, outbox) == third {
		t.Error("not written for a day")
	}
}

// A request is open from its first hold to its outcome; lines about another file
// under its number say nothing about it.
func TestWhatTheLedgerSaysOfRequests(t *testing.T) {
	q := newRequests()
	for _, e := range []ledger.Entry{
		{Event: ledger.Held, Order: "A", Reference: "aaa", Received: "2026-11-18"},
		{Event: ledger.Extended, Order: "A", Reference: "aaa.2", Received: "2026-11-18", Until: "2027-01-10"},
		{Event: ledger.Held, Order: "A", Reference: "aaa.3", Received: "2026-11-18"},
		{Event: ledger.Held, Order: "A", Reference: "aaa+claim"},
		{Event: ledger.Held, Order: "notes.txt", Reference: "unreadable/claim"},
		{Event: ledger.Held, Order: "B", Reference: "bbb/claim"},
		{Event: ledger.Held, Order: "C", Reference: "ccc"},
		{Event: ledger.Delivered, Order: "C", Reference: "ccc.2"},
		{Event: ledger.Sent, Order: "D", Reference: "ddd"},
		{Event: ledger.Held, Order: "D", Reference: "ddd+claim"},
	} {
		q.note(e)
	}
	open := q.snapshot()
	if a := open["aaa"]; len(open) != 2 || !a.held || a.until != (order.Date{Year: 2027, Month: 1, Day: 10}) || a.release != "aaa.3" || open["bbb"].order != "B" {
		t.Errorf("%+v", open)
	}
}

// An order that is no text, such as a filled form, has its date from the ledger.
func TestTheDateOfAFormComesFromTheLedger(t *testing.T) {
	p, _, outbox := listed(t)
	held(t, p, "R-2")
	dir := filepath.Join(outbox, "held", "R-2")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"form.pdf": "%PDF-1.7\n", "hold.json": `{"order":"R-2","release":"` + order.Reference("R-2") + `","file":"form.pdf"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if text := look(t, p, outbox); !strings.Contains(text, "23 days left") || !strings.Contains(text, `href="./held/R-2"`) || strings.Contains(text, "deleted") {
		t.Errorf("%s", text)
	}
}

// What the requester was told counts whatever the basis, also when the folder with
// the extension is gone.
func TestAnExtensionIsOwedOnAnyBasis(t *testing.T) {
	p, _, _ := listed(t)
	told := order.Date{Year: 2027, Month: 1, Day: 15}
	x := p.due.reader.due("R-1", dated{received: order.Date{Year: 2026, Month: 11, Day: 18}}, told, order.Date{Year: 2026, Month: 11, Day: 26})
	if x.Due != "2027-01-15" || x.DaysLeft == nil || *x.DaysLeft != 50 {
		t.Errorf("%+v", x)
	}
}
