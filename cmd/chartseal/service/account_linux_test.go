package service

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

func put(t *testing.T, file string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, mode); err != nil {
		t.Fatal(err)
	}
}

// TestLend: the account reads the recipient book, and reads it still when an editor has
// renamed a new file into its place. Secrets stay closed to all others.
func TestLend(t *testing.T) {
	t.Parallel()
	own := filepath.Join(t.TempDir(), "etc", "chartseal")
	book, secret := filepath.Join(own, "recipients.yaml"), filepath.Join(own, "mail-password")
	put(t, book, 0o600)
	put(t, secret, 0o600)
	who := account{uid: 54321, gid: os.Getgid()} // only root may give another group
	if os.Geteuid() == 0 {
		who.gid = 54321
	}
	for _, file := range []string{book, secret} {
		if changed, err := lend(file, own, who); err != nil || !changed {
			t.Fatalf("%v, %v", changed, err)
		}
		if changed, err := lend(file, own, who); err != nil || changed {
			t.Errorf("lent again: %v, %v", changed, err)
		}
	}
	saved := filepath.Join(own, ".recipients.yaml.new")
	put(t, saved, 0o640)
	if err := os.Rename(saved, book); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{book, secret} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if !allowed(info, 0o4, who.uid, []int{who.gid}) || info.Mode().Perm()&0o7 != 0 {
			t.Errorf("%s: %v of group %d", filepath.Base(file), info.Mode(), groupOf(info))
		}
	}
	other := filepath.Join(t.TempDir(), "other", "aws")
	put(t, other, 0o600)
	if _, err := lend(other, own, who); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Dir(other)); err != nil || info.Mode()&fs.ModeSetgid != 0 {
		t.Errorf("a folder that is not the practice's own hands on its group: %v, %v", info.Mode(), err)
	}
}

// TestUnreachable: what the account cannot read is told, with the folder that stops it.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open, shut := filepath.Join(dir, "open", "book.yaml"), filepath.Join(dir, "shut", "secret")
	put(t, open, 0o644)
	put(t, shut, 0o644)
	if err := os.Chmod(filepath.Dir(shut), 0o077); err != nil { // its owner is this account
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Dir(shut), 0o700) })
	p := Plan{Account: "chartseal", State: dir, Files: []string{open, shut}, Read: []string{filepath.Dir(open)}}
	said := unreachable(p, account{uid: os.Getuid(), gid: 54321})
	if len(said) != 1 || !strings.Contains(said[0], "cannot go through "+filepath.Dir(shut)+" or read it") {
		t.Errorf("%q", said)
	}
}

// TestGroups: a group that is not there stops the install, an account that is in a group is
// left alone, and one that cannot be put into it is told to the administrator.
func TestGroups(t *testing.T) {
	t.Parallel()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Fatal(err)
	}
	if err := thereAre([]string{g.Name, "no-such-group"}); err == nil || !strings.Contains(err.Error(), "groupadd no-such-group") {
		t.Errorf("%v", err)
	}
	if done := join(t.Context(), u.Username, []string{g.Name}); thereAre([]string{g.Name}) != nil || len(done) > 0 {
		t.Errorf("joined again: %q", done)
	}
	if done := join(t.Context(), "no-such-account", []string{g.Name}); len(done) != 1 || !strings.HasPrefix(done[0], "STILL TO DO: ") {
		t.Errorf("%q", done)
	}
	who, err := find(u.Username)
	if err != nil || groupName(who) != g.Name {
		t.Errorf("%q, %v", groupName(who), err)
	}
	p := samplePlan()
	p.Group = "users"
	if !strings.Contains(p.DropIn(), "User=chartseal\nGroup=users\n") {
		t.Errorf("the account's own group is lost:\n%s", p.DropIn())
	}
}
