package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"chartseal"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/testdata/practice"
)

// rolledBack is a practice with two answered orders whose ledger is the one of after the
// first: the heads in its store know better.
func rolledBack(t *testing.T) *config.Config {
	t.Helper()
	cfg := ownPractice(t)
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"a.yaml": letOrder("R-81")})
	older := filepath.Join(t.TempDir(), "ledger")
	must(t, os.CopyFS(older, os.DirFS(filepath.Join(cfg.State, "ledger"))))
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"b.yaml": letOrder("R-82")})
	headsReach(t, cfg, 2)
	must(t, os.RemoveAll(filepath.Join(cfg.State, "ledger")))
	must(t, os.CopyFS(filepath.Join(cfg.State, "ledger"), os.DirFS(older)))
	return cfg
}

// headsReach waits until the store has the head of an entry: the end of a run may cut its copy short.
func headsReach(t *testing.T, cfg *config.Config, seq uint64) {
	t.Helper()
	whileOpen(t, cfg, func() {
		comes(t, "the head in the store", func() bool {
			st, err := chartseal.ReadStatus(t.Context(), cfg)
			must(t, err)
			return st.Copy.Seq == seq
		})
	})
}

func letOrder(id string) []byte {
	who, _ := find("20871")
	return practice.OrderFor(who, id, practice.OrderOptions{Now: time.Now()})
}

func isThere(name ...string) bool {
	_, err := os.Stat(filepath.Join(name...))
	return err == nil
}

// daemon runs a practice until the test stops it.
func daemon(t *testing.T, cfg *config.Config, opts chartseal.Options) (p *chartseal.Practice, stop func()) {
	t.Helper()
	p, err := chartseal.Open(context.Background(), cfg, opts)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, false) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := errors.Join(<-done, p.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return p, stop
}

// While the ledger is not trusted, orders stay where they lie and nothing is written into
// it; when a person has accepted it they go on by themselves, as the note in the outbox
// says (rule R31).
func TestOrdersLieUntilTheLedgerIsTrusted(t *testing.T) {
	t.Parallel()
	cfg := rolledBack(t)
	looked := strings.Replace(string(letOrder("R-83")), "approved:", "decisions: [{rule: R34, decision: release, by: dr-lee, on: "+time.Now().Format(time.DateOnly)+", reason: it is new}]\napproved:", 1)
	must(t, os.WriteFile(filepath.Join(cfg.Outbox, "c.yaml"), []byte(looked), 0o600))
	must(t, os.WriteFile(filepath.Join(cfg.Outbox, "d.yaml"), []byte("order: R-84\n"), 0o600)) // unreadable
	opts := (&app{}).options(nil)
	p, err := chartseal.Open(context.Background(), cfg, opts)
	must(t, err)
	if err := p.Run(t.Context(), true); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("a run until idle ends with %v", err)
	}
	_, err = p.Send(t.Context(), "e.yaml", letOrder("R-85"), nil)
	if held, ok := errors.AsType[*chartseal.Held](err); !ok || len(held.Reasons) != 1 || held.Reasons[0].Rule != "R31" {
		t.Errorf("send says %v", err)
	}
	must(t, p.Close())

	p, _ = daemon(t, cfg, opts)
	time.Sleep(time.Second) // some scans
	if !isThere(cfg.Outbox, "c.yaml") || !isThere(cfg.Outbox, "d.yaml") || !isThere(cfg.Outbox, "NOTHING-IS-SENT.txt") || isThere(cfg.Outbox, "held", "R-83") {
		t.Error("an order was taken in, or staff are not told")
	}
	if events := ledgerEvents(t, cfg); len(events) != 1 {
		t.Errorf("the ledger has %v", events)
	}
	_, err = p.AcceptLedger(t.Context(), chartseal.Acceptance{Decider: chartseal.Decider{By: "dr-lee"}, Reason: "restored"})
	must(t, err)
	comes(t, "the orders go on", func() bool {
		return isThere(cfg.Outbox, "sent", "R-83", "RECEIPT.txt") && isThere(cfg.Outbox, "held", "R-84")
	})
	if isThere(cfg.Outbox, "NOTHING-IS-SENT.txt") || isThere(cfg.Outbox, "held", "R-83") {
		t.Error("the note stays, or the order was held")
	}
}

// A ledger that is edited while an order is under way is found by the next line: staff and
// IT are told, the order waits, and goes on when the files are back.
func TestAnOrderUnderWayWaitsForTheLedger(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"a.yaml": letOrder("R-91")})
	files, err := filepath.Glob(filepath.Join(cfg.State, "ledger", "*.jsonl"))
	must(t, err)
	whole, err := os.ReadFile(files[0])
	must(t, err)
	put := func(text []byte) { // as an editor does
		must(t, os.WriteFile(files[0]+".edit", text, 0o600))
		must(t, os.Rename(files[0]+".edit", files[0]))
	}
	log := &lines{}
	opts := (&app{}).options(nil)
	opts.Log = slog.New(slog.NewTextHandler(log, nil))
	opts.Step = func(_, stage, point string) {
		if stage == "link" && point == "ends" {
			put([]byte(strings.Replace(string(whole), "R-91", "R-99", 1)))
		}
	}
	p, _ := daemon(t, cfg, opts)
	must(t, os.WriteFile(filepath.Join(cfg.Outbox, "b.yaml"), letOrder("R-92"), 0o600))
	comes(t, "staff are told", func() bool { return isThere(cfg.Outbox, "NOTHING-IS-SENT.txt") })
	if text := log.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "alert=ledger") || isThere(cfg.Outbox, "sent", "R-92") {
		t.Errorf("IT is not told, or the order is answered: %s", text)
	}
	put(whole)
	if _, err := p.AcceptLedger(t.Context(), chartseal.Acceptance{Decider: chartseal.Decider{By: "dr-lee"}, Reason: "restored"}); !errors.Is(err, chartseal.ErrNothingLost) {
		t.Error(err)
	}
	comes(t, "the order goes on", func() bool { return isThere(cfg.Outbox, "sent", "R-92", "RECEIPT.txt") })
	if isThere(cfg.Outbox, "NOTHING-IS-SENT.txt") || len(ledgerEvents(t, cfg)) != 2 {
		t.Errorf("the note stays, or the ledger has %v", ledgerEvents(t, cfg))
	}
}

// A daemon that is started on a ledger that was edited stays up, as one does that finds it
// so by its daily look: orders lie, staff and IT are told, whoever sends by hand is told
// R31, and all goes on by itself when the files are back.
func TestADaemonStartsOnABrokenLedger(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"a.yaml": letOrder("R-93")})
	files, err := filepath.Glob(filepath.Join(cfg.State, "ledger", "*.jsonl"))
	must(t, err)
	whole, err := os.ReadFile(files[0])
	must(t, err)
	must(t, os.WriteFile(files[0], []byte(strings.Replace(string(whole), "R-93", "R-99", 1)), 0o600))
	must(t, os.WriteFile(filepath.Join(cfg.Outbox, "b.yaml"), letOrder("R-94"), 0o600))
	log := &lines{}
	opts := (&app{}).options(nil)
	opts.Log = slog.New(slog.NewTextHandler(log, nil))
	p, _ := daemon(t, cfg, opts)
	time.Sleep(time.Second) // some scans
	if text := log.String(); strings.Count(text, "alert=ledger") != 1 || !strings.Contains(text, "entry 1 (") || !isThere(cfg.Outbox, "b.yaml") || !isThere(cfg.Outbox, "NOTHING-IS-SENT.txt") {
		t.Errorf("an order was taken in, or nobody is told: %s", text)
	}
	if v := p.Vitals(t.Context()); v.Ledger != chartseal.LedgerBroken {
		t.Errorf("the board says %+v", v)
	}
	_, err = p.Send(t.Context(), "c.yaml", letOrder("R-95"), nil)
	if held, ok := errors.AsType[*chartseal.Held](err); !ok || len(held.Reasons) != 1 || held.Reasons[0].Rule != "R31" {
		t.Errorf("send says %v", err)
	}
	if _, err := p.AcceptLedger(t.Context(), chartseal.Acceptance{Decider: chartseal.Decider{By: "dr-lee"}, Reason: "edited"}); !errors.Is(err, ledger.ErrBroken) || errors.Is(err, chartseal.ErrNothingLost) {
		t.Errorf("an edited ledger is accepted: %v", err)
	}
	if st, err := chartseal.ReadStatus(t.Context(), cfg); err != nil || len(st.Releases) == 0 || !strings.Contains(st.Ledger, "entry 1 (") {
		t.Errorf("status says %+v, %v", st, err)
	}
	// What a person ends is ended all the same.
	if _, err := p.Revoke(t.Context(), "R-93"); !strings.Contains(fmt.Sprint(err), "links are dead") || codeOf(err) != exitUnverified {
		t.Errorf("revoke says %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(cfg.State, "store", "data", "*", "*.age")); err != nil || len(left) > 0 {
		t.Errorf("the bundle is still there: %q, %v", left, err)
	}
	must(t, os.WriteFile(files[0], whole, 0o600))
	if _, err := p.AcceptLedger(t.Context(), chartseal.Acceptance{Decider: chartseal.Decider{By: "dr-lee"}, Reason: "restored"}); !errors.Is(err, chartseal.ErrNothingLost) {
		t.Error(err)
	}
	comes(t, "the order goes on", func() bool { return isThere(cfg.Outbox, "sent", "R-94", "RECEIPT.txt") })
	if _, err := p.Revoke(t.Context(), "R-93"); err != nil && !errors.Is(err, chartseal.ErrRevoked) { // the daemon may have been first
		t.Error(err)
	}
	if isThere(cfg.Outbox, "NOTHING-IS-SENT.txt") || len(ledgerEvents(t, cfg)) != 3 {
		t.Errorf("the note stays, or the ledger has %v", ledgerEvents(t, cfg))
	}
}

// lines lets several goroutines log.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
