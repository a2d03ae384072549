package watch

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func rndName() string { return rand.Text() }

func ownedBy(t *testing.T, dir, id string, more ...func(*Options)) (*Outbox, error) {
	t.Helper()
	opts := Options{Owner: id, Settle: 2 * time.Second, Memory: filepath.Join(t.TempDir(), "outbox.json")}
	for _, f := range more {
		f(&opts)
	}
	o, err := Open(dir, opts)
	if err == nil {
		t.Cleanup(func() { _ = o.Close() })
	}
	return o, err
}

func mustOwn(t *testing.T, dir, id string, more ...func(*Options)) *Outbox {
	t.Helper()
	o, err := ownedBy(t, dir, id, more...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func shared(group string) func(*Options) {
	return func(o *Options) { o.Shared, o.Group = true, group }
}

// A crash or a full disk may leave the record of an owner empty: its daemon starts all
// the same, and no other does.
func TestADamagedRecordKeepsNobodyOutOfHisOutbox(t *testing.T) {
	dir := t.TempDir()
	if err := mustOwn(t, dir, "front-desk-1").Close(); err != nil {
		t.Fatal(err)
	}
	record := filepath.Join(dir, filepath.FromSlash(ownerPath("front-desk-1")))
	if err := os.Truncate(record, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := ownedBy(t, dir, "back-office-2"); !errors.Is(err, ErrOwned) {
		t.Errorf("another daemon gets %v", err)
	}
	mustOwn(t, dir, "front-desk-1")
	if info, err := os.Stat(record); err != nil || info.Size() == 0 {
		t.Errorf("the record was not written anew: %v", err)
	}
}

func TestAnotherDaemonsOutboxIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := mustOwn(t, dir, "front-desk-1")
	_, err := ownedBy(t, dir, "back-office-2")
	if who, ok := errors.AsType[*OwnedError](err); !ok || !errors.Is(err, ErrOwned) || who.Owner != "front-desk-1" {
		t.Fatalf("a second daemon gets %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ownedBy(t, dir, "back-office-2"); !errors.Is(err, ErrOwned) {
		t.Fatalf("beside a dead owner: %v", err)
	}
	for _, f := range []func(*Options){shared("pg")} {
		if _, err := ownedBy(t, dir, "back-office-2", f); !errors.Is(err, ErrOwned) {
			t.Fatalf("shared beside unshared: %v", err)
		}
	}
	mustOwn(t, dir, "front-desk-1") // the same again
	if looker, err := Open(dir, Options{}); err != nil {
		t.Fatal(err)
	} else if err := looker.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDaemonsOfOneDatabaseShareAnOutbox(t *testing.T) {
	dir := t.TempDir()
	a, b := mustOwn(t, dir, "a", shared("pg")), mustOwn(t, dir, "b", shared("pg"))
	if _, err := ownedBy(t, dir, "c", shared("other")); !errors.Is(err, ErrOwned) {
		t.Fatalf("another database: %v", err)
	}
	if _, err := ownedBy(t, dir, "d"); !errors.Is(err, ErrOwned) {
		t.Fatalf("no database: %v", err)
	}
	claimed(t, a, "a.yaml", "x")
	claimed(t, b, "b.yaml", "x")
	for o, want := range map[*Outbox]string{a: "a.yaml", b: "b.yaml"} {
		claims, err := o.Claims()
		if err != nil || len(claims) != 1 || claims[0].File != want {
			t.Errorf("%s: %v, %v", want, claims, err)
		}
		sweep(t, o)
		if c, s := sweep(t, o); len(c) != 0 {
			t.Errorf("%s took %v, %+v", want, c, s)
		}
	}
}

func TestTakingOverADeadDaemonsWork(t *testing.T) {
	dir := t.TempDir()
	dead := mustOwn(t, dir, "dead")
	claimed(t, dead, "left.yaml", "x")
	heir := Options{Owner: "heir", Memory: filepath.Join(t.TempDir(), "outbox.json")}
	if err := TakeOver(dir, heir, "somebody"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("an owner that is not there: %v", err)
	}
	if err := TakeOver(dir, heir, "dead"); err != nil {
		t.Fatal(err)
	}
	o := mustOwn(t, dir, "heir")
	claims, err := o.Claims()
	if err != nil || len(claims) != 1 || claims[0].File != "left.yaml" {
		t.Fatalf("%v, %v", claims, err)
	}
	if _, err := dead.Sweep(t.Context(), nil); !errors.Is(err, ErrOwned) {
		t.Fatalf("the one taken over goes on: %v", err)
	}
}

// away moves the outbox away and leaves an empty folder, as an unmounted share
// does. The folder counts as another file system's.
func away(t *testing.T, o *Outbox, dir string) (back func()) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a folder that is open cannot be renamed on Windows")
	}
	if err := os.Rename(dir, dir+".share"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o.device = "the share's"
	return func() {
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(dir+".share", dir); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnEmptyMountPointIsNotTheOutbox(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o := mustOwn(t, dir, "a")
	c := claimed(t, o, "R-1.yaml", "x")
	back := away(t, o, dir)
	if _, err := o.Sweep(t.Context(), nil); !errors.Is(err, ErrAway) {
		t.Fatalf("scan: %v", err)
	}
	// The handle still sees the folder that was moved; an unmounted one does not.
	if err := os.Rename(filepath.Join(dir+".share", workingDir, c.ID), filepath.Join(dir+".share", "x")); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Claim(c.ID); !errors.Is(err, ErrAway) || errors.Is(err, ErrNoClaim) {
		t.Fatalf("a claim on a share that is away: %v", err)
	}
	if got := list(t, dir); len(got) != 0 {
		t.Fatalf("written into the mount point: %q", got)
	}
	if err := os.Rename(filepath.Join(dir+".share", "x"), filepath.Join(dir+".share", workingDir, c.ID)); err != nil {
		t.Fatal(err)
	}
	back()
	if _, err := o.Claim(c.ID); err != nil {
		t.Fatalf("after it came back: %v", err)
	}
	sweep(t, o)
}

func TestAnEmptyMountPointIsNotTheOutboxAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	m := filepath.Join(t.TempDir(), "outbox.json")
	with := func(o *Options) { o.Memory = m }
	o := mustOwn(t, dir, "a", with)
	o.device = "the share's"
	if err := o.remember(); err != nil {
		t.Fatal(err)
	}
	back := away(t, o, dir)
	if _, err := ownedBy(t, dir, "a", with); !errors.Is(err, ErrAway) {
		t.Fatalf("the empty folder: %v", err)
	}
	if got := list(t, dir); len(got) != 0 {
		t.Fatalf("written into the mount point: %q", got)
	}
	if err := Adopt(dir, Options{Owner: "a", Memory: m}); err != nil {
		t.Fatal(err)
	}
	mustOwn(t, dir, "a", with)
	if err := os.RemoveAll(filepath.Join(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	back()
	if _, err := ownedBy(t, dir, "a", with); !errors.Is(err, ErrAway) {
		t.Fatalf("another outbox in its place: %v", err)
	}
}

func TestAnOutboxMadeAnewOnTheSameDiskGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o := mustOwn(t, dir, "a")
	if runtime.GOOS == "windows" {
		t.Skip("a folder that is open cannot be removed on Windows")
	}
	c := claimed(t, o, "R-1.yaml", "x")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Claim(c.ID); !errors.Is(err, ErrNoClaim) {
		t.Fatalf("a claim a person deleted: %v", err)
	}
	sweep(t, o)
	if err := os.RemoveAll(filepath.Join(dir, markDir)); err != nil { // staff tidy up
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, heldDir)); err != nil {
		t.Fatal(err)
	}
	sweep(t, o)
	mustOwn(t, dir, "a")
	if _, err := os.Stat(filepath.Join(dir, heldDir)); err != nil {
		t.Fatal(err)
	}
}

func TestAClaimsFolderThatWasRenamedIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	o := mustOwn(t, dir, "a")
	c := claimed(t, o, "R-1.yaml", "x")
	working := filepath.Join(dir, workingDir)
	if err := os.Rename(filepath.Join(working, c.ID), filepath.Join(working, "Maria")); err != nil {
		t.Fatal(err)
	}
	if again, err := o.Claim(c.ID); err != nil || again.File != "R-1.yaml" {
		t.Fatalf("%v, %v", again, err)
	}
	// Taken away, reported gone, and brought back: it is worked on anew.
	outside := filepath.Join(t.TempDir(), "desk")
	if err := os.Rename(filepath.Join(working, c.ID), outside); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Claim(c.ID); !errors.Is(err, ErrNoClaim) {
		t.Fatal(err)
	}
	if err := os.Rename(outside, filepath.Join(working, c.ID)); err != nil {
		t.Fatal(err)
	}
	got, _ := sweep(t, o)
	if len(got) != 1 || got[0].File != "R-1.yaml" || got[0].ID == c.ID {
		t.Fatalf("%+v", got)
	}
	if err := os.RemoveAll(filepath.Join(working, got[0].ID, notesDir)); err != nil { // tidied by hand
		t.Fatal(err)
	}
	if again, err := o.Claim(got[0].ID); err != nil || again.File != "R-1.yaml" {
		t.Fatalf("%v, %v", again, err)
	}
}

func TestWorkingFoldersAreTidiedButNeverAnOrder(t *testing.T) {
	dir := t.TempDir()
	clk := &clock{time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	o := mustOwn(t, dir, "a", func(o *Options) { o.Now = clk.now })
	working := filepath.Join(dir, workingDir)
	for _, d := range []string{"left/" + notesDir, "left/" + outDir, "notes/" + oldDir + "/0", "mixed"} {
		if err := os.MkdirAll(filepath.Join(working, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(working, "left", outDir), "hold.json", "{}")
	put(t, filepath.Join(working, "left"), "Thumbs.db", "x")
	put(t, filepath.Join(working, "notes", oldDir, "0"), "R-0.yaml", "an earlier hold")
	put(t, filepath.Join(working, "mixed"), "one.yaml", "1")
	put(t, filepath.Join(working, "mixed"), "two.yaml", "2")
	put(t, working, "loose.yaml", "3")
	sweep(t, o)
	if got := list(t, working); len(got) != 4 {
		t.Fatalf("removed too soon: %q", got)
	}
	clk.advance(emptyAge)
	_, s := sweep(t, o)
	if got := list(t, working); len(got) != 3 {
		t.Fatalf("left: %q", got)
	}
	if len(s.Left) != 3 {
		t.Fatalf("named: %+v", s.Left)
	}
	looker, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := looker.Look()
	if err = errors.Join(err, looker.Close()); err != nil || len(p.Left) != 3 || len(p.Ignored) != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	if text(t, working, "notes", oldDir, "0", "R-0.yaml") != "an earlier hold" {
		t.Fatal("an earlier hold is lost")
	}
}
