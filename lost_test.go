package chartseal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/ledger"
	"chartseal/order"
	"chartseal/transport"
)

// A state folder that is lost as a whole, with its key, does not begin a new ledger
// unseen: the store has heads of the old one, and nothing is sent until a person says that
// it is lost, which the new ledger records.
func TestALostStateFolderIsNotBegunAnewUnseen(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	dir := t.TempDir()
	k := keepBooks(t, dir, s)
	k.write(t, "a", "b", "c")
	old := ledger.KeyName(k.state.pub)
	k.close(t)
	if err := os.RemoveAll(k.cfg.State); err != nil {
		t.Fatal(err)
	}
	before := len(s.copy())

	k = keepBooks(t, dir, s)
	note := filepath.Join(k.cfg.Outbox, "NOTHING-IS-SENT.txt")
	if text, err := os.ReadFile(note); err != nil || !k.ledgerBroken.Load() || !strings.Contains(strings.Join(strings.Fields(string(text)), " "), "lost and begun anew") {
		t.Fatalf("%v, %s", err, k.log)
	}
	if log := k.log.String(); !strings.Contains(log, "alert=ledger") || !strings.Contains(log, "of 3 entries until") || !strings.Contains(log, old) {
		t.Error(log)
	}
	if !p31(k.Practice) {
		t.Error("R31 does not stop an order")
	}
	k.slip(t, "x")
	k.lookAtLedger(t.Context())
	k.close(t)
	k = keepBooks(t, dir, s) // and a restart does not forget it
	if !k.ledgerBroken.Load() || len(s.copy()) != before {
		t.Fatalf("after a restart: %s, %d heads", k.log, len(s.copy()))
	}
	e, err := k.AcceptLedger(t.Context(), Acceptance{Decider: Decider{By: "J. Ortiz"}, Reason: "the computer burned"})
	if err != nil || e.Lost == nil || e.Lost.Key != old || e.Lost.From != 1 || e.Lost.To != 3 || e.Seq != 2 {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := os.Stat(note); err == nil || k.ledgerBroken.Load() || p31(k.Practice) {
		t.Error("nothing is sent after it was accepted")
	}
	if _, err := k.AcceptLedger(t.Context(), Acceptance{Decider: Decider{By: "J. Ortiz"}, Reason: "again"}); !errors.Is(err, ErrNothingLost) {
		t.Errorf("a second time: %v", err)
	}
	k.write(t, "y")
	k.close(t)
	k = keepBooks(t, dir, s)
	if k.ledgerBroken.Load() || len(s.copy()) == before {
		t.Errorf("broken again: %s", k.log)
	}
	k.close(t)
}

// p31 reports whether rule R31 stops an order.
func p31(p *Practice) bool {
	for _, r := range order.Stopping(order.Evaluate(&order.Order{Decision: order.Release, Basis: order.Treatment}, p.Facts(&order.Order{}, order.AtUpload))) {
		if r.Rule == "R31" {
			return true
		}
	}
	return false
}

// A store that is away at the start, or at the daily look, does not make a ledger whole.
func TestAStoreThatIsAwayDoesNotMakeALedgerWhole(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	dir := t.TempDir()
	k := keepBooks(t, dir, s)
	k.write(t, "a", "b", "c")
	k.close(t)
	if err := os.RemoveAll(k.cfg.State); err != nil {
		t.Fatal(err)
	}
	s.set(&transport.Error{Op: "list objects", Class: transport.ErrUnavailable})
	k = keepBooks(t, dir, s)
	k.write(t, "x")
	s.set(nil)
	eventuallyTrue(t, "it is found when the store is back", k.ledgerBroken.Load)
	s.set(&transport.Error{Op: "list objects", Class: transport.ErrUnavailable})
	k.lookAtLedger(t.Context())
	if !k.ledgerBroken.Load() {
		t.Error("a daily look that could not ask the store believes the ledger")
	}
	k.close(t)
}

// Another computer under the same site name, which goes on, does not stop the one that
// was there before it; the newcomer is stopped.
func TestTwoSitesOfOneName(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	here, there := t.TempDir(), t.TempDir()
	k := keepBooks(t, here, s)
	k.write(t, "a")
	time.Sleep(2 * time.Millisecond) // the clock of the heads counts milliseconds
	newcomer := keepBooks(t, there, s)
	if !newcomer.ledgerBroken.Load() {
		t.Error("the newcomer begins beside the other")
	}
	if _, err := newcomer.AcceptLedger(t.Context(), Acceptance{Decider: Decider{By: "IT"}, Reason: "a second computer"}); err != nil {
		t.Fatal(err)
	}
	newcomer.write(t, "b")
	newcomer.close(t)
	k.lookAtLedger(t.Context())
	if k.ledgerBroken.Load() {
		t.Errorf("the first is stopped by the newcomer: %s", k.log)
	}
	k.close(t)
}

// Heads of other sites, and what is no head, say nothing about this one.
func TestHeadsOfOtherSites(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	other := keepBooksAs(t, t.TempDir(), "front-desk-2", s)
	other.write(t, "a")
	other.close(t)
	for key, text := range s.copy() { // one that was copied to our place, and some that are none
		s.all[strings.Replace(key, "front-desk-2", "front-desk", 1)] = text
	}
	s.all["heads/front-desk/notes/latest"], s.all["heads/front-desk/latest"] = []byte("hello"), []byte("hello")
	k := keepBooks(t, t.TempDir(), s)
	if k.ledgerBroken.Load() {
		t.Errorf("%s", k.log)
	}
	k.close(t)
}

// A backup that is restored to another path goes on where it was, if it is of the last
// entry; an older one is found there too, by the store and by the program in docs.
func TestABackupIsRestoredToAnotherPath(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	k := keepBooks(t, t.TempDir(), s)
	backup := func() string {
		for {
			dir := t.TempDir()
			err := os.CopyFS(filepath.Join(dir, "state"), os.DirFS(k.cfg.State))
			if err == nil {
				return dir
			}
			if !errors.Is(err, fs.ErrNotExist) { // a file that got its name meanwhile
				t.Fatal(err)
			}
		}
	}
	k.write(t, "a", "b")
	older := backup() // taken while it runs
	k.write(t, "c")
	k.close(t)
	newest := backup()

	moved := keepBooks(t, newest, s)
	if moved.ledgerBroken.Load() || !moved.state.pub.Equal(k.state.pub) {
		t.Errorf("%s", moved.log)
	}
	moved.write(t, "d")
	moved.close(t)
	rep, err := ledger.VerifySigned(t.Context(), filepath.Join(newest, "state", "ledger"), k.state.pub)
	if err != nil || rep.Head.Seq != 4 {
		t.Errorf("%+v, %v", rep, err)
	}

	behind := keepBooks(t, older, s)
	if !behind.ledgerBroken.Load() || !strings.Contains(behind.log.String(), "entry 3 is missing at the end") {
		t.Errorf("%s", behind.log)
	}
	behind.close(t)
}
