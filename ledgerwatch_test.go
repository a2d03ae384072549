package chartseal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/heads"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/transport"
)

// TestABrokenLedgerStopsEveryRelease: what is changed behind the daemon's back is
// found by its daily look, and said to IT and to staff (rule R31).
func TestABrokenLedgerStopsEveryRelease(t *testing.T) {
	dir := t.TempDir()
	s, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(filepath.Join(dir, "ledger"), time.Now, ledger.Signed(ledger.Signer{Site: "main", Key: s.key}))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a/held", "b/held", "c/held"} {
		if _, err := l.Append(t.Context(), ledger.Entry{Key: key, Event: ledger.Held, Order: "R-" + key}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	p := &Practice{
		cfg: &config.Config{Recipients: filepath.Join(dir, "none.yaml")}, state: &state{dir: dir}, log: slog.New(slog.NewTextHandler(&log, nil)),
		opts: Options{Now: time.Now},
	}
	p.lookAtLedger(t.Context())
	if p.ledgerBroken.Load() || log.Len() > 0 {
		t.Fatalf("a whole ledger is called broken: %s", log.String())
	}
	file, err := filepath.Glob(filepath.Join(dir, "ledger", "*.jsonl"))
	if err != nil || len(file) != 1 {
		t.Fatal(file, err)
	}
	text, err := os.ReadFile(file[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file[0], bytes.Replace(text, []byte("R-b/held"), []byte("R-x/held"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	p.lookAtLedger(t.Context())
	if !strings.Contains(log.String(), "alert=ledger") || strings.Contains(log.String(), "R-x") {
		t.Errorf("the log says %q", log.String())
	}
	o := &order.Order{Decision: order.Release, Basis: order.Treatment}
	for _, r := range order.Stopping(order.Evaluate(o, p.Facts(o, order.AtUpload))) {
		if r.Rule == "R31" {
			return
		}
	}
	t.Error("R31 does not stop the order")
}

// What check says of the ledger, its signed head and the copies of it.
func TestCheckTellsWhereTheHeadIsKept(t *testing.T) {
	k := keepBooks(t, t.TempDir(), &shelf{all: map[string][]byte{}})
	k.write(t, "a")
	k.close(t)
	say := func() (out string) {
		examineLedger(t.Context(), k.cfg, time.Now(), func(_ string, level transport.Level, format string, args ...any) {
			out += fmt.Sprintf("%s: "+format+"\n", append([]any{level}, args...)...)
		})
		return out
	}
	note := func(c HeadCopy) {
		t.Helper()
		b, err := json.Marshal(c)
		if err == nil {
			err = os.WriteFile(k.state.path(headsState), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for want, c := range map[string]HeadCopy{
		"has not been copied to the store yet":     {},
		"object lock keeps the copies":             {Seq: 1, At: time.Now(), Locked: true},
		"who holds its key can replace the copies": {Seq: 1, At: time.Now()},
		"not been copied to the store since":       {Seq: 1, Trouble: "store unavailable", Since: time.Now()},
	} {
		note(c)
		if got := say(); !strings.Contains(got, want) || !strings.Contains(got, "The ledger is whole: 1 entries") {
			t.Errorf("%+v: %s", c, got)
		}
	}
	k.cfg.Store.Kind = config.StoreLocal
	if got := say(); !strings.Contains(got, "no copy of the ledger's signed head is kept elsewhere") {
		t.Error(got)
	}
	if err := os.WriteFile(k.state.path("ledger", "head"), []byte("chartseal ledger head v1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := say(); !strings.HasPrefix(got, string(transport.Problem)) || !strings.Contains(got, "not by the practice's key") {
		t.Error(got)
	}
}

// Check looks in the store for what the state folder cannot know: that a ledger was lost, is
// an older copy, or that somebody hid its heads.
func TestCheckLooksForALostLedger(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	say := func(k *bookkeeper, store headStore) (out string) {
		p := &Practice{cfg: k.cfg, state: &state{dir: k.cfg.State}, copies: store, opts: Options{Now: time.Now}}
		p.examineHeads(t.Context(), func(_ string, level transport.Level, format string, args ...any) {
			out += fmt.Sprintf("%s: "+format+"\n", append([]any{level}, args...)...)
		})
		return out
	}
	dir := t.TempDir()
	k := keepBooks(t, dir, s)
	if got := say(k, s); got != "ok: The store has no signed heads of a ledger that was lost.\n" {
		t.Error(got)
	}
	k.write(t, "a")
	k.close(t)
	bringBack := backUp(t, k.cfg.State)
	k = keepBooks(t, dir, s)
	k.write(t, "b")
	k.close(t)
	if got := say(k, s); !strings.HasPrefix(got, "ok: The ledger agrees with ") {
		t.Error(got)
	}
	if got := say(k, crowd{shelf: s, denied: true}); !strings.Contains(got, "warning: Signed heads that somebody hid") || !strings.Contains(got, "s3:GetObjectVersion") {
		t.Error(got)
	}
	marker := crowd{shelf: s, more: func(yield func(transport.Version, error) bool) { // under what is on the shelf
		yield(transport.Version{Key: headPlace(k.cfg, k.state.pub) + heads.Latest, ID: "x", Deleted: true}, nil)
	}}
	if got := say(k, marker); strings.Contains(got, "Somebody") {
		t.Error(got)
	}
	bringBack()
	if got := say(k, s); !strings.HasPrefix(got, "problem: ") || !strings.Contains(got, "entry 2 is missing at the end") {
		t.Error(got)
	}
	if err := os.RemoveAll(k.cfg.State); err != nil {
		t.Fatal(err)
	}
	if got := say(k, s); !strings.HasPrefix(got, "problem: ") || !strings.Contains(got, "begun anew") || !strings.Contains(got, "of 2 entries until") {
		t.Error(got)
	}
	s.set(&transport.Error{Op: "list versions", Class: transport.ErrUnavailable})
	if got := say(k, s); !strings.HasPrefix(got, "warning: The ledger could not be compared") {
		t.Error(got)
	}
}
