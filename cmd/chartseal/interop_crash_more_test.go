//go:build interop && unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chartseal/testdata/postgres"
	"chartseal/testdata/practice"
)

// TestInteropCrashShared is the crash matrix on PostgreSQL: steps (every one with
// -crash.every 1) and random instants, each run with a database of its own.
func TestInteropCrashShared(t *testing.T) {
	t.Parallel()
	need(t, "pdftotext", "pg_dump")
	pg := postgres.Start(t)
	var mu sync.Mutex // one copy at a time: nobody may be connected to what is copied
	var names []string
	m := newMatrix(t, crashSlots(), func(s *stock, home string) {
		replaceIn(t, filepath.Join(home, "chartseal.yaml"), `database: ""`, `database: "`+pg.URL()+`"`)
		s.database = func(name string, empty bool) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			names = append(names, name)
			if empty {
				return pg.Copy(t.Context(), name, "template0")
			}
			return pg.Copy(t.Context(), name, postgres.Database)
		}
	})
	m.passphrase = wordsOf
	var blows []blow
	rng := newRand(t)
	some := rng.IntN(*crashEvery) // others each time
	for i := range m.countPoints(false) {
		if i%*crashEvery != some {
			continue
		}
		victim := everything
		if i%3 == 2 {
			victim = onlyDaemon
		}
		blows = append(blows, blow{steps: []int{i + 1}, victim: victim})
	}
	for i := range m.countPoints(true) {
		if i%(6**crashEvery) == some {
			blows = append(blows, blow{steps: []int{i + 1, 2 + i%7}, victim: everything, fresh: true})
		}
	}
	m.strikeAll(blows)
	m.report("(PostgreSQL, steps)", len(blows)*9/10, 30 / *crashEvery)
	m.strikeAll(instants(rng, 20 / *crashEvery + *crashRuns, m.length, everything, onlyDaemon))
	m.report("(PostgreSQL, random instants)", len(m.done)*9/10, 30 / *crashEvery)
	for i, name := range names {
		if i%5 == 2 && !slices.Contains(names, name+"-new") { // whose own was not used
			noPatientsIn(t, pg, name, []string{"Mueller-1", "Alvarez-2", "Nguyen-3"})
		}
	}
}

// TestInteropCrashParts ends chartseal, or its store, while a bundle goes up in
// parts. Enough of the blows must have left an upload half done.
func TestInteropCrashParts(t *testing.T) {
	t.Parallel()
	need(t, "pdftotext")
	m := newMatrix(t, crashSlots(), func(s *stock, home string) {
		f, err := os.Create(filepath.Join(s.dir, "records", "20871", "radiographs", "volume.dcm"))
		must(t, err)
		must(t, practice.WriteMultiFrameCBCT(f, 600, 600, 80, "20871")) // 58 MB, several parts also when compressed
		must(t, f.Close())
	})
	m.passphrase = wordsOf
	var partly atomic.Int32
	m.ripe = func(c *scene) bool {
		releases, _ := filepath.Glob(c.path("state", "releases", "*.json"))
		for _, f := range releases {
			if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, []byte(`"upload_id": "`)) {
				partly.Add(1)
				return true
			}
		}
		return false
	}
	blows := instants(newRand(t), max(3, 24 / *crashEvery)+*crashRuns/4, 250*time.Millisecond, everything, onlyDaemon, onlyStore)
	for i := range blows { // once, twice and three times in turn: a second one meets other steps than the first
		for len(blows[i].after) < 1+(i+1)%3 {
			blows[i].after = append(blows[i].after, blows[i].after[0]/2)
		}
	}
	m.strikeAll(blows)
	m.report("(uploads in parts)", len(m.done)*9/10, 3)
	if n := int(partly.Load()); n < len(m.done) {
		t.Errorf("only %d blows met an upload in parts", n)
	}
}

func replaceIn(t *testing.T, file, old, now string) {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	if !strings.Contains(string(b), old) {
		t.Fatalf("%s has no %q", filepath.Base(file), old)
	}
	must(t, os.WriteFile(file, []byte(strings.Replace(string(b), old, now, 1)), 0o600))
}
