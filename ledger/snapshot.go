package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Extent is how much of a segment belongs to a snapshot, in bytes from its beginning.
type Extent struct {
	Name string
	Size int64
}

// Snapshot is what of a ledger's files one signed head vouches for.
type Snapshot struct {
	Head     []byte // the file, as it was; nil: there is none yet
	Segments []Extent
}

// Snap looks at a ledger that may be written meanwhile, and says what to copy for a whole
// one: segments only grow, so everything up to the entry of the signed head, and that head.
// An entry after it is being written, or was when the power went: nobody was told of it.
// Where no head says where to cut (docs/ledger.md), every byte is part of it.
func Snap(dir string) (s Snapshot, err error) {
	s.Head, err = HeadFile(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	names, err := segmentsOf(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	h, signed := Unproven(s.Head)
	for i, name := range slices.Backward(names) {
		size, met, err := reach(filepath.Join(dir, name), h.Seq)
		if err != nil {
			return s, err
		}
		if signed && met {
			s.Segments = append(s.Segments[:0], wholeFiles(dir, names[:i])...)
			s.Segments = append(s.Segments, Extent{name, size})
			return s, nil
		}
	}
	s.Segments = wholeFiles(dir, names)
	return s, nil
}

// reach is where the entry of that number ends in a segment, and whether it is there.
func reach(path string, seq uint64) (end int64, met bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false, bare(err)
	}
	defer func() { _ = f.Close() }() // only read
	in := bufio.NewReaderSize(f, 256<<10)
	var long []byte
	for {
		line, err := readLine(in, &long)
		if errors.Is(err, io.EOF) {
			return end, false, nil
		}
		if err != nil && !errors.Is(err, errLongLine) {
			return end, false, bare(err)
		}
		end += int64(len(line))
		if h, ok := parseHeader(bytes.TrimSuffix(line, []byte("\n"))); ok && h.seq >= seq {
			return end, h.seq == seq, nil
		}
	}
}

func wholeFiles(dir string, names []string) (all []Extent) {
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			all = append(all, Extent{name, info.Size()})
		}
	}
	return all
}
