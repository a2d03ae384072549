package practice

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf16"
)

// seven is one practice, of seed 7, for the tests that only look.
var seven struct {
	dir string
	p   *Practice
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "practice")
	if err != nil {
		panic(err)
	}
	seven.dir = filepath.Join(dir, "records")
	seven.p, err = Make(context.Background(), dir, Options{Seed: 7, Small: true})
	if err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func makeSmall(t *testing.T, seed uint64) (string, *Practice) {
	t.Helper()
	dir := t.TempDir()
	p, err := Make(t.Context(), dir, Options{Seed: seed, Small: true})
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "records"), p
}

func read(t *testing.T, records, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(records, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// holds reports whether data holds the text in one of the encodings a
// redaction test searches for.
func holds(data []byte, text string) bool {
	var be, le []byte
	for _, u := range utf16.Encode([]rune(text)) {
		be, le = append(be, byte(u>>8), byte(u)), append(le, byte(u), byte(u>>8))
	}
	return bytes.Contains(data, []byte(text)) || bytes.Contains(data, be) || bytes.Contains(data, le)
}

func TestEveryCanaryIsInItsFile(t *testing.T) {
	records, p := seven.dir, seven.p
	for _, patient := range p.Patients {
		for _, f := range patient.Files {
			data := read(t, records, f.Path)
			if len(f.Canaries) < 2 {
				t.Errorf("%s: %d canaries", f.Path, len(f.Canaries))
			}
			for _, c := range f.Canaries {
				if len(c) < 8 || !holds(data, c) {
					t.Errorf("%s: canary %q is short or not in the file", f.Path, c)
				}
			}
		}
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	one, p := seven.dir, seven.p
	two, q := makeSmall(t, 7)
	other, _ := makeSmall(t, 8)
	if !slices.Equal(p.Canaries(), q.Canaries()) {
		t.Error("canaries differ")
	}
	changed := 0
	for i, patient := range p.Patients {
		for j, f := range patient.Files {
			a, b := read(t, one, f.Path), read(t, two, q.Patients[i].Files[j].Path)
			if !bytes.Equal(a, b) {
				t.Errorf("%s differs between two runs", f.Path)
			}
			if !bytes.Equal(a, read(t, other, f.Path)) {
				changed++
			}
		}
	}
	if changed == 0 {
		t.Error("another seed changed nothing")
	}
}

func TestFilesOnDiskAreTheFilesListed(t *testing.T) {
	records, p := seven.dir, seven.p
	want := slices.Clone(p.Litter)
	for _, patient := range p.Patients {
		for _, f := range patient.Files {
			want = append(want, f.Path)
		}
	}
	var got []string
	err := filepath.WalkDir(records, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(records, path)
			got = append(got, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("on disk %d files, listed %d", len(got), len(want))
	}
}

func TestFormatsByFirstBytes(t *testing.T) {
	records, p := seven.dir, seven.p
	magic := map[string]struct {
		at   int
		want string
	}{
		".dcm": {128, "DICM"}, ".pdf": {0, "%PDF-1."}, ".jpg": {0, "\xFF\xD8\xFF\xE1"},
		".png": {0, "\x89PNG\r\n\x1a\n"}, ".ply": {0, "ply\n"}, ".stl": {0, "OralSweep"},
	}
	seen := map[string]int{}
	for _, patient := range p.Patients {
		for _, f := range patient.Files {
			ext := filepath.Ext(f.Path)
			seen[ext]++
			data := read(t, records, f.Path)
			m := magic[ext]
			if m.want == "" || !bytes.HasPrefix(data[m.at:], []byte(m.want)) {
				t.Errorf("%s does not begin like its format", f.Path)
			}
		}
	}
	for ext := range magic {
		if seen[ext] == 0 {
			t.Errorf("no file %s in the practice", ext)
		}
	}
}

func TestMultiFrameHasAllItsPixels(t *testing.T) {
	n := &counter{}
	if err := WriteMultiFrameCBCT(n, 64, 96, 40, "10432"); err != nil {
		t.Fatal(err)
	}
	if pixels := int64(2 * 64 * 96 * 40); n.n < pixels || n.n > pixels+64<<10 {
		t.Errorf("wrote %d bytes for %d bytes of pixels", n.n, pixels)
	}
	if err := WriteMultiFrameCBCT(n, 8, 8, 2, "nobody"); err == nil {
		t.Error("wrote a volume of nobody")
	}
}

func TestMakeStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Make(ctx, t.TempDir(), Options{Small: true}); err == nil {
		t.Error("made a practice after the end")
	}
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
