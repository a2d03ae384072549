package ledger

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// written is a ledger of three years as its lines.
func written(t *testing.T) (years []string, lines map[string][][]byte, head Head) {
	t.Helper()
	dir, c := t.TempDir(), at(2024)
	l := openLedger(t, dir, c)
	fill(t, l, 1, 4)
	c.set(time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC))
	fill(t, l, 5, 8)
	c.set(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC))
	fill(t, l, 9, 12)
	head = l.Head()
	years = verify(t, dir, head).Segments
	lines = map[string][][]byte{}
	for _, year := range years {
		text, err := os.ReadFile(filepath.Join(dir, year))
		if err != nil {
			t.Fatal(err)
		}
		lines[year] = slices.Collect(bytes.Lines(text))
	}
	return years, lines, head
}

func clone(lines map[string][][]byte) map[string][][]byte {
	out := map[string][][]byte{}
	for year, ls := range lines {
		for _, l := range ls {
			out[year] = append(out[year], bytes.Clone(l))
		}
	}
	return out
}

func write(t *testing.T, lines map[string][][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for year, ls := range lines {
		if err := os.WriteFile(filepath.Join(dir, year), bytes.Join(ls, nil), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Whatever is done to a ledger's lines at random, Verify sees it and Open
// refuses it. Only a cut at the very end needs the known head.
func TestTamperingIsDetected(t *testing.T) {
	years, lines, head := written(t)
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func() (string, int) {
		year := years[rng.IntN(len(years))]
		return year, rng.IntN(len(lines[year]))
	}
	acts := map[string]func(ls map[string][][]byte) (atEnd bool){
		"edit a byte": func(ls map[string][][]byte) bool {
			year, i := pick()
			at := rng.IntN(len(ls[year][i]) - 1) // all but the line feed
			ls[year][i][at] ^= byte(1 + rng.IntN(255))
			return false
		},
		"add white space": func(ls map[string][][]byte) bool {
			year, i := pick()
			ls[year][i] = bytes.Replace(ls[year][i], []byte(","), []byte(", "), 1)
			return false
		},
		"delete a line": func(ls map[string][][]byte) bool {
			year, i := pick()
			ls[year] = slices.Delete(ls[year], i, i+1)
			return year == years[2] && i == len(ls[year])
		},
		"swap two lines": func(ls map[string][][]byte) bool {
			y1, i := pick()
			y2, j := pick()
			for y1 == y2 && i == j {
				y2, j = pick()
			}
			ls[y1][i], ls[y2][j] = ls[y2][j], ls[y1][i]
			return false
		},
		"repeat a line": func(ls map[string][][]byte) bool {
			y1, i := pick()
			y2, j := pick()
			ls[y2] = slices.Insert(ls[y2], j, bytes.Clone(ls[y1][i]))
			return false
		},
		"replay at the end": func(ls map[string][][]byte) bool {
			year, i := pick()
			ls[years[2]] = append(ls[years[2]], bytes.Clone(ls[year][i]))
			return false
		},
		"cut a segment's end": func(ls map[string][][]byte) bool {
			year, i := pick()
			ls[year] = ls[year][:i]
			return year == years[2]
		},
		"cut a segment's beginning": func(ls map[string][][]byte) bool {
			year, i := pick()
			ls[year] = ls[year][i+1:]
			return year == years[2] && len(ls[year]) == 0
		},
		"delete a segment": func(ls map[string][][]byte) bool {
			year, _ := pick()
			delete(ls, year)
			return year == years[2]
		},
		"swap two segments": func(ls map[string][][]byte) bool {
			i := rng.IntN(2)
			ls[years[i]], ls[years[i+1]] = ls[years[i+1]], ls[years[i]]
			return false
		},
		"join lines": func(ls map[string][][]byte) bool {
			year, i := pick()
			if i == len(ls[year])-1 {
				i--
			}
			ls[year][i] = bytes.TrimSuffix(ls[year][i], []byte("\n"))
			return false
		},
		"empty line": func(ls map[string][][]byte) bool {
			year, i := pick()
			ls[year] = slices.Insert(ls[year], i, []byte("\n"))
			return false
		},
		"rename a segment": func(ls map[string][][]byte) bool {
			ls["2027.jsonl"] = ls[years[2]]
			delete(ls, years[2])
			return false
		},
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			for range 25 {
				changed := clone(lines)
				atEnd := act(changed)
				dir := write(t, changed)
				_, err := Verify(t.Context(), dir, head)
				var broken *BrokenError
				if !errors.As(err, &broken) || !errors.Is(err, ErrBroken) {
					t.Fatalf("verify with head: %v, want a BrokenError", err)
				}
				if broken.Seq == 0 || broken.Seq > 13 || strings.Contains(err.Error(), dir) {
					t.Errorf("verify says %v", err)
				}
				if _, err = Verify(t.Context(), dir); (err == nil) != atEnd {
					t.Fatalf("verify without head: %v, at the end %v", err, atEnd)
				}
				l, err := Open(dir, at(2026).now)
				if (err == nil) != atEnd {
					t.Fatalf("open: %v, at the end %v", err, atEnd)
				}
				if l != nil {
					_ = l.Close()
				}
			}
		})
	}
}

func TestVerifyNamesTheEntry(t *testing.T) {
	years, lines, head := written(t)
	for _, tc := range []struct {
		name  string
		act   func(ls map[string][][]byte)
		want  BrokenError
		known []Head
	}{
		{"edit", func(ls map[string][][]byte) {
			ls[years[1]][2] = bytes.Replace(ls[years[1]][2], []byte("referral"), []byte("nothing."), 1)
		}, BrokenError{"2025.jsonl", 3, 7, Edited}, nil},
		{"deletion", func(ls map[string][][]byte) { ls[years[1]] = slices.Delete(ls[years[1]], 1, 2) }, BrokenError{"2025.jsonl", 2, 7, Missing}, nil},
		{"missing segment", func(ls map[string][][]byte) { delete(ls, years[1]) }, BrokenError{"2026.jsonl", 1, 9, Missing}, nil},
		{"repetition", func(ls map[string][][]byte) { ls[years[0]] = append(ls[years[0]], ls[years[0]][1]) }, BrokenError{"2024.jsonl", 5, 2, Displaced}, nil},
		{"garbage", func(ls map[string][][]byte) { ls[years[0]][0] = []byte("hello\n") }, BrokenError{"2024.jsonl", 1, 1, Malformed}, nil},
		{"cut end", func(ls map[string][][]byte) { ls[years[2]] = ls[years[2]][:3] }, BrokenError{Seq: 12, Fault: Cut}, []Head{head}},
		{"other known hash", func(map[string][][]byte) {}, BrokenError{"2024.jsonl", 3, 3, Replaced}, []Head{{3, genesis}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed := clone(lines)
			tc.act(changed)
			r, err := Verify(t.Context(), write(t, changed), tc.known...)
			var broken *BrokenError
			if !errors.As(err, &broken) || *broken != tc.want {
				t.Errorf("verify: %v, want %v", err, &tc.want)
			}
			if tc.want.Fault != Cut && tc.want.Fault != Replaced && r.Head.Seq >= 12 {
				t.Errorf("report %+v goes past the break", r)
			}
		})
	}
}

// An attacker who writes the ledger anew from some entry on, with hashes that
// fit, is found by any known head or receipt after it.
func TestRewrittenLedger(t *testing.T) {
	dir := t.TempDir()
	l := openLedger(t, dir, at(2026))
	fill(t, l, 1, 5)
	forged := t.TempDir()
	f := openLedger(t, forged, at(2026))
	for i := 1; i <= 5; i++ {
		e := sent(i)
		if i == 3 {
			e.Recipient = &Party{Name: "Somebody else"}
		}
		if _, err := f.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	verify(t, forged)
	if _, err := Verify(t.Context(), forged, l.Head()); !errors.Is(err, ErrBroken) {
		t.Errorf("verify: %v, want ErrBroken", err)
	}
}

// A file that is changed behind the ledger's back stops it.
func TestChangedWhileOpen(t *testing.T) {
	for name, act := range map[string]func(path string) error{
		"appended": func(path string) error { return appendTo(path, "x\n") },
		"cut":      func(path string) error { return truncate(path, 10) },
		"deleted":  os.Remove,
		"replaced": func(path string) error {
			text, err := os.ReadFile(path)
			return errors.Join(err, os.Rename(path, path+".old"), os.WriteFile(path, text, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := openLedger(t, t.TempDir(), at(2026))
			fill(t, l, 1, 2)
			if err := act(filepath.Join(l.dir, "2026.jsonl")); err != nil {
				t.Skipf("the system does not let this happen: %v", err)
			}
			for range 2 {
				if _, err := l.Append(t.Context(), sent(3)); !errors.Is(err, ErrStopped) {
					t.Errorf("append: %v, want ErrStopped", err)
				}
			}
		})
	}
}
