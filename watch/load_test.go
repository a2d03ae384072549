package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"chartseal/testdata/racing"
)

func fill(tb testing.TB, dir string, n int) {
	tb.Helper()
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("o%05d.yaml", i)), []byte("order: R-1"), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

// TestAScanIsLinear compares the memory and the work of a scan of 1,000 and of
// 10,000 files, half of them signatures under another spelling.
func TestAScanIsLinear(t *testing.T) {
	cost := func(n int) (bytes uint64) {
		dir := t.TempDir()
		o, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = o.Close() }()
		fill(t, dir, n/2)
		for i := range n / 2 {
			put(t, dir, fmt.Sprintf("O%05d.yaml.minisig", i), "s")
		}
		if s, err := o.scan(); err != nil || s.Waiting != n/2 {
			t.Fatalf("%d waiting, %v", s.Waiting, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := o.scan(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := cost(1000), cost(10_000)
	if large > 15*small || large > 32<<20 && !racing.Enabled {
		t.Fatalf("a scan of 1,000 allocates %d bytes, of 10,000 %d", small, large)
	}
}

func BenchmarkScan10000(b *testing.B) {
	dir := b.TempDir()
	o, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = o.Close() }()
	fill(b, dir, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.scan(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClaim10000 takes in ten thousand orders at once.
func BenchmarkClaim10000(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		o, err := Open(dir, Options{Settle: time.Millisecond, Owner: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		fill(b, dir, n)
		b.StartTimer()
		got, sweeps := 0, 0
		for got < n {
			_, err := o.Sweep(b.Context(), func(context.Context, *Claim) error { got++; return nil })
			if sweeps++; err != nil || sweeps > 1000 {
				b.Fatal(sweeps, err)
			}
			time.Sleep(2 * time.Millisecond)
		}
		b.StopTimer()
		if err := errors.Join(o.Close(), os.RemoveAll(dir)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
