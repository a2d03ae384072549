package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/testdata/practice"
	"chartseal/transport"
	"chartseal/transport/s3"
)

// The state folder, or the engine's database alone, is brought back from the day
// before, or the database is lost. An order answered since is not answered a second
// time when it is dropped again: its bundle stays where its link leads, no second
// letter is written, and staff get an answer.
func TestAnOrderSentSinceTheBackupIsNotSentAgain(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	dir := t.TempDir() // of the copies
	who, _ := find("20871")
	asked := func(id, decision string) []byte {
		text := string(practice.AccessOrderFor(who, id, practice.OrderOptions{Now: time.Now()}))
		return []byte(strings.Replace(text, "decision: release", "decision: "+decision, 1))
	}
	order := map[string][]byte{
		"r.yaml": practice.OrderFor(who, "R-71", practice.OrderOptions{Now: time.Now()}),
		"d.yaml": asked("R-72", "deny\ndenial: {ground: endangers_life, part: all, explanation: fear for the safety of a person, professional: Dr. Anna Lee, reviewer: Dr. Bo Stone, review: write within 60 days}"),
		"x.yaml": asked("R-73", "extend\nextension: {reason: The volumes are kept elsewhere, until: "+time.Now().AddDate(0, 0, 50).Format(time.DateOnly)+"}"),
	}
	runUntilIdle(t, cfg, time.Now, nil)
	must(t, os.CopyFS(filepath.Join(dir, "yesterday"), os.DirFS(cfg.State)))
	runUntilIdle(t, cfg, time.Now, order)
	today := stored(t, cfg)
	must(t, os.CopyFS(filepath.Join(dir, "today"), os.DirFS(cfg.State)))

	for name, restore := range map[string]func(){
		"the folder": func() { must(t, os.CopyFS(cfg.State, os.DirFS(filepath.Join(dir, "yesterday")))) },
		"the database": func() {
			must(t, os.CopyFS(cfg.State, os.DirFS(filepath.Join(dir, "today"))))
			b, err := os.ReadFile(filepath.Join(dir, "yesterday", "engine.db"))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(cfg.State, "engine.db"), b, 0o600))
		},
		"all but the database": func() {
			must(t, os.CopyFS(cfg.State, os.DirFS(filepath.Join(dir, "today"))))
			must(t, os.Remove(filepath.Join(cfg.State, "engine.db")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, os.RemoveAll(cfg.State))
			must(t, os.RemoveAll(filepath.Join(cfg.Outbox, "held")))
			restore()
			before := stored(t, cfg)
			runUntilIdle(t, cfg, time.Now, order)
			if after := stored(t, cfg); len(after) != len(before) || len(today) != 2 {
				t.Errorf("%d objects in the store, and %d before", len(after), len(before))
			}
			for id, want := range map[string]string{"R-71": "already sent", "R-72": "already denied", "R-73": "one extension"} {
				why, err := os.ReadFile(filepath.Join(cfg.Outbox, "held", id, "WHY-HELD.txt"))
				if err != nil || !strings.Contains(strings.Join(strings.Fields(string(why)), " "), want) {
					t.Errorf("%s: %s, %v", id, why, err)
				}
			}
			for _, folder := range []string{"sent", "denied", "extended"} {
				answers, err := os.ReadDir(filepath.Join(cfg.Outbox, folder))
				if err != nil || len(answers) != 1 {
					t.Errorf("%d answers in %s, %v", len(answers), folder, err)
				}
			}
		})
	}
}

// The state folder is brought back from the day before, and somebody put the receipt of an
// order away that was sent since. The heads in the bucket say that the ledger lacks lines:
// when a person goes on with it, an order that may be in them is held until an approver has
// looked, in the daemon, for who sends by hand and in 'check', and goes on that word.
func TestAnOrderWhoseReceiptWasPutAwayIsNotSentAgain(t *testing.T) {
	cfg, _, st := bucketPractice(t)
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"a.yaml": letOrder("R-74")})
	yesterday := filepath.Join(t.TempDir(), "yesterday")
	must(t, os.CopyFS(yesterday, os.DirFS(cfg.State)))
	again := letOrder("R-75")
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"b.yaml": again})
	headsReach(t, cfg, 2)
	must(t, os.Rename(filepath.Join(cfg.Outbox, "sent", "R-75"), filepath.Join(t.TempDir(), "R-75")))
	must(t, os.RemoveAll(cfg.State))
	must(t, os.CopyFS(cfg.State, os.DirFS(yesterday)))
	before := bundlesIn(t, st)
	if code := run([]string{"ledger", "accept", "-c", cfg.File, "--by", "dr-lee", "--reason", "the disk failed"}); code != 0 {
		t.Fatalf("accept ends with %d", code)
	}
	opts := (&app{}).options(nil)
	seen, err := chartseal.LookAtRules(t.Context(), cfg, opts, "b.yaml", again, nil)
	if err != nil || len(seen.Held) != 1 || seen.Held[0].Rule != "R34" {
		t.Errorf("check says %+v, %v", seen, err)
	}
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"b.yaml": again})
	why, err := os.ReadFile(filepath.Join(cfg.Outbox, "held", "R-75", "WHY-HELD.txt"))
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(why)), " "), "may have been sent already") || bundlesIn(t, st) != before {
		t.Errorf("%s, %v, %d bundles and %d before", why, err, bundlesIn(t, st), before)
	}
	decided := strings.Replace(string(again), "approved:", "decisions: [{rule: R34, decision: release, by: dr-lee, on: "+time.Now().Format(time.DateOnly)+", reason: Dr. Chen has not got it}]\napproved:", 1)
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"b.yaml": []byte(decided)})
	if !isThere(cfg.Outbox, "sent", "R-75", "RECEIPT.txt") || bundlesIn(t, st) != before+1 {
		t.Errorf("it did not go on an approver's word; %d bundles, and %d before", bundlesIn(t, st), before)
	}
}

// bundlesIn counts what is sealed in a bucket.
func bundlesIn(t *testing.T, st *s3.Store) (n int) {
	t.Helper()
	for o, err := range st.Objects(t.Context(), "", "") {
		must(t, err)
		if transport.IsKey(o.Key, "") {
			n++
		}
	}
	return n
}

// A release that the lost database alone knew of, and whose order is gone, ends all
// the same.
func TestAForgottenReleaseEnds(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	runUntilIdle(t, cfg, time.Now, nil)
	file := filepath.Join(cfg.State, "releases", "abcdefghijkl.json")
	must(t, os.WriteFile(file, []byte(`{"id":"abcdefghijkl","claim":"1234567890abc","order_sha256":"00"}`), 0o600))
	runUntilIdle(t, cfg, time.Now, nil)
	b, err := os.ReadFile(file)
	must(t, err)
	if !strings.Contains(string(b), `"outcome": "held"`) {
		t.Errorf("%s", b)
	}
	log, err := filepath.Glob(filepath.Join(cfg.State, "ledger", "*.jsonl"))
	must(t, err)
	if b, err = os.ReadFile(log[0]); err != nil || strings.Count(string(b), `"event":"withdrawn"`) != 1 {
		t.Errorf("%s, %v", b, err)
	}
}
