package main

import (
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/testdata/practice"
)

// firstSchema are the statements with which the first version made its tables.
const firstSchema = `
	CREATE TABLE chartseal_version (version INTEGER NOT NULL);
	INSERT INTO chartseal_version (version) VALUES (1);
	CREATE TABLE chartseal_orders (
		ref     TEXT PRIMARY KEY,
		attempt INTEGER NOT NULL,
		sha256  TEXT NOT NULL,
		claim   TEXT NOT NULL,
		state   TEXT NOT NULL
	);`

// inDatabase runs statements in the engine's database of a practice that does not run.
func inDatabase(t *testing.T, state string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(state, "engine.db"))
	must(t, err)
	for _, s := range statements {
		_, err := db.ExecContext(t.Context(), s)
		must(t, err)
	}
	must(t, db.Close())
}

// A state folder of the first version, with an order half way in its queue, is brought up to
// date where it is, and the order is sent once. One of a newer program is left alone, and
// every command that would use it says so.
func TestAnOlderAndANewerState(t *testing.T) {
	t.Parallel()
	who, _ := find("20871")
	cfg, key := ownPractice(t), newLock(t)
	copied, outbox := backedUpAt(t, cfg, key, practice.OrderFor(who, "R-95", practice.OrderOptions{Now: time.Now()}), "pack noted")
	old := elsewhere(t, cfg, outbox)
	restored(t, old, key.opens(copied), false)
	inDatabase(t, old.State, `CREATE TEMP TABLE was AS SELECT ref, attempt, sha256, claim, state FROM chartseal_orders;
		DROP TABLE chartseal_orders; DROP TABLE chartseal_sites; DROP TABLE chartseal_ledgers; DROP TABLE chartseal_heads; DROP TABLE chartseal_version;`+
		firstSchema+`INSERT INTO chartseal_orders SELECT * FROM was`)
	runUntilIdle(t, old, time.Now, nil)
	goesOut(t, old, "R-95")

	inDatabase(t, old.State, `UPDATE chartseal_version SET version=version+1`)
	must(t, os.WriteFile(filepath.Join(old.Outbox, "r.yaml"), practice.OrderFor(who, "R-96", practice.OrderOptions{Now: time.Now()}), 0o600))
	for _, c := range []struct {
		code       int
		args, says string
	}{
		{exitUsage, "run --until-idle", "newer chartseal"},
		{exitUsage, "send " + filepath.Join(old.Outbox, "r.yaml"), "newer chartseal"},
		{exitOK, "status", "newer chartseal"},
		{exitUsage, "backup --plain " + t.TempDir(), "newer chartseal"},
		{exitFailed, "check", "newer chartseal"},
		{exitOK, "ledger verify", "The ledger is whole: 1 entries"},
	} {
		var out strings.Builder
		root := newRoot()
		root.SetOut(&out)
		root.SetErr(io.Discard)
		root.SetArgs(append(strings.Fields(c.args), "-c", old.File))
		err := root.ExecuteContext(t.Context())
		if err != nil {
			out.WriteString(err.Error())
		}
		if code := report(err); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: %d\n%s", c.args, code, out.String())
		}
	}
}
