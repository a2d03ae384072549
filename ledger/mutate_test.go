package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// folder is a ledger's files as they are on the disk.
type folder map[string][]byte

func readFolder(t testing.TB, dir string) folder {
	t.Helper()
	f := folder{}
	for _, pattern := range []string{"*.jsonl", headName} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if f[filepath.Base(name)], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

func (f folder) write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	f.writeTo(t, dir)
	return dir
}

// writeTo leaves nothing else in a folder. What differs is written as a new file: a file
// that is cut and written again goes to the disk at once, which takes long.
func (f folder) writeTo(t testing.TB, dir string) {
	t.Helper()
	there := readFolder(t, dir)
	for name, b := range there {
		if now, stays := f[name]; !stays || !bytes.Equal(now, b) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, b := range f {
		if was, is := there[name]; is && bytes.Equal(was, b) {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (f folder) clone() folder {
	out := folder{}
	for name, b := range f {
		out[name] = bytes.Clone(b)
	}
	return out
}

func (f folder) same(g folder) bool { return maps.EqualFunc(f, g, bytes.Equal) }

// grown is a signed ledger of three years, and what its folder was after each entry.
func grown(t testing.TB) (past []folder, heads []SignedHead) {
	t.Helper()
	dir, c := t.TempDir(), at(2024)
	l, err := Open(dir, c.now, signing())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for n := 1; n <= 18; n++ {
		c.set(time.Date(2024+(n-1)/6, 2, n, 0, 0, 0, 0, time.UTC))
		if _, err := l.Append(t.Context(), sent(n)); err != nil {
			t.Fatal(err)
		}
		now := readFolder(t, dir)
		h, err := ParseHead(now[headName], testPub())
		if err != nil {
			t.Fatal(err)
		}
		past, heads = append(past, now), append(heads, h)
	}
	return past, heads
}

// A mutation changes a ledger's files in one way that a person or a fault might.
type mutation struct {
	name string
	do   func(rng *rand.Rand, f folder, past []folder)
}

func anySegment(rng *rand.Rand, f folder) string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(f)), func(n string) bool { return n == headName })
	return names[rng.IntN(len(names))]
}

// lines changes the lines of a segment.
func lines(change func(rng *rand.Rand, all [][]byte) [][]byte) func(*rand.Rand, folder, []folder) {
	return func(rng *rand.Rand, f folder, _ []folder) {
		name := anySegment(rng, f)
		f[name] = bytes.Join(change(rng, slices.Collect(bytes.Lines(f[name]))), nil)
	}
}

var mutations = []mutation{
	{"edit", func(rng *rand.Rand, f folder, _ []folder) {
		name := anySegment(rng, f)
		f[name][rng.IntN(len(f[name]))] ^= byte(1 + rng.IntN(255))
	}},
	{"edit a text and its hash", func(rng *rand.Rand, f folder, _ []folder) { // whoever knows the format, and has no key
		name := anySegment(rng, f)
		all := slices.Collect(bytes.Lines(f[name]))
		i := rng.IntN(len(all))
		var e Entry
		if old, err := decode(all[i]); err == nil {
			e = *old
		}
		e.Hash, e.Purpose = "", "another purpose"
		all[i], _, _ = e.seal()
		f[name] = bytes.Join(all, nil)
	}},
	{"drop", lines(func(rng *rand.Rand, all [][]byte) [][]byte {
		i := rng.IntN(len(all))
		return slices.Delete(all, i, i+1)
	})},
	{"swap", lines(func(rng *rand.Rand, all [][]byte) [][]byte {
		i, j := rng.IntN(len(all)), rng.IntN(len(all))
		all[i], all[j] = all[j], all[i]
		return all
	})},
	{"repeat", lines(func(rng *rand.Rand, all [][]byte) [][]byte {
		return slices.Insert(all, rng.IntN(len(all)), all[rng.IntN(len(all))])
	})},
	{"truncate", func(rng *rand.Rand, f folder, _ []folder) {
		name := anySegment(rng, f)
		f[name] = f[name][:rng.IntN(len(f[name]))]
	}},
	{"cut the end of the newest", func(rng *rand.Rand, f folder, _ []folder) {
		name := slices.Max(slices.DeleteFunc(slices.Collect(maps.Keys(f)), func(n string) bool { return n == headName }))
		f[name] = f[name][:rng.IntN(len(f[name]))]
	}},
	{"delete a segment", func(rng *rand.Rand, f folder, _ []folder) { delete(f, anySegment(rng, f)) }},
	{"replay an old file", func(rng *rand.Rand, f folder, past []folder) {
		old := past[rng.IntN(len(past)-1)]
		name := anySegment(rng, old)
		f[name] = bytes.Clone(old[name])
	}},
	{"replay everything but the head", func(rng *rand.Rand, f folder, past []folder) {
		old := past[rng.IntN(len(past)-1)]
		head := f[headName]
		clear(f)
		maps.Copy(f, old.clone())
		f[headName] = head
	}},
	{"add entries", func(rng *rand.Rand, f folder, _ []folder) { // with the right hash, and without the key
		last := slices.Collect(bytes.Lines(f["2026.jsonl"]))
		e, err := decode(last[len(last)-1])
		if err != nil {
			return
		}
		for range 1 + rng.IntN(2) {
			e.Seq, e.Prev, e.Hash, e.Key = e.Seq+1, e.Hash, "", fmt.Sprint("added", e.Seq)
			line, hash, _ := e.seal()
			f["2026.jsonl"], e.Hash = append(f["2026.jsonl"], line...), hash
		}
	}},
	{"delete the head", func(rng *rand.Rand, f folder, _ []folder) {
		delete(f, headName)
		name := anySegment(rng, f)
		f[name] = f[name][:bytes.LastIndexByte(f[name][:len(f[name])-1], '\n')+1]
	}},
	{"rename a segment", func(_ *rand.Rand, f folder, _ []folder) {
		f["2027.jsonl"] = f["2026.jsonl"]
		delete(f, "2026.jsonl")
	}},
}

// Whatever is changed at random in the segments, the signed head beside them shows it;
// and where that was replaced by an older one as well, one that was kept elsewhere.
func TestEveryMutationIsDetected(t *testing.T) {
	past, heads := grown(t)
	whole, latest := past[len(past)-1], heads[len(heads)-1]
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			changed, dir := 0, t.TempDir()
			for seed := range uint64(60) {
				rng := rand.New(rand.NewPCG(seed, 8))
				f := whole.clone()
				for range 1 + rng.IntN(3) {
					if len(f) > 1 {
						m.do(rng, f, past)
					}
				}
				if f.same(whole) {
					continue
				}
				changed++
				f.writeTo(t, dir)
				if _, err := VerifySigned(t.Context(), dir, testPub()); !errors.Is(err, ErrBroken) {
					t.Fatalf("seed %d: %v", seed, err)
				}
				f[headName] = past[rng.IntN(len(past))][headName]
				f.writeTo(t, dir)
				if _, err := VerifySigned(t.Context(), dir, testPub(), latest); !errors.Is(err, ErrBroken) {
					t.Fatalf("seed %d, with another head: %v", seed, err)
				}
			}
			if changed < 3 {
				t.Errorf("only %d seeds changed anything", changed)
			}
		})
	}
}

// A folder that was brought back whole, with its own head, is found by any head of a
// later entry.
func TestEveryRollBackIsDetected(t *testing.T) {
	past, heads := grown(t)
	for i, f := range past {
		dir := f.write(t)
		if _, err := VerifySigned(t.Context(), dir, testPub(), heads[:i+1]...); err != nil {
			t.Errorf("after entry %d: %v", i+1, err)
		}
		for j := i + 1; j < len(heads); j++ {
			_, err := VerifySigned(t.Context(), dir, testPub(), heads[j])
			wantFault(t, err, uint64(i+2), Cut)
		}
	}
}
