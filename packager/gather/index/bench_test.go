package index

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"chartseal/packager/gather"
	"chartseal/redact/dicomfile"
)

var files = flag.Int("files", 100_000, "files in the folder of BenchmarkIndex")

// BenchmarkIndex measures the index over a folder of small images, 100 in each
// study and 10 studies to a patient; beside it what a scan takes. Run it with
//
//	go test -run '^$' -bench Index -benchtime 1x -timeout 30m ./packager/gather/index [-args -files 1000000]
func BenchmarkIndex(b *testing.B) {
	t := newBench(b)
	generate(b, t, *files)
	t.open()
	id := "1000000"
	rate := func(b *testing.B) {
		b.ReportMetric(float64(*files)*float64(b.N)/b.Elapsed().Seconds(), "files/s")
	}
	b.Run("build", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			t.shut()
			t.must(os.RemoveAll(t.state))
			t.open()
			b.StartTimer()
			t.must(t.index.Refresh(b.Context(), t.folder))
		}
		rate(b)
		b.ReportMetric(float64(size(b, t.state))/float64(*files), "disk-B/file")
	})
	b.Run("refresh", func(b *testing.B) {
		for b.Loop() {
			t.must(t.index.Refresh(b.Context(), t.folder))
		}
		rate(b)
	})
	b.Run("find", func(b *testing.B) {
		t.shut()
		debug.FreeOSMemory()
		resident(b)
		before := resident(b)
		t.open()
		t.some(b, id)
		for b.Loop() {
			t.some(b, id)
		}
		b.ReportMetric(resident(b)-before, "MiB-peak")
	})
	b.Run("lookup", func(b *testing.B) { // without asking the folders
		p, err := t.index.newPass(b.Context(), t.folder, t.index.epoch)
		t.must(err)
		for b.Loop() {
			found, _, err := p.answer(b.Context(), id)
			if err != nil || len(found.Paths) != min(1000, *files) {
				b.Fatalf("%d files, %v", len(found.Paths), err)
			}
		}
	})
	b.Run("find after a new file", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			t.patient(fmt.Sprintf("0000/0000000/new%d", i), "another")
			b.StartTimer()
			t.some(b, id)
		}
	})
	b.Run("restart and find", func(b *testing.B) {
		for b.Loop() {
			t.open()
			t.some(b, id)
		}
	})
	b.Run("scan", func(b *testing.B) {
		scan := gather.Scan{Identify: dicomfile.Identify, SniffDICOM: dicomfile.Sniff, Workers: 4}
		for b.Loop() {
			if _, err := scan.Find(b.Context(), t.folder, id); err != nil {
				b.Fatal(err)
			}
		}
		rate(b)
	})
}

func (b *bench) some(t *testing.B, id string) {
	if found := b.find(id); len(found.Paths) != min(1000, *files) {
		t.Fatalf("%d files", len(found.Paths))
	}
}

// generate writes n images. The clock is an hour ahead, so that they are at rest.
func generate(tb testing.TB, t *bench, n int) {
	begin := time.Now()
	mark := []byte("1000000")
	data := picture(tb, string(mark))
	at := bytes.Index(data, mark)
	for i := range n {
		copy(data[at:], fmt.Sprint(1_000_000+i/1000))
		dir := t.path(fmt.Sprintf("%04d/%07d", i/10_000, i/100))
		if i%100 == 0 {
			t.must(os.MkdirAll(dir, 0o755))
		}
		t.must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.dcm", i%100)), data, 0o644))
	}
	tb.Logf("%d files made in %v", n, time.Since(begin).Round(time.Second))
}

// resident is the peak of the memory of this process, in MiB, since it was asked
// the last time; 0 where the system does not tell (proc(5): VmHWM, clear_refs).
func resident(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(line, &kib); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

func size(tb testing.TB, dir string) (n int64) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			tb.Fatal(err)
		}
		n += info.Size()
	}
	return n
}
