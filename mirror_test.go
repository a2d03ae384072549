package chartseal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/registry"
)

// tables are those of a shared database, on an embedded one: the SQL is the same.
func tables(t *testing.T) *registry.Database {
	t.Helper()
	d := newRegistry(t).Database
	d.Shared = true
	return d
}

// mirrors keeps books at a site that shares a database.
func mirrors(t *testing.T, dir, site string, d *registry.Database) *bookkeeper {
	t.Helper()
	k := readyToMirror(t, dir, site, d)
	k.mirror.start(t.Context())
	return k
}

func readyToMirror(t *testing.T, dir, site string, d *registry.Database) *bookkeeper {
	t.Helper()
	k := keepBooksAs(t, dir, site, &shelf{all: map[string][]byte{}})
	if err := k.compareMirror(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	k.mirror.hurry()
	return k
}

func (k *bookkeeper) waitMirrored(t *testing.T, seq uint64) {
	t.Helper()
	eventuallyTrue(t, fmt.Sprintf("entry %d is mirrored", seq), func() bool {
		c := readCopy(k.state, mirrorState)
		return c.Seq == seq && c.Trouble == ""
	})
}

// lookAt is what another site sees; store are the heads there.
func lookAt(t *testing.T, d *registry.Database, dir string, store headStore, trust ...string) []SiteLedger {
	t.Helper()
	v := &sitesLook{
		cfg: &config.Config{Site: "desk", State: filepath.Join(dir, "desk")}, d: d, state: &state{dir: filepath.Join(dir, "desk")},
		store: store, trust: trust, lag: time.Millisecond,
	}
	if err := os.MkdirAll(v.cfg.State, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := v.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantFault(t *testing.T, all []SiteLedger, site, fault string) {
	t.Helper()
	for _, l := range all {
		if l.Site == site && (fault == "" && l.Fault == "" || fault != "" && strings.Contains(l.Fault, fault)) {
			return
		}
	}
	t.Errorf("%s, want of %s the fault %q", shown(all), site, fault)
}

func shown(all []SiteLedger) (out string) {
	for _, l := range all {
		out += fmt.Sprintf("%s: %d entries, %d copies, %q; ", l.Site, l.Entries, l.Copies, l.Fault)
	}
	return out
}

// Every entry is mirrored with its own signed head, and nothing of what it says.
func TestEveryEntryIsMirrored(t *testing.T) {
	d, dir := tables(t), t.TempDir()
	north := mirrors(t, filepath.Join(dir, "north"), "north", d)
	south := mirrors(t, filepath.Join(dir, "south"), "south", d)
	north.write(t, "a", "b", "c")
	south.write(t, "d")
	north.waitMirrored(t, 3)
	south.waitMirrored(t, 1)
	all := lookAt(t, d, dir, north.shelf)
	if wantFault(t, all, "north", ""); len(all) != 2 || all[0].Entries != 3 || all[1].Entries != 1 || !all[0].New {
		t.Errorf("%s", shown(all))
	}
	if all = lookAt(t, d, dir, nil); all[0].New {
		t.Error("the key is not remembered")
	}
	for row, err := range north.mirror.rows(t.Context()) {
		if err != nil || strings.Contains(string(row.Signed), "R-") {
			t.Errorf("%s, %v", row.Signed, err)
		}
	}
	north.close(t)
	south.close(t)
	north = mirrors(t, filepath.Join(dir, "north"), "north", d)
	north.write(t, "e")
	north.waitMirrored(t, 4)
	north.close(t)
	if all = lookAt(t, d, dir, nil); all[0].Entries != 4 || all[0].Fault != "" {
		t.Errorf("after a restart: %s", shown(all))
	}
}

// A database that is away holds nothing up; when it is back the mirror catches up.
func TestADatabaseThatIsAwayHoldsNothingUp(t *testing.T) {
	d, dir := tables(t), t.TempDir()
	k := readyToMirror(t, dir, "north", d)
	var hangs atomic.Pointer[busy]
	k.mirror.copy = func(ctx context.Context) error {
		hangs.Load().wait()
		return k.mirror.update(ctx)
	}
	k.mirror.start(t.Context())
	k.write(t, "a")
	k.waitMirrored(t, 1)
	if _, err := d.SQL().ExecContext(t.Context(), `ALTER TABLE chartseal_heads RENAME TO away`); err != nil {
		t.Fatal(err)
	}
	hangs.Store(newBusy())
	for n := range maxPending + 5 { // more than are remembered
		k.mirror.entered(ledger.Receipt{Seq: uint64(n + 2)}, &ledger.Entry{})
	}
	k.mirror.pendingMu.Lock()
	pending, all := len(k.mirror.pending), k.mirror.all
	k.mirror.pending = nil
	k.mirror.pendingMu.Unlock()
	if pending != maxPending || !all {
		t.Errorf("%d entries wait, all: %v", pending, all)
	}
	k.write(t, "b")
	<-hangs.Load().came
	k.write(t, "c") // while it still hangs
	close(hangs.Load().over)
	eventuallyTrue(t, "the trouble is noted", func() bool { return readCopy(k.state, mirrorState).Trouble == "database unavailable" })
	if k.ledgerBroken.Load() {
		t.Error("a database that is away breaks the ledger")
	}
	if _, err := d.SQL().ExecContext(t.Context(), `ALTER TABLE away RENAME TO chartseal_heads`); err != nil {
		t.Fatal(err)
	}
	k.waitMirrored(t, 3)
	k.close(t)
	if all := lookAt(t, d, dir, nil); all[0].Entries != 3 || all[0].Fault != "" {
		t.Error(shown(all))
	}
}

// Whatever is done to the mirror, the site and the entry are named.
func TestAChangedMirrorIsFound(t *testing.T) {
	for name, c := range map[string]struct{ do, fault string }{
		"a row is gone":      {`DELETE FROM chartseal_heads WHERE site='north' AND seq=2`, "entry 2 is missing in the shared database"},
		"the last is gone":   {`DELETE FROM chartseal_heads WHERE site='north' AND seq=5`, "entry 5 is missing at the end"},
		"all are gone":       {`DELETE FROM chartseal_heads WHERE site='north'`, "entry 1 is missing at the end"},
		"the ledger is gone": {`DELETE FROM chartseal_ledgers WHERE site='north'`, ""},
		"a row is edited":    {`UPDATE chartseal_heads SET hash='00' WHERE site='north' AND seq=4`, "entry 4 is not signed by the site's key"},
		"rows are swapped":   {`UPDATE chartseal_heads SET seq=9-seq WHERE site='north' AND seq IN (4,5)`, "entry 4 is not signed"},
		"a row is copied":    {`INSERT INTO chartseal_heads SELECT site, ledger, 6, hash, head FROM chartseal_heads WHERE site='north' AND seq=5`, "entry 6 is not signed"},
		"of another site":    {`INSERT INTO chartseal_heads SELECT 'north', (SELECT ledger FROM chartseal_ledgers WHERE site='north'), 6, hash, head FROM chartseal_heads WHERE site='south'`, "entry 6 is not signed"},
		"another key":        {`UPDATE chartseal_ledgers SET public_key=(SELECT public_key FROM chartseal_ledgers WHERE site='south') WHERE site='north'`, "its key in the shared database is not the one"},
	} {
		t.Run(name, func(t *testing.T) {
			d, dir := tables(t), t.TempDir()
			north, south := mirrors(t, filepath.Join(dir, "north"), "north", d), mirrors(t, filepath.Join(dir, "south"), "south", d)
			north.write(t, "a", "b", "c", "d", "e")
			south.write(t, "f")
			north.waitMirrored(t, 5)
			south.waitMirrored(t, 1)
			north.close(t)
			south.close(t)
			wantFault(t, lookAt(t, d, dir, nil), "north", "")
			if _, err := d.SQL().ExecContext(t.Context(), c.do); err != nil {
				t.Fatal(err)
			}
			all := lookAt(t, d, dir, nil)
			wantFault(t, all, "north", c.fault)
			wantFault(t, all, "south", "")
		})
	}
}

// The heads in the store show a mirror that was cut, also to who never saw it whole; and
// a site whose whole mirror is gone.
func TestTheStoreShowsACutMirror(t *testing.T) {
	d, dir := tables(t), t.TempDir()
	k := mirrors(t, dir, "north", d)
	k.write(t, "a", "b", "c")
	k.waitMirrored(t, 3)
	k.close(t)
	for _, c := range []struct{ do, fault string }{
		{``, ""},
		{`DELETE FROM chartseal_heads WHERE seq>2`, "entry 3 is missing at the end"},
		{`DELETE FROM chartseal_heads`, "entry 1 is missing at the end"},
		{`DELETE FROM chartseal_ledgers`, "the shared database has nothing"},
	} {
		if _, err := d.SQL().ExecContext(t.Context(), c.do+`; INSERT INTO chartseal_sites VALUES ('north', 'x', 0, '') ON CONFLICT DO NOTHING`); err != nil {
			t.Fatal(err)
		}
		all := lookAt(t, d, t.TempDir(), k.shelf)
		if wantFault(t, all, "north", c.fault); c.fault == "" && all[0].Copies != 2 {
			t.Error(shown(all))
		}
	}
}

// Rows that somebody took away are written again, and that is told.
func TestRowsThatWereTakenAwayAreWrittenAgain(t *testing.T) {
	d, dir := tables(t), t.TempDir()
	k := mirrors(t, dir, "north", d)
	k.write(t, "a", "b", "c", "d")
	k.waitMirrored(t, 4)
	if _, err := d.SQL().ExecContext(t.Context(), `DELETE FROM chartseal_heads WHERE seq IN (2,4)`); err != nil {
		t.Fatal(err)
	}
	k.lookAtLedger(t.Context())
	eventuallyTrue(t, "told", func() bool { return strings.Contains(k.log.String(), "alert=mirror rows=1") })
	eventuallyTrue(t, "whole", func() bool {
		n := 0
		err := d.SQL().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM chartseal_heads`).Scan(&n)
		return err == nil && n == 4
	})
	k.close(t)
	wantFault(t, lookAt(t, d, dir, nil), "north", "")
}

// A shared database that a site comes to, or that is made anew, after a part of its ledger was
// purged has no rows of that, and heads in the store that no row has.
func TestADatabaseThatIsYoungerThanAPurge(t *testing.T) {
	dir, store := t.TempDir(), &shelf{all: map[string][]byte{}}
	k := keepBooksAs(t, dir, "north", store)
	k.write(t, "a", "b")
	k.later(t, time.Now().AddDate(10, 0, 0).Format(time.DateOnly))
	if err := k.withLedger(func(l *ledger.Ledger) error {
		_, err := l.Purge(t.Context(), segmentsIn(t, k)[0]+".jsonl", ledger.Entry{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	d := tables(t)
	if err := k.compareMirror(t.Context(), d); err != nil || k.ledgerBroken.Load() {
		t.Fatal(err, k.log)
	}
	k.mirror.start(t.Context())
	k.waitMirrored(t, 3)
	k.write(t, "d")
	k.waitMirrored(t, 4)
	all := lookAt(t, d, t.TempDir(), store)
	if wantFault(t, all, "north", ""); all[0].Entries != 4 || all[0].Purged != 2 || all[0].Copies == 0 {
		t.Errorf("%+v", all)
	}
	if _, err := d.SQL().Exec(`DELETE FROM chartseal_heads WHERE seq=3`); err != nil {
		t.Fatal(err)
	}
	wantFault(t, lookAt(t, d, t.TempDir(), store), "north", "entry 1 is missing in the shared database")
	k.close(t)
}

// An older copy of the state folder is found by the mirror alone, which is not covered
// up; gone on with, the mirror is whole again and tells of it.
func TestTheMirrorFindsAnOlderCopy(t *testing.T) {
	d, dir := tables(t), t.TempDir()
	k := mirrors(t, dir, "north", d)
	k.write(t, "a", "b")
	k.waitMirrored(t, 2)
	k.close(t)
	bringBack := backUp(t, k.cfg.State)
	k = mirrors(t, dir, "north", d)
	k.write(t, "c", "d", "e")
	k.waitMirrored(t, 5)
	k.close(t)
	wantFault(t, lookAt(t, d, dir, nil), "north", "")
	bringBack()
	k = mirrors(t, dir, "north", d)
	if !k.ledgerBroken.Load() || !strings.Contains(k.log.String(), "entry 3 is missing at the end") {
		t.Fatalf("%s", k.log)
	}
	k.slip(t, "x")
	eventuallyTrue(t, "it is noted", func() bool { return readCopy(k.state, mirrorState).Trouble == "ledger broken" })
	if e, err := k.AcceptLedger(t.Context(), Acceptance{Decider: Decider{By: "J. Ortiz"}, Reason: "the disk failed"}); err != nil || e.Seq != 4 || e.Lost == nil || e.Lost.To != 5 {
		t.Fatalf("%+v, %v", e, err)
	}
	k.write(t, "y", "z")
	k.waitMirrored(t, 6)
	k.close(t)
	all := lookAt(t, d, dir, nil)
	if wantFault(t, all, "north", ""); all[0].Entries != 6 || len(all[0].Lost) != 1 || all[0].Lost[0].To != 5 {
		t.Errorf("%+v", all)
	}
	k = mirrors(t, dir, "north", d)
	if k.ledgerBroken.Load() {
		t.Errorf("broken again: %s", k.log)
	}
	k.close(t)
}

// A site that began anew by another key is not believed by itself.
func TestAnotherKeyIsNotBelievedByItself(t *testing.T) {
	d, dir := tables(t), t.TempDir()
	k := mirrors(t, filepath.Join(dir, "old"), "north", d)
	k.write(t, "a", "b")
	k.waitMirrored(t, 2)
	k.close(t)
	wantFault(t, lookAt(t, d, dir, nil), "north", "")
	k = mirrors(t, filepath.Join(dir, "new"), "north", d)
	if !k.ledgerBroken.Load() || !strings.Contains(k.log.String(), "it was begun anew") {
		t.Errorf("the site itself goes on: %s", k.log)
	}
	if _, err := k.AcceptLedger(t.Context(), Acceptance{Decider: Decider{By: "J. Ortiz"}, Reason: "the computer burned"}); err != nil || k.ledgerBroken.Load() {
		t.Fatal(err)
	}
	k.waitMirrored(t, 1)
	key := k.state.pub.String()
	k.close(t)
	all := lookAt(t, d, dir, nil)
	if wantFault(t, all, "north", "another key than the site's ledger before"); len(all) != 2 {
		t.Error(shown(all))
	}
	all = lookAt(t, d, dir, nil, key)
	if slices.ContainsFunc(all, func(l SiteLedger) bool { return l.Fault != "" }) {
		t.Error(shown(all))
	}
	wantFault(t, lookAt(t, d, dir, nil), "north", "")
}

// A ledger by a site's own mirror is compared with the ledger itself.
func TestTheOwnLedgerIsComparedWithItsMirror(t *testing.T) {
	d, dir := tables(t), t.TempDir()
	k := mirrors(t, dir, "north", d)
	k.write(t, "a", "b", "c")
	k.waitMirrored(t, 3)
	k.mirror.close()
	k.mirror = nil
	k.write(t, "d")
	v := &sitesLook{cfg: k.cfg, d: d, state: k.state, lag: time.Millisecond}
	all, err := v.look(context.Background())
	if err != nil || len(all) != 1 || all[0].Behind != 1 || !all[0].Own || all[0].Fault != "" {
		t.Errorf("%s, %v", shown(all), err)
	}
	k.close(t)
}
