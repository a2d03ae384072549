package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"chartseal/ledger"
	"chartseal/watch/notice"
)

// alone leaves one order in the outbox of a new scene.
func alone(t *testing.T, s *stock, file string) *scene {
	t.Helper()
	c, err := s.newScene(t.TempDir())
	must(t, err)
	t.Cleanup(c.close)
	entries, err := os.ReadDir(c.path("outbox"))
	must(t, err)
	for _, e := range entries {
		if !e.IsDir() && e.Name() != file {
			must(t, os.Remove(c.path("outbox", e.Name())))
		}
	}
	return c
}

// stepOf runs a twin of the scene and tells the number of a step.
func stepOf(t *testing.T, s *stock, file, point string) int {
	t.Helper()
	c := alone(t, s, file)
	steps := filepath.Join(c.dir, "steps")
	must(t, c.run(t.Context(), []string{stepsEnv + "=" + steps}))
	seen, _, err := readSteps(steps)
	must(t, err)
	for i, x := range seen {
		if x.point == point {
			return i + 1
		}
	}
	t.Fatalf("no step %q in %v", point, seen)
	return 0
}

// What has left is answered even when somebody deletes the claim in the moment
// between the ledger's line and the answer: without the letters nobody could
// tell the passphrase.
func TestADeletedClaimCostsNoReceipt(t *testing.T) {
	t.Parallel()
	const file = "b passphrase.yaml"
	s := newStock(t)
	n := stepOf(t, s, file, "record: recorded")
	c := alone(t, s, file)
	steps := filepath.Join(c.dir, "steps")
	must(t, c.run(t.Context(), []string{stepsEnv + "=" + steps, killEnv + "=" + strconv.Itoa(n) + " " + claims}))
	if _, hit, err := readSteps(steps); !hit || err != nil {
		t.Fatalf("the claim was not deleted (%v)", err)
	}
	must(t, c.run(t.Context(), nil)) // and nothing more comes of it
	answers, err := os.ReadDir(c.path("outbox", "sent"))
	if err != nil || len(answers) != 1 {
		t.Fatalf("%d answers (%v)", len(answers), err)
	}
	dir := c.path("outbox", "sent", "Alvarez-2")
	for _, f := range []string{"RECEIPT.txt", "LINK-LETTER.pdf", "PASSPHRASE-LETTER.pdf"} {
		if info, err := os.Stat(filepath.Join(dir, f)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", f, err)
		}
	}
	var r notice.Receipt
	b, err := os.ReadFile(filepath.Join(dir, "receipt.json"))
	must(t, err)
	must(t, json.Unmarshal(b, &r))
	text, err := os.ReadFile(filepath.Join(dir, "RECEIPT.txt"))
	must(t, err)
	if r.Unlock != "passphrase" || r.Recipient.Name != "Maria Alvarez" || r.Bundle.Bytes == 0 || !strings.Contains(string(text), "2 scans") {
		t.Errorf("receipt: %+v\n%s", r, text)
	}
	sent := 0
	for e, err := range ledger.Entries(t.Context(), c.path("state", "ledger")) {
		must(t, err)
		if e.Event == ledger.Sent && e.BundleSum == r.Bundle.SHA256 {
			sent++
		}
	}
	if sent != 1 {
		t.Errorf("%d lines of this bundle in the ledger", sent)
	}
}

// The engine gives a workflow up that was recovered too often; a release is
// taken up however often the machine crashes.
func TestAReleaseIsTakenUpHoweverOftenTheDaemonCrashed(t *testing.T) {
	t.Parallel()
	const file = "a key.yaml"
	s := newStock(t)
	n := stepOf(t, s, file, "upload: stored")
	c := alone(t, s, file)
	steps := filepath.Join(c.dir, "steps")
	err := c.run(t.Context(), []string{stepsEnv + "=" + steps, killEnv + "=" + strconv.Itoa(n) + " " + everything})
	if err == nil {
		t.Fatal("the daemon was not killed")
	}
	db, err := sql.Open("sqlite", c.path("state", "engine.db"))
	must(t, err)
	res, err := db.ExecContext(t.Context(), "UPDATE workflow_status SET recovery_attempts = 100000 WHERE status = 'PENDING'")
	must(t, err)
	if rows, err := res.RowsAffected(); rows != 1 || err != nil {
		t.Fatalf("%d workflows under way (%v)", rows, err)
	}
	must(t, db.Close())
	must(t, c.run(t.Context(), nil))
	if _, err := os.Stat(c.path("outbox", "sent", "Mueller-1", "receipt.json")); err != nil {
		t.Fatal(err)
	}
}

// An outage leaves nothing in the engine's database however long it lasts, and a
// restart in its middle loses nothing.
func TestAnOutageCostsNoRows(t *testing.T) {
	t.Parallel()
	s := newStock(t)
	c := alone(t, s, "a key.yaml")
	elsewhere := filepath.Join(c.dir, "elsewhere", "20871", "radiographs")
	file := c.path("chartseal.yaml")
	b, err := os.ReadFile(file)
	must(t, err)
	text := strings.Replace(string(b), filepath.ToSlash(s.dir)+"/records/{patient.id}/radiographs", filepath.ToSlash(c.dir)+"/elsewhere/{patient.id}/radiographs", 1)
	must(t, os.WriteFile(file, []byte(text), 0o600))

	for tries := 3; tries <= 5; tries += 2 {
		cmd := c.command(t.Context(), nil, "run")
		must(t, cmd.Start())
		comes(t, "the release is tried again", func() bool {
			log, _ := os.ReadFile(filepath.Join(c.dir, "log.json"))
			return strings.Count(string(log), "source folder missing") >= tries
		})
		strike(cmd.Process.Pid, everything)
		if err := cmd.Wait(); !killed(err) {
			t.Fatalf("the daemon ended by itself: %v", err)
		}
	}
	db, err := sql.Open("sqlite", c.path("state", "engine.db"))
	must(t, err)
	var rows int
	must(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM operation_outputs").Scan(&rows))
	must(t, db.Close())
	if rows != 1 { // that it was admitted
		t.Errorf("the engine keeps %d rows of a release that waits", rows)
	}
	must(t, os.CopyFS(elsewhere, os.DirFS(filepath.Join(s.dir, "records", "20871", "radiographs"))))
	must(t, c.run(t.Context(), nil))
	if _, err := os.Stat(c.path("outbox", "sent", "Mueller-1", "receipt.json")); err != nil {
		t.Fatal(err)
	}
}

// A repeat is turned back with the reason of the moment. When a crash comes after
// that reason went into the ledger, a later start must not stumble over it although
// the order has been sent meanwhile.
func TestARepeatKeepsItsReasonAfterACrash(t *testing.T) {
	t.Parallel()
	c, err := newStock(t).newScene(t.TempDir())
	must(t, err)
	t.Cleanup(c.close)
	steps := filepath.Join(c.dir, "steps")
	err = c.run(t.Context(), []string{stepsEnv + "=" + steps, killEnv + "=" + atRepeat + " " + everything})
	aside := c.turnedBack(t)
	if err == nil || aside == "" {
		t.Fatalf("no kill hit between the repeat's ledger line and its answer: %v", err)
	}
	// The other order is sent first: its repeat cannot be answered until then.
	must(t, os.Rename(c.path("outbox", "working", aside), filepath.Join(c.dir, aside)))
	must(t, c.run(t.Context(), nil))
	must(t, os.Rename(filepath.Join(c.dir, aside), c.path("outbox", "working", aside)))
	must(t, c.run(t.Context(), nil))
	must(t, c.judge(t.Context(), nil))
}

// turnedBack finds the claim of the repeat whose reason is settled and that is not
// answered; "" if there is none.
func (c *scene) turnedBack(t *testing.T) string {
	t.Helper()
	claims, err := filepath.Glob(c.path("outbox", "working", "*", "d repeat.yaml"))
	must(t, err)
	for _, f := range claims {
		dir := filepath.Dir(f)
		if _, err := os.Stat(filepath.Join(dir, ".notes", "turned-back.json")); err == nil {
			return filepath.Base(dir)
		}
	}
	return ""
}
