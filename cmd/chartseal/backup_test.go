package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chartseal"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/packager/seal"
	"chartseal/testdata/practice"
)

// lock is a key that opens backups.
type lock struct {
	to   seal.Recipients
	file string
}

func newLock(t *testing.T) lock {
	t.Helper()
	k, err := seal.GenerateKey(false)
	must(t, err)
	to, err := seal.ParseRecipients([]string{k.Public})
	must(t, err)
	file := filepath.Join(t.TempDir(), "key.txt")
	must(t, os.WriteFile(file, k.File(time.Now()), 0o600))
	return lock{to, file}
}

func (l lock) opens(source string) chartseal.Restoration {
	return chartseal.Restoration{Source: source, Unlock: func(head []byte) (seal.Identities, error) { return unlockBackup(head, l.file, "") }}
}

// elsewhere is the practice on another computer: its state, and its outbox if that is moved,
// are in other folders.
func elsewhere(t *testing.T, cfg *config.Config, outbox string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(cfg.File)
	must(t, err)
	file := filepath.Join(filepath.Dir(cfg.File), "moved.yaml") // relative paths of records stay
	must(t, os.WriteFile(file, append([]byte("state: '"+filepath.Join(dir, "new state")+"'\noutbox: '"+outbox+"'\n"), withoutPlaces(text)...), 0o600))
	moved, err := config.Load(file)
	must(t, err)
	return moved
}

func withoutPlaces(text []byte) []byte {
	lines := slices.DeleteFunc(strings.SplitAfter(string(text), "\n"), func(l string) bool {
		return strings.HasPrefix(l, "state:") || strings.HasPrefix(l, "outbox:")
	})
	return []byte(strings.Join(lines, ""))
}

// A backup of the running daemon is restored under another path. The order that was half
// way goes on there and is sent once, wherever it was; one that was sent after the backup is
// not sent again.
func TestABackupGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	who, _ := find("20871")
	for _, at := range []string{"upload stored", "record recorded"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			cfg, key := ownPractice(t), newLock(t)
			half := practice.OrderFor(who, "R-91", practice.OrderOptions{Now: time.Now()})
			after := practice.OrderFor(who, "R-92", practice.OrderOptions{Now: time.Now()})
			copied, outbox := backedUpAt(t, cfg, key, half, at)
			runUntilIdle(t, cfg, time.Now, map[string][]byte{"after.yaml": after})

			died := elsewhere(t, cfg, outbox) // the moment after the backup
			restored(t, died, key.opens(copied), false)
			runUntilIdle(t, died, time.Now, nil)
			goesOut(t, died, "R-91")

			later := elsewhere(t, cfg, cfg.Outbox) // after both were sent
			restored(t, later, key.opens(copied), false)
			had := len(stored(t, later))
			runUntilIdle(t, later, time.Now, map[string][]byte{"half.yaml": half, "after.yaml": after})
			for _, id := range []string{"R-91", "R-92"} {
				why, err := os.ReadFile(filepath.Join(cfg.Outbox, "held", id, "WHY-HELD.txt"))
				if err != nil || !strings.Contains(string(why), "already sent") {
					t.Errorf("%s: %s, %v", id, why, err)
				}
			}
			if n := len(stored(t, later)); n > had {
				t.Errorf("%d objects in the store, and %d before", n, had)
			}
		})
	}
}

// backedUpAt sends an order, and makes a backup of the running daemon at one of its steps. The
// outbox is copied at the same moment.
func backedUpAt(t *testing.T, cfg *config.Config, key lock, drop []byte, at string) (file, outbox string) {
	t.Helper()
	dir := t.TempDir()
	outbox = filepath.Join(dir, "outbox")
	var once sync.Once
	var r chartseal.BackupReport
	var err error
	runUntil(t, cfg, drop, func(stage, point string) {
		if stage+" "+point != at {
			return
		}
		once.Do(func() {
			r, err = chartseal.Backup(context.Background(), cfg, (&app{}).options(nil), chartseal.Destination{Path: dir, To: key.to})
			err = errors.Join(err, os.CopyFS(outbox, finished{os.DirFS(cfg.Outbox)}))
		})
	})
	must(t, err)
	if r.Path == "" || !r.Settled || !r.Sealed || r.Ledger != "" {
		t.Fatalf("%+v", r)
	}
	return r.Path, outbox
}

// finished is a folder without what is just being written into it, and renamed then.
type finished struct{ fs.FS }

func (f finished) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(f.FS, name)
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), ".tmp") }), err
}

// runUntil runs the daemon until one order is answered; step is told of what became durable.
func runUntil(t *testing.T, cfg *config.Config, drop []byte, step func(stage, point string)) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(cfg.Outbox, "r.yaml"), drop, 0o600))
	opts := (&app{}).options(nil)
	opts.Step = func(_, stage, point string) { step(stage, point) }
	p, err := chartseal.Open(context.Background(), cfg, opts)
	must(t, err)
	must(t, p.Run(t.Context(), true))
	must(t, p.Close())
}

func restored(t *testing.T, cfg *config.Config, q chartseal.Restoration, replace bool) chartseal.RestoreReport {
	t.Helper()
	q.Replace = replace
	r, err := chartseal.Restore(t.Context(), cfg, (&app{}).options(nil), q)
	must(t, err)
	return r
}

// goesOut makes sure that an order was sent once: one answer, one bundle with its page, one
// line in a ledger that holds.
func goesOut(t *testing.T, cfg *config.Config, id string) {
	t.Helper()
	r := receiptOf(t, cfg, id)
	if n := len(stored(t, cfg)); n != 2 {
		t.Errorf("%d objects in the store", n)
	}
	whileOpen(t, cfg, func() {
		for _, address := range []string{r.Page, r.Link} {
			if got := visited(t, http.MethodGet, address, ""); got != http.StatusOK {
				t.Errorf("an address of it answers %d", got)
			}
		}
	})
	sent := 0
	for _, e := range ledgerEvents(t, cfg) {
		if e == ledger.Sent {
			sent++
		}
	}
	if rep, err := chartseal.SignedLedger(t.Context(), cfg); err != nil || sent != 1 {
		t.Errorf("%d lines of it in the ledger: %+v, %v", sent, rep, err)
	}
}

// The commands say what they did and how it ended, for a person and for a program.
func TestBackupAndRestoreAsCommands(t *testing.T) {
	cfg, dir := ownPractice(t), t.TempDir()
	words, file := filepath.Join(t.TempDir(), "words"), filepath.Join(dir, "b.age")
	_, _, err := chartseal.SigningKey(cfg)
	must(t, err)
	for _, c := range []struct {
		code int
		args string
		says string
	}{
		{exitUsage, "backup", ""},
		{exitUsage, "backup " + file, ""}, // for whom?
		{exitUsage, "backup --plain --passphrase-file " + words + " " + file, ""},
		{exitUsage, "backup --to age1none " + file, ""},
		{exitOK, "backup --passphrase-file " + words + " " + file, "read back and whole"},
		{exitUsage, "backup --passphrase-file " + words + " " + file, ""}, // it is there
		{exitUsage, "restore --passphrase-file " + words + " " + file, ""},
		{exitUsage, "restore --passphrase-file " + cfg.File + ".none " + file, ""},
		{exitUnverified, "restore --replace " + cfg.File, ""},
		{exitOK, "restore --json --replace --passphrase-file " + words + " " + file, `"ledger_entries": 0`},
		{exitOK, "restore --config-to " + filepath.Join(dir, "conf") + " --passphrase-file " + words + " " + file, "chartseal.yaml"},
		{exitOK, "backup --json --plain " + dir, `"sealed": false`},
	} {
		var out strings.Builder
		root := newRoot()
		root.SetOut(&out)
		root.SetErr(io.Discard)
		root.SetArgs(append(strings.Fields(c.args), "-c", cfg.File))
		err := root.ExecuteContext(t.Context())
		if code := report(err); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: %d, %v\n%s", c.args, code, err, out.String())
		}
		if err != nil && strings.Contains(err.Error(), dir) {
			t.Errorf("%s names a path: %v", c.args, err)
		}
	}
	info, err := os.Stat(words)
	must(t, err)
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the words are %v", info.Mode())
	}
}
