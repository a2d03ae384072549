package chartseal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"chartseal/config"
	"chartseal/durable"
	"chartseal/ledger"
	"chartseal/packager/seal"
	"chartseal/transport"
	"chartseal/vault"
	"chartseal/watch"
)

// Destination is where a backup goes.
type Destination struct {
	Path  string          // a file that is not there yet, or a folder in which it gets a name of its own
	To    seal.Recipients // who can open it
	Plain bool            // a folder of plain files instead: what copies it further must seal it
}

// BackupReport is what a backup holds. It has no patient data.
type BackupReport struct {
	Path    string    `json:"path"`
	At      time.Time `json:"at"`
	Bytes   int64     `json:"bytes"` // of the parts
	Parts   int       `json:"parts"`
	Entries uint64    `json:"ledger_entries"`
	Key     string    `json:"key"`              // the practice's public key
	Sealed  bool      `json:"sealed"`           // with age
	Shared  bool      `json:"shared_database"`  // which is not in it
	Settled bool      `json:"one_instant"`      // nothing came while it was made
	Ledger  string    `json:"ledger,omitempty"` // what is wrong with the ledger; "": it is whole
}

// partSuffix ends the names of backups that are being written; what is left of one is
// removed by a later one after a day.
const (
	partPrefix = ".chartseal-"
	partSuffix = ".part"
	partAge    = 24 * time.Hour
	backupNote = "backup.json" // under state: when there was one
)

// ErrNoBackup says that a backup cannot be made so, or there.
var ErrNoBackup = errors.New("no backup was made")

// ErrBackup says that a backup is damaged, or is none.
var ErrBackup = vault.ErrDamaged

// backupWriter is where the parts of a backup go.
type backupWriter interface {
	Put(p vault.Part, content io.Reader) error // exactly p.Size bytes
	Seal() error                               // nothing comes after
	Open() (*vault.Copy, error)                // reads it back
}

// The parts of a backup: what is in the state folder, and beside the configuration.
const (
	stateParts  = "state/"
	configParts = "config/"
)

// Backup copies the state folder, also beside the running daemon, and the configuration.
// The copy is read back before it gets its name. Records, the outbox and a shared database
// are not in it. A ledger that does not hold is copied as it is, and told.
func Backup(ctx context.Context, cfg *config.Config, opts Options, to Destination) (r BackupReport, err error) {
	s := &state{dir: cfg.State}
	if !s.begun() {
		return r, fmt.Errorf("%w: chartseal has not run on the folder that 'state' in chartseal.yaml names", ErrNoBackup)
	}
	if s.restoring() {
		return r, fmt.Errorf("%w: a restore was cut off in the state folder: start the daemon, which finishes it, and then give this command again", ErrNoBackup)
	}
	r.At = opts.Now().UTC().Truncate(time.Millisecond)
	if r.Path, err = backupPath(cfg, to, r.At); err != nil {
		return r, err
	}
	removeParts(filepath.Join(filepath.Dir(r.Path), partPrefix+"*"+partSuffix), opts.Now())
	removeParts(filepath.Join(os.TempDir(), engineCopy+"*"), opts.Now())
	v, temp, done, err := openVault(filepath.Dir(r.Path), to)
	if err != nil {
		return r, err
	}
	defer func() {
		if err = errors.Join(err, done()); err != nil {
			err = errors.Join(err, watch.Scrub(os.RemoveAll(temp)))
		}
	}()
	if err := r.fill(ctx, cfg, opts, s, v); err != nil {
		return r, err
	}
	a, err := v.Open()
	if err == nil {
		err = a.Check(nil)
	}
	if err != nil {
		return r, fmt.Errorf("read the backup back: %w", err)
	}
	if _, err := os.Lstat(r.Path); !errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%w: there is something under its name already", ErrNoBackup)
	}
	if err := done(); err != nil {
		return r, err
	}
	if err := watch.Replace(temp, r.Path); err != nil {
		return r, wrap("name backup", watch.Scrub(err))
	}
	_ = durable.SyncDir(filepath.Dir(r.Path)) // file systems of servers may refuse it
	s.noteBackup(r, opts)
	return r, nil
}

// fill copies everything and closes the backup.
func (r *BackupReport) fill(ctx context.Context, cfg *config.Config, opts Options, s *state, v backupWriter) (err error) {
	c := &copier{s: s, out: v}
	if r.Settled, err = c.all(ctx, cfg); err != nil {
		return err
	}
	inv := vault.Inventory{
		Format: vault.Format, Version: opts.Version, At: r.At, Site: cfg.Site,
		Schema: c.schema, Shared: cfg.Database.Reveal() != "", Contents: vault.InOrder(c.now),
	}
	if h, ok := ledger.Unproven(c.snap.Head); ok {
		inv.Entries = h.Seq
	}
	if by, err := s.public(); err == nil {
		inv.Key = by.String()
	}
	if _, err := s.verifyHere(ctx); err != nil {
		if !errors.Is(err, ledger.ErrBroken) {
			return err
		}
		r.Ledger = err.Error()
	}
	for _, p := range inv.Contents {
		r.Bytes += p.Size
	}
	r.Parts, r.Entries, r.Key, r.Shared = len(inv.Contents), inv.Entries, inv.Key, inv.Shared
	b, err := json.Marshal(inv)
	if err != nil {
		return wrap("encode inventory", err)
	}
	if err := v.Put(vault.Part{Name: vault.InventoryName, Size: int64(len(b))}, bytes.NewReader(b)); err != nil {
		return err
	}
	_, r.Sealed = v.(*vault.Sealed)
	return v.Seal()
}

// backupPath is the name that the backup gets.
func backupPath(cfg *config.Config, to Destination, now time.Time) (string, error) {
	at, err := filepath.Abs(to.Path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoBackup, err)
	}
	for what, dir := range map[string]string{"state folder": cfg.State, "outbox": cfg.Outbox} {
		if liesIn(at, dir) {
			return "", fmt.Errorf("%w: it does not belong into the %s", ErrNoBackup, what)
		}
	}
	info, err := os.Stat(at)
	switch {
	case err == nil && info.IsDir():
		name := "chartseal-" + cfg.Site + "-" + now.Format("20060102T150405.000Z")
		if !to.Plain {
			name += ".age"
		}
		return filepath.Join(at, name), nil
	case err == nil:
		return "", fmt.Errorf("%w: there is a file under its name already", ErrNoBackup)
	case !errors.Is(err, fs.ErrNotExist):
		return "", wrap("look for backup", watch.Scrub(err))
	}
	if info, err := os.Stat(filepath.Dir(at)); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%w: the folder that it is to be in is not there", ErrNoBackup)
	}
	return at, nil
}

// liesIn says that a path is a folder or in it, through links as well.
func liesIn(path, dir string) bool {
	if to, err := filepath.EvalSymlinks(dir); err == nil {
		dir = to
	}
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	} else if to, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(to, filepath.Base(path))
	}
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// openVault begins a backup under a name that no one takes for one. done may be called twice.
func openVault(dir string, to Destination) (v backupWriter, temp string, done func() error, err error) {
	if to.Plain {
		temp, err = os.MkdirTemp(dir, partPrefix+"*"+partSuffix) // mode 0700
		return vault.Folder{Dir: temp}, temp, func() error { return nil }, wrap("make backup", watch.Scrub(err))
	}
	f, err := os.CreateTemp(dir, partPrefix+"*"+partSuffix) // mode 0600
	if err != nil {
		return nil, "", nil, wrap("make backup", watch.Scrub(err))
	}
	done = func() error {
		if f == nil {
			return nil
		}
		err := f.Close()
		f = nil
		return wrap("close backup", watch.Scrub(err))
	}
	temp = f.Name()
	if v, err = vault.NewSealed(f, to.To); err != nil {
		return nil, "", nil, errors.Join(err, done(), watch.Scrub(os.Remove(temp)))
	}
	return v, temp, done, nil
}

// removeParts removes what killed backups left under names like the pattern.
func removeParts(pattern string, now time.Time) {
	left, _ := filepath.Glob(pattern) // the folder may be named with signs of patterns; then they stay
	for _, name := range left {
		if info, err := os.Lstat(name); err == nil && now.Sub(info.ModTime()) > partAge {
			_ = os.RemoveAll(name) // the next one tries again
		}
	}
}

// backupSeen is what the state folder remembers of the last backup.
type backupSeen struct {
	At      time.Time `json:"at"`
	Entries uint64    `json:"ledger_entries"`
	Sealed  bool      `json:"sealed"`
}

func (s *state) noteBackup(r BackupReport, opts Options) {
	b, err := json.Marshal(backupSeen{r.At, r.Entries, r.Sealed})
	if err == nil {
		err = durable.Write(s.path(backupNote), b, 0o600)
	}
	if err != nil { // check will say that there was none
		opts.Log.Warn("that there was a backup cannot be noted", slog.String("stage", "backup"), slog.String("class", classOf(err)))
	}
}

// backupOld is from when on the last backup is too old: orders of a week would have to be
// found again from their receipts.
const backupOld = 8 * 24 * time.Hour

// examineBackup tells when the last backup was made, and whether this folder is one.
func examineBackup(cfg *config.Config, now time.Time, add transport.AddFinding) {
	s := &state{dir: cfg.State}
	on := func(t time.Time) string { return t.In(now.Location()).Format("2006-01-02 15:04") }
	var r RestoredState
	if b, err := os.ReadFile(s.path(restoredNote)); err == nil && json.Unmarshal(b, &r) == nil {
		add("backup", transport.Notice, "The state folder was restored on %s from the backup of %s.", on(r.At), on(r.BackupAt))
	}
	var last backupSeen
	b, err := os.ReadFile(s.path(backupNote))
	if err == nil {
		err = json.Unmarshal(b, &last)
	}
	switch {
	case !s.begun():
	case err != nil:
		add("backup", transport.Notice, "chartseal backup was not run here yet. If nothing else backs the state folder up, have it run every night.")
	case now.Sub(last.At) > backupOld:
		add("backup", transport.Warning, "The last backup by chartseal backup is of %s: look at what should run it every night.", on(last.At))
	default:
		add("backup", transport.OK, "The last backup is of %s.", on(last.At))
	}
}
