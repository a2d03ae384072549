// Package logfile is a log file that does not grow for ever: when it is too large or too
// old it is put aside under a name with the time, and the oldest of those are deleted.
package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Rule says when a file is put aside.
type Rule struct {
	Bytes int64         // larger than this with the next line
	Age   time.Duration // since its first line; 0: never
	Keep  int           // files beside the one in use
}

// File is a log file. Several goroutines may write to it at once.
type File struct {
	name string
	rule Rule
	now  func() time.Time

	mu    sync.Mutex
	f     *os.File
	size  int64
	began time.Time
	wait  time.Time // after a failure to put it aside: not before
}

// mode lets the group of chartseal's account read the log: it names no patient.
const mode = 0o640

// retryAside is the time between two tries to put a file aside that another program
// holds open, as it may on Windows. Until then the log goes on in it.
const retryAside = time.Minute

// stamp is in the names of files put aside. They sort by time.
const stamp = "20060102-150405.000"

// Open opens the file and goes on at its end.
func Open(name string, rule Rule, now func() time.Time) (*File, error) {
	l := &File{name: name, rule: rule, now: now}
	return l, l.open()
}

func (l *File) open() error {
	f, err := os.OpenFile(l.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, mode)
	if err != nil {
		return pathless(err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(pathless(err), f.Close())
	}
	l.f, l.size, l.began = f, info.Size(), l.now()
	if l.size > 0 { // of an earlier run: its first line is not younger than this
		l.began = firstTime(l.name, info.ModTime())
	}
	return nil
}

// firstTime reads the time of the first line of JSON, or takes the one that is given.
func firstTime(name string, otherwise time.Time) time.Time {
	f, err := os.Open(name)
	if err != nil {
		return otherwise
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, 256)
	n, _ := f.Read(b)
	_, rest, ok := strings.Cut(string(b[:n]), `"time":"`)
	text, _, end := strings.Cut(rest, `"`)
	t, err := time.Parse(time.RFC3339Nano, text)
	if !ok || !end || err != nil {
		return otherwise
	}
	return t
}

// Write writes one line, whole, into one file.
func (l *File) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	now := l.now()
	full := l.size > 0 && l.size+int64(len(b)) > l.rule.Bytes
	old := l.rule.Age > 0 && l.size > 0 && now.Sub(l.began) > l.rule.Age
	if (full || old) && !now.Before(l.wait) {
		if err := l.putAside(now); err != nil {
			l.wait = now.Add(retryAside)
		}
		if l.f == nil {
			if err := l.open(); err != nil {
				return 0, err
			}
		}
	}
	n, err := l.f.Write(b)
	l.size += int64(n)
	return n, pathless(err)
}

// putAside gives the file another name and deletes the oldest. The file is closed first:
// Windows renames none that is open.
func (l *File) putAside(now time.Time) error {
	err := l.f.Close()
	l.f = nil
	if err != nil {
		return pathless(err)
	}
	ext := filepath.Ext(l.name)
	aside := strings.TrimSuffix(l.name, ext) + "-" + now.UTC().Format(stamp) + ext
	if _, err := os.Lstat(aside); err == nil {
		return fs.ErrExist // by another program, in the same millisecond
	}
	if err := os.Rename(l.name, aside); err != nil {
		return pathless(err)
	}
	l.clean()
	return nil
}

// clean deletes the oldest files; what cannot be deleted is for the next time.
func (l *File) clean() {
	ext := filepath.Ext(l.name)
	base := filepath.Base(strings.TrimSuffix(l.name, ext)) + "-"
	entries, err := os.ReadDir(filepath.Dir(l.name))
	if err != nil {
		return
	}
	var old []string
	for _, e := range entries {
		at, ok := strings.CutPrefix(e.Name(), base)
		if _, err := time.Parse(stamp, strings.TrimSuffix(at, ext)); ok && err == nil && strings.HasSuffix(at, ext) && e.Type().IsRegular() {
			old = append(old, e.Name())
		}
	}
	slices.Sort(old)
	for _, name := range old[:max(len(old)-l.rule.Keep, 0)] {
		_ = os.Remove(filepath.Join(filepath.Dir(l.name), name))
	}
}

// Close closes the file; a later line opens it again.
func (l *File) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return pathless(err)
}

// pathless keeps the folder out of an error.
func pathless(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s log file: %w", e.Op, e.Err)
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s log file: %w", e.Op, e.Err)
	}
	return err
}
