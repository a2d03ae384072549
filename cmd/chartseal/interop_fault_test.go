//go:build interop

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"chartseal/watch"
)

// fault is an error of the system that lasts from one call of a thread to another.
type fault struct{ call, err, when, file string }

// faults are what disks do: full, broken, read-only, locked by another program.
// when counts the calls of one thread; file, below the practice, narrows it.
func faults() (all []fault) {
	often := []string{"1..2", "4..6", "9..12", "20..24"}
	if *crashEvery == 1 {
		often = append(often, "2..3", "6..8", "14..18")
	}
	for _, when := range often {
		for _, err := range []string{"EIO", "ENOSPC"} {
			all = append(all, fault{"fsync", err, when, ""})
		}
		for _, err := range []string{"EACCES", "EROFS", "ENOSPC"} {
			all = append(all, fault{"renameat", err, when, ""})
		}
		all = append(all, fault{"unlinkat", "EACCES", when, ""}, fault{"mkdirat", "EROFS", when, ""})
	}
	for _, when := range []string{"1..2", "2..3", "4..6"} { // later ones would come again with every new thread of the database
		all = append(all, fault{"pwrite64", "ENOSPC", when, ""}, fault{"pwrite64", "EIO", when, ""})
	}
	for _, when := range []string{"1", "2..3"} {
		for _, err := range []string{"EIO", "ENOSPC", "EROFS"} {
			all = append(all,
				fault{"write", err, when, "state/ledger/2026.jsonl"}, fault{"fsync", err, when, "state/ledger/2026.jsonl"},
				fault{"pwrite64", err, when, "state/engine.db-wal"}, fault{"fsync", err, when, "state/engine.db-wal"})
		}
		all = append(all,
			fault{"openat", "EACCES", when, "state/ledger/2026.jsonl"}, fault{"openat", "EIO", when, "outbox/working"},
			fault{"openat", "ESTALE", when, "outbox"}, fault{"getdents64", "EIO", when, "outbox"}, fault{"openat", "EACCES", when, "outbox/sent"})
	}
	return all
}

// TestInteropFaults lets system calls of the shipped binary and its children
// fail for a while: every call, error and file, each time at other moments. Every order
// must end exactly once all the same, without a restart unless the daemon could not even
// begin.
func TestInteropFaults(t *testing.T) {
	t.Parallel()
	need(t, "strace", "pdftotext")
	m := newMatrix(t, crashSlots())
	m.passphrase = wordsOf
	exe := builtBinary(t)
	var all []fault
	var kinds []string
	every := faults()
	for _, f := range every {
		kinds = append(kinds, f.call+f.err+f.file)
	}
	for _, i := range picked(newRand(t), kinds) {
		all = append(all, every[i])
	}
	began := time.Now()
	exits := make(chan fault, len(all))
	m.each(len(all), func(i int) outcome {
		o, exited := m.failing(exe, all[i])
		if exited {
			exits <- all[i]
		}
		return o
	})
	hit, calls, ended := 0, 0, 0
	for _, o := range m.done {
		calls += o.hits
		ended += len(o.points)
		if o.hits > 0 {
			hit++
		}
	}
	fmt.Printf("fault matrix: %d faults in %s, %d exercised by %d failing calls, %d runs in which the daemon did not begin and was started again, %d in which the fault did not end by itself\n",
		len(all), time.Since(began).Round(time.Second), hit, calls, len(exits), ended)
	if hit < len(all)*3/4 {
		t.Errorf("only %d of %d faults were exercised", hit, len(all))
	}
}

// failing is one run with a fault; it tells whether the daemon ended by itself.
func (m *matrix) failing(exe string, f fault) (o outcome, exited bool) {
	dir, err := os.MkdirTemp(m.stock.dir, "run-*")
	if err != nil {
		o.err = err
		return o, false
	}
	c, err := m.stock.newScene(dir)
	if err != nil {
		o.err = err
		return o, false
	}
	defer c.close()
	trace := filepath.Join(dir, "trace")
	more := []string{"--seccomp-bpf", "-e", "inject=" + f.call + ":error=" + f.err + ":when=" + f.when}
	if f.file != "" {
		file := strings.Replace(f.file, "2026", time.Now().UTC().Format("2006"), 1)
		more = append(more, "-P", c.path(filepath.FromSlash(file)))
	}
	c.traced(exe, trace, []string{f.call}, more...)
	ended, first := m.untilKilled(c, time.Minute, func() bool { return false })
	b, err := os.ReadFile(trace)
	o.hits, o.err = strings.Count(string(b), "(INJECTED)"), err
	if ended {
		o.points = []string{"ended"}
	}
	if first != nil {
		exited = true
		log, _ := os.ReadFile(filepath.Join(dir, "log.json"))
		if strings.Contains(string(log), `"msg":"done"`) {
			o.err = errors.Join(o.err, fmt.Errorf("the daemon gave up: %w", first))
		}
	}
	c.wrap = nil // the next start has nothing to do, but for empty claims that could not be removed
	o.err = errors.Join(o.err, c.run(m.t.Context(), nil))
	if o.err == nil {
		o.err = c.judge(m.t.Context(), m.passphrase)
	}
	if o.err != nil {
		o.err = fmt.Errorf("%v: %w", f, errors.Join(o.err, c.keep(m.t)))
		return o, exited
	}
	o.err = os.RemoveAll(dir)
	return o, exited
}

// mounted makes a small file system of its own below the practice.
func mounted(t *testing.T, c *scene, where, size string) {
	t.Helper()
	dir := c.path(where)
	must(t, os.MkdirAll(dir, 0o700))
	tool(t, "", "mount", "-t", "tmpfs", "-o", "mode=0700,size="+size, "tmpfs", dir)
	t.Cleanup(func() { must(t, exec.Command("umount", "-l", dir).Run()) })
}

// fill leaves no byte on the file system of a folder, and returns how to undo it.
func fill(t *testing.T, dir string) (release func()) {
	t.Helper()
	name := filepath.Join(dir, ".ballast.tmp")
	f, err := os.Create(name)
	must(t, err)
	for block := make([]byte, 64<<10); len(block) > 0; {
		if _, err = f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else {
			must(t, err)
		}
	}
	must(t, f.Close())
	return func() { must(t, os.Remove(name)) }
}

// TestInteropFullDisk fills the state folder, the outbox and the store's folder,
// and makes the outbox read-only, while orders come in. The daemon stays up and
// goes on by itself once there is room.
func TestInteropFullDisk(t *testing.T) {
	t.Parallel()
	need(t, "mount", "umount", "pdftotext")
	s := newStock(t)
	for _, x := range []struct{ name, where, size string }{
		{"state", "state", "24m"}, {"outbox", "outbox", "2m"}, {"store", "state/store", "16m"}, {"read-only outbox", "outbox", "2m"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c := &scene{stock: s, dir: t.TempDir(), port: <-s.ports}
			t.Cleanup(c.close)
			mounted(t, c, x.where, x.size)
			must(t, c.fillIn())
			var release func()
			trouble := func() { release = fill(t, c.path(x.where)) }
			if strings.HasPrefix(x.name, "read-only") {
				trouble = func() {
					tool(t, "", "mount", "-o", "remount,ro", c.path(x.where))
					release = func() { tool(t, "", "mount", "-o", "remount,rw", c.path(x.where)) }
				}
			}
			outlast(t, c, x.where != "outbox", trouble, func() { release() })
			must(t, c.judge(t.Context(), wordsOf))
		})
	}
}

// outlast starts the daemon, lets trouble come, ends it after a while, and waits
// for the answers. Late orders come after the trouble, others before the daemon.
func outlast(t *testing.T, c *scene, late bool, trouble, release func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	var out lastWords
	cmd := c.command(ctx, nil, "run")
	cmd.Stdout, cmd.Stderr = &out, &out
	aside := filepath.Join(c.dir, "aside")
	if late {
		c.moveOrders(t, c.path("outbox"), aside)
	} else {
		trouble()
	}
	start := time.Now()
	must(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	if late {
		c.waitForDaemon(t, start)
		trouble()
		c.moveOrders(t, aside, c.path("outbox"))
	}
	select {
	case err := <-done:
		t.Fatalf("the daemon ended: %v\n%s", err, out.String())
	case <-time.After(10 * time.Second):
	}
	if c.answered() {
		t.Fatal("the trouble troubled nobody")
	}
	release()
	began := time.Now()
	for !c.answered() {
		select {
		case err := <-done:
			t.Fatalf("the daemon ended: %v\n%s", err, out.String())
		case <-ctx.Done():
			t.Fatalf("not answered: %s", out.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Logf("all answered %s after the trouble was over", time.Since(began).Round(100*time.Millisecond))
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	if err := <-done; err != nil {
		t.Errorf("the daemon ended with %v: %s", err, out.String())
	}
}

// moveOrders moves the orders from one folder to another.
func (c *scene) moveOrders(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.MkdirAll(to, 0o700))
	files := []string{crashOrders[0].file + watch.SignatureSuffix}
	for _, o := range crashOrders {
		files = append(files, o.file)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(from, f))
		must(t, err)
		must(t, errors.Join(os.WriteFile(filepath.Join(to, f), b, 0o600), os.Remove(filepath.Join(from, f))))
	}
}

// waitForDaemon waits until the daemon has opened everything and looked at its outbox.
func (c *scene) waitForDaemon(t *testing.T, since time.Time) {
	t.Helper()
	for range 8 * 1200 {
		if sign, err := os.Stat(c.path("state", "daemon.json")); err == nil && sign.ModTime().After(since) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the daemon gives no sign of life")
}

// answered reports whether working/ and the outbox are empty and all answers there.
func (c *scene) answered() bool {
	n := 0
	for _, dir := range []string{"sent", "held"} {
		entries, _ := os.ReadDir(c.path("outbox", dir))
		n += len(entries)
	}
	under, err := os.ReadDir(c.path("outbox", "working"))
	return err == nil && len(under) == 0 && n == len(crashOrders)
}
