package dicomfile

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"chartseal/redact"
)

// sparse is a head followed by zeros: a large image without the bytes.
type sparse struct {
	head []byte
	size int64
}

func (s sparse) Size() int64 { return s.size }

func (s sparse) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), s.size-off))
	clear(p[:n])
	if off < int64(len(s.head)) {
		copy(p[:n], s.head[off:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// TestBoundedMemory cleans a volume of 576 MB with 800 items of functional
// groups and more than 100,000 elements, each item losing something: the
// cleaner allocates less than 20 MiB in all, garbage included.
func TestBoundedMemory(t *testing.T) {
	d := enhanced(800, 65)
	size := int64(800) * 600 * 600 * 2
	head := explicitLittle.appendHeader(d.file(tsExplicitLittle), tagPixelData, vrOW, uint32(size))
	src := sparse{head, int64(len(head)) + size}

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	out, err := Clean(context.Background(), src, redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, struct{ io.Reader }{out.Body})
	runtime.ReadMemStats(&after)
	if err != nil || n != out.Size {
		t.Fatalf("read %d of %d: %v", n, out.Size, err)
	}
	total := after.TotalAlloc - before.TotalAlloc
	t.Logf("header %d bytes, %d segments, allocated %d KiB in all", len(head), len(out.Body.(*body).l.segs), total>>10)
	if total > 20<<20 && !raceEnabled {
		t.Errorf("allocated %d bytes", total)
	}
}

// enhanced is an enhanced CT of 600x600x16 bit with functional groups for each
// frame, without its pixels.
func enhanced(frames, sequencesEach int) *dataset {
	d := &dataset{syn: explicitLittle}
	d.text(0x00080008, "CS", `ORIGINAL\PRIMARY\AXIAL\NONE`).text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2.1")
	d.text(0x00080018, "UI", "1.2.3").text(0x00080060, "CS", "CT").text(0x00100020, "LO", "83370").text(0x00101040, "LO", canary)
	d.text(0x00280008, "IS", fmt.Sprint(frames)).us(0x00280010, 600).us(0x00280011, 600).us(0x00280100, 16)
	d.undefined = true
	items := make([]func(*dataset), frames)
	for i := range items {
		items[i] = func(in *dataset) {
			for range sequencesEach {
				in.seq(0x00209113, "SQ", func(p *dataset) { p.text(0x00200032, "DS", fmt.Sprintf(`0\0\%d`, i)) })
			}
			in.el(0x00291001, "LO", []byte(canary))
		}
	}
	return d.seq(0x52009230, "SQ", items...)
}
