package gather

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
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

// File is an open record.
type File struct {
	ctx   context.Context
	f     *os.File
	stamp stamp
}

var _ redact.Source = (*File)(nil)

// Open opens the record for reading, until ctx ends. It returns ErrChanged if
// the file is not exactly the one that was looked at. Errors name no path.
func (it *Item) Open(ctx context.Context) (*File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	pulse := PulseOf(ctx)
	pulse.at(it.place.name)
	end := pulse.begin()
	f, err := it.place.root.OpenFile(it.Path, openQuietly, 0)
	end()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrChanged
	}
	if err != nil {
		return nil, bare(err)
	}
	file := &File{ctx: ctx, f: f, stamp: it.stamp}
	if err := file.unchanged(); err != nil {
		return nil, errors.Join(err, bare(f.Close()))
	}
	return file, nil
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
	end := PulseOf(f.ctx).begin()
	n, err := f.f.ReadAt(p[:want], off)
	end()
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
	changed := f.unchanged()
	return errors.Join(changed, bare(f.f.Close()))
}

func (f *File) unchanged() error {
	defer PulseOf(f.ctx).begin()()
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
