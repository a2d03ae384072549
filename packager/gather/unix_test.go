//go:build unix

package gather

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestPipesAndSocketsAreNotOpened(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/2025-01-01.pdf")
	if err := syscall.Mkfifo(p.path("records/10432/pipe.pdf"), 0o644); err != nil {
		t.Fatal(err)
	}
	// A socket's path has a short limit, so it is made by its relative name.
	t.Chdir(p.path("records/10432"))
	l, err := net.Listen("unix", "socket.pdf")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := p.collect(p.request(p.source("chart", "records/{patient.id}/**")))
	wantProblem(t, c, "R11", "2 entries are not ordinary files.", "10432/pipe.pdf", "10432/socket.pdf")
}

func TestFileThatBecomesAPipe(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/x.pdf")
	c := p.collect(p.request(p.source("chart", "records/{patient.id}/**")))
	if err := os.Remove(p.path("records/10432/x.pdf")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(p.path("records/10432/x.pdf"), 0o644); err != nil {
		t.Fatal(err)
	}
	if f, err := c.Items[0].Open(t.Context()); err == nil || f != nil {
		t.Errorf("open: %v %v", f, err)
	}
}

func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		asNobody(t) // root reads everything
		return
	}
	p := newPractice(t)
	p.pdf("records/10432/a/2025-01-01.pdf")
	p.pdf("records/10432/2025-01-01.pdf")
	for _, rel := range []string{"records/10432/a", "records/10432/2025-01-01.pdf"} {
		if err := os.Chmod(p.path(rel), 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(p.path(rel), 0o755) })
	}
	c := p.collect(p.request(p.source("chart", "records/{patient.id}/**")))
	var rules []string
	for _, r := range c.Problems {
		rules = append(rules, strings.Join(r.Items, ","))
	}
	if !slices.Equal(rules, []string{"10432/2025-01-01.pdf", "10432/a"}) {
		t.Errorf("problems %+v", c.Problems)
	}

	p.mkdir("imaging")
	if err := os.Chmod(p.path("imaging"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(p.path("imaging"), 0o755) })
	src := p.source("cbct", "imaging/**")
	src.Match = MatchDICOM
	var source *SourceError
	if _, err := Collect(t.Context(), p.request(src)); !errors.As(err, &source) || strings.Contains(err.Error(), p.dir) {
		t.Errorf("shared folder that cannot be read: %v", err)
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
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	twin := filepath.Join(dir, "test")
	if err = os.WriteFile(twin, program, 0o755); err != nil {
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

// A folder that turns into a link between listing and opening is not entered.
func TestEnterRefusesLinks(t *testing.T) {
	p := newPractice(t)
	p.mkdir("records/real")
	p.symlink("real", "records/link")
	root, err := os.OpenRoot(p.path("records"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if dir, err := enter(nil, root, "link"); err == nil {
		_ = dir.Close()
		t.Error("entered a link")
	}
	if dir, err := enterPath(t.Context(), root, "real"); err != nil {
		t.Error(err)
	} else if err := dir.Close(); err != nil {
		t.Error(err)
	}
	for _, rel := range []string{"link", "real/../real", "..", "/"} {
		if dir, err := enterPath(t.Context(), root, rel); err == nil {
			_ = dir.Close()
			t.Errorf("entered %s", rel)
		}
	}
}
