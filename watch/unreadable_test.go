package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A claim that cannot be read at the start keeps no other from being worked on. It
// is named until it can be read, and then offered.
func TestAClaimThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	dir := t.TempDir()
	opts := Options{Owner: "here-1"}
	o, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := o.Accept("bad.yaml", []byte("order: R-1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	good, err := o.Accept("good.yaml", []byte("order: R-2"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(dir, workingDir, bad.ID, notesDir, claimNote)
	if err := os.Rename(note, note+".aside"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(note, 0o700); err != nil { // to read it fails, also for root
		t.Fatal(err)
	}

	if o, err = Open(dir, opts); err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	claims, err := o.Claims()
	if err != nil || len(claims) != 1 || claims[0].ID != good.ID {
		t.Fatalf("%v, %v", claims, err)
	}
	offered := map[string]bool{}
	handle := func(_ context.Context, c *Claim) error { offered[c.ID] = true; return nil }
	if err := o.Offer(t.Context(), handle, claims[0]); err != nil {
		t.Fatal(err)
	}
	s, err := o.Sweep(t.Context(), handle)
	if err != nil || len(s.Left) != 1 || s.Left[0].Name != workingDir+"/"+bad.ID || offered[bad.ID] {
		t.Fatalf("%+v, %v, %v", s, err, offered)
	}
	if n, err := o.Working(); n != 2 || err != nil {
		t.Errorf("%d are being worked on, %v", n, err)
	}
	if err := os.Remove(note); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(note+".aside", note); err != nil {
		t.Fatal(err)
	}
	if s, err = o.Sweep(t.Context(), handle); err != nil || len(s.Left) != 0 || !offered[bad.ID] || !offered[good.ID] {
		t.Errorf("%+v, %v, %v", s, err, offered)
	}
}

// A folder that staff made in working/ with an order in it gets a name of ours before
// anybody works on it: theirs may name a patient, and claims are named in logs.
func TestAFolderOfStaffsOwnGetsAnotherName(t *testing.T) {
	for _, name := range []string{"Maria Alvarez", "alvarez", "1xcopy - Copy"} {
		dir := t.TempDir()
		o := mustOwn(t, dir, "here-1")
		if err := os.Mkdir(filepath.Join(dir, workingDir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, dir, filepath.Join(workingDir, name, "r.yaml"), "order: R-1")
		if claims, err := o.Claims(); err != nil || len(claims) != 0 {
			t.Errorf("%s: offered at the start: %v, %v", name, claims, err)
		}
		claims, _ := sweep(t, o)
		if len(claims) != 1 || !idForm.MatchString(claims[0].ID) || claims[0].File != "r.yaml" {
			t.Fatalf("%s: %+v", name, claims)
		}
		if b, err := claims[0].Order(); err != nil || string(b) != "order: R-1" {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
	for range 1000 {
		if id := newID(); !idForm.MatchString(id) {
			t.Fatalf("%s is not of our form", id)
		}
	}
}

// An outbox that was there before is away when its folder is not there at the start,
// and one that never was is a mistake in the configuration.
func TestAKnownOutboxIsAwayAtTheStart(t *testing.T) {
	dir, memory := filepath.Join(t.TempDir(), "outbox"), filepath.Join(t.TempDir(), "memory")
	opts := Options{Owner: "here-1", Memory: memory}
	if _, err := Open(dir, opts); err == nil || errors.Is(err, ErrAway) {
		t.Errorf("never seen: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, opts); !errors.Is(err, ErrAway) {
		t.Errorf("seen before: %v", err)
	}
	// While the network is not up yet, Windows has many other words for that.
	if err := os.Symlink(dir, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, opts); !errors.Is(err, ErrAway) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("seen before, and not to be reached: %v", err)
	}
}
