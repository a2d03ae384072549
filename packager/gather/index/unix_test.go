//go:build unix

package index

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A folder or file that may not be read is counted by every Find, as by a
// scan, and found again when it may.
func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		asNobody(t) // root reads everything
		return
	}
	b := newBench(t)
	b.patient("a/1", "1")
	b.patient("a/2", "1")
	b.patient("a/b/3", "1")
	b.put("a/b/broken", picture(t, "1")[:200])
	b.patient("c/4", "1")
	b.open()
	b.want("1", 1, "a/1", "a/2", "a/b/3", "c/4")
	chmod := func(rel string, mode os.FileMode) { b.must(os.Chmod(b.path(rel), mode)) }
	t.Cleanup(func() {
		for _, rel := range []string{"", "a", "a/b", "c/4"} {
			chmod(rel, 0o755)
		}
	})
	chmod("a/b", 0)
	b.want("1", 1, "a/1", "a/2", "c/4")
	b.want("1", 1, "a/1", "a/2", "c/4")
	if found := b.find("1"); !slices.Equal(found.Closed, []string{"a/b"}) {
		t.Errorf("closed folders: %q", found.Closed)
	}
	b.open()
	b.want("1", 1, "a/1", "a/2", "c/4")
	chmod("a", 0o111) // its entries cannot be listed
	b.want("1", 1, "c/4")
	chmod("a", 0o755)
	chmod("a/b", 0o755)
	b.want("1", 1, "a/1", "a/2", "a/b/3", "c/4")
	chmod("c/4", 0)
	b.want("1", 2, "a/1", "a/2", "a/b/3")
	chmod("c/4", 0o644)
	b.want("1", 1, "a/1", "a/2", "a/b/3", "c/4")

	chmod("", 0)
	if _, err := b.index.Find(t.Context(), b.folder, "1"); err == nil || strings.Contains(err.Error(), b.images) {
		t.Errorf("folder that cannot be read: %v", err)
	}
	chmod("", 0o755)
	b.want("1", 1, "a/1", "a/2", "a/b/3", "c/4")
	if len(b.told) != 0 {
		t.Errorf("told %v", b.told)
	}
}

// A state folder that cannot be written costs time, not the answer.
func TestStateCannotBeWritten(t *testing.T) {
	if os.Getuid() == 0 {
		asNobody(t)
		return
	}
	b := newBench(t)
	b.patient("a/1", "1")
	b.must(os.MkdirAll(b.state, 0o500))
	b.open()
	b.want("1", 0, "a/1")
	if len(b.told) != 1 || strings.Contains(b.told[0].Error(), b.state) {
		t.Errorf("told %v", b.told)
	}
}

// asNobody runs the test once more, by itself, as an ordinary user.
func asNobody(t *testing.T) {
	t.Helper()
	const nobody = 65534
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err == nil {
		err = os.Chown(dir, nobody, nobody)
	}
	var program []byte
	if err == nil {
		program, err = os.ReadFile(self)
	}
	twin := filepath.Join(dir, "test")
	if err == nil {
		err = os.WriteFile(twin, program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), twin, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("as nobody: %v\n%s", err, out)
	}
}
