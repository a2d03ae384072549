package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

func reason(s Survey, name string) (Delay, bool) {
	for _, d := range s.Delayed {
		if d.Name == name {
			return d, true
		}
	}
	return Delay{}, false
}

func leftWhy(s Survey, name string) string {
	for _, l := range s.Left {
		if l.Name == name {
			return l.Why
		}
	}
	return ""
}

func TestNamesOfTemporaryFiles(t *testing.T) {
	for _, n := range []string{
		"x.yaml.tmp", "x.part", "x.crdownload", "x.yaml~", ".x.yaml.swp", "4913", "~$order.docx", "~WRL0001.tmp",
		".R-1.yaml.aB3xYz", ".syncthing.R-1.yaml.tmp", "~syncthing~R-1.yaml.tmp", ".~lock.R-1.yaml#", "R-1.yaml.sb-1a2b3c4d-x9Y8z7",
		"R-1.yaml.filepart", "._R-1.yaml", ".goutputstream-X1", "#R-1.yaml#", ".#R-1.yaml", "Thumbs.db", "Desktop.INI",
	} {
		if Droppable(n) {
			t.Errorf("%s is taken for an order", n)
		}
	}
	for _, n := range []string{"R-1.yaml", "R-1.YAML", "4914", "order form (2).pdf", "R-1.sync-conflict-20261121-090000-ABC.yaml", "R-1", "ö.json"} {
		if !Droppable(n) {
			t.Errorf("%s is left lying", n)
		}
	}
}

func TestServerTimesDoNotMatter(t *testing.T) {
	o, dir, clk := newBox(t)
	for i, at := range []time.Time{time.Unix(0, 0), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)} {
		name := fmt.Sprintf("o%d.yaml", i)
		put(t, dir, name, "order: 1")
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if c, _ := sweep(t, o); len(c) != 0 {
		t.Fatal("claimed at first sight")
	}
	clk.advance(2 * time.Second)
	if c, _ := sweep(t, o); len(c) != 2 {
		t.Fatalf("%d claims", len(c))
	}
}

func TestAClockSetBackDelaysNothingForLong(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "a.yaml", "order: 1")
	sweep(t, o)
	clk.advance(-5 * time.Hour)
	if c, s := sweep(t, o); len(c) != 0 || o.pause(s) > 2*time.Second {
		t.Fatalf("%d claims, next scan in %v", len(c), o.pause(s))
	}
	clk.advance(2 * time.Second)
	if c, _ := sweep(t, o); len(c) != 1 {
		t.Fatal("waits for the old time to come back")
	}
}

// The reading of time.Now holds the monotonic clock, so a wall clock that
// jumps does not reach the settling of files at all.
func TestTheDefaultClockIsMonotonic(t *testing.T) {
	now := Options{}.withDefaults().Now()
	if !strings.Contains(now.String(), "m=") {
		t.Fatalf("%v has no monotonic reading", now)
	}
}

func TestAFileThatGrowsSlowlyIsNamedAfterAWhile(t *testing.T) {
	o, dir, clk := newBox(t)
	for i := range 70 {
		put(t, dir, "slow.yaml", strings.Repeat("x", i+1))
		if c, _ := sweep(t, o); len(c) != 0 {
			t.Fatalf("claimed after %d s", i)
		}
		clk.advance(time.Second)
	}
	_, s := sweep(t, o)
	d, ok := reason(s, "slow.yaml")
	if !ok || d.Why != Growing || clk.t.Sub(d.Since) != 70*time.Second {
		t.Fatalf("%+v", s.Delayed)
	}
	clk.advance(2 * time.Second)
	if c, _ := sweep(t, o); len(c) != 1 {
		t.Fatal("not claimed in the end")
	}
}

func TestAFileWhoseSpaceIsReservedIsWaitedFor(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "copy.yaml", "order: R-1\n"+strings.Repeat("\x00", 500))
	sweep(t, o)
	clk.advance(10 * time.Second)
	if c, s := sweep(t, o); len(c) != 0 || s.Waiting != 1 {
		t.Fatal("claimed while its bytes were missing")
	}
	clk.advance(emptyPatience)
	if c, _ := sweep(t, o); len(c) != 1 {
		t.Fatal("never answered")
	}
}

func TestAnEmptyFileIsNamedWithHowLongItWaits(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "cloud.yaml", "")
	begin := clk.t
	sweep(t, o)
	clk.advance(30 * time.Second)
	_, s := sweep(t, o)
	if d, ok := reason(s, "cloud.yaml"); !ok || d.Why != Empty || !d.Since.Equal(begin) {
		t.Fatalf("%+v", s.Delayed)
	}
	if p := o.pause(s); p < 10*time.Second {
		t.Errorf("scans again in %v for nothing", p)
	}
}

func TestTheSignatureIsFoundUnderAnySpelling(t *testing.T) {
	o, dir, clk := newBox(t)
	for order, sig := range map[string]string{
		"A.yaml":               "a.YAML.MINISIG",
		"Gr\u00f6\u00dfe.yaml": "Gro\u0308\u00dfe.yaml.minisig", // composed and decomposed
		"plain.yaml":           "plain.yaml.minisig",
	} {
		put(t, dir, order, "order of "+sig)
		put(t, dir, sig, "signature")
	}
	sweep(t, o)
	clk.advance(3 * time.Second)
	claims, s := sweep(t, o)
	if len(claims) != 3 || s.Waiting != 0 {
		t.Fatalf("%d claims, %d waiting", len(claims), s.Waiting)
	}
	for _, c := range claims {
		if b, err := c.Signature(); err != nil || string(b) != "signature" {
			t.Errorf("%q, %v", b, err)
		}
	}
}

func TestTwoOrdersThatDifferInCaseKeepTheirSignatures(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "R-1.yaml", "upper")
	put(t, dir, "R-1.yaml.minisig", "upper's")
	put(t, dir, "r-1.yaml", "lower")
	if len(list(t, dir)) != 7 {
		t.Skip("this file system takes them for one name")
	}
	put(t, dir, "r-1.yaml.minisig", "lower's")
	sweep(t, o)
	clk.advance(3 * time.Second)
	claims, _ := sweep(t, o)
	if len(claims) != 2 {
		t.Fatalf("%d claims", len(claims))
	}
	for _, c := range claims {
		order, _ := c.Order()
		if sig, _ := c.Signature(); string(sig) != string(order)+"'s" {
			t.Errorf("%s came with %s", order, sig)
		}
	}
}

func TestAnOrderWaitsUntilItsSignatureHasSettled(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "a.yaml", "order")
	sweep(t, o)
	clk.advance(1900 * time.Millisecond)
	put(t, dir, "a.yaml.minisig", "half")
	sweep(t, o)
	clk.advance(time.Second)
	put(t, dir, "a.yaml.minisig", "half and half")
	if c, _ := sweep(t, o); len(c) != 0 {
		t.Fatal("claimed while the signature was being written")
	}
	clk.advance(2 * time.Second)
	c, _ := sweep(t, o)
	if len(c) != 1 {
		t.Fatal("not claimed")
	}
	if b, _ := c[0].Signature(); string(b) != "half and half" {
		t.Fatalf("%q", b)
	}
}

func TestAnOrderMayWaitForItsSignature(t *testing.T) {
	o, dir, clk := newBox(t)
	o.opts.AwaitSignature = time.Minute
	put(t, dir, "a.yaml", "order")
	put(t, dir, "b.yaml", "order")
	sweep(t, o)
	clk.advance(20 * time.Second)
	_, s := sweep(t, o)
	if d, ok := reason(s, "a.yaml"); !ok || d.Why != Unsigned {
		t.Fatalf("%+v", s)
	}
	put(t, dir, "a.yaml.minisig", "late")
	sweep(t, o)
	clk.advance(2 * time.Second)
	c, _ := sweep(t, o)
	if len(c) != 1 || c[0].File != "a.yaml" {
		t.Fatalf("%v", c)
	}
	clk.advance(time.Minute)
	if c, _ = sweep(t, o); len(c) != 1 || c[0].File != "b.yaml" {
		t.Fatalf("an order without a signature is not answered: %v", c)
	}
}

func TestASignatureChangedAfterTheClaimBelongsToTheNextOrder(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "a.yaml", "order")
	put(t, dir, "a.yaml.minisig", "old")
	sweep(t, o)
	clk.advance(3 * time.Second)
	c, _ := sweep(t, o)
	put(t, dir, "a.yaml.minisig", "new")
	put(t, dir, "a.yaml", "next order")
	sweep(t, o)
	clk.advance(3 * time.Second)
	d, _ := sweep(t, o)
	if len(c) != 1 || len(d) != 1 {
		t.Fatalf("%d and %d claims", len(c), len(d))
	}
	for claim, want := range map[*Claim]string{c[0]: "old", d[0]: "new"} {
		if b, err := claim.Signature(); err != nil || string(b) != want {
			t.Errorf("%q, %v", b, err)
		}
	}
}

// A crash may come between the two renames of a claim.
func TestTheSignatureIsFetchedAfterACrash(t *testing.T) {
	o, dir, _ := newBox(t)
	put(t, dir, "a.yaml", "order")
	put(t, dir, "a.yaml.minisig", "sig")
	c := o.newClaim("a.yaml")
	if err := c.begin(record{ID: c.ID, File: c.File, Signature: "a.yaml.minisig"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "a.yaml"), filepath.Join(dir, c.path("a.yaml"))); err != nil {
		t.Fatal(err)
	}
	claims, err := o.Claims()
	if err != nil || len(claims) != 1 {
		t.Fatalf("%v, %v", claims, err)
	}
	if b, err := claims[0].Signature(); err != nil || string(b) != "sig" {
		t.Fatalf("%q, %v", b, err)
	}
}

// A writer with the file open goes on writing into a claimed order.
func TestAnOrderThatGrowsWhileItIsClaimedIsWaitedFor(t *testing.T) {
	o, dir, clk := newBox(t)
	f, err := os.Create(filepath.Join(dir, "a.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	write := func(s string) {
		if _, err := f.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	write("first ")
	sweep(t, o)
	clk.advance(3 * time.Second)
	s, err := o.scan()
	if err != nil || len(s.Ready) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	write("second ") // after the scan, before the claim
	if c, err := o.claim(t.Context(), "a.yaml"); c != nil || err != nil {
		t.Skipf("the order cannot be claimed while it is open here: %v", err)
	}
	if c, _ := sweep(t, o); len(c) != 0 {
		t.Fatal("taken over while it was growing")
	}
	clk.advance(2 * time.Second)
	write("third")
	sweep(t, o)
	clk.advance(2 * time.Second)
	c, _ := sweep(t, o)
	if len(c) != 1 {
		t.Fatal("never taken over")
	}
	if b, _ := c[0].Order(); string(b) != "first second third" {
		t.Fatalf("%q", b)
	}
}

func TestAnOverflowOfEventsLeadsToAScan(t *testing.T) {
	events, lost, wake := make(chan fsnotify.Event), make(chan error), make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		forward(events, lost, wake)
	}()
	events <- fsnotify.Event{Name: "x", Op: fsnotify.Chmod}
	select {
	case <-wake:
		t.Error("noise woke the scan up")
	default:
	}
	lost <- fsnotify.ErrEventOverflow
	<-wake
	close(events)
	<-done
}

func TestTheWatcherFollowsAnOutboxThatCameBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o, err := Open(dir, Options{Scan: time.Second, Settle: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	if err := os.Rename(dir, dir+".gone"); err != nil {
		t.Skipf("an open folder cannot be renamed here: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	beats, got, done := make(chan error, 1000), make(chan string, 1), make(chan error, 1)
	go func() {
		done <- o.Run(ctx, func(_ context.Context, c *Claim) error { got <- c.File; return nil },
			func(_ Survey, err error) { beats <- err })
	}()
	if err := <-beats; !errors.Is(err, ErrAway) {
		t.Fatalf("a missing outbox: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for err := range beats {
		if err == nil {
			break
		}
	}
	put(t, dir, "a.yaml", "order")
	select {
	case <-got:
	case <-ctx.Done():
		t.Fatal("not noticed")
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestTroubleWithEveryOrderLeavesThemInTheOutbox(t *testing.T) {
	o, dir, clk := newBox(t)
	for i := range 100 {
		put(t, dir, fmt.Sprintf("o%03d.yaml", i), "x")
	}
	sweep(t, o)
	clk.advance(3 * time.Second)
	calls := 0
	down := errors.New("database down")
	for range 3 {
		s, err := o.Sweep(t.Context(), func(context.Context, *Claim) error { calls++; return down })
		if !errors.Is(err, down) {
			t.Fatal(err)
		}
		if _, ok := reason(s, "o000.yaml"); !ok || s.Waiting < 95 {
			t.Fatalf("waiting %d, %+v", s.Waiting, s.Delayed)
		}
	}
	if calls != 3*tooMany {
		t.Errorf("%d attempts in three scans", calls)
	}
	c, _ := sweep(t, o)
	if len(c) != 100 {
		t.Fatalf("%d orders when it is over", len(c))
	}
}

// While it is paused an order stays where it lies, and a claim is not offered; both are
// when it is over.
func TestAPausedOutboxTakesNothing(t *testing.T) {
	o, dir, clk := newBox(t)
	put(t, dir, "a.yaml", "x")
	sweep(t, o)
	clk.advance(3 * time.Second)
	away := errors.New("away")
	if _, err := o.Sweep(t.Context(), func(context.Context, *Claim) error { return away }); !errors.Is(err, away) {
		t.Fatal(err)
	}
	put(t, dir, "b.yaml", "x")
	sweepPaused := func() {
		t.Helper()
		s, err := o.Sweep(t.Context(), func(context.Context, *Claim) error { t.Error("offered"); return nil })
		if _, there := os.Stat(filepath.Join(dir, "b.yaml")); err != nil || there != nil || s.Waiting != 2 {
			t.Errorf("%+v, %v, %v", s, err, there)
		}
	}
	o.opts.Paused = func() bool { return true }
	sweepPaused()
	clk.advance(3 * time.Second)
	sweepPaused()
	o.opts.Paused = func() bool { return false }
	if c, _ := sweep(t, o); len(c) != 2 {
		t.Errorf("%d orders when it is over", len(c))
	}
}

// While enough orders are at work the others stay where they lie, but for a few; each that
// is answered makes room for one.
func TestACrowdedOutboxTakesAFew(t *testing.T) {
	o, dir, clk := newBox(t)
	for i := range 5 * anyway {
		put(t, dir, fmt.Sprintf("o%03d.yaml", i), "x")
	}
	sweep(t, o)
	clk.advance(3 * time.Second)
	var at []*Claim
	asked, answered := 0, 0
	o.opts.Crowded = func(atWork int) bool {
		asked++
		if answered < 3 && asked > 2*answered+1 { // an answer, now and then
			answered++
			o.forget(at[answered-1].ID)
			atWork--
		}
		if atWork != len(at)-answered {
			t.Errorf("%d at work, not %d", atWork, len(at)-answered)
		}
		if answered == 3 && atWork >= anyway {
			clk.advance(sweepFor / 2)
		}
		return atWork >= anyway
	}
	take := func(_ context.Context, c *Claim) error { at = append(at, c); return nil }
	s, err := o.Sweep(t.Context(), take)
	if err != nil || len(at) != anyway+3 || s.Waiting != 5*anyway-len(at) || !s.more {
		t.Fatalf("%d taken, %v, %+v", len(at), err, s)
	}
	if s, err = o.Sweep(t.Context(), take); err != nil || len(at) < 2*anyway || len(at) > 3*anyway {
		t.Fatalf("%d taken by the second, %v, %+v", len(at), err, s)
	}
	o.opts.Paused = func() bool { return true }
	was := len(at)
	if s, err = o.Sweep(t.Context(), take); err != nil || len(at) != was {
		t.Fatalf("%d taken while it is paused, %v, %+v", len(at)-was, err, s)
	}
}

func TestASweepOfManyOrdersLetsTheBeatBeHeard(t *testing.T) {
	o, dir, clk := newBox(t)
	for i := range 30 {
		put(t, dir, fmt.Sprintf("o%03d.yaml", i), "x")
	}
	sweep(t, o)
	clk.advance(3 * time.Second)
	n := 0
	slow := func(context.Context, *Claim) error { n++; clk.advance(time.Second); return nil }
	s, err := o.Sweep(t.Context(), slow)
	if err != nil || n > 12 || o.pause(s) != 0 {
		t.Fatalf("%d orders in one sweep, next in %v, %v", n, o.pause(s), err)
	}
	for range 5 {
		if _, err := o.Sweep(t.Context(), slow); err != nil {
			t.Fatal(err)
		}
	}
	if n != 30 {
		t.Fatalf("%d of 30", n)
	}
}
