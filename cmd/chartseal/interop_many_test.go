//go:build interop

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"chartseal/ledger"
)

var manyOrders = flag.Int("orders", 100, "orders of TestInteropManyOrders that lie in the outbox at once; 10000 for the figures of the design")

// TestInteropManyOrders drops many small orders at once and prints how the
// shipped binary copes: orders per second, memory, size of the database, and
// whether the last orders take longer than the first.
//
//	go test -tags interop -run TestInteropManyOrders -v -timeout 2h ./cmd/chartseal -orders 10000
func TestInteropManyOrders(t *testing.T) {
	t.Parallel()
	n := *manyOrders
	s := newStock(t)
	c := alone(t, s, "")
	c.binary = builtBinary(t)
	now := time.Now()
	for i := range n {
		id := fmt.Sprintf("MANY-%05d", i)
		must(t, os.WriteFile(c.path("outbox", id+".yaml"), treatment("LW0057", id, now, "scan"), 0o600))
	}
	var out lastWords
	cmd := c.command(t.Context(), nil, "run")
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	must(t, cmd.Start())
	own := 0
	for c.countAnswers() < n || c.countLogged() < n {
		if time.Since(start) > time.Hour+time.Duration(n)*time.Second {
			t.Fatalf("%d of %d answered: %s", c.countAnswers(), n, out.String())
		}
		own = max(own, memory(t, cmd.Process.Pid, "RssAnon"))
		time.Sleep(200 * time.Millisecond)
	}
	took := time.Since(start)
	peak := memory(t, cmd.Process.Pid, "VmHWM")
	var engine int64
	for _, f := range []string{"engine.db", "engine.db-wal"} {
		if info, err := os.Stat(c.path("state", f)); err == nil {
			engine += info.Size()
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	must(t, cmd.Wait())
	first, last := c.tenths(t, n)
	fmt.Printf("%d orders at once: %s, %.1f orders/s, daemon's peak %.1f MiB (%.1f MiB of its own), engine database %.1f MiB (%.1f KiB per order), first tenth %.1f orders/s, last tenth %.1f orders/s\n",
		n, took.Round(time.Second), float64(n)/took.Seconds(), float64(peak)/1024, float64(own)/1024, float64(engine)/(1<<20), float64(engine)/1024/float64(n), first, last)
	rep, err := ledger.Verify(t.Context(), c.path("state", "ledger"))
	if err != nil || rep.Head.Seq != uint64(n) {
		t.Errorf("%d lines in the ledger (%v), want %d", rep.Head.Seq, err, n)
	}
}

// countLogged counts the orders whose end is in the log, which comes after all else of them.
func (c *scene) countLogged() int {
	b, _ := os.ReadFile(filepath.Join(c.dir, "log.json"))
	return bytes.Count(b, []byte(`"msg":"answered"`))
}

func (c *scene) countAnswers() int {
	d, err := os.Open(c.path("outbox", "sent"))
	if err != nil {
		return 0
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	return len(names)
}

// memory is a line of a process's status, in KiB: VmHWM is the peak, program
// pages included; RssAnon what it holds of its own.
func memory(t *testing.T, pid int, line string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	must(t, err)
	m := regexp.MustCompile(line + `:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		t.Fatal("no " + line)
	}
	kib, err := strconv.Atoi(string(m[1]))
	must(t, err)
	return kib
}

// tenths is how many orders a second were answered in the first and in the last tenth.
func (c *scene) tenths(t *testing.T, n int) (first, last float64) {
	t.Helper()
	f, err := os.Open(filepath.Join(c.dir, "log.json"))
	must(t, err)
	defer f.Close()
	var at []time.Time
	for s := bufio.NewScanner(f); s.Scan(); {
		var line struct {
			Time time.Time
			Msg  string
		}
		if json.Unmarshal(s.Bytes(), &line) == nil && line.Msg == "answered" {
			at = append(at, line.Time)
		}
	}
	if len(at) != n {
		t.Fatalf("%d answers in the log, want %d", len(at), n)
	}
	k := max(n/10, 2)
	rate := func(part []time.Time) float64 { return float64(len(part)-1) / part[len(part)-1].Sub(part[0]).Seconds() }
	return rate(at[:k]), rate(at[n-k:])
}
