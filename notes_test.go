package chartseal

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/transport"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// claimed is a practice with an order that is packed and was warned about, on its way
// into the ledger.
func claimed(t *testing.T) (*Practice, *watch.Claim, *release) {
	t.Helper()
	dir := t.TempDir()
	st, err1 := openState(filepath.Join(dir, "state"))
	box, err2 := watch.Open(t.TempDir(), watch.Options{Owner: "here-1"})
	book, err3 := ledger.Open(filepath.Join(dir, "state", "ledger"), time.Now)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	p := &Practice{
		log: slog.New(slog.DiscardHandler), state: st, box: box, ledger: book, orders: newRegistry(t),
		requests: newRequests(), opts: Options{Now: time.Now},
	}
	t.Cleanup(func() { _ = errors.Join(p.ledger.Close(), box.Close(), st.close()) })
	c, err := box.Accept("a.yaml", []byte("order: R-1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.orders.Admit(t.Context(), "ref", "sha", c.ID); err != nil {
		t.Fatal(err)
	}
	r := &release{ID: "ref", Claim: c.ID, OrderSHA: "sha", Ticket: transport.Ticket{SHA256: "bundle"}}
	err = errors.Join(
		c.Note(briefNote, brief{ID: "R-1", Entry: ledger.Entry{Order: "R-1", Reference: "ref", OrderSum: "sha", Basis: "treatment"}}),
		c.Note(packedNote, packed{Description: "1 chart", Notices: []string{"seen"}}),
		p.noteWarnings(c, r, []order.Reason{{Rule: "R1", Outcome: order.Warn, Message: "late"}}),
		c.Note(reasonsNote, []order.Reason{{Rule: "R1", Message: "no"}}), p.state.save(r))
	if err != nil {
		t.Fatal(err)
	}
	return p, c, r
}

// spoil damages a note, as a program that synchronises folders may, or deletes it.
func spoil(t *testing.T, p *Practice, c *watch.Claim, note string, gone bool) {
	t.Helper()
	file := filepath.Join(p.box.Dir(), "working", c.ID, ".notes", note)
	err := os.WriteFile(file, []byte("{\x00\x00"), 0o600)
	if gone {
		err = errors.Join(err, os.Remove(file))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A note that is damaged or deleted before anything is recorded ends the release
// without anything sent, and the order is taken in anew; it waits for nobody.
func TestALostNoteTakesTheOrderInAnew(t *testing.T) {
	for _, note := range []string{briefNote, packedNote, warningsNote} {
		for _, missing := range []bool{false, true} {
			p, c, r := claimed(t)
			spoil(t, p, c, note, missing)
			if err := p.record(t.Context(), r, sent); !errors.Is(err, watch.ErrNoClaim) {
				t.Errorf("%s, deleted %v: %v", note, missing, err)
			}
			if p.ledger.Head().Seq != 0 {
				t.Errorf("%s, deleted %v: it is recorded", note, missing)
			}
		}
	}
}

// Once recorded, the line stands: a crash comes before the end of the stage, and the
// notes are lost then.
func TestALostNoteDoesNotContradictTheLedger(t *testing.T) {
	for _, end := range []verdict{sent, hold} {
		for _, note := range []string{briefNote, packedNote, warningsNote, reasonsNote} {
			for _, missing := range []bool{false, true} {
				p, c, r := claimed(t)
				if err := p.record(t.Context(), r, end); err != nil {
					t.Fatal(err)
				}
				spoil(t, p, c, note, missing)
				again := &release{ID: "ref", Claim: c.ID, OrderSHA: "sha", Ticket: r.Ticket, Warned: true}
				if err := p.record(t.Context(), again, end); err != nil || again.Seq != 1 || p.ledger.Head().Seq != 1 {
					t.Errorf("%s, %s, deleted %v: %v, line %d of %d", end, note, missing, err, again.Seq, p.ledger.Head().Seq)
				}
			}
		}
	}
	p, _, r := claimed(t)
	if err := p.record(t.Context(), r, sent); err != nil {
		t.Fatal(err)
	}
	r.Ticket.SHA256 = "another bundle"
	if err := p.record(t.Context(), r, sent); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("another bundle passes for what the ledger says was sent: %v", err)
	}
	for _, why := range []string{"it is being worked on", "it was sent"} {
		if err := p.recordHold(t.Context(), "ref+1", ledger.Entry{Order: "R-1"}, []order.Reason{{Rule: "R34", Message: why}}); err != nil {
			t.Errorf("turned back because %s: %v", why, err)
		}
	}
}

// The reason a file is turned back for is settled anew when its note is damaged.
func TestADamagedReasonIsSettledAnew(t *testing.T) {
	p, c, _ := claimed(t)
	why := []order.Reason{{Rule: "R34", Message: "it was sent"}}
	for range 2 {
		spoil(t, p, c, turnedBackNote, false)
		if got, err := settledReasons(c, why); err != nil || len(got) != 1 || got[0].Message != why[0].Message {
			t.Errorf("%v, %v", got, err)
		}
	}
}

// An order that was taken in by an older program and that this one cannot read ends
// in a hold that says why.
func TestAnOrderThatNoLongerParsesIsHeld(t *testing.T) {
	p, _, r := claimed(t)
	p.cfg, r.OrderSHA = &config.Config{}, digest([]byte("order: R-1"))
	_, _, err := p.reopen(t.Context(), r)
	if held, ok := errors.AsType[*Held](err); !ok || len(held.Reasons) == 0 || held.Reasons[0].Message == "" {
		t.Errorf("%v", err)
	}
}

// What the ledger and the letters say of a release comes from notes in the outbox, where
// whoever can drop orders can write: a note that was changed counts as lost, so that neither
// the letter goes to another address nor the ledger names another approver.
func TestAChangedNoteSaysNothing(t *testing.T) {
	line := ledger.Entry{Order: "R-1", Reference: "ref", OrderSum: "sha", Basis: "treatment", Approver: "dr-lee", Patient: "10432"}
	forgedLine := line
	forgedLine.Patient, forgedLine.Approver = "20871", "dr-okafor"
	to, thief := notice.Recipient{Name: "Dr. Chen", Email: "office@chen.example"}, notice.Recipient{Name: "Dr. Chen", Email: "office@chem.example"}
	for name, c := range map[string]struct{ kept, forged any }{
		briefNote:    {brief{ID: "R-1", Entry: line}, brief{ID: "R-1", Entry: forgedLine}},
		packedNote:   {packed{Recipient: to, Description: "1 chart"}, packed{Recipient: thief, Description: "1 chart"}},
		warningsNote: {[]string{"late"}, []string{}},
	} {
		p, claim, r := claimed(t)
		if err := p.keepNote(claim, r, name, c.kept); err != nil {
			t.Fatal(err)
		}
		r, err := p.state.load(r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := claim.Note(name, c.forged); err != nil {
			t.Fatal(err)
		}
		if err := p.record(t.Context(), r, sent); !errors.Is(err, watch.ErrNoClaim) || p.ledger.Head().Seq != 0 {
			t.Errorf("%s: %v, %d lines", name, err, p.ledger.Head().Seq)
		}
		if err := errors.Join(claim.Note(name, c.kept), p.record(t.Context(), r, sent)); err != nil || p.ledger.Head().Seq != 1 {
			t.Errorf("%s as it was kept: %v", name, err)
		}
	}
	p, claim, r := claimed(t)
	r.Warned = false
	if err := claim.Note(warningsNote, []string{"planted"}); err != nil {
		t.Fatal(err)
	}
	if got, err := p.warningsOf(claim, r); err != nil || len(got) > 0 {
		t.Errorf("a warning that nobody gave: %q, %v", got, err)
	}
}
