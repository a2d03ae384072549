package watch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func hold(order, token, why string) Answer {
	return Answer{Kind: Held, Order: order, Token: token, Files: map[string][]byte{
		"hold.json": []byte(`{"release":"` + token + `","order":"` + order + `"}`), "WHY-HELD.txt": []byte(why),
	}}
}

func receipt(order, token string) Answer {
	return Answer{Kind: Sent, Order: order, Token: token, Files: map[string][]byte{
		"receipt.json": []byte(`{"release":"` + token + `","order":"` + order + `"}`), "RECEIPT.txt": []byte("sent"),
	}}
}

func give(t *testing.T, c *Claim, a Answer) {
	t.Helper()
	if err := c.Answer(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func list(t *testing.T, elem ...string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// killed repeats an answer as a run after a crash would: the claim is put back
// as it was before the claim was removed.
func killed(t *testing.T, o *Outbox, dir string, c *Claim, a Answer) {
	t.Helper()
	before, at := filepath.Join(t.TempDir(), "claim"), filepath.Join(dir, workingDir, c.ID)
	if err := c.stage(a.Files); err != nil {
		t.Fatal(err)
	}
	if _, err := c.place(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(before, os.DirFS(at)); err != nil {
		t.Fatal(err)
	}
	again, err := o.Claim(c.ID)
	if err != nil {
		t.Fatal(err)
	}
	give(t, again, a)
}

func TestAnAnswerBesideAnotherIsNotPlacedTwice(t *testing.T) {
	o, dir, _ := newBox(t)
	give(t, claimed(t, o, "R-1.yaml", "one"), receipt("R-1", "one"))
	killed(t, o, dir, claimed(t, o, "R-1.yaml", "two"), receipt("R-1", "two"))
	if got := list(t, dir, "sent"); len(got) != 2 {
		t.Fatalf("two answers are in %q", got)
	}
	apart := hold("R-1", "one"+Apart+"x", "seen before")
	give(t, claimed(t, o, "R-1.yaml", "three"), hold("R-1", "h", "held"))
	killed(t, o, dir, claimed(t, o, "R-1.yaml", "one"), apart)
	if got := list(t, dir, "held"); len(got) != 2 {
		t.Fatalf("two holds are in %q", got)
	}
}

func TestACrashWhileAHoldIsReplacedLosesNothing(t *testing.T) {
	o, dir, _ := newBox(t)
	give(t, claimed(t, o, "R-1.yaml", "first version"), hold("R-1", "1", "no"))
	c, a := claimed(t, o, "R-1.yaml", "second version"), hold("R-1", "2", "still no")
	if err := c.stage(a.Files); err != nil {
		t.Fatal(err)
	}
	dest, taken, err := c.room(a)
	if err != nil || !taken {
		t.Fatalf("%v, %v", taken, err)
	}
	if err := c.setAside(t.Context(), dest); err != nil { // killed after this
		t.Fatal(err)
	}
	if again, err := o.Claim(c.ID); err != nil {
		t.Fatal(err)
	} else {
		give(t, again, a)
	}
	if got := text(t, dir, "held/R-1/R-1.yaml"); got != "second version" {
		t.Errorf("the order is %q", got)
	}
	if got := text(t, dir, "held/R-1", Earlier, "R-1.yaml"); got != "first version" {
		t.Errorf("what was held before is %q", got)
	}
}

func TestEveryVersionOfAHeldOrderIsKeptSideBySide(t *testing.T) {
	o, dir, _ := newBox(t)
	for _, v := range []string{"a", "b", "b", "c", "c"} {
		give(t, claimed(t, o, "R-1.yaml", v), hold("R-1", "t"+v+rndName(), "no"))
	}
	at := filepath.Join(dir, "held", "R-1")
	kept := text(t, at, "R-1.yaml")
	for _, d := range list(t, at) {
		if strings.HasPrefix(d, Earlier) {
			kept += text(t, at, d, "R-1.yaml")
			for _, deeper := range list(t, at, d) {
				if strings.HasPrefix(deeper, Earlier) {
					t.Errorf("%s/%s is nested", d, deeper)
				}
			}
		}
	}
	if len(kept) != 3 || !strings.HasPrefix(kept, "c") || !strings.Contains(kept, "a") || !strings.Contains(kept, "b") {
		t.Fatalf("kept %q, want c, a and b once", kept)
	}
}

func TestWhatStaffPutIntoAHoldIsKept(t *testing.T) {
	o, dir, _ := newBox(t)
	give(t, claimed(t, o, "R-1.yaml", "x"), hold("R-1", "1", "no"))
	put(t, filepath.Join(dir, "held", "R-1"), "my notes.txt", "called the patient")
	give(t, claimed(t, o, "R-1.yaml", "x"), hold("R-1", "2", "no"))
	if got := text(t, dir, "held/R-1", Earlier, "my notes.txt"); got != "called the patient" {
		t.Fatal(got)
	}
}

func TestAnOrderNamedLikeAFileOfItsAnswer(t *testing.T) {
	o, dir, _ := newBox(t)
	for _, name := range []string{"WHY-HELD.txt", "Hold.JSON", "EARLIER-HOLD"} {
		a := hold(name, "tok", "the reason")
		give(t, claimed(t, o, name, "the order"), a)
		at := filepath.Join(dir, "held", name)
		if got := text(t, at, "WHY-HELD.txt"); got != "the reason" {
			t.Errorf("%s: the note says %q", name, got)
		}
		if got := text(t, at, "hold.json"); !strings.Contains(got, "tok") {
			t.Errorf("%s: the twin says %q", name, got)
		}
		if got := text(t, at, "dropped "+name); got != "the order" {
			t.Errorf("%s: the order says %q", name, got)
		}
	}
}

// On a share that takes R-1 and r-1 for one name, the folder is there already
// and belongs to the other order. The test makes such a folder.
func TestAHoldOfAnotherOrderIsNeverReplacedNorAdopted(t *testing.T) {
	o, dir, _ := newBox(t)
	give(t, claimed(t, o, "R-1.yaml", "big"), hold("R-1", "big", "no"))
	if err := os.Rename(filepath.Join(dir, "held", "R-1"), filepath.Join(dir, "held", "r-1")); err != nil {
		t.Fatal(err)
	}
	give(t, claimed(t, o, "r-1.yaml", "small"), hold("r-1", "small", "no"))
	if got := text(t, dir, "held", "r-1", "R-1.yaml"); got != "big" {
		t.Errorf("the other order's hold says %q", got)
	}
	if got := text(t, dir, "held", "r-1 (2)", "r-1.yaml"); got != "small" {
		t.Errorf("the hold says %q", got)
	}
	give(t, claimed(t, o, "r-1.yaml", "small again"), hold("r-1", "small2", "no"))
	if got := list(t, dir, "held"); len(got) != 2 {
		t.Errorf("held: %q", got)
	}
	give(t, claimed(t, o, "r-1.yaml", "fixed"), receipt("r-1", "ok"))
	if got := list(t, dir, "held"); len(got) != 1 || got[0] != "r-1" {
		t.Errorf("held: %q", got)
	}
	if got := text(t, dir, "sent", "r-1", Earlier, "r-1.yaml"); got != "small again" {
		t.Errorf("earlier hold: %q", got)
	}
}

func TestFolderNamesOpenOnEverySystem(t *testing.T) {
	for in, want := range map[string]string{
		"R-2026-0113": "R-2026-0113", "a.b_c": "a.b_c", "": "_", ".": "_", "..": "_", "../x": "_.._x",
		"con": "_con", "NUL.yaml": "_NUL.yaml", "COM1": "_COM1", "lpt9.x": "_lpt9.x", "console": "console",
		"R-1. ": "R-1_", "R-1.": "R-1_", "a:b?": "a_b_", "a\x00b\n": "a_b_", ".hidden": "_.hidden", "\xff": "_",
	} {
		if got := FolderName(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if n := len(FolderName(strings.Repeat("ä", 300) + ".yaml")); n > maxFolder {
		t.Errorf("%d bytes", n)
	}
}

func TestAnAnswerForAStrangeNameStaysInItsFolder(t *testing.T) {
	o, dir, _ := newBox(t)
	for _, id := range []string{"..", "../../x", "CON", "R-9.", strings.Repeat("x", 300)} {
		give(t, claimed(t, o, "o.yaml", "x"), hold(id, "t"+rndName(), "no"))
		if _, err := os.Stat(filepath.Join(o.AnswerDir(Held, id), "hold.json")); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	if got := list(t, dir); len(got) != 4 {
		t.Errorf("outbox: %q", got)
	}
}

// A rename of a folder must never replace what somebody put there in between.
func TestPlacingNeverReplaces(t *testing.T) {
	o, dir, _ := newBox(t)
	put(t, dir, "from", "mine")
	put(t, dir, "to", "theirs")
	if err := place(o.root(), "from", "to"); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file was placed over another: %v", err)
	}
	c := claimed(t, o, "R-1.yaml", "x")
	if err := c.stage(receipt("R-1", "t").Files); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "sent", "R-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "sent", "R-1"), "letter.pdf", "theirs")
	if err := o.root().Rename(c.path(outDir), "sent/R-1"); err == nil {
		t.Error("a folder was renamed over another")
	}
	give(t, c, receipt("R-1", "t"))
	if text(t, dir, "sent/R-1/letter.pdf") != "theirs" || text(t, dir, "sent/R-1 (2)/RECEIPT.txt") != "sent" {
		t.Error("an answer was replaced")
	}
}

func TestWhatStaffDropIntoAClaimIsNotRemovedWithIt(t *testing.T) {
	o, dir, _ := newBox(t)
	c := claimed(t, o, "R-1.yaml", "x")
	put(t, filepath.Join(dir, workingDir, c.ID), "R-2.yaml", "another order")
	give(t, c, receipt("R-1", "t"))
	if got := text(t, dir, workingDir, c.ID, "R-2.yaml"); got != "another order" {
		t.Fatal(got)
	}
	if n, err := o.Working(); err != nil || n != 1 { // the next scan takes it in
		t.Errorf("%d claims, %v", n, err)
	}
}
