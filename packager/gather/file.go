package gather

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"chartseal/order"
	"chartseal/redact"
	"chartseal/redact/dicomfile"
)

// ErrChanged says that a record is no longer the file that was looked at, or changed
// while it was read. What was read of it must not be sent.
var ErrChanged = errors.New("record changed while it was read")

var errNoStamp = errors.New("file system tells no identity of files")

// Item is one record that is to be sent. N and Kind may be logged; Name, Path
// and everything in Identity are patient data.
type Item struct {
	N          int    // 1-based, stable for one collection
	Kind       string // of the first source that found it
	Format     string // FormatDICOM, a name from Request.Formats, or ""
	Name       string // private: base name
	Path       string // private: below its source's folder, with slashes; what Reason.Items shows
	Bytes      int64
	ModTime    time.Time
	Date       string // YYYY-MM-DD
	DateSource string // DateDICOM, DateName, …
	Categories []string
	Identity   *dicomfile.Identity // DICOM only
	Pages      order.Pages         // of a PDF: those that go; none: all

	marked []string // categories from its side file
	source int
	place  *place
	stamp  stamp
}

// stamp tells one state of one file from every other.
type stamp struct {
	size, modified, changed int64
	volume, file, links     uint64
	mode                    fs.FileMode
}

// heldSize is the most bytes of a record that an open File holds in memory: a slice of
// a volume is looked at in many places, compared and copied, and is read once for
// all that.
const heldSize = 2 << 20

var heldBuffers = sync.Pool{New: func() any { b := make([]byte, heldSize); return &b }}

// File is an open record.
type File struct {
	ctx    context.Context
	f      *os.File
	stamp  stamp
	folder string // private: of its source; "" for that which is searched

	mu   sync.RWMutex // of held
	held *[]byte      // begins with all of a small record; nil for others, and when closed
}

var _ redact.Source = (*File)(nil)

// Open opens the record for reading, until ctx ends. It returns ErrChanged if
// the file is not exactly the one that was looked at. Errors name no path.
func (it *Item) Open(ctx context.Context) (*File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	end := PulseOf(ctx).Begin(it.place.name)
	f, err := it.place.root.OpenFile(it.Path, openQuietly, 0)
	end()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrChanged
	}
	if err != nil {
		return nil, bare(err)
	}
	file := &File{ctx: ctx, f: f, stamp: it.stamp, folder: it.place.name}
	if err := file.unchanged(); err != nil {
		return nil, errors.Join(err, bare(f.Close()))
	}
	if err := file.hold(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// hold reads a small record into memory.
func (f *File) hold() error {
	if f.stamp.size > heldSize {
		return nil
	}
	held := heldBuffers.Get().(*[]byte)
	if _, err := f.ReadAt((*held)[:f.stamp.size], 0); err != nil && !errors.Is(err, io.EOF) {
		heldBuffers.Put(held)
		return err
	}
	f.held = held
	return nil
}

// release gives the memory of a small record back: nothing reads in it any more.
func (f *File) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held != nil {
		heldBuffers.Put(f.held)
		f.held = nil
	}
}

// View shows n bytes from off on of a record that is held in memory, which use must not
// keep. It returns false for others.
func (f *File) View(off, n int64, use func(b []byte)) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.held == nil || off < 0 || n < 0 || off > f.stamp.size-n {
		return false
	}
	use((*f.held)[off : off+n])
	return true
}

// call shows a call of the file system while it lasts.
func (f *File) call() (end func()) {
	if f.folder == "" {
		return PulseOf(f.ctx).begin()
	}
	return PulseOf(f.ctx).Begin(f.folder)
}

// Size is the length of the record in bytes.
func (f *File) Size() int64 { return f.stamp.size }

// ReadAt implements [io.ReaderAt]. A file that has become shorter is
// ErrChanged, not a short record.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	left := f.stamp.size - off
	if off < 0 || left <= 0 {
		return 0, io.EOF
	}
	want := min(int64(len(p)), left)
	var n int
	var err error
	if !f.View(off, want, func(b []byte) { n = copy(p, b) }) {
		end := f.call()
		n, err = f.f.ReadAt(p[:want], off)
		end()
	}
	switch {
	case int64(n) == want && want < int64(len(p)):
		return n, io.EOF
	case int64(n) == want:
		return n, nil
	case errors.Is(err, io.EOF):
		return n, ErrChanged
	}
	return n, bare(err)
}

// Close closes the record and returns ErrChanged if it is no longer the file
// that was looked at.
func (f *File) Close() error {
	f.release()
	changed := f.unchanged()
	return errors.Join(changed, bare(f.f.Close()))
}

func (f *File) unchanged() error {
	defer f.call()()
	now, err := stampOf(f.f)
	if err != nil {
		return bare(err)
	}
	if now != f.stamp {
		return ErrChanged
	}
	return nil
}

// bare strips an error of the path that package os puts into it.
func bare(err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	var callErr *os.SyscallError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	case errors.As(err, &callErr):
		return callErr.Err
	}
	return err
}
