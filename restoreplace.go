package chartseal

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"chartseal/durable"
	"chartseal/watch"
)

// What is restored lies in a folder of its own under state until all of it is verified.
// Then a mark says so, and from there on there is no way back: whoever opens the state
// folder after a crash finishes it first. Folders are renamed within state, for that one may
// be a disk of its own, or belong to an account that may write nowhere else.
const (
	incomingDir  = "incoming"        // verified once the mark is there
	restoreMark  = "restoring.json"  // names the folder for what was there before
	asideDir     = "before-restore-" // and the time
	restoredNote = "restored.json"   // for status and check
)

// restoring is what the mark says.
type restoring struct {
	Aside string   `json:"aside"`
	Names []string `json:"names"` // what is restored: files and folders directly in state
}

// beginRestore is the moment from which the restored folder counts.
func (s *state) beginRestore(aside string) error {
	names, err := namesIn(s.path(incomingDir))
	if err != nil {
		return wrap("restore", watch.Scrub(err))
	}
	b, err := json.Marshal(restoring{aside, names})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.path(aside), 0o700); err != nil {
		return wrap("restore", watch.Scrub(err))
	}
	if err := durable.HandBack(s.dir, aside); err != nil { // whoever goes on after a kill moves things there
		return err
	}
	return durable.Write(s.path(restoreMark), b, 0o600)
}

// finishRestore puts the restored folder in place. Each name is moved by itself, so that it
// can be cut off anywhere and done again. It does nothing where no restore is under way.
func (s *state) finishRestore() error {
	b, err := os.ReadFile(s.path(restoreMark))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var m restoring
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err == nil && (!strings.HasPrefix(m.Aside, asideDir) || !filepath.IsLocal(m.Aside)) {
		err = errors.New("the mark of the restore is damaged")
	}
	if err == nil {
		err = s.putInPlace(m)
	}
	if err == nil {
		err = os.Remove(s.path(restoreMark))
	}
	if err == nil {
		err = durable.SyncDir(s.dir) // a mark that came back would put aside what the daemon makes from here on
	}
	return wrap("finish restore", watch.Scrub(err))
}

// restoring says that a restore was cut off after it began to count.
func (s *state) restoring() bool {
	_, err := os.Lstat(s.path(restoreMark))
	return err == nil
}

func (s *state) putInPlace(m restoring) error {
	next, err := namesIn(s.path(incomingDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // all is in place, and what is there now may be newer
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.path(m.Aside), 0o700); err != nil {
		return err
	}
	now, err := namesIn(s.dir)
	if err != nil {
		return err
	}
	for _, name := range now {
		restored := slices.Contains(m.Names, name) && !slices.Contains(next, name)
		if restored || staysInPlace(name) {
			continue
		}
		if err := watch.Replace(s.path(name), free(s.path(m.Aside, name))); err != nil {
			return err
		}
	}
	for _, name := range next {
		if err := watch.Replace(s.path(incomingDir, name), s.path(name)); err != nil {
			return err
		}
	}
	if err := errors.Join(durable.SyncDir(s.path(m.Aside)), durable.SyncDir(s.dir)); err != nil {
		return err
	}
	_ = os.Remove(s.path(m.Aside)) // if nothing was there before
	return os.RemoveAll(s.path(incomingDir))
}

// staysInPlace tells what a restore does not touch: itself, what earlier ones put aside,
// logs, and what is compiled anew for every version.
func staysInPlace(name string) bool {
	return name == "lock" || name == restoreMark || name == incomingDir || name == "pdfium" || strings.HasPrefix(name, asideDir) || isLog(name)
}

// free is a name under which nothing lies.
func free(name string) string {
	for n, next := 2, name; ; n++ {
		if _, err := os.Lstat(next); err != nil {
			return next
		}
		next = name + "." + strconv.Itoa(n)
	}
}

func namesIn(dir string) (names []string, err error) {
	files, err := os.ReadDir(dir)
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names, err
}

// RestoredState is what a state folder remembers of the backup that it came from.
type RestoredState struct {
	At       time.Time `json:"at"`
	BackupAt time.Time `json:"backup_at"`
	Version  string    `json:"backup_version"`
}

func (s *state) noteRestored(r RestoreReport, now time.Time) error {
	b, err := json.Marshal(RestoredState{now.UTC().Truncate(time.Second), r.BackupAt, r.Version})
	if err != nil {
		return err
	}
	return durable.Write(s.path(restoredNote), b, 0o600)
}
