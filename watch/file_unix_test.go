//go:build unix

package watch

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestWhatIsNoOrdinaryFileStaysAndIsNamed(t *testing.T) {
	o, dir, clk := newBox(t)
	outside := t.TempDir()
	put(t, outside, "chart.yaml", "x")
	for name, make := range map[string]func(string) error{
		"fifo.yaml":    func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"link.yaml":    func(p string) error { return os.Symlink(filepath.Join(outside, "chart.yaml"), p) },
		"hard.yaml":    func(p string) error { return os.Link(filepath.Join(outside, "chart.yaml"), p) },
		"folder.yaml":  func(p string) error { return os.Mkdir(p, 0o700) },
		"dangling.yml": func(p string) error { return os.Symlink("nowhere", p) },
	} {
		if err := make(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	sweep(t, o)
	clk.advance(time.Hour)
	c, s := sweep(t, o)
	if len(c) != 0 || s.Waiting != 0 {
		t.Fatalf("%v, waiting %d", c, s.Waiting)
	}
	for name, want := range map[string]string{
		"fifo.yaml": "a pipe", "link.yaml": "a symbolic link", "hard.yaml": hardLink, "folder.yaml": "a folder",
		"dangling.yml": "a symbolic link", "s": "a socket",
	} {
		if got := leftWhy(s, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	p, err := o.Look()
	if err != nil || len(p.Left) != 6 || len(p.Pending) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

// A pipe put in the place of a settled file must not stop the daemon.
func TestAFileReplacedByAPipeBlocksNothing(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "a.yaml", "x")
	sweep(t, o)
	clk.advance(3 * time.Second)
	was := o.seen["a.yaml"]
	if err := os.Remove(filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "a.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := o.hollow("a.yaml", was); done <- err }()
	select {
	case err := <-done:
		if err == nil {
			t.Fatal("a pipe was taken for the order")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("blocked")
	}
}
