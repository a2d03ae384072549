package chartseal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"chartseal/config"
	"chartseal/durable"
)

// lifeFile is the daemon's sign of life under state: written when it starts, and its
// time is set anew while it watches the outbox. That needs no room on the disk.
const lifeFile = "daemon.json"

// life is what the file says.
type life struct {
	Started time.Time `json:"started"`
	Version string    `json:"version"`
	Config  string    `json:"config_sha256"` // of chartseal.yaml as it was read
}

// The beat of the sign, and how long a daemon may be silent beside its scans.
const (
	lifeBeat   = 10 * time.Second
	lifeSilent = 2 * time.Minute
)

// sign is the daemon's side of it.
type sign struct {
	at      time.Time // of the last beat
	begun   bool
	failed  bool   // the last beat
	changed string // the digest of the changed configuration that was warned of
}

// turned says that the daemon's loop has come around once more.
func (p *Practice) turned() {
	p.live()
	if p.opts.Alive != nil {
		p.opts.Alive()
	}
}

// live gives a sign of life, but not too often, and looks whether the configuration
// was changed. It is called after every scan: a daemon that hangs gives none.
func (p *Practice) live() {
	now := p.opts.Now()
	if since := now.Sub(p.sign.at); p.sign.begun && since >= 0 && since < lifeBeat {
		return
	}
	p.sign.at = now
	file := p.state.path(lifeFile)
	var err error
	if !p.sign.begun {
		var b []byte
		if b, err = json.Marshal(life{now.UTC(), p.opts.Version, p.cfg.Sum}); err == nil {
			err = durable.Write(file, b, 0o600)
		}
		p.sign.begun = err == nil
	}
	if err == nil {
		err = os.Chtimes(file, now, now)
	}
	if err != nil && !p.sign.failed { // status says since when
		p.log.Warn("no sign of life", slog.String("stage", "watch"), slog.String("class", classOf(err)))
	}
	if p.sign.failed = err != nil; err != nil {
		p.sign.begun = false // the file may be gone
	}
	p.bookNow() // one that cannot be used is told at once
	p.noticeChange()
}

// noticeChange warns, once for each change, that the configuration on the disk is not
// the one in force.
func (p *Practice) noticeChange() {
	if p.cfg.File == "" {
		return
	}
	b, err := readConfigFile(p.cfg.File)
	if err != nil {
		return // being written, or away
	}
	sum := digest(b)
	if sum == p.cfg.Sum || sum == p.sign.changed {
		return
	}
	p.sign.changed = sum
	p.log.Warn("chartseal.yaml was changed: the change counts after a restart of the daemon", slog.String("stage", "watch"), slog.String("alert", "config"))
}

// Daemon is what can be told of this site's daemon from outside.
type Daemon struct {
	Running bool      `json:"running"` // it holds the state folder, and was seen lately
	Started time.Time `json:"started,omitzero"`
	Seen    time.Time `json:"seen,omitzero"`     // its last sign of life
	Message string    `json:"message,omitempty"` // what is wrong with it, or with its configuration
	Changed []string  `json:"changed,omitempty"` // files of the configuration that do not count as they are now
}

// DaemonOf tells how the daemon of a practice is, from outside.
func DaemonOf(cfg *config.Config, now time.Time) Daemon { return readDaemon(cfg, now) }

// readDaemon looks at the lock and at the sign of life.
func readDaemon(cfg *config.Config, now time.Time) Daemon {
	s := &state{dir: cfg.State}
	var d Daemon
	var was life
	if b, err := os.ReadFile(s.path(lifeFile)); err == nil && json.Unmarshal(b, &was) == nil {
		d.Started = was.Started
	}
	if info, err := os.Stat(s.path(lifeFile)); err == nil {
		d.Seen = info.ModTime()
	}
	silent := now.Sub(d.Seen) > lifeSilent+2*time.Duration(cfg.Watch.Scan)
	when := d.Seen.In(now.Location()).Format("2006-01-02 15:04")
	switch locked := s.locked(); {
	case !locked && d.Seen.IsZero():
		d.Message = "NO DAEMON IS RUNNING, and none has run here yet. Orders that are dropped wait until it is started (chartseal run)."
	case !locked:
		d.Message = "NO DAEMON IS RUNNING: it was last seen on " + when + ". Orders wait until it is started (chartseal run, or its service)."
	case silent && d.Seen.IsZero():
		d.Message = "A chartseal command is at work, and no daemon has run here yet."
	case silent:
		d.Message = "THE DAEMON HAS NOT BEEN HEARD OF since " + when + ". It may hang on a folder that does not answer, or another chartseal command is at work."
	default:
		d.Running = true
	}
	if d.Running {
		d.addChanges(cfg, was)
	}
	return d
}

// addChanges names the files of the configuration that are not in force as they are.
func (d *Daemon) addChanges(cfg *config.Config, was life) {
	if was.Config != "" && cfg.Sum != "" && was.Config != cfg.Sum {
		d.Changed = append(d.Changed, filepath.Base(cfg.File))
		d.Message = fmt.Sprintf("%s was changed since the daemon started: the change counts after a restart.", filepath.Base(cfg.File))
	}
	if _, err := loadBook(cfg); err != nil {
		d.Changed = append(d.Changed, filepath.Base(cfg.Recipients))
		text := "The recipient book cannot be read: what goes to somebody in it waits until it is corrected (chartseal check names the line)."
		if d.Message != "" {
			text = d.Message + "\n" + text
		}
		d.Message = text
	}
}

// locked reports whether somebody has the state folder. It takes the lock for a
// moment, shared and only if it is free, which whoever wants it alone waits out.
func (s *state) locked() bool {
	lock := flock.New(s.path("lock"), flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	if free {
		_ = lock.Close() // which unlocks it
	}
	return !free
}
