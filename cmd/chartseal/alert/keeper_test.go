package alert

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// desk is IT: it keeps what it is told, or does not answer.
type desk struct {
	got  []Notice
	fail error
	n    int // tries
}

func (*desk) Name() string { return "desk" }

func (d *desk) Send(_ context.Context, n Notice) error {
	d.n++
	if d.fail != nil {
		return d.fail
	}
	d.got = append(d.got, n)
	return nil
}

// scene is a keeper with a clock, a desk and what is wrong at the moment.
type scene struct {
	*Keeper
	t     *testing.T
	desk  *desk
	now   time.Time
	wrong []Condition
	part  bool // the looks do not see everything
	log   bytes.Buffer

	renamed int // how often what was told was kept, by the function that waits for readers

	dir string
}

func newScene(t *testing.T) *scene {
	s := &scene{t: t, desk: &desk{}, now: time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC), dir: t.TempDir()}
	s.start()
	return s
}

func (s *scene) start() {
	s.Keeper = New(Options{
		Sender: Sender{"Lakeside Dental", "front-desk", "1.2.3"}, Channels: []Channel{s.desk}, State: s.dir, Now: func() time.Time { return s.now },
		Look: func(context.Context) ([]Condition, bool) { return s.wrong, !s.part }, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
		Replace: func(from, to string) error { s.renamed++; return os.Rename(from, to) },
	})
}

// after lets time pass, look by look, and tells what IT was told in it.
func (s *scene) after(d time.Duration) []Notice {
	s.t.Helper()
	before := len(s.desk.got)
	for end := s.now.Add(d); s.now.Before(end); {
		s.now = s.now.Add(min(lookEvery, end.Sub(s.now)))
		s.Once(s.t.Context())
	}
	return s.desk.got[before:]
}

func phases(all []Notice) (out []string) {
	for _, n := range all {
		for _, it := range n.Items {
			out = append(out, string(it.Class)+" "+string(it.Phase))
		}
	}
	return out
}

func (s *scene) told(d time.Duration, want ...string) {
	s.t.Helper()
	if got := phases(s.after(d)); strings.Join(got, ", ") != strings.Join(want, ", ") {
		s.t.Errorf("told %q, want %q", got, want)
	}
}

func TestTroubleIsToldOnceThenDailyThenThatItIsOver(t *testing.T) {
	s := newScene(t)
	s.told(time.Minute)
	s.wrong = []Condition{{Class: Failing, Detail: "store unavailable", Count: 3, Release: "abc"}}
	s.told(23*time.Hour, "failing begins")
	s.told(2*time.Hour, "failing lasts")
	s.told(24*time.Hour, "failing lasts")
	s.wrong = append(s.wrong, Condition{Class: Overdue, Count: 1})
	s.told(time.Minute, "overdue begins")
	s.wrong = nil
	s.told(4 * time.Minute)
	s.told(2*time.Minute, "failing over", "overdue over")
	s.told(48 * time.Hour)
}

func TestWhatComesAndGoesIsToldOnce(t *testing.T) {
	s := newScene(t)
	var got []string
	for i := range 20 {
		s.wrong = nil
		if i%2 == 0 {
			s.wrong = []Condition{{Class: Stuck, Detail: "files"}}
		}
		got = append(got, phases(s.after(2*time.Minute))...)
	}
	if len(got) != 1 {
		t.Errorf("told %q", got)
	}
}

func TestARestartTellsNothingTwice(t *testing.T) {
	s := newScene(t)
	s.wrong = []Condition{{Class: Disk}}
	s.told(time.Minute, "disk begins")
	s.start()
	s.told(time.Hour)
	s.wrong = nil
	s.start()
	s.told(time.Hour, "disk over")
	if s.renamed < 2 {
		t.Errorf("it was kept %d times by the function that waits for readers", s.renamed)
	}
	info, err := os.Stat(filepath.Join(s.dir, stateName))
	if err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestWhatALookCannotSeeIsNotOver(t *testing.T) {
	s := newScene(t)
	s.wrong = []Condition{{Class: Overdue, Count: 2}}
	s.told(time.Minute, "overdue begins")
	s.part, s.wrong = true, []Condition{{Class: Failing, Detail: "database unavailable"}}
	s.told(time.Hour, "failing begins")
	s.part, s.wrong = false, nil
	s.told(time.Hour, "failing over", "overdue over")
}

func TestWhatWasNotDeliveredIsToldAfterARestart(t *testing.T) {
	s := newScene(t)
	s.desk.fail = errors.New("the server cannot be reached")
	s.wrong = []Condition{{Class: Ledger}}
	s.told(time.Minute)
	s.start()
	s.desk.fail = nil
	s.told(time.Minute, "ledger begins")
}

func TestAServerThatIsAwayIsAskedEverMoreRarely(t *testing.T) {
	s := newScene(t)
	s.desk.fail = errors.New("the server cannot be reached")
	s.wrong = []Condition{{Class: Stuck}}
	s.told(6 * time.Hour)
	if s.desk.n < 10 || s.desk.n > 25 {
		t.Errorf("%d tries in six hours", s.desk.n)
	}
	if n := strings.Count(s.log.String(), "cannot be sent"); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, s.log.String())
	}
	s.desk.fail = nil
	s.told(time.Hour, "stuck begins")
	if !strings.Contains(s.log.String(), "go out again") {
		t.Error("the log does not say that it works again")
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	s := newScene(t)
	s.desk.fail = errors.New("away")
	for i := range maxQueue + 20 {
		s.wrong = []Condition{{Class: Failing, Detail: string(rune('A' + i))}}
		s.after(lookEvery)
	}
	if n := len(s.lanes[0].queue); n > maxQueue {
		t.Errorf("%d notices wait", n)
	}
	s.wrong = nil
	s.after(staleAfter + time.Hour)
	for _, n := range s.lanes[0].queue {
		if s.now.Sub(n.At) > staleAfter {
			t.Fatal("a notice that says nothing any more still waits")
		}
	}
}

func TestAClockThatIsSetBackStopsNoReminder(t *testing.T) {
	s := newScene(t)
	s.wrong = []Condition{{Class: Disk}}
	s.told(time.Minute, "disk begins")
	s.now = s.now.AddDate(-1, 0, 0)
	s.told(time.Hour, "disk lasts")
	s.told(25*time.Hour, "disk lasts")
}

// Every class has a title and says what to do, and none of it is cut or empty.
func TestEveryClassSaysWhatToDo(t *testing.T) {
	for _, c := range []Condition{
		{Class: Stuck, Detail: "scheduler"},
		{Class: Stuck, Detail: "start"},
		{Class: Stuck, Detail: "files", Count: 2},
		{Class: Stuck, Detail: "orders"},
		{Class: Failing, Detail: "store denied access", Count: 1},
		{Class: Failing, Detail: "machine", Count: 2},
		{Class: Overdue, Count: 1},
		{Class: Credentials, Detail: "end soon"},
		{Class: Ledger},
		{Class: RolledBack},
		{Class: Disk},
		{Class: Brake, Count: 4},
	} {
		text := c.Sentence(time.UTC)
		if len(text) < 60 || c.title() == "a test" || !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %q", c.key(), text)
		}
	}
	n := TestNotice(Sender{"Lakeside Dental", "front-desk", "1"}, time.Now())
	if n.Subject() != "[chartseal] Lakeside Dental (front-desk): a test" || !strings.Contains(n.Text, "reach you here") {
		t.Errorf("%s\n%s", n.Subject(), n.Text)
	}
}
