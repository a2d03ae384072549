package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// OnNetwork reports whether a folder is on a network file system, as far as this system
// tells.
func OnNetwork(dir string) bool { return remote(dir) }

// place gives a file its name, never in place of another: the error wraps
// fs.ErrExist then. A rename would replace.
func place(root *os.Root, from, to string) error {
	err := root.Link(from, to)
	if err == nil {
		return root.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// FAT, exFAT and some shares know no links.
	if _, err := root.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return replaceIn(root, from, to)
}

// twin is what watch reads of an answer's machine-readable file.
type twin struct {
	Release string `json:"release"`
	Order   string `json:"order"`
	File    string `json:"file"` // of a hold or an extension: the order's name as dropped
}

// twinAt reads the twin of an answer folder; empty if there is none.
func (o *Outbox) twinAt(k Kind, dir string) (t twin) {
	b, err := o.root().ReadFile(path.Join(dir, Twin(k)))
	if err != nil || json.Unmarshal(b, &t) != nil {
		return twin{}
	}
	return t
}

// isAbout reports whether the folder is an answer to this order, and not about
// another file under its number or another order whose name the share takes
// for the same.
func (t twin) isAbout(order string) bool {
	return t.Release != "" && !strings.Contains(t.Release, Apart) && (t.Order == "" || t.Order == order)
}

// candidate is the n-th name of an answer's folder, from 1.
func candidate(k Kind, order string, n int) string {
	name := path.Join(string(k), FolderName(order))
	if n > 1 {
		name += " (" + strconv.Itoa(n) + ")"
	}
	return name
}

// room finds the place of the answer: the first free name, or with a hold the
// order's older hold, which then moves out of the way (taken).
func (c *Claim) room(a Answer) (dest string, taken bool, err error) {
	root := c.box.root()
	for n := 1; ; n++ {
		dest = candidate(a.Kind, a.Order, n)
		info, err := root.Lstat(dest)
		if errors.Is(err, fs.ErrNotExist) {
			return dest, false, nil
		}
		if err != nil {
			return "", false, Scrub(err)
		}
		if a.Kind != Held || strings.Contains(a.Token, Apart) || !info.IsDir() {
			continue
		}
		t := c.box.twinAt(Held, dest)
		if t.isAbout(a.Order) || t == (twin{}) && n == 1 { // a hold whose twin somebody deleted
			return dest, true, nil
		}
	}
}

// Told tells which of the answers that are given only once lies in the outbox for an
// order of this id: Sent or Denied, else Extended; "" if there is none.
func (o *Outbox) Told(order string) (Kind, error) {
	for _, k := range []Kind{Sent, Denied, Extended} {
		for n := 1; ; n++ {
			dir := candidate(k, order, n)
			if _, err := o.root().Lstat(dir); errors.Is(err, fs.ErrNotExist) {
				break
			} else if err != nil {
				return "", Scrub(err)
			}
			if o.twinAt(k, dir).Order == order {
				return k, nil
			}
		}
	}
	return "", nil
}

// ToldAs tells what an order was answered under this token, as [Outbox.Told] does.
// It reads every answer.
func (o *Outbox) ToldAs(token string) (Kind, error) {
	for _, k := range []Kind{Sent, Denied, Extended} {
		dirs, err := fs.ReadDir(o.root().FS(), string(k))
		if err != nil && (k == Sent || !errors.Is(err, fs.ErrNotExist)) { // the others come with their first answer
			return "", Scrub(err)
		}
		for _, d := range dirs {
			if d.IsDir() && o.twinAt(k, path.Join(string(k), d.Name())).Release == token {
				return k, nil
			}
		}
	}
	return "", nil
}

// answerOf finds the hold of an order, or its extension; "" if there is none.
func (o *Outbox) answerOf(k Kind, order string) string {
	for n := 1; ; n++ {
		dir := candidate(k, order, n)
		if _, err := o.root().Lstat(dir); err != nil {
			return ""
		}
		if o.twinAt(k, dir).isAbout(order) {
			return dir
		}
	}
}

// free is the first free name for an earlier answer inside another.
func (o *Outbox) free(first string) (string, error) {
	for n := 1; ; n++ {
		name := first
		if n > 1 {
			name += " (" + strconv.Itoa(n) + ")"
		}
		if _, err := o.root().Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		} else if err != nil {
			return "", Scrub(err)
		}
	}
}

func writeJSON(root *os.Root, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return writeFile(root, name, b)
}

// writeFile writes and fsyncs one file under the outbox.
func writeFile(root *os.Root, name string, b []byte) error {
	f, err := root.Create(name)
	if err != nil {
		return Scrub(err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return Scrub(errors.Join(err, f.Close()))
}

// syncDir makes renames in a folder durable. Windows has no such call, and
// some network file systems refuse it.
func (o *Outbox) syncDir(name string) error { return syncFolder(o.root(), name) }

func syncFolder(root *os.Root, name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := root.Open(name)
	if err != nil {
		return fmt.Errorf("sync folder: %w", Scrub(err))
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	if err = errors.Join(err, d.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", Scrub(err))
	}
	return nil
}
