package dicomfile

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"chartseal/redact"
)

// unruly is a source of which one read, counted from 0, goes wrong.
type unruly struct {
	sizedSource
	reads, bad int
	wrong      func(p []byte) (int, error)
}

func (u *unruly) ReadAt(p []byte, off int64) (int, error) {
	u.reads++
	if u.reads-1 == u.bad {
		return u.wrong(p)
	}
	return u.sizedSource.ReadAt(p, off)
}

// TestReadFaults: whichever read fails or comes short, nothing is released,
// the fault is the machine's and not the file's, and names no path.
func TestReadFaults(t *testing.T) {
	disk := &fs.PathError{Op: "read", Path: "/records/" + canary, Err: fs.ErrPermission}
	for i, e := range encodings {
		raw := build(i)
		for name, wrong := range map[string]func([]byte) (int, error){
			"fails":  func([]byte) (int, error) { return 0, disk },
			"shrank": func([]byte) (int, error) { return 0, io.EOF },
			"lies":   func([]byte) (int, error) { return 0, nil },
		} {
			bad := 0
			for ; ; bad++ {
				src := &unruly{sizedSource: source(raw), bad: bad, wrong: wrong}
				out, err := Clean(context.Background(), src, redact.Treatment)
				if err == nil {
					_, err = io.ReadAll(out.Body)
				}
				if err == nil {
					break
				}
				_, refused := errors.AsType[*redact.Refusal](err)
				if strings.Contains(err.Error(), canary) || refused && e.ts != tsDeflated {
					t.Fatalf("%s: read %d %s: %v", e.name, bad, name, err)
				}
			}
			if bad == 0 {
				t.Errorf("%s: no read was tried", e.name)
			}
		}
	}
}

// TestContextEndsAnywhere: whichever read the release is stopped at, the
// cleaning of a long file stops.
func TestContextEndsAnywhere(t *testing.T) {
	d := radiograph(explicitLittle, true)
	for range 10_000 {
		d.text(0x00180060, "DS", "70").text(0x00101040, "LO", canary)
	}
	for _, ts := range []string{tsExplicitLittle, tsDeflated} {
		long := *d
		raw := long.el(tagPixelData, "OW", pixelBytes(1)).file(ts)
		for bad := 0; ; bad += 7 {
			ctx, cancel := context.WithCancel(context.Background())
			src := &unruly{sizedSource: source(raw), bad: bad}
			src.wrong = func(p []byte) (int, error) {
				cancel()
				return src.sizedSource.ReadAt(p, 0)
			}
			out, err := Clean(ctx, src, redact.Treatment)
			if err == nil {
				_, err = io.ReadAll(out.Body)
			}
			ended := ctx.Err() != nil
			cancel()
			if !ended {
				break
			}
			refusal, refused := errors.AsType[*redact.Refusal](err)
			if err == nil || !errors.Is(err, context.Canceled) && !refused {
				t.Fatalf("%s: stopped at read %d: %v %v", ts, bad, err, refusal)
			}
		}
	}
}

// TestLargest: an image as long as a length can say, in a file beyond 4 GiB.
func TestLargest(t *testing.T) {
	const rows, columns = 0xFFFF, 0x7FFF // of 16 bits: 131 KB less than 4 GiB
	d := (&dataset{syn: explicitLittle}).text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.1.3").text(0x00080018, "UI", "1.2.3")
	d.text(0x00101040, "LO", canary).us(0x00280010, rows).us(0x00280011, columns).us(0x00280100, 16)
	size := int64(rows) * columns * 2
	head := explicitLittle.appendHeader(d.file(tsExplicitLittle), tagPixelData, vrOW, uint32(size))
	out, err := Clean(context.Background(), sparse{head, int64(len(head)) + size + 1<<20}, redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	b := out.Body.(*body)
	if b.pixels.out.end != out.Size || b.pixels.out.end-b.pixels.out.off != size {
		t.Errorf("pixels at %v of %d", b.pixels.out, out.Size)
	}
	if n, err := b.ReadAt(make([]byte, 100), out.Size-50); n != 50 || !errors.Is(err, io.EOF) {
		t.Errorf("the last bytes: %d, %v", n, err)
	}
	_, err = Clean(context.Background(), sparse{head, int64(len(head)) + size - 1}, redact.Treatment)
	if refusal, ok := errors.AsType[*redact.Refusal](err); !ok || refusal.Class != redact.Truncated {
		t.Errorf("one byte less: %v", err)
	}
}
