package pdffile

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"chartseal/redact"
	"chartseal/redact/pdffile/pdfium"
)

// noise is a page as a bad scanner makes it: letter size at 300 dpi, which no
// compressor gets small.
func noise(tb testing.TB) []byte {
	tb.Helper()
	im := image.NewGray(image.Rect(0, 0, 2550, 3300))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range im.Pix {
		im.Pix[i] = uint8(rng.IntN(256))
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, im, &jpeg.Options{Quality: 40}); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// scanned writes a PDF of about size bytes, one picture to a page, to a file.
func scanned(tb testing.TB, size int) *os.File {
	tb.Helper()
	picture := noise(tb)
	pages := size/len(picture) + 1
	out, err := os.Create(filepath.Join(tb.TempDir(), "scan.pdf"))
	if err != nil {
		tb.Fatal(err)
	}
	w := &counter{w: bufio.NewWriter(out)}
	offsets := map[int]int64{}
	obj := func(n int, format string, args ...any) {
		offsets[n] = w.n
		fmt.Fprintf(w, "%d 0 obj\n"+format+"\nendobj\n", append([]any{n}, args...)...)
	}
	fmt.Fprint(w, "%PDF-1.7\n")
	kids := ""
	for i := range pages {
		n := 3 + 3*i
		kids += fmt.Sprintf("%d 0 R ", n)
		obj(n, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</XObject<</Im %d 0 R>>>>>>", n+1, n+2)
		obj(n+1, "<</Length 31>>\nstream\nq 612 0 0 792 0 0 cm /Im Do Q  \nendstream")
		obj(n+2, "<</Type/XObject/Subtype/Image/Width 2550/Height 3300/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/DCTDecode/Length %d>>\nstream\n%s\nendstream", len(picture), picture)
	}
	obj(1, "<</Type/Catalog/Pages 2 0 R>>")
	obj(2, "<</Type/Pages/Count %d/Kids[%s]>>", pages, kids)
	at := w.n
	fmt.Fprintf(w, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for n := range len(offsets) {
		fmt.Fprintf(w, "%010d 00000 n \n", offsets[n+1])
	}
	fmt.Fprintf(w, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, at)
	if err := w.w.(*bufio.Writer).Flush(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = out.Close() })
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
