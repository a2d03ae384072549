package watch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func places(t *testing.T, o *Outbox) (out []string) {
	t.Helper()
	all, err := o.Unanswered()
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all {
		if b, err := o.ReadOrder(u); u.File != "" && (err != nil || len(b) == 0) {
			t.Errorf("%s cannot be read: %v", u.File, err)
		}
		name := u.Order
		if name == "" {
			name = filepath.Base(u.File)
		}
		out = append(out, string(u.Place)+" "+name)
	}
	slices.Sort(out)
	return out
}

func TestUnansweredOrdersAreListedWhereTheyLie(t *testing.T) {
	o, dir, _ := newBox(t)
	give(t, claimed(t, o, "b.yaml", "held"), hold("R-2", "two", "no"))
	give(t, claimed(t, o, "c.yaml", "repeat"), hold("R-3", "three"+Apart+"x", "no"))
	give(t, claimed(t, o, "d.yaml", "longer"), Answer{Kind: Extended, Order: "R-4", Token: "four", Files: map[string][]byte{"extension.json": []byte(`{"order":"R-4","release":"four","file":"d.yaml"}`)}})
	claimed(t, o, "e.yaml", "in work")
	put(t, dir, "a.yaml", "dropped")
	put(t, dir, "a.yaml.minisig", "signature")
	put(t, dir, DueList, "<html>")
	if err := os.Mkdir(filepath.Join(dir, "held", "of the staff"), 0o700); err != nil {
		t.Fatal(err)
	}
	want := []string{"extended R-4", "held R-2", "waiting a.yaml", "working e.yaml"}
	if got := places(t, o); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	give(t, claimed(t, o, "d2.yaml", "answer"), Answer{Kind: Sent, Order: "R-4", Token: "four.2", Files: map[string][]byte{"receipt.json": []byte(`{"order":"R-4","release":"four.2"}`)}})
	if _, err := os.Stat(filepath.Join(o.AnswerDir(Sent, "R-4"), EarlierExtension, "extension.json")); err != nil {
		t.Error(err)
	}
	if got := places(t, o); slices.Contains(got, "extended R-4") {
		t.Errorf("answered, and still open: %q", got)
	}
}

func TestTheDueListAppearsWholeAndIsNoOrder(t *testing.T) {
	o, dir, c := newBox(t)
	if at, size := o.DueListAt(); !at.IsZero() || size != 0 {
		t.Error("there is one already")
	}
	for _, text := range []string{"one", "two"} {
		if err := o.PutDueList([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, DueList)); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	c.advance(10 * o.opts.Settle)
	sweep(t, o)
	c.advance(10 * o.opts.Settle)
	if claims, _ := sweep(t, o); len(claims) != 0 {
		t.Errorf("claimed: %v", claims)
	}
	if at, size := o.DueListAt(); at.IsZero() || size != 3 {
		t.Errorf("%d bytes at %s", size, at)
	}
	here, err := o.Look()
	if err != nil || len(here.Pending)+len(here.Ignored) != 0 {
		t.Errorf("%+v, %v", here, err)
	}
}
