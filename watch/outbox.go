// Package watch keeps the outbox folder: it finds the orders staff drop,
// claims each exactly once by renaming it, and answers in the same place. A
// scan of the folder is the truth; file system events only wake the scan up,
// because shares on SMB or NFS send none.
//
// The outbox may hold patient data, and everything this package writes stays
// inside it. Error texts of this package name no file.
package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// The folders of the outbox; DESIGN "What staff see".
const (
	workingDir  = "working" // claimed
	heldDir     = "held"
	sentDir     = "sent"
	deniedDir   = "denied"
	extendedDir = "extended" // told that it takes longer; still to be answered. Made when it is needed

	accountingsDir = "accountings" // copies of those that patients were given. Made when it is needed
)

// MaxOrderBytes bounds an order file; DESIGN "Release order": 1 MiB.
const MaxOrderBytes = 1 << 20

// MaxFormBytes bounds an order that is a PDF form: for a name in another script,
// programs put a whole font beside it.
const MaxFormBytes = 16 << 20

// ReadBounded reads an order: at most MaxOrderBytes, or MaxFormBytes of a PDF, and
// one more, so that the parser can say that it is too large.
func ReadBounded(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxOrderBytes+1))
	if err != nil || len(b) <= MaxOrderBytes || !bytes.HasPrefix(b, []byte("%PDF-")) {
		return b, err
	}
	rest, err := io.ReadAll(io.LimitReader(r, MaxFormBytes-MaxOrderBytes))
	return append(b, rest...), err
}

// Options tune the outbox. The zero value of each field means its default.
type Options struct {
	Scan   time.Duration // between two scans when nothing happens; default 15 s
	Settle time.Duration // a file is complete when unchanged for this long; default 2 s

	// AwaitSignature is how long an order waits for its signature before it is
	// claimed without one; default: no longer than it takes to settle.
	AwaitSignature time.Duration

	// Now tells the time by which files settle. The default, time.Now, carries
	// the monotonic clock: a wall clock that is set does not disturb it.
	Now func() time.Time

	// Owner is the stable id of the daemon that works in this outbox. Without
	// one nothing is recorded or refused: for those who only look.
	Owner  string
	Shared bool   // the owner shares one database with other daemons
	Group  string // which database; owners of different ones never share an outbox

	// Paused says that no order may be taken at the moment: all stay where they lie, and
	// claims are offered again when it says so no more. nil: never.
	Paused func() bool

	// Crowded says that atWork orders, which were claimed and are not answered, are enough
	// for now: the others stay where staff dropped them until there is room, but for a few
	// with every scan. nil: never.
	Crowded func(atWork int) bool

	// Memory is a file outside the outbox that remembers which outbox it was,
	// so that an empty mount point is not taken for it after a restart.
	Memory string
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
	if o.Paused == nil {
		o.Paused = func() bool { return false }
	}
	if o.Crowded == nil {
		o.Crowded = func(int) bool { return false }
	}
	return o
}

// Outbox is an opened outbox folder.
type Outbox struct {
	dir    string
	at     atomic.Pointer[os.Root] // replaced when the folder was
	opts   Options
	remote bool                // on another computer: no events, and no folder is made up
	seen   map[string]sighting // files that have not been claimed yet, by name
	pairs  map[string]string   // order → signature beside it, as the last scan saw them
	paired map[string]bool     // the signatures among them
	saved  []byte              // the survey as it was saved last

	refused []*Claim         // could not be taken over; offered again with the next scan
	unripe  []*unripe        // claimed, but not whole yet
	empty   map[string]empty // folders in working/ without an order, by name

	mu     sync.Mutex
	id     string          // of the outbox, from its mark; "" without an owner
	device string          // the file system it was on
	known  map[string]bool // claims this process works on, by ID
	lost   map[string]bool // claims it had to report gone
}

// Open opens the outbox at dir and makes its folders. With an owner it fails
// with ErrOwned when another daemon's owner is recorded, and with ErrAway when
// the folder is not the outbox it was.
func Open(dir string, opts Options) (*Outbox, error) {
	o := &Outbox{
		dir: dir, opts: opts.withDefaults(), remote: remote(dir), seen: map[string]sighting{},
		empty: map[string]empty{}, known: map[string]bool{}, lost: map[string]bool{},
	}
	if err := o.recall(); err != nil {
		return nil, err
	}
	known := o.id != ""
	err := o.reopen()
	if known && err != nil { // it was there before: a share that is not connected yet, of which systems say one thing or another
		if _, gone := os.Stat(dir); gone != nil || errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", ErrAway, err)
		}
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

func (o *Outbox) root() *os.Root { return o.at.Load() }

// Polled reports whether the outbox is on a network file system, which sends
// no events: it is then only scanned.
func (o *Outbox) Polled() bool { return o.remote }

// reopen opens the folder that now lies at the outbox's path. The old one is left to
// the garbage collector: a release may be writing to it.
func (o *Outbox) reopen() error {
	root, err := os.OpenRoot(o.dir)
	if err != nil {
		return fmt.Errorf("open outbox: %w", Scrub(err))
	}
	if err := o.enter(root); err != nil {
		return errors.Join(err, root.Close())
	}
	return nil
}

// enter makes sure that root is the outbox, and ours, before anything is
// written to it.
func (o *Outbox) enter(root *os.Root) error {
	if err := o.recognise(root); err != nil {
		return err
	}
	if err := o.furnish(root); err != nil {
		return err
	}
	o.at.Store(root)
	return nil
}

// furnish makes the folders of the outbox, and records whose it is.
func (o *Outbox) furnish(root *os.Root) error {
	if err := makeFolders(root); err != nil {
		return err
	}
	return o.register(root)
}

func makeFolders(root *os.Root) error {
	for _, d := range []string{workingDir, heldDir, sentDir, deniedDir} {
		if err := root.MkdirAll(d, 0o770); err != nil {
			return fmt.Errorf("make outbox folders: %w", Scrub(err))
		}
	}
	return nil
}

// follow notices that the outbox was replaced: a share that went away and came
// back, a folder that was deleted and made again. changed says that it was.
func (o *Outbox) follow() (changed bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now, err := os.Stat(o.dir)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrAway, Scrub(err))
	}
	root := o.root()
	then, err := root.Stat(".")
	if err == nil && os.SameFile(now, then) {
		if err := o.stillOurs(root); err != nil {
			return false, err
		}
		return false, makeFolders(root) // staff tidy up
	}
	o.remote = remote(o.dir)
	return true, o.reopen()
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
	return filepath.Join(o.dir, string(k), FolderName(order))
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
