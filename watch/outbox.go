// Package watch keeps the outbox folder: it finds the orders staff drop,
// claims each exactly once by renaming it, and answers in the same place. A
// scan of the folder is the truth; file system events only wake the scan up,
// because shares on SMB or NFS send none.
//
// The outbox may hold patient data, and everything this package writes stays
// inside it. Error texts of this package name no file.
package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// The folders of the outbox; DESIGN "What staff see".
const (
	workingDir = "working" // claimed
	heldDir    = "held"
	sentDir    = "sent"
	deniedDir  = "denied"
)

// MaxOrderBytes bounds an order file; DESIGN "Release order": 1 MiB.
const MaxOrderBytes = 1 << 20

// Options tune the outbox. The zero value of each field means its default.
type Options struct {
	Scan   time.Duration // between two scans when nothing happens; default 15 s
	Settle time.Duration // a file is complete when unchanged for this long; default 2 s
	Now    func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Scan <= 0 {
		o.Scan = 15 * time.Second
	}
	if o.Settle <= 0 {
		o.Settle = 2 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the one default clock of this package
	}
	return o
}

// Outbox is an opened outbox folder.
type Outbox struct {
	dir  string
	at   atomic.Pointer[os.Root] // replaced when the folder was
	opts Options
	seen map[string]sighting // files that have not settled yet, by name

	refused []*Claim // could not be taken over; offered again with the next scan
}

// Open opens the outbox at dir and makes its folders.
func Open(dir string, opts Options) (*Outbox, error) {
	o := &Outbox{dir: dir, opts: opts.withDefaults(), seen: map[string]sighting{}}
	return o, o.reopen()
}

func (o *Outbox) root() *os.Root { return o.at.Load() }

// reopen opens the folder that now lies at the outbox's path. The old one is left to
// the garbage collector: a release may be writing to it.
func (o *Outbox) reopen() error {
	root, err := os.OpenRoot(o.dir)
	if err != nil {
		return fmt.Errorf("open outbox: %w", Scrub(err))
	}
	for _, d := range []string{workingDir, heldDir, sentDir, deniedDir} {
		if err := root.MkdirAll(d, 0o770); err != nil {
			return errors.Join(fmt.Errorf("make outbox folders: %w", Scrub(err)), root.Close())
		}
	}
	o.at.Store(root)
	return nil
}

// follow notices that the outbox was replaced: a share that went away and came
// back, a folder that was deleted and made again.
func (o *Outbox) follow() error {
	now, err := os.Stat(o.dir)
	if err != nil {
		return fmt.Errorf("find outbox: %w", Scrub(err))
	}
	then, err := o.root().Stat(".")
	if err == nil && os.SameFile(now, then) {
		return nil
	}
	return o.reopen()
}

// Close releases the folder.
func (o *Outbox) Close() error {
	if root := o.root(); root != nil {
		return root.Close()
	}
	return nil
}

// Dir returns the folder as it was opened. It is private: no log may hold it.
func (o *Outbox) Dir() string { return o.dir }

// AnswerDir returns where the answer to an order lies; private like Dir.
func (o *Outbox) AnswerDir(k Kind, order string) string {
	return filepath.Join(o.dir, string(k), order)
}

// Scrub takes the path out of a file system error, for file names are patient
// data and errors reach logs.
func Scrub(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s: %w", le.Op, le.Err)
	}
	return err
}
