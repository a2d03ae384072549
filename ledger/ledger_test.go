package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a clock that the test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Second)
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

func at(year int) *clock { return &clock{t: time.Date(year, 11, 18, 12, 0, 0, 0, time.UTC)} }

func openLedger(t *testing.T, dir string, c *clock) *Ledger {
	t.Helper()
	l, err := Open(dir, c.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func sent(n int) Entry {
	return Entry{
		Key: fmt.Sprintf("ref%06d.1/sent", n), Event: Sent, Order: fmt.Sprintf("R-%d", n), Patient: "10432",
		Recipient: &Party{Name: "Dr. Chen <Endodontics> & Söhne\u2028", Address: "1 Main Street"}, Basis: "legal_process",
		Information: "3 radiographs", Purpose: "referral", Bytes: 1 << 40, LinkExpires: time.Date(2026, 11, 25, 12, 0, 0, 999, time.UTC),
	}
}

// fill appends entries n to m in the years that the clock gives.
func fill(t *testing.T, l *Ledger, n, m int) {
	t.Helper()
	for i := n; i <= m; i++ {
		r, err := l.Append(t.Context(), sent(i))
		if err != nil {
			t.Fatal(err)
		}
		if r.Seq != uint64(i) || r != l.Head() {
			t.Fatalf("receipt %+v of entry %d, head %+v", r, i, l.Head())
		}
	}
}

func verify(t *testing.T, dir string, known ...Head) Report {
	t.Helper()
	r, err := Verify(t.Context(), dir, known...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAppendAndRead(t *testing.T) {
	dir, c := t.TempDir(), at(2025)
	l := openLedger(t, dir, c)
	fill(t, l, 1, 3)
	c.set(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	fill(t, l, 4, 5)
	c.set(time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC)) // set back
	fill(t, l, 6, 6)
	r := verify(t, dir, l.Head())
	if want := []string{"2025.jsonl", "2026.jsonl"}; !slices.Equal(r.Segments, want) || r.Head != l.Head() || r.Known != 1 {
		t.Errorf("report %+v", r)
	}
	n := 0
	for e, err := range l.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		want := sent(n)
		if e.Seq != uint64(n) || e.Order != want.Order || *e.Recipient != *want.Recipient || e.Format != 1 || !e.Accountable {
			t.Errorf("entry %d is %+v", n, e)
		}
		if n == 4 && e.At != time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC) {
			t.Errorf("entry 4 is of %s", e.At)
		}
		if n == 5 {
			break
		}
	}
	if n != 5 {
		t.Errorf("%d entries", n)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLedger(t, dir, c)
	if l.Head() != r.Head || l.Recovered() != nil {
		t.Errorf("reopened at %+v, recovered %+v", l.Head(), l.Recovered())
	}
	fill(t, l, 7, 7)
	info, err := os.Stat(filepath.Join(dir, "2026.jsonl"))
	if err != nil || os.PathSeparator == '/' && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestNothingYet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range Entries(t.Context(), dir) {
		t.Error("an entry in a folder that does not exist")
	}
	l := openLedger(t, dir, at(2026))
	for range l.Entries(t.Context()) {
		t.Error("an entry in an empty ledger")
	}
	if r := verify(t, dir); r.Head != (Head{}) || l.Head() != (Head{}) {
		t.Errorf("report %+v", r)
	}
	if _, err := Verify(t.Context(), dir, Head{Seq: 1, Hash: "x"}); !errors.Is(err, ErrBroken) {
		t.Errorf("verify: %v, want ErrBroken", err)
	}
}

func TestAppendIsOnceForEachKey(t *testing.T) {
	dir, c := t.TempDir(), at(2025)
	l := openLedger(t, dir, c)
	fill(t, l, 1, 5)
	again := func(want error) {
		t.Helper()
		c.set(c.now().AddDate(0, 0, 1))
		e := sent(3)
		e.Version = "newer"
		r, err := l.Append(t.Context(), e)
		if err != nil || r.Seq != 3 || len(r.Hash) != 64 {
			t.Errorf("again: %+v, %v", r, err)
		}
		e.Purpose = "another"
		if _, err := l.Append(t.Context(), e); !errors.Is(err, want) {
			t.Errorf("other content: %v, want %v", err, want)
		}
		if h := l.Head(); h.Seq != 5 {
			t.Errorf("head %+v", h)
		}
	}
	again(ErrConflict)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c.set(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	l = openLedger(t, dir, c)
	again(ErrConflict)
}

func TestFind(t *testing.T) {
	l := openLedger(t, t.TempDir(), at(2025))
	fill(t, l, 1, 5)
	want := sent(3)
	got, err := l.Find(want.Key)
	if err != nil || got.Seq != 3 || got.Order != want.Order {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := l.Find("not/there"); !errors.Is(err, ErrNoEntry) {
		t.Errorf("%v, want %v", err, ErrNoEntry)
	}
}

func TestEntriesThatAreRefused(t *testing.T) {
	l := openLedger(t, t.TempDir(), at(2026))
	for name, spoil := range map[string]func(*Entry){
		"no key":      func(e *Entry) { e.Key = "" },
		"wild key":    func(e *Entry) { e.Key = "a\"b" },
		"no event":    func(e *Entry) { e.Event = "" },
		"other event": func(e *Entry) { e.Event = "lost" },
		"too long":    func(e *Entry) { e.Purpose = strings.Repeat("x", maxLine) },
	} {
		e := sent(1)
		spoil(&e)
		if _, err := l.Append(t.Context(), e); !errors.Is(err, ErrEntry) {
			t.Errorf("%s: %v, want ErrEntry", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, sent(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	fill(t, l, 1, 1)
	long := sent(2)
	long.Purpose = strings.Repeat("x", 900<<10)
	if _, err := l.Append(t.Context(), long); err != nil {
		t.Error(err)
	}
	verify(t, l.dir, l.Head())
}

func TestCallerCannotSetTheChain(t *testing.T) {
	l := openLedger(t, t.TempDir(), at(2026))
	e := sent(1)
	e.Seq, e.Prev, e.Hash, e.Format, e.At = 9, "x", "y", 7, time.Unix(0, 0)
	e.Basis, e.Accountable, e.AccountableWhy = "treatment", true, "because"
	if _, err := l.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	verify(t, l.dir)
	for e, err := range l.Entries(t.Context()) {
		if err != nil || e.Seq != 1 || e.At.Year() != 2026 || e.Accountable || !strings.Contains(e.AccountableWhy, "164.528(a)(1)(i)") {
			t.Errorf("entry %+v, %v", e, err)
		}
	}
}

func TestAccountable(t *testing.T) {
	for _, tc := range []struct {
		event Event
		basis string
		want  bool
	}{
		{Sent, "treatment", false},
		{Sent, "payment", false},
		{Sent, "operations", false},
		{Sent, "patient_access", false},
		{Sent, "authorization", false},
		{Sent, "limited_set", false},
		{Sent, "deidentified", false},
		{Sent, "directive", true},
		{Sent, "legal_process", true},
		{Sent, "", true},
		{Delivered, "legal_process", true},
		{Relinked, "legal_process", true},
		{Held, "legal_process", false},
		{Denied, "", false},
		{Revoked, "legal_process", false},
	} {
		if got, why := accountable(tc.event, tc.basis); got != tc.want || why == "" {
			t.Errorf("%s for %s: %v (%s), want %v", tc.event, tc.basis, got, why, tc.want)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := openLedger(t, dir, at(2026))
	if _, err := Open(dir, at(2026).now); !errors.Is(err, ErrLocked) {
		t.Errorf("second open: %v, want ErrLocked", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	openLedger(t, dir, at(2026))
	if _, err := l.Append(t.Context(), sent(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v, want ErrClosed", err)
	}
}

func TestConcurrentAppends(t *testing.T) {
	l := openLedger(t, t.TempDir(), at(2026))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 25 {
				if _, err := l.Append(t.Context(), sent(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if r := verify(t, l.dir, l.Head()); r.Head.Seq != 25 {
		t.Errorf("report %+v", r)
	}
}

// The lines on disk are the documented format, byte for byte.
func TestFormat(t *testing.T) {
	dir := t.TempDir()
	l := openLedger(t, dir, at(2026))
	for _, e := range []Entry{
		{Key: "k/held", Event: Held, Order: "R-1 <&>", Notices: []string{"R6: ended"}},
		{Key: "k/sent", Event: Sent, Order: "R-1", Basis: "directive", Decisions: []Decision{{Rule: "R20", Decision: "release", By: "dr-lee", On: "2026-11-18", Reason: "agreed"}}},
	} {
		if _, err := l.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(filepath.Join(dir, "2026.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"v":1,"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","key":"k/held","at":"2026-11-18T12:00:01Z","event":"held","order":"R-1 <&>","accountable":false,"accountable_why":"nothing was disclosed by this","notices":["R6: ended"],"hash":"HASH1"}
{"v":1,"seq":2,"prev":"HASH1","key":"k/sent","at":"2026-11-18T12:00:02Z","event":"sent","order":"R-1","basis":"directive","accountable":true,"accountable_why":"no exclusion of 45 CFR 164.528(a)(1) applies","decisions":[{"rule":"R20","decision":"release","by":"dr-lee","on":"2026-11-18","reason":"agreed"}],"hash":"HASH2"}
`
	lines := bytes.Split(got, []byte("\n"))
	text := string(got)
	for i := range 2 {
		var e Entry
		if err := json.Unmarshal(lines[i], &e); err != nil {
			t.Fatal(err)
		}
		text = strings.ReplaceAll(text, e.Hash, fmt.Sprintf("HASH%d", i+1))
	}
	if text != want {
		t.Errorf("ledger\n%s\nwant\n%s", text, want)
	}
}

// A newest segment that holds nothing, whoever made it, does not take an entry of an
// earlier year.
func TestAnEmptySegmentOfALaterYear(t *testing.T) {
	dir := t.TempDir()
	l := openLedger(t, dir, at(2026))
	fill(t, l, 1, 2)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, year := range []string{"2027", "9999"} {
		if err := os.WriteFile(filepath.Join(dir, year+".jsonl"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l = openLedger(t, dir, at(2026))
	fill(t, l, 3, 3)
	if r, err := Verify(t.Context(), dir); err != nil || r.Head.Seq != 3 || len(r.Segments) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Nor does one whose first line was torn, or was not written at all.
func TestASegmentWhoseFirstLineIsLost(t *testing.T) {
	for name, torn := range map[string]string{"torn": `{"v":1,"seq":3,"prev":"00`, "not written": ""} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := openLedger(t, dir, at(2026))
			fill(t, l, 1, 2)
			later := filepath.Join(dir, "2027.jsonl")
			if torn == "" {
				if err := l.turn(at(2027).now()); err != nil {
					t.Fatal(err)
				}
			} else {
				if err := errors.Join(l.Close(), os.WriteFile(later, []byte(torn), 0o600)); err != nil {
					t.Fatal(err)
				}
				l = openLedger(t, dir, at(2026))
			}
			fill(t, l, 3, 4)
			if r, err := Verify(t.Context(), dir); err != nil || r.Head.Seq != 4 || len(r.Segments) != 1 {
				t.Errorf("%+v, %v", r, err)
			}
			if e, err := l.Find(sent(4).Key); err != nil || e.Seq != 4 {
				t.Errorf("%+v, %v", e, err)
			}
		})
	}
}

// A folder that is gone is a ledger without entries, which the heads know of.
func TestAFolderThatIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	l := openSigned(t, dir, at(2026))
	fill(t, l, 1, 2)
	_, h := headOf(t, dir)
	if err := errors.Join(l.Close(), os.RemoveAll(dir)); err != nil {
		t.Fatal(err)
	}
	_, err := VerifySigned(t.Context(), dir, testPub(), h)
	wantFault(t, err, 1, Cut)
	if lost, err := Lacks(t.Context(), dir, h); err != nil || lost == nil || lost.To != 2 {
		t.Errorf("%+v, %v", lost, err)
	}
}
