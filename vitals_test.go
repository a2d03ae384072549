package chartseal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chartseal/ledger"
	"chartseal/watch"
	"chartseal/watch/notice"
)

func TestOrdersAreCountedByWhatTheyWaitFor(t *testing.T) {
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	r := newRegistry(t).Orders("here", "here-1", clock)
	take := func(ref string) {
		t.Helper()
		if _, mine, err := r.Admit(t.Context(), ref, "sha", "claim-"+ref); err != nil || !mine {
			t.Fatal(mine, err)
		}
	}
	for i := range 6 {
		take(fmt.Sprintf("ref%d", i))
		now = now.Add(time.Minute)
	}
	if err := errors.Join(
		r.Note(t.Context(), "ref2", "upload", "store unavailable", "2026-11-26T08:30:00Z"),
		r.Note(t.Context(), "ref1", "upload", "store unavailable", "2026-11-26T08:45:00Z"),
		r.Settle(t.Context(), "ref0", sent), r.Settle(t.Context(), "ref3", hold),
	); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(0, 0, 1)
	take("ref9")
	if err := r.Settle(t.Context(), "ref9", hold); err != nil {
		t.Fatal(err)
	}
	other := r.Orders("here", "elsewhere", clock)
	if _, _, err := other.Admit(t.Context(), "theirs", "sha", "claim"); err != nil {
		t.Fatal(err)
	}
	v := &Vitals{At: now}
	if err := v.count(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if len(v.Orders) != 3 || v.Orders["working"] != 4 || v.Orders["sent"] != 1 || v.Orders["held"] != 2 || v.HeldToday != 1 {
		t.Errorf("%v, held today %d", v.Orders, v.HeldToday)
	}
	want := Trouble{"store unavailable", 2, time.Date(2026, 11, 26, 8, 30, 0, 0, time.UTC), "ref2"}
	if len(v.Troubles) != 1 || v.Troubles[0] != want || v.Oldest() != want.Since {
		t.Errorf("%+v, oldest %v", v.Troubles, v.Oldest())
	}
	if v.Working.Orders != 2 || v.Working.Release != "ref4" || !v.Working.Since.Equal(time.Date(2026, 11, 26, 9, 4, 0, 0, time.UTC)) {
		t.Errorf("%+v", v.Working)
	}
}

func TestATurnOfTheSchedulerIsNoted(t *testing.T) {
	var u pulse
	at := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	since := at.Add(-time.Hour)
	u.turned(at, watch.Survey{Delayed: []watch.Delay{{Name: "Alvarez.yaml", Since: at}, {Name: "b", Since: since}}}, nil)
	if s := u.turn.Load(); s.outbox.Class != "" || s.unpicked.Orders != 2 || !s.unpicked.Since.Equal(since) {
		t.Errorf("%+v", s)
	}
	u.turned(at.Add(time.Minute), watch.Survey{}, watch.ErrAway)
	u.turned(at.Add(2*time.Minute), watch.Survey{}, watch.ErrAway)
	if s := u.turn.Load(); s.outbox.Class != "outbox away" || !s.outbox.Since.Equal(at.Add(time.Minute)) || !s.at.Equal(at.Add(2*time.Minute)) {
		t.Errorf("%+v", s)
	}
}

func TestWellIsWhoTurnsAndHasAWholeLedger(t *testing.T) {
	at := time.Now()
	for want, v := range map[string]Vitals{
		"":         {Turned: at.Add(-time.Minute)},
		"starting": {Started: at},
		"stalled":  {Turned: at.Add(-time.Hour)},
		"ledger":   {Turned: at, Ledger: LedgerBroken},
	} {
		v.At, v.Silent = at, lifeSilent
		if got := v.Ill(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	hung := Vitals{At: at, Started: at.Add(-time.Hour), Silent: lifeSilent} // the very first scan does not end
	if got := hung.Ill(); got != "stalled" {
		t.Errorf("%q", got)
	}
	for want, err := range map[string]error{
		"": nil, LedgerCut: fmt.Errorf("open: %w", &ledger.BrokenError{Fault: ledger.Cut}), LedgerBroken: &ledger.BrokenError{Fault: ledger.Edited},
	} {
		if got := LedgerClass(err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
	if LedgerClass(fs.ErrNotExist) != "" {
		t.Error("a file that is missing says nothing about the chain")
	}
}

func TestTheDeskReadsWhyOrdersAreHeldOnce(t *testing.T) {
	dir := t.TempDir()
	box, err := watch.Open(dir, watch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = box.Close() }()
	put := func(order, rule string) {
		t.Helper()
		b, err := json.Marshal(notice.Hold{Order: order, Release: "ref-" + order, HeldAt: time.Now(), Reasons: []notice.Reason{{Rule: rule, Message: "why", Items: []string{"Alvarez.pdf"}, May: []string{"release"}}}})
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Join(dir, "held", order), 0o700), os.WriteFile(filepath.Join(dir, "held", order, "hold.json"), b, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put("one", "R1")
	put("two", brakeRule)
	at := time.Now()
	all := []Due{
		{Order: "one", Place: watch.OnHold, shown: "held/one", ref: "ref-one", since: at.Add(-time.Hour)},
		{Order: "two", Place: watch.OnHold, shown: "held/two", ref: "ref-two", since: at},
		{Order: "gone", Place: watch.OnHold, shown: "held/gone", ref: "ref-gone", since: at.Add(-2 * time.Hour)},
		{Order: "out", Place: watch.InOutbox, shown: "out.yaml"},
	}
	var r deskReader
	got := r.look(box, all)
	if len(got) != 3 || got[0].Order != "two" || got[1].Order != "one" || got[1].Reasons[0] != (HeldReason{"R1", "why", "", 1, true}) || got[2].Reasons != nil {
		t.Fatalf("%+v", got)
	}
	v := &Vitals{At: at}
	v.addDesk(&deskSeen{due: all, held: got})
	if v.Braked != 1 || v.Open != 4 {
		t.Errorf("braked %d, open %d", v.Braked, v.Open)
	}
	put("one", "R2")
	if again := r.look(box, all); again[1].Reasons[0].Rule != "R1" {
		t.Error("an answer of the same time was read again")
	}
	all[0].since = at.Add(time.Hour)
	if again := r.look(box, all); again[0].Reasons[0].Rule != "R2" {
		t.Error("a new answer was not read")
	}
}
