//go:build interop

package dicomfile

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"chartseal/redact"
	"chartseal/testdata/practice"
)

// peerEnv makes this test binary clean a file or a folder instead of testing,
// so that it can be measured like any other program.
const peerEnv = "CHARTSEAL_PEER"

func TestMain(m *testing.M) {
	if os.Getenv(peerEnv) == "" {
		os.Exit(m.Run())
	}
	if err := cleanTree(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// cleanTree cleans every file of a folder, or one file, for treatment.
func cleanTree(src, dst string) error {
	return filepath.WalkDir(src, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(src, name)
		if err != nil {
			return err
		}
		return cleanInto(name, filepath.Join(dst, rel))
	})
}

func cleanInto(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	out, err := Clean(context.Background(), fileSource{f, info.Size()}, redact.Treatment)
	if err != nil {
		return err
	}
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(writeOnly{w}, out.Body); err != nil {
		return err
	}
	return w.Close()
}

// pydicomScript removes private elements and the address, as the others do.
const pydicomScript = `
import os, sys, pydicom
src, dst = sys.argv[1], sys.argv[2]
files = [(src, dst)] if os.path.isfile(src) else [(os.path.join(src, n), os.path.join(dst, n)) for n in sorted(os.listdir(src))]
for a, b in files:
    ds = pydicom.dcmread(a)
    ds.remove_private_tags()
    if "PatientAddress" in ds: del ds.PatientAddress
    ds.save_as(b)
`

// peers are programs that copy a DICOM file less its private elements (cp: all
// of it), by their command lines for a source and a destination.
var peers = []struct {
	name string
	args func(src, dst string, series bool) []string
}{
	{"cp", func(src, dst string, _ bool) []string { return []string{"cp", "-rT", src, dst} }},
	{"chartseal", func(src, dst string, _ bool) []string { return []string{os.Args[0], src, dst} }},
	{"cp + dcmodify", func(src, dst string, series bool) []string {
		edit := `dcmodify -nb -imt -ep -ea "(0010,1040)" "$2"`
		if series {
			edit = `dcmodify -nb -imt -ep -ea "(0010,1040)" "$2"/*`
		}
		return []string{"sh", "-c", `cp -rT "$1" "$2" && ` + edit, "sh", src, dst}
	}},
	{"gdcmanon --dumb", func(src, dst string, series bool) []string {
		args := []string{"gdcmanon", "--dumb", "--remove", "10,1040"}
		if series {
			args = append(args, "-r")
		}
		return append(args, "-i", src, "-o", dst)
	}},
	{"pydicom", func(src, dst string, _ bool) []string {
		return []string{"/usr/bin/python3", "-c", pydicomScript, src, dst}
	}},
}

// BenchmarkPeers measures the cleaner against other programs, each in a process
// of its own, on a volume of 576 MB in one file and a series of 500 slices. Run
// it by
//
//	go test -run NONE -bench Peers -benchtime 3x -timeout 30m -tags interop ./redact/dicomfile
func BenchmarkPeers(b *testing.B) {
	for _, name := range []string{"time", "sync", "sh", "cp", "dcmodify", "gdcmanon", "/usr/bin/python3"} {
		if _, err := exec.LookPath(name); err != nil {
			b.Fatalf("%s is not installed", name)
		}
	}
	dir := b.TempDir()
	volume, series := filepath.Join(dir, "volume.dcm"), filepath.Join(dir, "series")
	makeVolume(b, volume)
	if err := os.Mkdir(series, 0o700); err != nil {
		b.Fatal(err)
	}
	if err := practice.WriteSeries(series, 500, 588, "10432"); err != nil {
		b.Fatal(err)
	}
	comparePeers(b, "volume of 800 frames", volume, false)
	comparePeers(b, "series of 500 slices", series, true)
}

func makeVolume(b *testing.B, name string) {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err := practice.WriteMultiFrameCBCT(w, 600, 600, 800, "10432"); err != nil {
		b.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// comparePeers reports for every program the mean wall time of all rounds (in
// s, and MB/s of the source), how often it would fit into that of cp, and the
// highest memory of any round.
func comparePeers(b *testing.B, what, src string, series bool) {
	b.Helper()
	size, copied := sizeOf(b, src), 0.0
	for _, p := range peers {
		b.Run(strings.ReplaceAll(what+"/"+p.name, " ", "_"), func(b *testing.B) {
			total, rounds, peak := 0.0, 0, 0.0
			for b.Loop() {
				seconds, mib := measure(b, src, series, p.args)
				total, rounds, peak = total+seconds, rounds+1, max(peak, mib)
			}
			mean := total / float64(rounds)
			if p.name == "cp" {
				copied = mean
			}
			b.ReportMetric(0, "ns/op") // the line says it in seconds
			b.ReportMetric(mean, "s")
			b.ReportMetric(float64(size)/1e6/mean, "MB/s")
			b.ReportMetric(mean/copied, "x-cp")
			b.ReportMetric(peak, "MiB-peak")
		})
	}
}

// measure runs one program under time(1), which starts it with a small
// process of its own: what a large parent uses would count otherwise.
func measure(b *testing.B, src string, series bool, args func(src, dst string, series bool) []string) (seconds, peakMiB float64) {
	b.Helper()
	b.StopTimer()
	defer b.StartTimer()
	dir := b.TempDir()
	dst, log := filepath.Join(dir, "out"), filepath.Join(dir, "time")
	if series {
		if err := os.Mkdir(dst, 0o700); err != nil {
			b.Fatal(err)
		}
	}
	cmd := exec.CommandContext(b.Context(), "time", append([]string{"-f", "%e %M", "-o", log}, args(src, dst, series)...)...)
	cmd.Env = append(os.Environ(), peerEnv+"=clean")
	if err := exec.CommandContext(b.Context(), "sync").Run(); err != nil { // nobody pays for another's writes
		b.Fatal(err)
	}
	b.StartTimer()
	out, err := cmd.CombinedOutput()
	b.StopTimer()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	if sizeOf(b, dst) < sizeOf(b, src)*9/10 {
		b.Fatal("the program wrote too little")
	}
	text, err := os.ReadFile(log)
	if err != nil {
		b.Fatal(err)
	}
	f := strings.Fields(string(text))
	seconds, err = strconv.ParseFloat(f[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	peak, err := strconv.ParseFloat(f[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.RemoveAll(dst); err != nil {
		b.Fatal(err)
	}
	return seconds, peak / 1024
}

func sizeOf(b *testing.B, name string) int64 {
	b.Helper()
	var total int64
	err := filepath.WalkDir(name, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return total
}
