package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// sharing opens an outbox that two daemons work in.
func sharing(t *testing.T, dir, owner string) *Outbox {
	t.Helper()
	o, err := Open(dir, Options{Owner: owner, Shared: true, Group: "db"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o
}

func TestADaemonLeavesTheClaimsOfAnotherAlone(t *testing.T) {
	dir := t.TempDir()
	a, b := sharing(t, dir, "a"), sharing(t, dir, "b")
	if _, err := a.Accept("one.yaml", []byte("order: 1"), nil); err != nil {
		t.Fatal(err)
	}
	half := b.newClaim("two.yaml") // b is claiming this very moment
	if err := half.begin(record{ID: half.ID, File: half.File, Owner: "b"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		box    *Outbox
		claims int
	}{{a, 1}, {b, 0}} {
		claims, err := c.box.Claims()
		if err != nil || len(claims) != c.claims {
			t.Errorf("%s has %d claims, %v", c.box.opts.Owner, len(claims), err)
		}
	}
	if n, err := a.Working(); n != 1 || err != nil {
		t.Errorf("%d working, %v", n, err)
	}
}

func TestClaimsOfADeadDaemonAreGivenBack(t *testing.T) {
	dir := t.TempDir()
	a, b := sharing(t, dir, "a"), sharing(t, dir, "b")
	var stays string
	for _, name := range []string{"one.yaml", "two.yaml", "stays.yaml"} {
		c, err := a.Accept(name, []byte(name), []byte("signature of "+name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "stays.yaml" {
			stays = c.ID
		}
	}
	own, err := b.Accept("own.yaml", []byte("own"), nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "two.yaml"), "dropped since under the same name")
	for _, want := range []int{2, 0} { // repeated, it finds nothing left to do
		n, err := b.GiveBack(t.Context(), "a", func(id string) bool { return id == stays })
		if err != nil || n != want {
			t.Fatalf("%d given back, want %d, %v", n, want, err)
		}
	}
	for name, want := range map[string]string{
		"one.yaml": "one.yaml", "one.yaml.minisig": "signature of one.yaml", "two.yaml": "dropped since under the same name",
		"two (2).yaml": "two.yaml", "two (2).yaml.minisig": "signature of two.yaml",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	if _, err := a.Claim(stays); err != nil {
		t.Errorf("what must stay is gone: %v", err)
	}
	if _, err := b.Claim(own.ID); err != nil {
		t.Errorf("b's own claim is gone: %v", err)
	}
	if claims, err := a.Claims(); err != nil || len(claims) != 1 {
		t.Errorf("%d claims left, %v", len(claims), err)
	}
}

// A takeover that was cut short after the signature is finished by the next.
func TestGivingBackGoesOn(t *testing.T) {
	dir := t.TempDir()
	a := sharing(t, dir, "a")
	c, err := a.Accept("one.yaml", []byte("order"), []byte("signature"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.root().Rename(c.path("one.yaml"+SignatureSuffix), "one.yaml"+SignatureSuffix); err != nil {
		t.Fatal(err)
	}
	if n, err := a.GiveBack(t.Context(), "a", func(string) bool { return false }); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "one.yaml")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "working", c.ID)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the claim's folder is left")
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
