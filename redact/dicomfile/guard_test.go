package dicomfile

import (
	"context"
	"errors"
	"io"
	"testing"

	"chartseal/redact"
)

// TestGuard: pixels that are not the source's are not handed out, whatever
// went wrong after the output was verified.
func TestGuard(t *testing.T) {
	x := picture{8, 9, 1, 8, 8, 1, 0, 0, "MONOCHROME2"}
	masked := x.dataset("YES").el(tagPixelData, "OW", x.pixels()).file(tsExplicitLittle)
	type trial struct {
		name string
		raw  []byte
		c    *Cleaner
		p    redact.Profile
	}
	trials := []trial{{"masked", masked, maskCleaner(t), redact.Deidentified}}
	for i, e := range encodings {
		trials = append(trials, trial{e.name, build(i), &Cleaner{}, redact.Treatment})
	}
	for _, tt := range trials {
		t.Run(tt.name, func(t *testing.T) {
			fresh := func() *body {
				out, err := tt.c.Clean(context.Background(), source(tt.raw), tt.p)
				if err != nil {
					t.Fatal(err)
				}
				return out.Body.(*body)
			}
			whole := readAll(t, fresh())
			for _, size := range []int{1, 5, 64} {
				b, parts := fresh(), []byte{}
				for off := int64(0); off < b.Size(); off += int64(size) {
					p := make([]byte, size)
					n, err := b.ReadAt(p, off)
					if err != nil && !errors.Is(err, io.EOF) {
						t.Fatal(err)
					}
					parts = append(parts, p[:n]...)
				}
				if string(parts) != string(whole) {
					t.Errorf("reading %d bytes at a time differs", size)
				}
			}
			for name, harm := range map[string]func(*body, int64){
				"moved": func(b *body, at int64) { b.l.segs[b.l.find(at)].src-- },
				"from the literals": func(b *body, at int64) {
					b.l.segs[b.l.find(at)].src = ^b.l.store(make([]byte, 1<<10))
				},
			} {
				for _, at := range []int64{0, -1} { // the first and the last byte
					b := fresh()
					at += b.pixels.out.off
					if at < b.pixels.out.off {
						at = b.pixels.out.end - 1
					}
					if b.l.segs[b.l.find(at)].src < 0 {
						continue // blacked out
					}
					harm(b, at)
					got, err := io.ReadAll(b)
					if !errors.Is(err, errUnverified) || int64(len(got)) >= b.pixels.out.end {
						t.Errorf("%s: %d bytes came out, %v", name, len(got), err)
					}
				}
			}
		})
	}
}
