package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is our own time, moved by hand.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func newBox(t *testing.T) (*Outbox, string, *clock) {
	t.Helper()
	dir := t.TempDir()
	c := &clock{time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	o, err := Open(dir, Options{Settle: 2 * time.Second, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o, dir, c
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sweep(t *testing.T, o *Outbox) (claims []*Claim, s Survey) {
	t.Helper()
	s, err := o.Sweep(t.Context(), func(_ context.Context, c *Claim) error {
		claims = append(claims, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return claims, s
}

func TestAFileIsClaimedOnceItHasSettled(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "a.yaml", "order: 1")
	if c, s := sweep(t, o); len(c) != 0 || s.Waiting != 1 {
		t.Fatalf("first sight: %d claims, %d waiting", len(c), s.Waiting)
	}
	clk.advance(time.Second)
	put(t, dir, "a.yaml", "order: 12") // still being written
	sweep(t, o)
	clk.advance(1900 * time.Millisecond)
	if c, _ := sweep(t, o); len(c) != 0 {
		t.Fatal("claimed while it was still changing")
	}
	clk.advance(200 * time.Millisecond)
	c, _ := sweep(t, o)
	if len(c) != 1 || c[0].File != "a.yaml" {
		t.Fatalf("settled: %v", c)
	}
	if b, err := c[0].Order(); err != nil || string(b) != "order: 12" {
		t.Fatalf("order %q, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "a.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("the claimed file still lies in the outbox")
	}
}

func TestWhatSystemsLeaveBehindStaysUntouched(t *testing.T) {
	o, dir, clk := newBox(t)
	left := []string{"Thumbs.db", "desktop.ini", ".DS_Store", "~$order.docx", "x.yaml.tmp", "x.part", ".x.yaml.swp", "#x#", "x.yaml~", "DUE-LIST.html"}
	for _, n := range left {
		put(t, dir, n, "x")
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		put(t, dir, "outside-target", "x")
		if err := os.Symlink("outside-target", filepath.Join(dir, "link.yaml")); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, "outside-target")); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t, o)
	clk.advance(time.Hour)
	if c, s := sweep(t, o); len(c) != 0 || s.Waiting != 0 {
		t.Fatalf("claimed %v, waiting %d", c, s.Waiting)
	}
	for _, n := range left {
		if _, err := os.Lstat(filepath.Join(dir, n)); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
}

func TestAnEmptyFileIsWaitedForAndThenAnswered(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "cloud.yaml", "")
	sweep(t, o)
	clk.advance(30 * time.Second)
	if c, _ := sweep(t, o); len(c) != 0 {
		t.Fatal("a placeholder was claimed")
	}
	clk.advance(time.Minute)
	if c, _ := sweep(t, o); len(c) != 1 {
		t.Fatal("an empty file gets no answer")
	}
}

func TestTheSignatureComesWithItsOrder(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "a.yaml", "order: 1")
	put(t, dir, "a.yaml.minisig", "sig")
	sweep(t, o)
	clk.advance(3 * time.Second)
	c, _ := sweep(t, o)
	if len(c) != 1 {
		t.Fatalf("%d claims", len(c))
	}
	if b, err := c[0].Signature(); err != nil || string(b) != "sig" {
		t.Fatalf("signature %q, %v", b, err)
	}
}

func TestALonelySignatureIsAnsweredInTheEnd(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "b.yaml.minisig", "sig")
	sweep(t, o)
	clk.advance(10 * time.Second)
	if c, _ := sweep(t, o); len(c) != 0 {
		t.Fatal("claimed before its order could arrive")
	}
	clk.advance(time.Minute)
	c, _ := sweep(t, o)
	if len(c) != 1 || c[0].File != "b.yaml.minisig" {
		t.Fatalf("%v", c)
	}
	if again, err := o.Claim(c[0].ID); err != nil || again.File != "b.yaml.minisig" {
		t.Fatalf("reopened: %v, %v", again, err)
	}
}

func TestFourDaemonsClaimEveryOrderOnce(t *testing.T) {
	o, dir, _ := newBox(t)
	const n = 300
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("o%d.yaml", i)
		put(t, dir, names[i], "x")
	}
	var won atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		box, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = box.Close() })
		wg.Go(func() {
			for _, name := range names {
				c, err := box.claim(t.Context(), name)
				if err != nil {
					t.Error(err)
				}
				if c != nil {
					won.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if won.Load() != n {
		t.Fatalf("%d claims of %d orders", won.Load(), n)
	}
	claims, err := o.Claims()
	if err != nil || len(claims) != n {
		t.Fatalf("%d claims on disk, %v", len(claims), err)
	}
}

func claimed(t *testing.T, o *Outbox, name, text string) *Claim {
	t.Helper()
	c, err := o.Accept(name, []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func holdFiles(token string) map[string][]byte {
	return map[string][]byte{"hold.json": []byte(`{"release":"` + token + `"}`), "WHY-HELD.txt": []byte("because " + token)}
}

func TestANewHoldReplacesTheOldOneAndTheFinalAnswerKeepsIt(t *testing.T) {
	o, dir, _ := newBox(t)
	for _, token := range []string{"first", "second"} {
		c := claimed(t, o, "R-1.yaml", token)
		if err := c.Answer(t.Context(), Answer{Kind: Held, Order: "R-1", Token: token, Files: holdFiles(token)}); err != nil {
			t.Fatal(err)
		}
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "held", "R-1", "WHY-HELD.txt")); string(b) != "because second" {
		t.Fatalf("hold says %q", b)
	}
	c := claimed(t, o, "R-1.yaml", "third")
	a := Answer{Kind: Sent, Order: "R-1", Token: "third", Files: map[string][]byte{"receipt.json": []byte(`{"release":"third"}`)}}
	if err := c.Answer(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"R-1.yaml", "receipt.json", Earlier + "/WHY-HELD.txt"} {
		if _, err := os.Stat(filepath.Join(dir, "sent", "R-1", f)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "held", "R-1")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the order is in held and in sent")
	}
	if n, err := o.Working(); err != nil || n != 0 {
		t.Errorf("%d claims left, %v", n, err)
	}
}

func TestAnAnswerRepeatedAfterACrashAppearsOnce(t *testing.T) {
	o, dir, _ := newBox(t)
	a := Answer{Kind: Sent, Order: "R-2", Token: "tok", Files: map[string][]byte{"receipt.json": []byte(`{"release":"tok"}`)}}
	c := claimed(t, o, "R-2.yaml", "x")
	// A crash after the answer was placed, before the claim was removed.
	if err := c.stage(a.Files); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, c.path(outDir)), filepath.Join(dir, "sent", "R-2")); err != nil {
		t.Fatal(err)
	}
	if err := c.Answer(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "sent"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	if n, _ := o.Working(); n != 0 {
		t.Fatal("the claim is still there")
	}
}

func TestAFinalAnswerIsNeverReplaced(t *testing.T) {
	o, dir, _ := newBox(t)
	for _, token := range []string{"one", "two"} {
		c := claimed(t, o, "R-3.yaml", token)
		err := c.Answer(t.Context(), Answer{Kind: Sent, Order: "R-3", Token: token, Files: map[string][]byte{"receipt.json": []byte(`{"release":"` + token + `"}`)}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "sent", "R-3", "receipt.json")); !slices.Equal(b, []byte(`{"release":"one"}`)) {
		t.Fatalf("first answer now says %s", b)
	}
	if _, err := os.Stat(filepath.Join(dir, "sent", "R-3 (2)", "receipt.json")); err != nil {
		t.Fatal(err)
	}
}

func TestNotesSurviveAndVanishWithTheClaim(t *testing.T) {
	o, dir, _ := newBox(t)
	c := claimed(t, o, "n.yaml", "x")
	if err := c.Note("n.json", map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	again, err := o.Claim(c.ID)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]int
	if err := again.Recall("n.json", &got); err != nil || got["a"] != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	if err := again.Answer(t.Context(), Answer{Kind: Held, Order: "n", Token: "t", Files: holdFiles("t")}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "held", "n", notesDir)); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("notes reached the answer")
	}
}

func TestRunWakesUpOnADrop(t *testing.T) {
	dir := t.TempDir()
	o, err := Open(dir, Options{Scan: time.Hour, Settle: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	scanned := make(chan struct{}, 100)
	got := make(chan string, 1)
	done := make(chan error, 1)
	go func() {
		done <- o.Run(ctx, func(_ context.Context, c *Claim) error { got <- c.File; return nil },
			func(Survey, error) { scanned <- struct{}{} })
	}()
	<-scanned
	put(t, dir, "late.yaml", "x")
	select {
	case name := <-got:
		if name != "late.yaml" {
			t.Fatal(name)
		}
	case <-ctx.Done():
		t.Fatal("the drop was not noticed before the next scan")
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestErrorsNameNoFile(t *testing.T) {
	_, err := os.Open(filepath.Join(t.TempDir(), "Alvarez Maria.pdf"))
	if got := Scrub(err).Error(); got != "open: no such file or directory" && runtime.GOOS != "windows" {
		t.Fatalf("%q", got)
	}
}

func TestTheOutboxMayGoAndComeBack(t *testing.T) {
	o, dir, clk := newBox(t)
	if runtime.GOOS == "windows" {
		t.Skip("a folder that is open cannot be renamed on Windows")
	}
	if err := os.Rename(dir, dir+".gone"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir + ".gone") })
	if _, err := o.Sweep(t.Context(), nil); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a missing outbox gives %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "a.yaml", "order: 1")
	sweep(t, o)
	clk.advance(3 * time.Second)
	if c, _ := sweep(t, o); len(c) != 1 {
		t.Fatalf("%d claims in the outbox that came back", len(c))
	}
}

func TestAClaimThatCouldNotBeTakenOverIsOfferedAgain(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "a.yaml", "order: 1")
	sweep(t, o)
	clk.advance(3 * time.Second)
	full := errors.New("no space")
	if _, err := o.Sweep(t.Context(), func(context.Context, *Claim) error { return full }); !errors.Is(err, full) {
		t.Fatal(err)
	}
	if c, _ := sweep(t, o); len(c) != 1 || c[0].File != "a.yaml" {
		t.Fatalf("%v", c)
	}
	if c, _ := sweep(t, o); len(c) != 0 {
		t.Fatal("offered a third time")
	}
}

func TestAClaimKnowsItsOrderAmongWhatSystemsLeave(t *testing.T) {
	o, dir, _ := newBox(t)
	c := claimed(t, o, "r.yaml", "order: 1")
	put(t, filepath.Join(dir, workingDir, c.ID), ".DS_Store", "finder")
	put(t, filepath.Join(dir, workingDir, c.ID), "Thumbs.db", "explorer")
	put(t, filepath.Join(dir, workingDir), "desktop.ini", "x")
	again, err := o.Claim(c.ID)
	if err != nil || again.File != "r.yaml" {
		t.Fatalf("%+v, %v", again, err)
	}
	if n, err := o.Working(); err != nil || n != 1 {
		t.Fatalf("%d claims, %v", n, err)
	}
	if err := again.Answer(t.Context(), Answer{Kind: Held, Order: "r", Token: "t", Files: holdFiles("t")}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "held", "r", "r.yaml")); err != nil || string(b) != "order: 1" {
		t.Fatalf("%q, %v", b, err)
	}
}
