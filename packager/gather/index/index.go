// Package index remembers whose the files of a shared image folder are, so that
// finding one patient does not take reading every header again. It is an
// implementation of [gather.Index], and gives the answers of [gather.Scan].
//
// # What it trusts
//
// A folder's modification time changes when an entry is added, removed, renamed
// or replaced; a file's own stamp (size, modification and change time, inode,
// links) changes when it is written. So before each answer every folder's stamp
// is compared with the one it had when it was last listed, and what differs is
// listed again: the cost is one stat a folder, not one a file. Then every file
// of the answer is compared with its stamp, and read again if it differs; and
// so are the files that could not be tied to a patient, and those that had been
// written shortly before they were last looked at, as a file is that another
// program is still writing.
//
// One change is not seen by that: a file of another patient (or of none) that
// had been at rest for [Options.MaxAge] and is then overwritten in place, so
// that it becomes this patient's. It is found by the full pass, which compares
// the stamp of every file, and which Find makes itself when it takes no more
// than five seconds, so that most answers are complete; in larger folders, when
// the last one is older than MaxAge. There this is the only way in which an
// answer can be incomplete, MaxAge bounds it, and [gather.Found] says so; so it
// bounds what happens on file systems that do not
// keep modification times of folders (FAT) or whose client remembers them for a
// while (NFS, SMB: up to a minute). A negative MaxAge makes every Find a full
// pass. What an image says is read again by [gather.Collect] in any case: the
// index can miss a file but never release a wrong one.
//
// Stamps younger than three seconds are not trusted, as clocks of file systems
// are coarse: such a file or folder is read again the next time. The clock is
// this computer's; a file server's that is more than three seconds behind
// takes this guard away, and then two changes within one tick of the server's
// clock that leave the size as it was look like one. On Windows the
// stamp of a file is its size, modification and creation time; a program that
// overwrites a file and sets its modification time back goes unnoticed there.
//
// # What it stores
//
// An SQLite file, because an index must survive a kill at any moment, be
// searched on disk and be changed in the middle; the engine brings the library
// along already. It holds no patient's data in the clear: patient ids and stamps
// are keyed hashes (HMAC-SHA-256, 128 bits), names of files and folders are
// sealed with AES-256-GCM, padded to 16 bytes; who has the file but not the key
// sees how many files there are in how many folders and how many of them belong
// together. Rows carry a keyed checksum. A damaged index, or one of another key
// or version, is thrown away and built anew; if it cannot be written at all,
// Find reads the headers as gather.Scan does.
//
// Names are patient data: no error of this package holds one.
package index

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"chartseal/packager/gather"
	"chartseal/redact"
	"chartseal/redact/dicomfile"
)

// Options say how an index reads and how long it trusts what it read.
type Options struct {
	// Now is the clock; required.
	Now func() time.Time

	// MaxAge is how old the last full pass over a large folder may be when Find
	// answers; 0 is 10 minutes, less is a full pass each time.
	MaxAge time.Duration

	// Reader names the version of the program. What another one read of the
	// files is not trusted.
	Reader string

	// Workers is how many files are read at a time; 0 is 4.
	Workers int

	// Trouble is told why an index was built anew or could not be used. The
	// error may be logged. It may be nil.
	Trouble func(error)

	// Identify and SniffDICOM read a header; nil are those of dicomfile.
	Identify   func(ctx context.Context, src redact.Source) (*dicomfile.Identity, error)
	SniffDICOM func(head []byte) bool
}

// Bounds of trust in stamps.
const (
	defaultMaxAge = 10 * time.Minute
	coarse        = 3 * time.Second     // FAT counts in two seconds
	cheapPass     = 5 * time.Second     // an order can wait that long
	unused        = 90 * 24 * time.Hour // then a folder is forgotten
)

// ErrDamaged says that an index was not as it had been written. It is built
// anew.
var ErrDamaged = errors.New("image index is damaged")

// Index is safe for concurrent use. One process at a time can have it open.
type Index struct {
	file string
	keys *keys
	opts Options
	scan gather.Scan

	turn  chan struct{} // held for every step of work with the store
	whole chan struct{} // held for a full pass
	store *store        // nil when there is none
	epoch int           // counts the stores, as rows of one mean nothing in the next
	shut  bool

	costs sync.Mutex
	cost  map[int64]time.Duration // of the last full pass over a folder
}

var _ gather.Index = (*Index)(nil)

// Open opens the index in a folder, which it makes if it is missing. The key is
// at least 32 random bytes; see [LoadKey]. An index of another key is thrown
// away.
func Open(dir string, key []byte, opts Options) (*Index, error) {
	if opts.Now == nil {
		return nil, errors.New("open image index: no clock")
	}
	if opts.MaxAge == 0 {
		opts.MaxAge = defaultMaxAge
	}
	if opts.Workers <= 0 {
		opts.Workers = 4
	}
	if opts.Identify == nil {
		opts.Identify = dicomfile.Identify
	}
	if opts.SniffDICOM == nil {
		opts.SniffDICOM = dicomfile.Sniff
	}
	k, err := newKeys(key)
	if err != nil {
		return nil, fmt.Errorf("open image index: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open image index: %w", bare(err))
	}
	x := &Index{
		file: filepath.Join(dir, "images.db"), keys: k, opts: opts,
		scan: gather.Scan{Identify: opts.Identify, SniffDICOM: opts.SniffDICOM, Workers: opts.Workers},
		cost: map[int64]time.Duration{}, turn: make(chan struct{}, 1), whole: make(chan struct{}, 1),
	}
	return x, nil
}

// Close closes the index after the step of work under way. A Find that is not
// done, or comes later, reads the headers.
func (x *Index) Close() error {
	x.turn <- struct{}{}
	defer func() { <-x.turn }()
	x.shut = true
	return x.drop(false)
}

// Find implements [gather.Index].
func (x *Index) Find(ctx context.Context, folder *gather.Folder, patientID string) (gather.Found, error) {
	var out gather.Found
	err := x.attempt(ctx, func(epoch int) (err error) {
		out, err = x.find(ctx, folder, patientID, epoch)
		return err
	})
	if isStore(err) {
		if !errors.Is(err, errShut) {
			x.trouble(err)
		}
		return x.scan.Find(ctx, folder, patientID)
	}
	return out, err
}

// Refresh makes a full pass over a folder: it compares every file's stamp and
// reads what is new or has changed. Running it more often than MaxAge, in the
// background, saves Find from doing it. Its error is [gather.ErrTooMany], the
// context's, or one of the folder or the store, and holds no path.
func (x *Index) Refresh(ctx context.Context, folder *gather.Folder) error {
	return x.attempt(ctx, func(epoch int) error {
		return x.fullPass(ctx, folder, epoch, func(*folderRow) bool { return true })
	})
}

// attempt runs work on the store, and once more on a new one if the store turns
// out to be damaged.
func (x *Index) attempt(ctx context.Context, work func(epoch int) error) error {
	var err error
	for range 3 {
		var epoch int
		if epoch, err = x.ready(ctx); err == nil {
			err = work(epoch)
		}
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, errReplaced) {
			return err
		}
		if errors.Is(err, ErrDamaged) {
			x.trouble(err)
			if failed := x.replace(ctx, epoch); failed != nil {
				return failed
			}
		}
	}
	return err
}

func (x *Index) trouble(err error) {
	if x.opts.Trouble != nil {
		x.opts.Trouble(err)
	}
}

// find brings the folder up to date and looks the patient up.
func (x *Index) find(ctx context.Context, folder *gather.Folder, patientID string, epoch int) (gather.Found, error) {
	began, needed := x.opts.Now(), x.stale
	if folder.Glance {
		needed = x.old
	}
	if err := x.fullPass(ctx, folder, epoch, needed); err != nil {
		return gather.Found{}, err
	}
	out, err := x.look(ctx, folder, patientID, epoch)
	if err != nil {
		return gather.Found{}, err
	}
	p, err := x.newPass(ctx, folder, epoch)
	if err == nil && p.row.walked < began.Unix() {
		out.Unseen = p.began.Sub(time.Unix(p.row.walked, 0))
	}
	return out, err
}

// look compares the folders' stamps and looks the patient up.
func (x *Index) look(ctx context.Context, folder *gather.Folder, patientID string, epoch int) (gather.Found, error) {
	for try := 1; ; try++ {
		p, err := x.newPass(ctx, folder, epoch)
		if err != nil {
			return gather.Found{}, err
		}
		if err = p.walk(ctx); err != nil {
			return gather.Found{}, err
		}
		out, moved, err := p.answer(ctx, patientID)
		if err != nil || !moved {
			return out, err
		}
		if try == 3 { // files move faster than they can be followed
			out.Unreadable++
			return out, nil
		}
	}
}

// stale reports whether a folder needs a full pass.
func (x *Index) stale(f *folderRow) bool { return x.old(f) || x.cheap(f) }

// old reports whether the last full pass counts no more. A clock that was set back makes it
// so.
func (x *Index) old(f *folderRow) bool {
	age := x.opts.Now().Unix() - f.walked
	return age < 0 || time.Duration(age)*time.Second >= x.opts.MaxAge || x.opts.MaxAge < 0
}

// cheap reports whether a full pass takes so little time that every answer can
// be complete.
func (x *Index) cheap(f *folderRow) bool {
	x.costs.Lock()
	defer x.costs.Unlock()
	if cost, known := x.cost[f.id]; known {
		return cost <= cheapPass
	}
	return f.few
}

// spent notes how long a full pass took.
func (x *Index) spent(f *folderRow, cost time.Duration) {
	x.costs.Lock()
	defer x.costs.Unlock()
	x.cost[f.id] = cost
}

// fullPass makes a full pass if the folder needs one, after the one that may be
// under way.
func (x *Index) fullPass(ctx context.Context, folder *gather.Folder, epoch int, needed func(*folderRow) bool) error {
	p, err := x.newPass(ctx, folder, epoch)
	if err != nil || !needed(p.row) {
		return err
	}
	select {
	case x.whole <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-x.whole }()
	if p, err = x.newPass(ctx, folder, epoch); err != nil || !needed(p.row) {
		return err
	}
	p.full = true
	if err := p.walk(ctx); err != nil {
		return err
	}
	x.spent(p.row, x.opts.Now().Sub(p.began))
	return x.do(ctx, epoch, func(s *store) error { return s.walked(ctx, p.row, p.began.Unix()) })
}

// errShut is of an index that was closed.
var errShut = &storeError{errors.New("it is closed")}

// errReplaced ends work whose store was replaced under it.
var errReplaced = errors.New("image index was replaced")

// do runs one step of work with the store, alone.
func (x *Index) do(ctx context.Context, epoch int, step func(*store) error) error {
	select {
	case x.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-x.turn }()
	if err := ctx.Err(); err != nil {
		return err
	}
	if x.store == nil || x.epoch != epoch {
		return errReplaced
	}
	return step(x.store)
}

// ready opens the store if it is not open, and tells its epoch.
func (x *Index) ready(ctx context.Context) (int, error) {
	select {
	case x.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-x.turn }()
	switch {
	case x.shut:
		return 0, errShut
	case x.store != nil:
		return x.epoch, nil
	}
	x.epoch++
	s, err := openStore(ctx, x.file, x.keys, x.version())
	if err != nil {
		return x.epoch, err
	}
	x.store = s
	old := x.opts.Now().Add(-unused).Unix()
	return x.epoch, s.tx(ctx, func() error { return s.forget(ctx, old) })
}

// replace throws the store of an epoch away.
func (x *Index) replace(ctx context.Context, epoch int) error {
	select {
	case x.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-x.turn }()
	if x.epoch != epoch {
		return nil // another has done so
	}
	return x.drop(true)
}

// drop closes the store and removes its files if asked to.
func (x *Index) drop(remove bool) error {
	var err error
	if x.store != nil {
		err = x.store.close()
		x.store = nil
	}
	if !remove {
		return err
	}
	return removeStore(x.file)
}

// version is of the store's form and of the reader of headers.
func (x *Index) version() []byte {
	sum := sha256.Sum256([]byte("1\x00" + x.opts.Reader))
	return sum[:]
}
