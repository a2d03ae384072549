package ledger

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"time"
)

const (
	segmentSuffix = ".jsonl"
	lockName      = "lock"
)

var segmentForm = regexp.MustCompile(`^[0-9]{4}\.jsonl$`)

// segmentsOf lists the segments of a folder, oldest first.
func segmentsOf(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, bare(err)
	}
	var names []string
	for _, e := range entries {
		if segmentForm.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// openSegments opens the segments of a folder for reading, oldest first. Those before one
// that is gone meanwhile were being purged, oldest first.
func openSegments(dir string) (files []*os.File, err error) {
	names, err := segmentsOf(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		f, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			closeAll(files)
			files = nil
			continue
		}
		if err != nil {
			closeAll(files)
			return nil, bare(err)
		}
		files = append(files, f)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // only read
	}
}

func namesOf(files []*os.File) (names []string) {
	for _, f := range files {
		names = append(names, filepath.Base(f.Name()))
	}
	return names
}

// lockFolder takes the lock of a ledger. The system frees it when the process
// ends, however it ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, bare(err)
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, bare(f.Close()))
	}
	return f, nil
}

// appendTo adds to a file and makes it durable.
func appendTo(path, text string) error {
	return change(path, os.O_WRONLY|os.O_APPEND, func(f *os.File) error {
		_, err := f.WriteString(text)
		return err
	})
}

// truncate cuts a file and makes it durable.
func truncate(path string, size int64) error {
	return change(path, os.O_RDWR, func(f *os.File) error { return f.Truncate(size) })
}

// writeAside keeps bytes in a file of their own. It may be there already, if
// the cut that should follow was interrupted.
func writeAside(path string, data []byte) error {
	err := change(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
	return errors.Join(err, syncFolder(filepath.Dir(path)))
}

// replace puts a file in another's place. On Windows whoever reads the other one, such as
// `ledger verify`, is in the way for a moment.
func replace(from, to string) (err error) {
	for range 20 {
		if err = os.Rename(from, to); err == nil || runtime.GOOS != "windows" { //nolint:forbidigo // it is tried again
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}

// readUpTo fills b, or reads to the end.
func readUpTo(f *os.File, b []byte) (int, error) {
	n, err := io.ReadFull(f, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

func change(path string, flag int, do func(*os.File) error) error {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return bare(err)
	}
	err = bare(do(f))
	if err == nil {
		err = bare(f.Sync())
	}
	return errors.Join(err, bare(f.Close()))
}
