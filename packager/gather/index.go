package gather

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"chartseal/redact"
	"chartseal/redact/dicomfile"

	"golang.org/x/sync/errgroup"
)

// Index finds the files of one patient in a folder that holds the images of
// many. It only proposes: each file is opened and its identity read again, so
// an index that is out of date can miss a file but not release a wrong one.
type Index interface {
	Find(ctx context.Context, folder *Folder, patientID string) (Found, error)
}

// Found is what an index knows of one patient.
type Found struct {
	Paths      []string // private: below the folder, with slashes
	Unreadable int      // files that may be anybody's: broken headers, no patient id, refused entries
	Closed     []string // private: folders below that could not be looked into

	// Unseen is how long ago the stamp of every file was last compared, if that is
	// too long for this answer to be complete for certain; 0 if it is complete.
	Unseen time.Duration
}

// Folder is a shared folder of images, open for reading.
type Folder struct {
	Name    string // private: absolute path
	root    *os.Root
	pattern []segment
	limit   int
	pulse   *Pulse

	// Glance says that an index need not find files that were overwritten in place a moment
	// ago: many are asked about, and a stamp of every file for each of them takes too long.
	Glance bool
}

// Walk visits the regular files that belong to the folder's pattern, in no
// particular order and at most 1024 names at a time. It follows no link;
// refused is called for every entry that it does not hand on, with the path if
// it is a folder that could not be looked into, else with "".
func (f *Folder) Walk(ctx context.Context, visit func(dir *os.Root, rel string, names []string) error, refused func(folder string)) error {
	w := walker{left: f.limit, files: visit, trouble: func(t trouble, rel string) {
		if t != unreadableFolder && t != tooDeep {
			rel = ""
		}
		refused(rel)
	}}
	return w.walk(ctx, f.root, "", f.pattern, reach(f.pattern, positions{0}), 0)
}

// Scan is an Index without memory: it reads the header of every file, each
// time.
type Scan struct {
	Identify   func(ctx context.Context, src redact.Source) (*dicomfile.Identity, error)
	SniffDICOM func(head []byte) bool
	Workers    int // files read at a time; at least 1
}

// Find implements [Index].
func (s Scan) Find(ctx context.Context, folder *Folder, patientID string) (Found, error) {
	var mu sync.Mutex
	var out Found
	err := folder.Walk(ctx, func(dir *os.Root, rel string, names []string) error {
		group, workCtx := errgroup.WithContext(ctx)
		group.SetLimit(max(1, s.Workers))
		for _, name := range names {
			group.Go(func() error {
				id, _, err := s.patientID(workCtx, dir, name)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case workCtx.Err() != nil:
					return workCtx.Err()
				case err != nil:
					out.Unreadable++
				case sameID(id, patientID):
					out.Paths = append(out.Paths, path.Join(rel, name))
				}
				return nil
			})
		}
		return group.Wait()
	}, func(folder string) {
		if folder == "" {
			out.Unreadable++
		} else {
			out.Closed = append(out.Closed, folder)
		}
	})
	return out, err
}

// ErrNoPatientID says that an image may be anybody's.
var ErrNoPatientID = errors.New("image carries no patient id")

// patientID is "" for what is no DICOM file and nobody's record. The file was
// in the state that info tells, or a later one, when it was read.
func (s Scan) patientID(ctx context.Context, dir *os.Root, name string) (id string, info fs.FileInfo, err error) {
	f, st, info, err := openRegular(ctx, dir, name)
	if err != nil {
		return "", nil, err
	}
	file := &File{ctx: ctx, f: f, stamp: st}
	id, err = s.read(ctx, file)
	return id, info, errors.Join(err, file.Close())
}

func (s Scan) read(ctx context.Context, file *File) (string, error) {
	head := make([]byte, min(headBytes, file.Size()))
	if n, err := file.ReadAt(head, 0); n < len(head) {
		return "", err
	}
	if !s.SniffDICOM(head) {
		return "", nil
	}
	id, err := s.Identify(ctx, file)
	switch {
	case err != nil:
		return "", err
	case id.SOPClassUID == mediaStorageDirectory:
		return "", nil
	case strings.TrimSpace(id.PatientID) == "":
		return "", ErrNoPatientID
	}
	return id.PatientID, nil
}

func sameID(a, b string) bool {
	return a != "" && FoldID(a) == FoldID(b)
}

// FoldID is the form in which patient ids are compared: without the space
// around them, case and the ways of writing an accent. Two ids that
// [order.MatchPatient] takes for one have one form.
func FoldID(id string) string { return fold(strings.TrimSpace(id)) }
