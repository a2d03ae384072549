package dicomfile

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"chartseal/redact"
)

// fileSource is an open file as a source.
type fileSource struct {
	*os.File
	size int64
}

func (f fileSource) Size() int64 { return f.size }

// volume writes an enhanced CT of frames of 600x600x16 bit with one item of
// functional groups for each, of which every one holds something that goes.
func volume(tb testing.TB, frames, itemsEach int) fileSource {
	tb.Helper()
	f, err := os.Create(filepath.Join(tb.TempDir(), "volume.dcm"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = f.Close() })
	d := enhanced(frames, itemsEach)
	head := d.file(tsExplicitLittle)
	size := int64(frames) * 600 * 600 * 2
	head = explicitLittle.appendHeader(head, tagPixelData, vrOW, uint32(size))
	w := bufio.NewWriterSize(f, 1<<20)
	_, _ = w.Write(head)
	frame := bytes.Repeat([]byte{1, 2, 3, 4}, 600*600/2)
	for range frames {
		_, _ = w.Write(frame)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	return fileSource{f, int64(len(head)) + size}
}

// writeOnly hides a file's ReadFrom.
type writeOnly struct{ io.Writer }

// BenchmarkClean576MB cleans a volume of 800 frames with 800 items of
// functional groups into a file. Run it by
//
//	go test -run none -bench Clean576MB -benchtime 3x ./redact/dicomfile
func BenchmarkClean576MB(b *testing.B) {
	src := volume(b, 800, 20)
	for _, to := range []string{"discard", "file"} {
		b.Run(to, func(b *testing.B) {
			b.SetBytes(src.size)
			b.ReportAllocs()
			for b.Loop() {
				out, err := Clean(context.Background(), src, redact.Treatment)
				if err != nil {
					b.Fatal(err)
				}
				dst := io.Writer(io.Discard)
				if to == "file" {
					f, err := os.Create(filepath.Join(b.TempDir(), "out.dcm"))
					if err != nil {
						b.Fatal(err)
					}
					defer func() { _ = f.Close(); _ = os.Remove(f.Name()) }()
					dst = f
				}
				if n, err := io.Copy(writeOnly{dst}, out.Body); err != nil || n != out.Size {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkCleanSlice cleans one slice of a series, all in memory: what a file
// costs apart from its bytes.
func BenchmarkCleanSlice(b *testing.B) {
	raw := radiograph(explicitLittle, false).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
	b.ReportAllocs()
	for b.Loop() {
		out, err := Clean(context.Background(), source(raw), redact.Treatment)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(writeOnly{io.Discard}, out.Body); err != nil {
			b.Fatal(err)
		}
	}
}
