//go:build unix

package durable

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What root leaves in a folder belongs to the folder's account; where a link leads does not.
func TestHandBack(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("only root gives files away, and CI is root")
		}
		t.Skip("only root gives files away")
	}
	const account = 54321
	outside := filepath.Join(t.TempDir(), "outside")
	dir := t.TempDir()
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "in", "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "in", "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(dir, account, account); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "written"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if owner(t, filepath.Join(dir, "written")) != account {
		t.Error("what root writes stays root's")
	}
	if err := HandBack(dir, "in"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"in", "in/deep", "in/link"} {
		if got := owner(t, filepath.Join(dir, name)); got != account {
			t.Errorf("%s belongs to %d", name, got)
		}
	}
	if owner(t, outside) == account {
		t.Error("a link was followed")
	}
}

func owner(t *testing.T, name string) int {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("no owner")
	}
	return int(st.Uid)
}
