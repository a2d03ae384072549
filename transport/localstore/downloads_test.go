package localstore

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Only bytes that make up the whole are a download; the time is that of the last
// missing one and never moves.
func TestADownloadIsWholeOrNone(t *testing.T) {
	at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		spans       []span
		whole, once bool
	}{
		"at once":              {[]span{{0, 1000}}, true, true},
		"nothing":              {[]span{{0, 0}}, false, false},
		"all but one byte":     {[]span{{0, 999}}, false, false},
		"the size asked":       {[]span{{0, 1}, {0, 1}, {0, 1}}, false, false},
		"broken off, gone on":  {[]span{{0, 400}, {400, 1000}}, true, false},
		"out of order":         {[]span{{600, 1000}, {0, 300}, {300, 600}}, true, false},
		"overlapping":          {[]span{{0, 700}, {300, 1000}}, true, false},
		"a hole":               {[]span{{0, 400}, {401, 1000}}, false, false},
		"the beginning thrice": {[]span{{0, 400}, {0, 400}, {0, 400}}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := download{Bytes: 1000}
			for i, s := range tc.spans {
				d.add(s, at.Add(time.Duration(i)*time.Minute))
			}
			if d.Whole.IsZero() == tc.whole || d.Once != tc.once {
				t.Errorf("whole %v, once %v", d.Whole, d.Once)
			}
			if last := at.Add(time.Duration(len(tc.spans)-1) * time.Minute); tc.whole && !d.Whole.Equal(last) {
				t.Errorf("whole at %v, want %v", d.Whole, last)
			}
			was := d.Whole
			if d.add(span{0, 1000}, at.Add(time.Hour)); tc.whole && !d.Whole.Equal(was) {
				t.Error("a second download moved the first")
			}
		})
	}
}

// Whatever pieces come in whatever order, the note says whole exactly when every byte
// has gone out.
func TestPiecesAddUpAsBytesDo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var gone [64]bool
		d := download{Bytes: int64(len(gone))}
		for range 1 + r.IntN(30) {
			from := r.IntN(len(gone))
			to := from + r.IntN(len(gone)-from+1)
			d.add(span{int64(from), int64(to)}, time.Unix(1, 0))
			for i := from; i < to; i++ {
				gone[i] = true
			}
		}
		if want := !slices.Contains(gone[:], false); want == d.Whole.IsZero() {
			t.Fatalf("whole %v, want %v: %v", d.Whole, want, d.Spans)
		}
	}
}

// Somebody who asks for every second byte makes no endless note, and no download.
func TestPiecesAreBounded(t *testing.T) {
	d := download{Bytes: 1 << 30}
	for i := range int64(5000) {
		d.add(span{2 * i, 2*i + 1}, time.Unix(1, 0))
	}
	if len(d.Spans) > maxSpans || !d.Whole.IsZero() {
		t.Errorf("%d spans, whole %v", len(d.Spans), d.Whole)
	}
	file := filepath.Join(t.TempDir(), "note")
	if err := writeDownload(file, d); err != nil {
		t.Fatal(err)
	}
	if got, err := readDownload(file); err != nil || len(got.Spans) != len(d.Spans) {
		t.Errorf("read back: %d spans, %v", len(got.Spans), err)
	}
}

// A note about another object of the same name, or a damaged one, is begun anew.
func TestANoteIsAboutOneObject(t *testing.T) {
	dir := t.TempDir()
	n := &notebook{dir: dir}
	key := strings.Repeat("a", 26) + ".zip.age"
	n.sent(key, "one", 1000, span{0, 400}, time.Unix(1, 0))
	n.sent(key, "two", 1000, span{400, 1000}, time.Unix(2, 0))
	if d, err := readDownload(filepath.Join(dir, key)); err != nil || !d.Whole.IsZero() || d.ETag != "two" {
		t.Errorf("%+v, %v", d, err)
	}
	if err := os.WriteFile(filepath.Join(dir, key), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.sent(key, "two", 1000, span{0, 1000}, time.Unix(3, 0))
	if d, err := readDownload(filepath.Join(dir, key)); err != nil || d.Whole.Unix() != 3 || !d.Once {
		t.Errorf("%+v, %v", d, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, halfNote+"*")); len(left) > 0 {
		t.Error("half a note is left")
	}
}

func TestRanges(t *testing.T) {
	for header, want := range map[string][2]int64{
		"": {0, 50}, "bytes 0-0/5000": {0, 5000}, "bytes 100-199/5000": {100, 5000},
	} {
		if from, bytes, ok := rangeOf(header, 50); !ok || from != want[0] || bytes != want[1] {
			t.Errorf("%q: %d of %d, %v", header, from, bytes, ok)
		}
	}
	for _, header := range []string{"bytes */5000", "bytes 1-2/*", "bytes -1-2/10", "bytes 12-13/10", "x"} {
		if _, _, ok := rangeOf(header, 50); ok {
			t.Errorf("%q was understood", header)
		}
	}
}

// What is in the way of the store's state for a moment, as a reader is on Windows, does not
// keep it from being saved.
func TestStateIsTriedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, stateFile)
	if err := os.MkdirAll(filepath.Join(file, "in-the-way"), 0o700); err != nil {
		t.Fatal(err)
	}
	gone := time.AfterFunc(60*time.Millisecond, func() { _ = os.RemoveAll(file) })
	defer gone.Stop()
	if err := (state{}).save(dir); err != nil {
		t.Error(err)
	}
}
