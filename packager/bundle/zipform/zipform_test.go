package zipform_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"testing"
	"time"

	"chartseal/packager/bundle/zipform"
)

var at = time.Date(2026, 11, 18, 9, 30, 7, 0, time.UTC)

// sparse is a file of any size that keeps only what is not a run of zeros.
type sparse struct {
	size  int64
	parts map[int64][]byte
	order []int64
}

var zeros = make([]byte, 1<<20)

func (s *sparse) Write(p []byte) (int, error) {
	if len(p) != len(zeros) {
		if s.parts == nil {
			s.parts = map[int64][]byte{}
		}
		s.parts[s.size] = bytes.Clone(p)
		s.order = append(s.order, s.size)
	}
	s.size += int64(len(p))
	return len(p), nil
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	end := min(off+int64(len(p)), s.size)
	for _, start := range s.order {
		part := s.parts[start]
		if from, to := max(start, off), min(start+int64(len(part)), end); from < to {
			copy(p[from-off:], part[from-start:to-start])
		}
	}
	if end < off+int64(len(p)) {
		return int(max(0, end-off)), io.EOF
	}
	return len(p), nil
}

func write(t testing.TB, w *zipform.Writer, name string, size int64, streamed bool) {
	t.Helper()
	if !streamed {
		data := bytes.Repeat([]byte("x"), int(size))
		if err := w.Whole(name, zipform.Store, crc32.ChecksumIEEE(data), size, data); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := w.Begin(name, zipform.Store, size); err != nil {
		t.Fatal(err)
	}
	for left := size; left > 0; left -= min(left, int64(len(zeros))) {
		if err := w.Part(zeros[:min(left, int64(len(zeros)))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(12345); err != nil {
		t.Fatal(err)
	}
}

// Sizes around 4 GiB, where ZIP64 begins.
func TestLargeFiles(t *testing.T) {
	const limit = 1<<32 - 1
	for _, sizes := range [][]int64{
		{10}, {limit - 1, 10}, {limit, 10}, {limit + 1, 10}, {10, 3 << 30, 2 << 30, 10}, {5 << 30, 10, 5 << 30},
	} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			file := &sparse{}
			w := zipform.NewWriter(file, at)
			for i, size := range sizes {
				write(t, w, fmt.Sprintf("member%d", i), size, size > 1000)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			other, err := zip.NewReader(file, file.size)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := zipform.Open(file, file.size)
			if err != nil {
				t.Fatal(err)
			}
			for i, size := range sizes {
				f, e := other.File[i], &ours.Entries[i]
				if int64(f.UncompressedSize64) != size || e.Size != size || e.Name != f.Name {
					t.Errorf("member %d: %d, %d", i, f.UncompressedSize64, e.Size)
				}
				off, err := f.DataOffset()
				raw := ours.Raw(e)
				_, ourOff, _ := raw.Outer()
				if err != nil || off != ourOff {
					t.Errorf("member %d begins at %d, %d (%v)", i, off, ourOff, err)
				}
				if size < 1000 {
					r, err := f.Open()
					if err != nil {
						t.Fatal(err)
					}
					if b, err := io.ReadAll(r); err != nil || int64(len(b)) != size {
						t.Errorf("member %d: %d bytes, %v", i, len(b), err)
					}
				}
			}
			if got := bytes.Contains(tail(t, file), []byte("PK\x06\x06")); got != (file.size > limit) {
				t.Errorf("ZIP64 end record: %v in %d bytes", got, file.size)
			}
		})
	}
}

func tail(t testing.TB, file *sparse) []byte {
	t.Helper()
	b := make([]byte, 98)
	if _, err := file.ReadAt(b, max(0, file.size-98)); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return b
}

func TestManyMembers(t *testing.T) {
	for _, n := range []int{0, 1, 65_534, 65_535, 70_000} {
		var buf bytes.Buffer
		w := zipform.NewWriter(&buf, at)
		for i := range n {
			if err := w.Whole(fmt.Sprint(i), zipform.Store, 0, 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r := bytes.NewReader(buf.Bytes())
		other, err := zip.NewReader(r, r.Size())
		if err != nil || len(other.File) != n {
			t.Errorf("%d members: archive/zip: %v", n, err)
		}
		ours, err := zipform.Open(r, r.Size())
		if err != nil || len(ours.Entries) != n {
			t.Errorf("%d members: %v", n, err)
		}
	}
}

func TestPassChecksWhatItPasses(t *testing.T) {
	var buf bytes.Buffer
	w := zipform.NewWriter(&buf, at)
	write(t, w, "a", 500, false)
	write(t, w, "b", 2000, true)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zipform.Open(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		t.Fatal(err)
	}
	all := func(_ *zipform.Entry, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }
	none := func(*zipform.Entry, io.Reader) error { return nil }
	stop := errors.New("stop")
	for _, c := range []struct {
		name  string
		in    []byte
		visit func(*zipform.Entry, io.Reader) error
		want  error
	}{
		{"all", buf.Bytes(), all, nil},
		{"unread", buf.Bytes(), none, zipform.ErrForm},
		{"stopped", buf.Bytes(), func(*zipform.Entry, io.Reader) error { return stop }, stop},
		{"cut in a member", buf.Bytes()[:300], all, zipform.ErrForm},
		{"cut in a header", buf.Bytes()[:10], all, io.ErrUnexpectedEOF},
	} {
		if err := z.Pass(bytes.NewReader(c.in), c.visit); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if !z.Stamped(at) || z.Stamped(at.Add(2*time.Second)) {
		t.Error("time stamps")
	}
}

func TestWriterRefusesMisuse(t *testing.T) {
	w := zipform.NewWriter(io.Discard, at)
	if w.Part(nil) == nil || w.End(0) == nil {
		t.Error("a part of nothing")
	}
	if w.Whole("a", zipform.Store, 0, 5, []byte("four")) == nil {
		t.Error("size that does not fit")
	}
	if w.Whole("", zipform.Store, 0, 0) == nil || w.Whole(string(make([]byte, 300)), zipform.Store, 0, 0) == nil {
		t.Error("name out of bounds")
	}
	if w.Begin("a", zipform.Deflate, 1<<32-100) == nil {
		t.Error("deflated member next to the limit")
	}
	if err := w.Begin("a", zipform.Store, 5); err != nil {
		t.Fatal(err)
	}
	if w.Close() == nil || w.Whole("b", zipform.Store, 0, 0) == nil || w.Begin("b", zipform.Store, 0) == nil {
		t.Error("member left open")
	}
}

func FuzzOpen(f *testing.F) {
	for _, n := range []int{0, 1, 3} {
		var buf bytes.Buffer
		w := zipform.NewWriter(&buf, at)
		for i := range n {
			write(f, w, fmt.Sprint(i), 10, i == 1)
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		z, err := zipform.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			if !errors.Is(err, zipform.ErrForm) {
				t.Errorf("kind of error: %v", err)
			}
			return
		}
		other, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) || len(other.File) != len(z.Entries) {
			t.Fatalf("archive/zip sees something else: %v", err)
		}
		for i, f := range other.File {
			if e := z.Entries[i]; e.Name != f.Name || uint64(e.Size) != f.UncompressedSize64 || e.CRC != f.CRC32 {
				t.Errorf("member %d: %+v, %+v", i, e, f.FileHeader)
			}
		}
	})
}
