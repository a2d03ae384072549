package chartseal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/heads"
	"chartseal/ledger"
	"chartseal/transport"
)

// shelf is a store of heads in memory, which can be away.
type shelf struct {
	mu   sync.Mutex
	all  map[string][]byte
	away error
	puts int
	busy *busy // nil: it is not

	kept map[string]time.Time // until when
}

func (s *shelf) Put(_ context.Context, key, _ string, content []byte) (transport.Object, error) {
	s.mu.Lock()
	b := s.busy
	s.mu.Unlock()
	b.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return transport.Object{}, s.away
	}
	s.puts++
	s.all[key] = bytes.Clone(content)
	return transport.Object{Key: key}, nil
}

func (s *shelf) PutKept(ctx context.Context, key, kind string, content []byte, until time.Time) (bool, error) {
	_, err := s.Put(ctx, key, kind, content)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]time.Time{}
	}
	if err == nil && until.After(s.kept[key]) { // as versions of their own
		s.kept[key] = until
	}
	return err == nil, err
}

func (s *shelf) Get(_ context.Context, v transport.Version, _ int64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.all[v.Key]
	if s.away == nil && !ok {
		return nil, &transport.Error{Op: "get object", Class: transport.ErrNotFound}
	}
	return b, s.away
}

// Versions are the objects themselves: a shelf keeps none.
func (s *shelf) Versions(ctx context.Context, prefix, after string) iter.Seq2[transport.Version, error] {
	return s.Objects(ctx, prefix, after)
}

func (s *shelf) Objects(_ context.Context, prefix, after string) iter.Seq2[transport.Version, error] {
	return func(yield func(transport.Version, error) bool) {
		s.mu.Lock()
		away := s.away
		s.mu.Unlock()
		if away != nil {
			yield(transport.Version{}, away)
			return
		}
		all := s.copy()
		for _, key := range slices.Sorted(maps.Keys(all)) {
			v := transport.Version{Key: key, Bytes: int64(len(all[key])), ETag: digest(all[key])}
			if strings.HasPrefix(key, prefix) && key > after && !yield(v, nil) {
				return
			}
		}
	}
}

func (s *shelf) set(away error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *shelf) engage() *busy {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = newBusy()
	return s.busy
}

// busy keeps whoever comes waiting until it is over.
type busy struct {
	came, over chan struct{}
	once       sync.Once
}

func newBusy() *busy { return &busy{came: make(chan struct{}), over: make(chan struct{})} }

func (b *busy) wait() {
	if b == nil {
		return
	}
	b.once.Do(func() { close(b.came) })
	<-b.over
}

func (s *shelf) copy() map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.all)
}

// bookkeeper is a practice that keeps a ledger and copies its heads to a shelf.
type bookkeeper struct {
	*Practice
	shelf *shelf
	log   *locked
}

func keepBooks(t *testing.T, dir string, s *shelf) *bookkeeper {
	t.Helper()
	return keepBooksAs(t, dir, "front-desk", s)
}

func keepBooksAs(t *testing.T, dir, site string, s *shelf) *bookkeeper {
	t.Helper()
	k := keepBooksIn(t, dir, &config.Config{Site: site}, s, time.Now)
	k.shelf = s
	return k
}

// keepBooksIn keeps them in a folder, with its heads in any store.
func keepBooksIn(t *testing.T, dir string, cfg *config.Config, s headStore, now func() time.Time) *bookkeeper {
	t.Helper()
	k := &bookkeeper{log: &locked{}}
	st, err := openState(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.State, cfg.Outbox = st.dir, filepath.Join(dir, "outbox")
	if err := os.MkdirAll(cfg.Outbox, 0o700); err != nil {
		t.Fatal(err)
	}
	k.Practice = &Practice{
		cfg: cfg, state: st, copies: s, requests: newRequests(),
		log: slog.New(slog.NewTextHandler(k.log, nil)), opts: Options{Now: now, Log: slog.New(slog.NewTextHandler(k.log, nil))},
	}
	if k.ledger, err = k.openLedger(); err != nil {
		t.Fatal(errors.Join(err, st.close()))
	}
	k.openHeads(t.Context())
	k.heads.hurry()
	k.heads.start(t.Context())
	return k
}

// hurry makes it try again soon what failed.
func (f *follower) hurry() { f.first, f.most = 5*time.Millisecond, 50*time.Millisecond }

// backUp copies a folder; what it gives puts the copy in the folder's place.
func backUp(t *testing.T, dir string) (bringBack func()) {
	t.Helper()
	kept := filepath.Join(t.TempDir(), "kept")
	if err := os.CopyFS(kept, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(kept))); err != nil {
			t.Fatal(err)
		}
	}
}

// locked lets several goroutines log.
type locked struct {
	mu sync.Mutex
	w  bytes.Buffer
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.String()
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (k *bookkeeper) close(t *testing.T) {
	t.Helper()
	k.heads.close()
	if k.mirror != nil {
		k.mirror.close()
	}
	if err := errors.Join(k.ledger.Close(), k.state.close()); err != nil {
		t.Error(err)
	}
}

func (k *bookkeeper) write(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if _, err := k.enter(t.Context(), ledger.Entry{Key: key + "/held", Event: ledger.Held, Order: "R-" + key, Reference: key}); err != nil {
			t.Fatal(err)
		}
	}
}

// slip writes what came in before the ledger was found out, as while the store was away;
// nothing is recorded after.
func (k *bookkeeper) slip(t *testing.T, key string) {
	t.Helper()
	e := ledger.Entry{Key: key + "/held", Event: ledger.Held, Order: "R-" + key, Reference: key}
	if _, err := k.enter(t.Context(), e); !errors.Is(err, errDistrusted) {
		t.Errorf("a line in a ledger that is not trusted: %v", err)
	}
	if _, err := k.ledger.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	k.heads.nudge()
	k.mirror.everything()
}

func eventuallyTrue(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("never: %s", what)
			return
		}
	}
}

// The newest head is in the store after every entry, and one a day under its own name.
func TestHeadsAreCopied(t *testing.T) {
	k := keepBooks(t, t.TempDir(), &shelf{all: map[string][]byte{}})
	k.write(t, "a", "b")
	place := headPlace(k.cfg, k.state.pub)
	eventuallyTrue(t, "a copy of entry 2", func() bool { return readHeadCopy(k.state).Seq == 2 })
	k.write(t, "c")
	k.close(t) // which copies the last one
	all := k.shelf.copy()
	h, err := ledger.ParseHead(all[place+heads.Latest], k.state.pub)
	if err != nil || h.Seq != 3 || h.Site != "front-desk" || len(all) != 2 {
		t.Errorf("%+v, %d objects, %v", h, len(all), err)
	}
	for key, b := range all {
		if signed, err := ledger.ParseHead(b, k.state.pub); key != place+heads.Latest && (err != nil || key != place+heads.Day(signed.Head)) {
			t.Errorf("%s holds %+v, %v", key, signed, err)
		}
		if strings.Contains(key+string(b), "R-") {
			t.Errorf("an order is named in %s", key)
		}
	}
	if c := readHeadCopy(k.state); c.Seq != 3 || !c.Locked || c.Trouble != "" || c.Day == "" {
		t.Errorf("%+v", c)
	}
}

// A head of each hour with an entry is locked, one a day for years, and the newest always.
func TestHeadsAreLocked(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	var clock atomic.Int64
	began := time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC) // in the morning: the first hours are of one day
	k := keepBooksIn(t, t.TempDir(), &config.Config{Site: "front-desk"}, s, func() time.Time { return began.Add(time.Duration(clock.Load())) })
	place := headPlace(k.cfg, k.state.pub)
	var entries []ledger.Head
	for i, tc := range []struct {
		after time.Duration // the one before
		entry bool
		days  []int // until when the heads with names are locked, since the beginning
	}{
		{0, true, []int{2192}},
		{30 * time.Minute, true, []int{2192, 0}},
		{31 * time.Minute, false, []int{2192, 31}}, // the hour is over
		{2 * time.Hour, false, []int{2192, 31}},    // and nothing new
		{0, true, []int{2192, 31, 31}},
		{time.Minute, true, []int{2192, 31, 31, 0}},
		{24 * time.Hour, false, []int{2192, 31, 31, 2193}},
		{24 * time.Hour, false, []int{2192, 31, 31, 2193}},
		{24 * time.Hour, true, []int{2192, 31, 31, 2193, 2195}},
	} {
		clock.Add(int64(tc.after))
		if tc.entry {
			k.write(t, fmt.Sprint(i))
			entries = append(entries, k.ledger.Head())
			eventuallyTrue(t, "a copy", func() bool { return readHeadCopy(k.state).Seq == k.ledger.Head().Seq })
		} else if err := k.heads.copy(t.Context()); err != nil { // as it does by itself
			t.Fatal(err)
		}
		s.mu.Lock()
		for n, want := range tc.days {
			if got := int(s.kept[place+heads.Day(entries[n])].Sub(began).Hours() / 24); max(got, 0) < want || got > want+1 {
				t.Errorf("step %d: entry %d is locked for %d days, want %d", i, n+1, got, want)
			}
		}
		if left := s.kept[place+heads.Latest].Sub(k.opts.Now()); left < (latestDays-1)*24*time.Hour {
			t.Errorf("step %d: the newest is locked for %s", i, left)
		}
		s.mu.Unlock()
	}
	k.close(t)
}

// A store that is away keeps nobody waiting; when it is back the newest head goes there.
func TestAStoreThatIsAwayHoldsNothingUp(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	k := keepBooks(t, t.TempDir(), s)
	k.write(t, "a")
	eventuallyTrue(t, "a copy", func() bool { return readHeadCopy(k.state).Seq == 1 })
	s.set(&transport.Error{Op: "put object", Class: transport.ErrUnavailable})
	hangs := s.engage()
	k.write(t, "b")
	<-hangs.came
	k.write(t, "c") // while it still hangs
	close(hangs.over)
	eventuallyTrue(t, "trouble is noted", func() bool { return readHeadCopy(k.state).Trouble == "store unavailable" })
	s.set(nil)
	eventuallyTrue(t, "the newest is copied", func() bool { c := readHeadCopy(k.state); return c.Seq == 3 && c.Trouble == "" })
	k.close(t)
}

// One that is away from the beginning, or refuses the key, is told of, and nothing is
// copied before the ledger was compared with what is there.
func TestAStoreThatIsAwayAtTheStart(t *testing.T) {
	s := &shelf{all: map[string][]byte{}, away: &transport.Error{Op: "list objects", Class: transport.ErrDenied}}
	k := keepBooks(t, t.TempDir(), s)
	k.write(t, "a")
	eventuallyTrue(t, "trouble is noted", func() bool { return readHeadCopy(k.state).Trouble == "store denied access" })
	if k.ledgerBroken.Load() {
		t.Error("a store that is away breaks the ledger")
	}
	s.set(nil)
	eventuallyTrue(t, "the head is copied", func() bool { c := readHeadCopy(k.state); return c.Seq == 1 && c.Trouble == "" })
	k.close(t)
}

// An older copy of the whole state folder is found by the heads in the store, which it
// does not overwrite; nothing is sent until a person goes on with it, and that is
// recorded.
func TestARestoredStateFolder(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	dir := t.TempDir()
	k := keepBooks(t, dir, s)
	k.write(t, "a", "b")
	k.close(t)
	bringBack := backUp(t, k.cfg.State)
	k = keepBooks(t, dir, s)
	k.write(t, "c", "d", "e")
	k.close(t)
	bringBack()
	before := s.copy()
	k = keepBooks(t, dir, s)
	note := filepath.Join(k.cfg.Outbox, "NOTHING-IS-SENT.txt")
	if _, err := os.Stat(note); err != nil || !k.ledgerBroken.Load() || !strings.Contains(k.log.String(), "alert=ledger") || !strings.Contains(k.log.String(), "entry 3 is missing at the end") {
		t.Errorf("%v, %s", err, k.log)
	}
	k.lookAtLedger(t.Context())
	k.slip(t, "x")
	k.heads.close()
	if now := s.copy(); !maps.EqualFunc(now, before, bytes.Equal) {
		t.Error("the heads in the store were replaced")
	}
	if _, err := k.AcceptLedger(t.Context(), Acceptance{Decider: Decider{By: " "}, Reason: "x"}); !errors.Is(err, ErrConfig) {
		t.Errorf("nobody accepted: %v", err)
	}
	k.startHeads(t.Context())
	e, err := k.AcceptLedger(t.Context(), Acceptance{Decider: Decider{By: "J. Ortiz"}, Reason: "the disk failed"})
	if err != nil || e.Seq != 4 || e.Lost == nil || e.Lost.From > 3 || e.Lost.To != 5 || e.Approver != "J. Ortiz" {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := os.Stat(note); err == nil || k.ledgerBroken.Load() {
		t.Error("nothing is sent after it was accepted")
	}
	if _, err := k.AcceptLedger(t.Context(), Acceptance{Decider: Decider{By: "J. Ortiz"}, Reason: "again"}); !errors.Is(err, ErrNothingLost) {
		t.Errorf("accepted a second time: %v", err)
	}
	k.write(t, "f")
	k.close(t)
	k = keepBooks(t, dir, s)
	if k.ledgerBroken.Load() {
		t.Errorf("broken again after a restart: %s", k.log)
	}
	k.close(t)
	if h, err := ledger.ParseHead(s.copy()[headPlace(k.cfg, k.state.pub)+heads.Latest], k.state.pub); err != nil || h.Seq != 5 {
		t.Errorf("%+v, %v", h, err)
	}
}

// copiedAndOpened is a ledger with an entry and a copy of its state folder, opened again to
// go on; bringBack puts the copy in its place.
func copiedAndOpened(t *testing.T, dir string, s *shelf) (k *bookkeeper, bringBack func()) {
	t.Helper()
	k = keepBooks(t, dir, s)
	k.write(t, "a")
	k.close(t)
	bringBack = backUp(t, k.cfg.State)
	return keepBooks(t, dir, s), bringBack
}

// A head of before that a clock which was ahead signed is accepted, too: orders go on, and
// the ledger verifies.
func TestAHeadSignedByAClockAheadIsAccepted(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	dir := t.TempDir()
	k, bringBack := copiedAndOpened(t, dir, s)
	h := ledger.Head{Seq: 3, Hash: strings.Repeat("7", 64)}
	signer := k.signer()
	s.mu.Lock()
	s.all[headPlace(k.cfg, k.state.pub)+heads.Day(h)] = signer.Sign(h, nil, time.Now().Add(48*time.Hour))
	s.mu.Unlock()
	k.close(t)
	bringBack()
	k = keepBooks(t, dir, s)
	defer k.close(t)
	if !k.ledgerBroken.Load() {
		t.Fatal("the head is not missed")
	}
	if _, err := k.AcceptLedger(t.Context(), Acceptance{Decider: Decider{By: "IT"}, Reason: "restored"}); err != nil || k.ledgerBroken.Load() {
		t.Fatal(err)
	}
	if k.lookAtLedger(t.Context()); k.ledgerBroken.Load() {
		t.Errorf("it does not verify after: %s", k.log)
	}
}

// Heads that the key did not sign say nothing, and stop nothing.
func TestForeignHeads(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	dir := t.TempDir()
	k := keepBooks(t, dir, s)
	k.write(t, "a")
	k.close(t)
	place := headPlace(k.cfg, k.state.pub)
	s.all[place+"000000000099-"+strings.Repeat("0", 64)] = []byte("chartseal ledger head v1\n")
	s.all[place+"notes.txt"] = []byte("hello")
	k = keepBooks(t, dir, s)
	if k.ledgerBroken.Load() || !strings.Contains(k.log.String(), "did not sign") {
		t.Errorf("%s", k.log)
	}
	k.close(t)
}
