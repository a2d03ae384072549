package chartseal

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"chartseal/config"
)

// Status tells a daemon that runs from one that hangs, one that ended and none, and
// says what of its configuration does not count.
func TestStatusSaysWhetherADaemonRuns(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.Config{
		State: filepath.Join(dir, "state"), File: filepath.Join(dir, "chartseal.yaml"), Recipients: filepath.Join(dir, "recipients.yaml"),
	}
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(cfg.File, "a: 1")
	write(cfg.Recipients, "{}")
	cfg.Sum = digest([]byte("a: 1"))
	now := time.Now().Truncate(time.Second)
	tell := func(what string, c *config.Config, at time.Time, running bool, want string) Daemon {
		t.Helper()
		d := readDaemon(c, at)
		if d.Running != running || !strings.Contains(d.Message, want) || want == "" && d.Message != "" {
			t.Errorf("%s: %+v", what, d)
		}
		return d
	}
	tell("none", cfg, now, false, "none has run here yet")
	st, err := openState(cfg.State)
	if err != nil {
		t.Fatal(err)
	}
	tell("a command", cfg, now, false, "command is at work")

	var log bytes.Buffer
	p := &Practice{cfg: cfg, state: st, log: slog.New(slog.NewTextHandler(&log, nil)), opts: Options{Now: func() time.Time { return now }}}
	p.live()
	if d := tell("running", cfg, now.Add(time.Minute), true, ""); !d.Started.Equal(now) || !d.Seen.Equal(now) {
		t.Errorf("%+v", d)
	}
	began := now
	now = now.Add(time.Hour)
	p.live()
	if d := tell("an hour later", cfg, now, true, ""); !d.Started.Equal(began) || !d.Seen.Equal(now) || log.Len() > 0 {
		t.Errorf("%+v, log %s", d, &log)
	}
	tell("hanging", cfg, now.Add(time.Hour), false, "NOT BEEN HEARD OF")
	if err := os.Remove(st.path(lifeFile)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first finds that it is gone
		now = now.Add(lifeBeat)
		p.live()
	}
	tell("its sign was deleted", cfg, now, true, "")
	log.Reset()

	edited := *cfg
	edited.Sum = digest([]byte("a: 2"))
	write(cfg.File, "a: 2")
	write(cfg.Recipients, "dr-chen: [")
	for range 3 {
		now = now.Add(lifeBeat)
		p.live()
	}
	d := tell("edited", &edited, now, true, "counts after a restart")
	if !slices.Equal(d.Changed, []string{"chartseal.yaml", "recipients.yaml"}) || !strings.Contains(d.Message, "recipient book cannot be read") {
		t.Errorf("%+v", d)
	}
	if got := strings.Count(log.String(), "alert=config"); got != 1 || strings.Count(log.String(), "alert=book") != 1 {
		t.Errorf("log: %s", &log)
	}
	if err := st.close(); err != nil {
		t.Fatal(err)
	}
	tell("ended", cfg, now, false, "NO DAEMON IS RUNNING: it was last seen on "+now.Format("2006-01-02 15:04"))
}

// Who looks whether a daemon runs keeps none from starting.
func TestLookingKeepsNoDaemonFromStarting(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	st, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.close(); err != nil || st.locked() {
		t.Fatal(err, "it is locked")
	}
	look := flock.New(st.path("lock"))
	if got, err := look.TryRLock(); !got || err != nil {
		t.Fatal(got, err)
	}
	time.AfterFunc(2*lockPatience, func() { _ = look.Close() })
	if st, err = openState(dir); err != nil {
		t.Fatal(err)
	}
	if !st.locked() {
		t.Error("it is not locked")
	}
	if err := st.close(); err != nil {
		t.Fatal(err)
	}
}

// When as many orders wait as a site works on at once, the others say so too.
func TestOrdersThatHaveNotBegunSayWhy(t *testing.T) {
	var all []Standing
	for i := range underWay {
		all = append(all, Standing{Release: strconv.Itoa(i), State: string(working), Waiting: "source folder missing"})
	}
	all = append(all, Standing{State: string(working), begun: "2026-11-18T12:00:00Z"}, Standing{State: string(sent)}, Standing{Site: "other", State: string(working)})
	list := &dueList{}
	for i := range all {
		list.waiting(strconv.Itoa(i), all[i].Waiting)
	}
	inLine(all[1:])
	if x := all[underWay]; x.Waiting != "" {
		t.Errorf("one fewer: %+v", x)
	}
	inLine(all)
	rest := all[underWay:]
	if x := rest[0]; x.Waiting != itsTurn || x.Since != "2026-11-18T12:00:00Z" {
		t.Errorf("%+v", x)
	}
	if rest[1].Waiting != "" || rest[2].Waiting != "" {
		t.Errorf("%+v", rest[1:])
	}
	due := []Due{{Place: "working", ref: "7"}, {Place: "working", ref: "new"}, {Place: "held", ref: "x"}}
	list.addWaits(due)
	if due[0].waits != "source folder missing" || due[1].waits != itsTurn || due[2].waits != "" || !strings.Contains(placeWords(due[1]), "many orders wait") {
		t.Errorf("%+v", due)
	}
}
