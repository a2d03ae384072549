package pdffile

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"chartseal/redact"
	"chartseal/redact/pdffile/pdfium"
	"chartseal/testdata/practice"
)

// scanned writes a scan of about size bytes to a file.
func scanned(tb testing.TB, size int64) *os.File {
	tb.Helper()
	out, err := os.Create(filepath.Join(tb.TempDir(), "scan.pdf"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = out.Close() })
	if err := practice.WriteScan(out, size); err != nil {
		tb.Fatal(err)
	}
	return out
}

type onDisk struct {
	*os.File
	size int64
}

func (f onDisk) Size() int64 { return f.size }

// peak returns the largest resident size of this process in MiB since it was last
// asked to forget it (proc(5): clear_refs).
func peak(tb testing.TB) int {
	tb.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Fatal(err)
	}
	kib, _ := strconv.Atoi(string(regexp.MustCompile(`VmHWM:\s+(\d+)`).FindSubmatch(b)[1]))
	return kib >> 10
}

// BenchmarkScan cleans a scan of 200 MB and reports the peak memory of the worker,
// its limit, and the peak of the process that reads the source and the output:
//
//	go test -run '^$' -bench Scan -benchtime 1x ./redact/pdffile
func BenchmarkScan(b *testing.B) {
	src := scanned(b, 200<<20)
	info, err := src.Stat()
	if err != nil {
		b.Fatal(err)
	}
	for _, p := range []redact.Profile{redact.Treatment, redact.Payment} {
		b.Run(string(p), func(b *testing.B) {
			for range b.N {
				cleanOnDisk(b, onDisk{src, info.Size()}, p)
			}
		})
	}
}

func cleanOnDisk(b *testing.B, src onDisk, p redact.Profile) {
	var cmd *exec.Cmd
	c := Cleaner{Reviewed: true, Worker: func(ctx context.Context) *exec.Cmd {
		cmd = worker("work")(ctx)
		return cmd
	}}
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Fatal(err)
	}
	out, err := c.Clean(b.Context(), src, p)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out.Body); err != nil {
		b.Fatal(err)
	}
	if err := out.Body.Close(); err != nil {
		b.Fatal(err)
	}
	used, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	limit := memoryFor(src.size) + pdfium.Memory
	b.SetBytes(src.size)
	b.ReportMetric(float64(used.Maxrss>>10), "MiB-worker")
	b.ReportMetric(float64(limit>>20), "MiB-worker-limit")
	b.ReportMetric(float64(peak(b)), "MiB-daemon")
}

// BenchmarkChart cleans a usual chart of one page and reports what its worker costs, most
// of it for its start:
//
//	CGO_ENABLED=0 go test -run '^$' -bench Chart -benchtime 25x ./redact/pdffile
func BenchmarkChart(b *testing.B) {
	charts, err := madeCharts()
	if err != nil {
		b.Fatal(err)
	}
	chart := charts[slices.Min(slices.Collect(maps.Keys(charts)))]
	var cmd *exec.Cmd
	c := Cleaner{Worker: func(ctx context.Context) *exec.Cmd {
		cmd = worker("work")(ctx)
		return cmd
	}}
	var cpu time.Duration
	var faults int64
	for range b.N {
		out, err := c.Clean(b.Context(), bytes.NewReader(chart), redact.Treatment)
		if err != nil {
			b.Fatal(err)
		}
		if err := out.Body.Close(); err != nil {
			b.Fatal(err)
		}
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			faults += used.Minflt
		}
	}
	b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(faults)/float64(b.N), "faults/op")
}
