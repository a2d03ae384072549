package gather

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// OpenFolder opens the folder of a source that holds the images of many
// patients. What reads in it shows its calls in the context's Pulse.
func OpenFolder(ctx context.Context, s Source, limits Limits) (*Folder, error) {
	if s.Match != MatchDICOM {
		return nil, ErrSourceMatch
	}
	at, err := parseSource(s)
	if err != nil {
		return nil, err
	}
	pattern, err := fill(slices.Concat(at.folder, at.rest), values{}, false)
	if err != nil {
		return nil, ErrSourceOfOne
	}
	c := newCollector(Request{Limits: limits})
	p, err := c.open(ctx, at.root)
	if err != nil {
		return nil, err
	}
	return &Folder{Name: p.name, root: p.root, pattern: pattern, limit: c.req.Limits.Search, pulse: PulseOf(ctx)}, nil
}

// Close closes a folder that OpenFolder opened.
func (f *Folder) Close() error { return bare(f.root.Close()) }

// Limit is how many directory entries a search of the folder may see.
func (f *Folder) Limit() int { return f.limit }

// Key tells the folder and the pattern of its files from every other. It is
// private.
func (f *Folder) Key() []byte {
	var b strings.Builder
	b.WriteString(f.Name)
	for _, s := range f.pattern {
		b.WriteString("\x00/")
		if s.deep {
			b.WriteString("\x00**")
		}
		for _, alt := range slices.Compact(slices.Sorted(slices.Values(s.alts))) {
			b.WriteByte(0)
			b.WriteString(alt)
		}
	}
	return []byte(b.String())
}

// Level is one folder of a [Folder]'s tree, open.
type Level struct {
	folder *Folder
	dir    *os.Root
	at     positions
	depth  int
}

// Top opens the folder at its top.
func (f *Folder) Top() (*Level, error) {
	defer f.pulse.begin()()
	dir, err := f.root.OpenRoot(".")
	if err != nil {
		return nil, bare(err)
	}
	return &Level{f, dir, reach(f.pattern, positions{0}), 0}, nil
}

var errTooDeep = errors.New("folder lies too deep")

// Enter opens a folder in this one. It follows no link.
func (l *Level) Enter(name string) (*Level, error) {
	if l.depth == maxDepth {
		return nil, errTooDeep
	}
	dir, err := enter(l.folder.pulse, l.dir, name)
	if err != nil {
		return nil, err
	}
	return &Level{l.folder, dir, step(l.folder.pattern, l.at, name), l.depth + 1}, nil
}

// Close closes the level, not those above and below.
func (l *Level) Close() error { return bare(l.dir.Close()) }

// List hands on the files and folders of this level that the folder's pattern
// asks for, at most 1024 at a time and in no particular order; refused is called
// for every other entry that the pattern asks for. left is how many entries
// may still be seen: below zero is [ErrTooMany]. A failure to read the entries
// is [ErrListing].
func (l *Level) List(ctx context.Context, left *int, each func(files, folders []string) error, refused func()) error {
	w := walker{left: *left, trouble: func(trouble, string) { refused() }}
	err := w.list(ctx, l.dir, func(entries []fs.DirEntry) error {
		files, folders := w.sort(entries, "", l.folder.pattern, l.at)
		if len(files)+len(folders) == 0 {
			return nil
		}
		return each(files, folders)
	})
	*left = w.left
	return err
}

// Stamp is the state of the level itself. It changes when an entry is added,
// removed or renamed, on file systems that keep modification times of folders.
func (l *Level) Stamp() (Stamp, error) {
	defer l.folder.pulse.begin()()
	info, err := l.dir.Stat(".")
	if err != nil {
		return Stamp{}, bare(err)
	}
	st, err := listedStamp(info)
	return Stamp{st}, err
}

// Lstat is the state of an entry of the level, without opening it.
func (l *Level) Lstat(name string) (Stamp, error) {
	defer l.folder.pulse.begin()()
	info, err := l.dir.Lstat(name)
	if err != nil {
		return Stamp{}, bare(err)
	}
	st, err := listedStamp(info)
	return Stamp{st}, err
}

// PatientID reads whose a file of the level is: "" for what is no DICOM file and
// nobody's record. The stamp is of the moment before it was read, and may come
// with an error.
func (l *Level) PatientID(ctx context.Context, s Scan, name string) (string, Stamp, error) {
	id, info, err := s.patientID(ctx, l.dir, name)
	if info == nil {
		return "", Stamp{}, err
	}
	st, errStamp := listedStamp(info)
	return id, Stamp{st}, errors.Join(err, errStamp)
}

// Stamp tells one state of a file or folder from every other.
type Stamp struct{ s stamp }

// Regular reports whether it is of an ordinary file.
func (s Stamp) Regular() bool { return s.s.mode.IsRegular() }

// Dir reports whether it is of a folder.
func (s Stamp) Dir() bool { return s.s.mode == fs.ModeDir }

// Latest is when the file was last changed, as far as the system tells.
func (s Stamp) Latest() time.Time { return time.Unix(0, s.s.changed) }

// Bytes encodes the stamp. It leaves out the volume, whose number may be
// another after each start of the computer.
func (s Stamp) Bytes() []byte {
	b := make([]byte, 0, 48)
	for _, n := range []int64{s.s.size, s.s.modified, s.s.changed, int64(s.s.file), int64(s.s.links), int64(s.s.mode)} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return b
}
