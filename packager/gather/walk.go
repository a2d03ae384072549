package gather

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Bounds of one walk. Directories are read in pieces, so that memory does not
// grow with their size.
const (
	maxDepth = 64
	piece    = 1024 // directory entries
)

// ErrTooMany stops a walk at its limit; what was found so far is not complete.
var ErrTooMany = errors.New("too many directory entries")

// ErrListing says that the entries of a folder could not be read, or not all.
var ErrListing = errors.New("folder could not be read")

// ErrEmptied says that a shared folder that held images is empty now, as the
// place of a share is that is not connected.
var ErrEmptied = errors.New("shared image folder is empty, and was not before")

// walker goes through folders without ever following a link. Each folder is
// opened from its parent, and must be the one its parent listed.
type walker struct {
	left    int                                                  // entries it may still look at
	files   func(dir *os.Root, rel string, names []string) error // matching regular files, a piece at a time
	trouble func(t trouble, rel string)                          // entries that match and are refused
}

func (w *walker) walk(ctx context.Context, dir *os.Root, rel string, pattern []segment, at positions, depth int) error {
	if depth > maxDepth {
		w.trouble(tooDeep, rel)
		return nil
	}
	var folders []string
	err := w.list(ctx, dir, func(entries []fs.DirEntry) error {
		names, below := w.sort(entries, rel, pattern, at)
		folders = append(folders, below...)
		if len(names) == 0 {
			return nil
		}
		return w.files(dir, rel, names)
	})
	switch {
	case ctx.Err() != nil || errors.Is(err, ErrTooMany):
		return err
	case isListing(err) && rel != "":
		w.trouble(unreadableFolder, rel)
	case err != nil:
		return err
	}
	for _, name := range folders {
		if err := w.descend(ctx, dir, path.Join(rel, name), pattern, step(pattern, at, name), depth); err != nil {
			return err
		}
	}
	return nil
}

// sort picks the files and folders that a pattern asks for.
func (w *walker) sort(entries []fs.DirEntry, rel string, pattern []segment, at positions) (names, folders []string) {
	for _, e := range entries {
		next := step(pattern, at, e.Name())
		switch t := refused(e, next, pattern); {
		case ignored(e.Name()):
		case t != noTrouble:
			w.trouble(t, path.Join(rel, e.Name()))
		case isFolder(e) && open(pattern, next):
			folders = append(folders, e.Name())
		case e.Type().IsRegular() && done(pattern, next):
			names = append(names, e.Name())
		}
	}
	return names, folders
}

func (w *walker) descend(ctx context.Context, parent *os.Root, rel string, pattern []segment, at positions, depth int) error {
	child, err := enter(PulseOf(ctx), parent, path.Base(rel))
	if err != nil {
		w.trouble(unreadableFolder, rel)
		return nil // already reported as trouble of this folder
	}
	defer child.Close() //nolint:errcheck // a folder that was only read
	return w.walk(ctx, child, rel, pattern, at, depth+1)
}

// listingError marks a failure to read a folder's entries.
type listingError struct{ err error }

func (e *listingError) Error() string { return bare(e.err).Error() }
func (e *listingError) Unwrap() error { return e.err }

// Is makes it an ErrListing.
func (e *listingError) Is(target error) bool { return target == ErrListing }

func isListing(err error) bool { return errors.Is(err, ErrListing) }

// list hands on the entries of a folder, a piece at a time.
func (w *walker) list(ctx context.Context, dir *os.Root, each func([]fs.DirEntry) error) error {
	pulse := PulseOf(ctx)
	end := pulse.begin()
	f, err := dir.Open(".")
	end()
	if err != nil {
		return &listingError{err}
	}
	defer f.Close() //nolint:errcheck // a folder that was only read
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := pulse.begin()
		entries, err := f.ReadDir(piece)
		end()
		if w.left -= len(entries); w.left < 0 {
			return ErrTooMany
		}
		if len(entries) > 0 {
			if failed := each(entries); failed != nil {
				return failed
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &listingError{err}
		}
	}
}

// refused tells what is wrong with an entry that the pattern asks for.
func refused(e fs.DirEntry, next positions, pattern []segment) trouble {
	asked := len(next) > 0 && (done(pattern, next) || open(pattern, next))
	switch {
	case !utf8.ValidString(e.Name()):
		return badName
	case !asked:
		return noTrouble
	case windowsNames && misread(e.Name()):
		return badName
	case isFolder(e), e.Type().IsRegular():
		return noTrouble
	case e.Type()&fs.ModeSymlink != 0:
		return link
	}
	return special
}

// windowsNames says that names mean what Windows takes them for.
var windowsNames = filepath.Separator == '\\'

// misread reports a name that Windows takes for another one, or for a device: it drops dots
// and spaces at the end (Microsoft, "Naming Files, Paths, and Namespaces"). Who opened
// "pano.jpg." would read pano.jpg. Such names come from other systems.
func misread(name string) bool { return strings.TrimRight(name, ". ") != name || reservedName(name) }

// enter opens a folder and makes sure that it is one, not a link to one.
// os.Root keeps links from leading outside, but follows those inside.
func enter(pulse *Pulse, parent *os.Root, name string) (*os.Root, error) {
	defer pulse.begin()()
	listed, err := parent.Lstat(name)
	if err != nil {
		return nil, bare(err)
	}
	if !listed.IsDir() {
		return nil, fs.ErrInvalid
	}
	child, err := parent.OpenRoot(name)
	if err != nil {
		return nil, bare(err)
	}
	opened, err := child.Stat(".")
	if err != nil || !os.SameFile(listed, opened) {
		return nil, errors.Join(ErrChanged, bare(child.Close()))
	}
	return child, nil
}

// enterPath opens a folder several steps down.
func enterPath(ctx context.Context, root *os.Root, rel string) (*os.Root, error) {
	at, err := root.OpenRoot(".")
	if err != nil {
		return nil, bare(err)
	}
	if rel == "." || rel == "" {
		return at, nil
	}
	for name := range strings.SplitSeq(rel, "/") {
		next, err := enter(PulseOf(ctx), at, name)
		if err = errors.Join(err, bare(at.Close())); err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// ignored lists what operating systems, file servers and office programs leave
// in folders: thumbnail and view caches, recycle bins, lock and fork files.
func ignored(name string) bool {
	switch strings.ToLower(name) {
	case "thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store",
		"@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found":
		return true
	}
	return strings.HasPrefix(name, "~$") || strings.HasPrefix(name, "._")
}

// isFolder is strict: on Windows a junction is a folder and irregular at once.
func isFolder(e fs.DirEntry) bool { return e.Type() == fs.ModeDir }
