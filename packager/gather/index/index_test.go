package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chartseal/packager/gather"
	"chartseal/testdata/racing"
)

func TestFind(t *testing.T) {
	b := newBench(t)
	for i := range 50 {
		b.patient(fmt.Sprintf("d%d/e%d/%03d.dcm", i%3, i%5, i), fmt.Sprint(i%10))
	}
	b.patient("spelled", " ABC-é ")
	b.put("note.txt", []byte("no image"))
	b.put("broken.dcm", picture(t, "1")[:200])
	b.patient("nobody", "  ")
	b.put("Thumbs.db", []byte("junk"))
	b.open()
	wantReads(t, "first", b.want("3", 2, "d0/e3/003.dcm", "d0/e3/033.dcm", "d1/e3/013.dcm", "d1/e3/043.dcm", "d2/e3/023.dcm"), 53)
	wantReads(t, "second", b.want("abc-e\u0301", 2, "spelled"), 0)
	b.want("", 2)
	b.want("99", 2)
}

func TestChanges(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(b *bench)
		mine   []string
		reads  int
	}{
		{"nothing", func(*bench) {}, []string{"a/1", "a/b/2"}, 0},
		{"new file", func(b *bench) { b.patient("a/b/new", "1") }, []string{"a/1", "a/b/2", "a/b/new"}, 1},
		{"new folders", func(b *bench) { b.patient("x/y/z/new", "1") }, []string{"a/1", "a/b/2", "x/y/z/new"}, 1},
		{"another's new file", func(b *bench) { b.patient("a/b/new", "2") }, []string{"a/1", "a/b/2"}, 1},
		{"removed", func(b *bench) { b.must(os.Remove(b.path("a/1"))) }, []string{"a/b/2"}, 0},
		{"folder removed", func(b *bench) { b.must(os.RemoveAll(b.path("a/b"))) }, []string{"a/1"}, 0},
		{"renamed", func(b *bench) { b.must(os.Rename(b.path("a/1"), b.path("c/renamed"))) }, []string{"a/b/2", "c/renamed"}, 1},
		{"folder renamed", func(b *bench) { b.must(os.Rename(b.path("a"), b.path("z"))) }, []string{"z/1", "z/b/2"}, 4},
		{"folders exchanged", func(b *bench) {
			b.must(os.Rename(b.path("a"), b.path("t")))
			b.must(os.Rename(b.path("c"), b.path("a")))
			b.must(os.Rename(b.path("t"), b.path("c")))
		}, []string{"c/1", "c/b/2"}, 6},
		{"replaced by another's", func(b *bench) { b.replace("a/1", "2") }, []string{"a/b/2"}, 1},
		{"replaced by this patient's", func(b *bench) { b.replace("a/3", "1") }, []string{"a/1", "a/3", "a/b/2"}, 1},
		{"overwritten by another's", func(b *bench) { b.patient("a/1", "2") }, []string{"a/b/2"}, 1},
		{"a folder in a file's place", func(b *bench) {
			b.must(os.Remove(b.path("a/1")))
			b.patient("a/1/new", "1")
		}, []string{"a/1/new", "a/b/2"}, 1},
		{"a file in a folder's place", func(b *bench) {
			b.must(os.RemoveAll(b.path("a/b")))
			b.patient("a/b", "1")
		}, []string{"a/1", "a/b"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.patient("a/1", "1")
			b.patient("a/b/2", "1")
			b.patient("a/3", "2")
			b.patient("a/4", "3")
			b.patient("c/5", "3")
			b.patient("c/6", "3")
			b.open()
			b.want("1", 0, "a/1", "a/b/2")
			tc.change(b)
			wantReads(t, "after the change", b.want("1", 0, tc.mine...), tc.reads)
			b.open()
			wantReads(t, "after a restart", b.want("1", 0, tc.mine...), 0)
			b.must(b.index.Refresh(t.Context(), b.folder))
			b.want("1", 0, tc.mine...)
		})
	}
}

// replace puts another file in the place of one, as careful programs do.
func (b *bench) replace(rel, id string) {
	b.t.Helper()
	b.patient("../new", id)
	b.must(os.Rename(b.path("../new"), b.path(rel)))
}

// An image that is overwritten in place with equal length, and becomes this
// patient's, is found at once.
func TestOverwrittenInPlace(t *testing.T) {
	b := newBench(t)
	b.patient("a/1", "2")
	b.patient("a/2", "1")
	b.open()
	b.want("1", 0, "a/2")
	b.patient("a/1", "1")
	wantReads(t, "the one that changed", b.want("1", 0, "a/1", "a/2"), 1)
	b.open()
	b.patient("a/2", "3")
	b.patient("a/1", "3")
	b.want("3", 0, "a/1", "a/2")
}

// In a folder too large for that it is found after MaxAge, and until then the
// answer says how old it may be.
func TestOverwrittenInPlaceInALargeFolder(t *testing.T) {
	b := newBench(t)
	b.patient("a/1", "2")
	b.patient("a/2", "1")
	b.open()
	b.want("1", 0, "a/2")
	large := func() { b.index.spent(&folderRow{id: 1}, cheapPass+1) }
	large()
	b.patient("a/1", "1")
	b.later(time.Minute)
	if found := b.find("1"); len(found.Paths) != 1 || found.Unseen.Round(time.Minute) != time.Minute {
		t.Errorf("found %+v", found)
	}
	b.later(defaultMaxAge)
	if found := b.find("1"); len(found.Paths) != 2 || found.Unseen != 0 {
		t.Errorf("after MaxAge: %+v", found)
	}
	b.maxAge = -1
	b.open()
	large()
	b.patient("a/1", "3")
	b.want("3", 0, "a/1")
}

// Who only glances at many patients does not have every file's stamp compared for each; what
// was added is seen all the same.
func TestGlance(t *testing.T) {
	b := newBench(t)
	b.patient("a/1", "2")
	b.patient("a/2", "1")
	b.open()
	b.want("1", 0, "a/2")
	glance := func(want ...string) {
		t.Helper()
		b.folder.Glance = true
		defer func() { b.folder.Glance = false }()
		found := b.find("1")
		if slices.Sort(found.Paths); !slices.Equal(found.Paths, want) {
			t.Errorf("found %q, want %q", found.Paths, want)
		}
	}
	b.patient("a/1", "1") // in place
	b.patient("b/3", "1")
	glance("a/2", "b/3")
	b.want("1", 0, "a/1", "a/2", "b/3")
	b.patient("a/2", "3")
	glance("a/1", "b/3") // those of an answer are compared
}

// A share that is not connected leaves an empty folder behind: nobody's records
// are gone for that.
func TestEmptied(t *testing.T) {
	b := newBench(t)
	b.open()
	b.want("1", 0)
	b.patient("a/1", "1")
	b.patient("2", "1")
	b.want("1", 0, "2", "a/1")
	away := b.images + "-away"
	b.must(os.Rename(b.images, away))
	b.must(os.Mkdir(b.images, 0o755))
	for range 2 {
		b.open() // the folder is opened anew for every order
		if _, err := b.index.Find(t.Context(), b.folder, "1"); !errors.Is(err, gather.ErrEmptied) {
			t.Fatalf("find in an empty place: %v", err)
		}
		if err := b.index.Refresh(t.Context(), b.folder); !errors.Is(err, gather.ErrEmptied) {
			t.Fatalf("refresh of an empty place: %v", err)
		}
	}
	b.must(os.Remove(b.images))
	b.must(os.Rename(away, b.images))
	b.open()
	wantReads(t, "back again", b.want("1", 0, "2", "a/1"), 0)
}

// What another program is still writing is looked at by every Find.
func TestFileBeingWritten(t *testing.T) {
	b := newBench(t)
	b.now = time.Now()
	whole := picture(t, "1")
	b.put("a", whole[:150])
	b.put("b", nil)
	b.patient("c", "2")
	b.open()
	b.want("1", 1)
	b.put("a", whole)
	b.put("b", whole)
	b.want("1", 0, "a", "b")
	b.patient("c", "1")
	b.want("1", 0, "a", "b", "c")
}

// A broken image that is mended in place is found at once.
func TestMendedInPlace(t *testing.T) {
	b := newBench(t)
	b.put("a", picture(t, "1")[:200])
	b.open()
	b.want("1", 1)
	wantReads(t, "a broken file again", b.want("1", 1), 0)
	b.patient("a", "1")
	b.want("1", 0, "a")
}

// The database is named by a URI, in which some characters mean something.
func TestStateFolderWithAnOddName(t *testing.T) {
	b := newBench(t)
	b.state = filepath.Join(b.state, "état #1 %41&b=c;d")
	b.patient("a", "1")
	b.open()
	b.want("1", 0, "a")
	if info, err := os.Stat(filepath.Join(b.state, "images.db")); err != nil || info.Size() == 0 {
		t.Errorf("no database in the folder: %v", err)
	}
	if len(b.told) != 0 {
		t.Errorf("told %v", b.told)
	}
}

func TestAnotherKeyOrReader(t *testing.T) {
	b := newBench(t)
	b.patient("a", "1")
	b.open()
	wantReads(t, "first", b.want("1", 0, "a"), 1)
	b.key = bytes.Repeat([]byte{8}, KeyBytes)
	b.open()
	wantReads(t, "another key", b.want("1", 0, "a"), 1)
	if len(b.told) != 1 || !errors.Is(b.told[0], ErrDamaged) {
		t.Errorf("told %v", b.told)
	}
	b.must(b.index.Close())
	x, err := Open(b.state, b.key, Options{Now: b.clock, Reader: "v2", Identify: b.identify, Trouble: b.trouble})
	b.must(err)
	defer x.Close()
	before := b.reads
	found, err := x.Find(t.Context(), b.folder, "1")
	if err != nil || len(found.Paths) != 1 || len(b.told) != 2 {
		t.Errorf("another reader: %+v, %v, told %v", found, err, b.told)
	}
	wantReads(t, "another reader", b.reads-before, 1)
	if _, err := Open(b.state, b.key[:31], Options{Now: b.clock}); err == nil {
		t.Error("a short key was taken")
	}
}

func TestStops(t *testing.T) {
	b := newBench(t)
	for i := range 30 {
		b.patient(fmt.Sprintf("d%d/%02d", i%3, i), "1")
	}
	b.open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.index.Find(ctx, b.folder, "1"); !errors.Is(err, context.Canceled) {
		t.Errorf("find: %v", err)
	}
	small, err := gather.OpenFolder(t.Context(), gather.Source{Kind: "cbct", Path: b.images + "/**", Match: gather.MatchDICOM}, gather.Limits{Search: 20})
	b.must(err)
	defer small.Close()
	for range 2 {
		if _, err := b.index.Find(t.Context(), small, "1"); !errors.Is(err, gather.ErrTooMany) {
			t.Errorf("find: %v, want %v", err, gather.ErrTooMany)
		}
	}
	b.find("1")
	if _, err := b.index.Find(t.Context(), small, "1"); !errors.Is(err, gather.ErrTooMany) {
		t.Errorf("find in a known folder: %v, want %v", err, gather.ErrTooMany)
	}
}

// Nothing in the index's files can be read: no id, no name, no path.
func TestNothingReadable(t *testing.T) {
	b := newBench(t)
	b.images = filepath.Join(t.TempDir(), "Folder Of The Practice", "images")
	b.must(os.MkdirAll(b.images, 0o755))
	secrets := []string{"canary77123", "alvarez maria", "panorama", "2025-05-03", "folder of the practice", "canary^carl"}
	b.patient("Alvarez Maria/2025-05-03/panorama.dcm", "CANARY77123")
	b.put("Alvarez Maria/panorama broken", picture(t, "CANARY77123")[:200])
	b.open()
	b.want("CANARY77123", 1, "Alvarez Maria/2025-05-03/panorama.dcm")
	check := func() {
		files, err := os.ReadDir(b.state)
		b.must(err)
		if len(files) == 0 {
			t.Error("no files")
		}
		for _, f := range files {
			data, err := os.ReadFile(filepath.Join(b.state, f.Name()))
			b.must(err)
			for _, secret := range secrets {
				if bytes.Contains(bytes.ToLower(data), []byte(secret)) {
					t.Errorf("%s holds %q", f.Name(), secret)
				}
			}
		}
	}
	check()
	b.shut()
	check()
}

// Under random edits the index gives the answers of a scan.
func TestLikeScan(t *testing.T) {
	seeds := uint64(6)
	if racing.Enabled {
		seeds = 1
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 5))
		b := newBench(t)
		b.patient("anchor", "9") // a folder that loses everything is another matter
		b.open()
		for range 40 {
			for range 1 + random.IntN(6) {
				b.edit(random)
			}
			switch random.IntN(8) {
			case 0:
				b.open()
			case 1:
				b.later(defaultMaxAge)
			case 2:
				b.must(b.index.Refresh(t.Context(), b.folder))
			}
			id := fmt.Sprint(random.IntN(5))
			b.likeScan(id, b.find(id))
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		if len(b.told) != 0 {
			t.Errorf("told %v", b.told)
		}
	}
}

// edit makes one random change.
func (b *bench) edit(random *rand.Rand) {
	dir := func() string {
		return strings.Repeat("/"+string(rune('a'+random.IntN(3))), random.IntN(4))
	}
	name := func() string { return dir() + "/" + string(rune('p'+random.IntN(8))) }
	file := name()
	_ = os.MkdirAll(filepath.Dir(b.path(file)), 0o755)
	switch random.IntN(11) {
	case 9, 10:
		_ = os.WriteFile(b.path(file), picture(b.t, fmt.Sprint(random.IntN(5))), 0o644)
	case 0, 1, 2:
		_ = os.Remove(b.path(file))
		_ = os.WriteFile(b.path(file), picture(b.t, fmt.Sprint(random.IntN(5))), 0o644)
	case 3:
		_ = os.Remove(b.path(file))
		_ = os.WriteFile(b.path(file), picture(b.t, "1")[:random.IntN(300)], 0o644)
	case 4:
		_ = os.Remove(b.path(file))
	case 5:
		_ = os.Rename(b.path(file), b.path(name()))
	case 6:
		if from, to := dir(), dir(); from != "" && to != "" {
			_ = os.Rename(b.path(from), b.path(to))
		}
	case 7:
		if d := dir(); d != "" {
			_ = os.RemoveAll(b.path(d))
		}
	case 8:
		_ = os.Symlink("q", b.path(file))
	}
}

// Finding, refreshing and editing at once: every file that was there all the
// time is found each time.
func TestConcurrent(t *testing.T) {
	b := newBench(t)
	var mine []string
	for i := range 300 {
		rel := fmt.Sprintf("d%d/e%d/%03d", i%4, i%7, i)
		b.patient(rel, fmt.Sprint(i%10))
		if i%10 == 3 {
			mine = append(mine, rel)
		}
	}
	slices.Sort(mine)
	b.open()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			rel := b.path(fmt.Sprintf("d%d/new%d", i%4, i%9))
			_ = os.WriteFile(rel, picture(t, "5"), 0o644)
			_ = os.Remove(b.path(fmt.Sprintf("d%d/new%d", i%4, (i+4)%9)))
			_ = os.MkdirAll(b.path(fmt.Sprintf("x%d/y", i%5)), 0o755)
			_ = os.RemoveAll(b.path(fmt.Sprintf("x%d", (i+2)%5)))
		}
	})
	all.Go(func() {
		for ctx.Err() == nil {
			b.later(time.Minute)
			if err := b.index.Refresh(ctx, b.folder); err != nil && ctx.Err() == nil {
				t.Errorf("refresh: %v", err)
			}
		}
	})
	for range 3 {
		all.Go(func() {
			for ctx.Err() == nil {
				found, err := b.index.Find(ctx, b.folder, "3")
				if ctx.Err() != nil {
					return
				}
				slices.Sort(found.Paths)
				if err != nil || !slices.Equal(found.Paths, mine) {
					t.Errorf("%d files, %v; want %d", len(found.Paths), err, len(mine))
				}
			}
		})
	}
	all.Wait()
	if len(b.told) != 0 {
		t.Errorf("told %v", b.told)
	}
	b.likeScan("5", b.find("5"))
}

// A folder that was forgotten because nothing asks for it any more takes its
// rows with it.
func TestForgets(t *testing.T) {
	b := newBench(t)
	b.patient("a/1", "1")
	b.open()
	b.want("1", 0, "a/1")
	b.later(unused + time.Hour)
	b.open()
	wantReads(t, "after a long time", b.want("1", 0, "a/1"), 1)
	for table, want := range map[string]int{"folder": 1, "dir": 2, "file": 1} {
		n, err := b.index.store.number(t.Context(), "SELECT count(*) FROM "+table)
		if err != nil || n != want {
			t.Errorf("%s has %d rows, want %d; %v", table, n, want, err)
		}
	}
}
