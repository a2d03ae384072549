//go:build unix

package chartseal

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A restore and a backup by root leave the daemon's account nothing that it cannot read.
func TestTheStateFolderStaysItsAccounts(t *testing.T) {
	h := newHouse(t)
	account := os.Geteuid()
	if account == 0 {
		account = 54321
		if err := os.Lchown(h.cfg.State, account, account); err != nil {
			t.Fatal(err)
		}
	}
	r := h.backup(t, false)
	belongs(t, filepath.Join(h.cfg.State, backupNote), account)
	if rep, err := h.restore(t, r.Path, true); err != nil || rep.Aside == "" {
		t.Fatalf("%+v, %v", rep, err)
	}
	belongs(t, h.cfg.State, account)
	h.enter(t, 1) // opens the state folder, as any command does where no daemon runs
	belongs(t, h.cfg.State, account)
}

// belongs makes sure that a file, or a folder with all in it, belongs to an account.
func belongs(t *testing.T, place string, account int) {
	t.Helper()
	err := filepath.WalkDir(place, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != account {
			t.Errorf("%s belongs to another account: %+v", name, st)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
