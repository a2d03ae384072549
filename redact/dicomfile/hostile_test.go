package dicomfile

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal/redact"
)

// refusedAs demands a refusal of a class, without a value in its reason.
func refusedAs(t *testing.T, src redact.Source, p redact.Profile, want redact.Class) {
	t.Helper()
	_, err := Clean(context.Background(), src, p)
	refusal, ok := errors.AsType[*redact.Refusal](err)
	if !ok || refusal.Class != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	if strings.Contains(refusal.Reason, canary) {
		t.Errorf("reason shows a value: %q", refusal.Reason)
	}
}

// within fails a test whose work takes longer than linear work can: the bombs
// below take minutes to hours where something is read again for each element.
func within(t *testing.T, limit time.Duration, work func()) {
	t.Helper()
	began := time.Now()
	work()
	if took := time.Since(began); took > limit {
		t.Errorf("took %v", took)
	}
}

// TestZerosBomb: zeros with one byte behind them are read once, not once for
// every eight of them.
func TestZerosBomb(t *testing.T) {
	d := radiograph(implicitLittle, false).el(tagPixelData, "OW", pixelBytes(1))
	d.buf = append(append(d.buf, make([]byte, 4<<20)...), 1)
	within(t, 5*time.Second, func() {
		refusedAs(t, source(d.file(tsImplicitLittle)), redact.Treatment, redact.Malformed)
	})
}

// counting is a source that counts what is read from it, and may fail.
type counting struct {
	sizedSource
	read int64
	fail error
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	if c.fail != nil {
		return 0, c.fail
	}
	n, err := c.sizedSource.ReadAt(p, off)
	c.read += int64(n)
	return n, err
}

// TestDeflatedOnce: a packed file of many small elements is unpacked a few
// times in all, not again at every edge of a window.
func TestDeflatedOnce(t *testing.T) {
	d := radiograph(explicitLittle, false)
	for range 200_000 {
		d.text(0x00291001, "LO", canary+" goes ").text(0x00180060, "DS", "70")
	}
	raw := d.el(tagPixelData, "OW", pixelBytes(1)).file(tsDeflated)
	src := &counting{sizedSource: source(raw)}
	out, err := Clean(context.Background(), src, redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if b := cleaned(t, out); !bytes.Contains(b, pixelBytes(1)) || bytes.Contains(b, []byte(canary)) {
		t.Error("canary left or pixels changed")
	}
	if most := 12 * int64(len(raw)); src.read > most {
		t.Errorf("%d bytes read of a file of %d, which unpacks to %d", src.read, len(raw), len(d.buf))
	}
}

// TestDeflatedEnds: a packed stream that is cut or damaged is refused, what
// lies behind it goes, and a fault of the machine stays one, without its path.
func TestDeflatedEnds(t *testing.T) {
	raw := build(6)
	for n := range 40 {
		refusedAs(t, source(raw[:len(raw)-1-n]), redact.Treatment, redact.Truncated)
	}
	broken := bytes.Clone(raw)
	broken[bytes.Index(raw, []byte("CANARY_AE "))+len("CANARY_AE ")] |= 6 // a kind of block that does not exist
	refusedAs(t, source(broken), redact.Treatment, redact.Malformed)
	for _, tail := range []string{"\x00", canary + " " + canary} {
		out, err := Clean(context.Background(), source(append(bytes.Clone(raw), tail...)), redact.Treatment)
		if err != nil {
			t.Fatal(err)
		}
		told := slices.ContainsFunc(out.Report.Removed, func(r redact.Removal) bool { return r.Item == "bytes after the packed content" })
		if told != (len(tail) > 1) || bytes.Contains(cleaned(t, out), []byte(canary)) {
			t.Errorf("%d bytes behind the stream: reported %v", len(tail), told)
		}
	}
	src := &counting{sizedSource: source(raw), fail: &fs.PathError{Op: "read", Path: "/records/" + canary, Err: fs.ErrPermission}}
	_, err := Clean(context.Background(), src, redact.Treatment)
	if _, refused := errors.AsType[*redact.Refusal](err); !errors.Is(err, fs.ErrPermission) || refused || strings.Contains(err.Error(), canary) {
		t.Errorf("a disk that fails: %v", err)
	}
}

// TestDeflateBomb: two gigabytes and more out of two megabytes are refused in
// constant memory.
func TestDeflateBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks 2 GiB")
	}
	head := radiograph(explicitLittle, false).file(tsDeflated)
	head = head[:bytes.Index(head, []byte("CANARY_AE "))+len("CANARY_AE ")]
	z := bytes.NewBuffer(head)
	w, err := flate.NewWriter(z, 9)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for range 2 { // the second block of zeros can follow itself for ever
		at = z.Len()
		_, _ = w.Write(make([]byte, 1<<20))
		_ = w.Flush()
	}
	block := bytes.Clone(z.Bytes()[at:])
	for range maxInflated >> 20 {
		z.Write(block)
	}
	allocated(t, 16<<20, func() { refusedAs(t, source(z.Bytes()), redact.Treatment, redact.TooLarge) })
}

// allocated fails a test whose work allocates more, garbage included.
func allocated(t *testing.T, most uint64, work func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	if total := after.TotalAlloc - before.TotalAlloc; total > most {
		t.Errorf("allocated %d bytes", total)
	}
}
