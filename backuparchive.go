package chartseal

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"chartseal/packager/seal"
	"chartseal/watch"
)

// A backup is a list of parts and its inventory, the last of them: a tar file (POSIX.1-2001,
// pax) sealed with age, or the same parts as files of a folder. A part may stand in it more
// than once, for the state folder changes while it is copied: the last one counts, and of
// these only what the inventory lists.
const (
	inventoryName   = "backup.json"
	inventoryFormat = 1
	stateParts      = "state/"
	configParts     = "config/"
	maxInventory    = 256 << 20 // bytes: more than a million parts
)

// inventory says what a backup holds and whose it is. It names no patient and no order:
// the parts of a state folder have names that say nothing.
type inventory struct {
	Format   int       `json:"format"`
	Version  string    `json:"version"` // of the program that wrote it
	At       time.Time `json:"at"`
	Site     string    `json:"site"`
	Key      string    `json:"key"`     // the practice's public key
	Schema   int       `json:"schema"`  // of the engine's database; 0: it is not in the backup
	Shared   bool      `json:"shared"`  // the practice's database is a PostgreSQL, which is backed up with its own tools
	Entries  uint64    `json:"entries"` // of the ledger
	Contents []part    `json:"contents"`
}

// part is one file of a backup, or a folder.
type part struct {
	Name   string            `json:"name"` // with slashes
	Folder bool              `json:"folder,omitempty"`
	Size   int64             `json:"size,omitempty"`
	SHA256 string            `json:"sha256,omitempty"`
	At     time.Time         `json:"modified,omitzero"`
	Attrs  map[string][]byte `json:"attributes,omitempty"` // extended ones: the embedded store keeps types and digests there
}

// ErrBackup says that a backup is damaged, or is none.
var ErrBackup = errors.New("this is no whole backup of chartseal")

// vault is where the parts of a backup go.
type vault interface {
	put(p part, content io.Reader) error // exactly p.Size bytes
	seal() error                         // nothing comes after
	open() (*backupCopy, error)          // reads it back
}

// sealedVault writes a sealed file.
type sealedVault struct {
	file *os.File
	buf  *bufio.Writer
	age  *seal.Writer
	tar  *tar.Writer
}

func newSealedVault(f *os.File, to seal.Recipients) (*sealedVault, error) {
	v := &sealedVault{file: f, buf: bufio.NewWriterSize(f, 1<<20)}
	var err error
	if v.age, err = seal.NewWriter(v.buf, to); err != nil {
		return nil, err
	}
	v.tar = tar.NewWriter(v.age)
	return v, nil
}

func (v *sealedVault) put(p part, content io.Reader) error {
	h := &tar.Header{Name: p.Name, Size: p.Size, Mode: 0o600, ModTime: p.At, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
	if err := v.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("write backup: %w", watch.Scrub(err))
	}
	_, err := io.CopyN(v.tar, content, p.Size)
	return wrap("write backup", watch.Scrub(err))
}

func (v *sealedVault) seal() error {
	err := v.tar.Close()
	if err == nil {
		err = v.age.Close()
	}
	if err == nil {
		err = v.buf.Flush()
	}
	if err == nil {
		err = v.file.Sync()
	}
	return wrap("write backup", watch.Scrub(err))
}

func (v *sealedVault) open() (*backupCopy, error) {
	info, err := v.file.Stat()
	if err != nil {
		return nil, wrap("read backup", watch.Scrub(err))
	}
	content, size, err := v.age.Opener().Open(v.file, info.Size())
	if err != nil {
		return nil, wrap("read backup", err)
	}
	return openTar(content, size)
}

// folderVault writes plain files.
type folderVault struct{ dir string }

func (v folderVault) put(p part, content io.Reader) (err error) {
	file := filepath.Join(v.dir, filepath.FromSlash(p.Name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return wrap("write backup", watch.Scrub(err))
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return wrap("write backup", watch.Scrub(err))
	}
	_, err = io.CopyN(f, content, p.Size)
	if err == nil {
		err = f.Sync()
	}
	return wrap("write backup", watch.Scrub(errors.Join(err, f.Close())))
}

func (v folderVault) seal() error { return nil }

func (v folderVault) open() (*backupCopy, error) { return openFolder(v.dir) }

// backupCopy is a backup that is read. each goes through its parts and hands over those that
// the inventory lists, once.
type backupCopy struct {
	inventory

	each func(func(name string, content io.Reader) error) error
}

// openTar finds the inventory at the end of an opened file, and where every part stands
// for the last time.
func openTar(content io.ReaderAt, size int64) (*backupCopy, error) {
	walk := func(each func(n int, h *tar.Header, r io.Reader) error) error {
		t := tar.NewReader(io.NewSectionReader(content, 0, size)) // it seeks over what is not read
		for n := 0; ; n++ {
			h, err := t.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return errors.Join(ErrBackup, err)
			}
			if err := each(n, h, t); err != nil {
				return err
			}
		}
	}
	var list []byte
	last := map[string]int{}
	err := walk(func(n int, h *tar.Header, r io.Reader) (err error) {
		if last[h.Name] = n; h.Name != inventoryName {
			list = nil // it is the last part
			return nil
		}
		list, err = io.ReadAll(io.LimitReader(r, maxInventory))
		return err
	})
	if err != nil {
		return nil, err
	}
	a := &backupCopy{}
	if err := a.read(list); err != nil {
		return nil, err
	}
	a.each = func(do func(string, io.Reader) error) error {
		return walk(func(n int, h *tar.Header, r io.Reader) error {
			if last[h.Name] != n || h.Name == inventoryName {
				return nil
			}
			return do(h.Name, r)
		})
	}
	return a, nil
}

// openFolder opens a backup of plain files.
func openFolder(dir string) (*backupCopy, error) {
	list, err := os.ReadFile(filepath.Join(dir, inventoryName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the folder has no %s", ErrBackup, inventoryName)
	}
	if err != nil {
		return nil, wrap("read backup", watch.Scrub(err))
	}
	a := &backupCopy{}
	if err := a.read(list); err != nil {
		return nil, err
	}
	a.each = func(do func(string, io.Reader) error) error {
		for _, p := range a.Contents {
			if p.Folder {
				continue
			}
			f, err := os.Open(filepath.Join(dir, filepath.FromSlash(p.Name)))
			if errors.Is(err, fs.ErrNotExist) {
				continue // which is found to be missing
			}
			if err != nil {
				return wrap("read backup", watch.Scrub(err))
			}
			if err := errors.Join(do(p.Name, f), f.Close()); err != nil {
				return err
			}
		}
		return nil
	}
	return a, nil
}

// read takes the inventory, and refuses that of a newer program.
func (a *backupCopy) read(list []byte) error {
	if list == nil || json.Unmarshal(list, &a.inventory) != nil || a.Format < 1 {
		return fmt.Errorf("%w: its inventory is missing or damaged", ErrBackup)
	}
	if a.Format > inventoryFormat || a.Schema > len(migrations) {
		return fmt.Errorf("the backup: %w", ErrNewer)
	}
	for _, p := range a.Contents {
		if !filepath.IsLocal(filepath.FromSlash(p.Name)) || p.Name != path.Clean(p.Name) || p.Size < 0 {
			return fmt.Errorf("%w: its inventory has a name that leads elsewhere", ErrBackup)
		}
	}
	return nil
}

// check goes through all parts and compares them with the inventory; keep gets what is
// read, and may be nil.
func (a *backupCopy) check(keep func(p part, content io.Reader) error) error {
	missing := map[string]part{}
	for _, p := range a.Contents {
		if !p.Folder {
			missing[p.Name] = p
		}
	}
	err := a.each(func(name string, content io.Reader) error {
		p, listed := missing[name]
		if !listed {
			return nil // it was there for a while as the copy was made
		}
		delete(missing, name)
		sum := sha256.New()
		read := &sized{r: io.TeeReader(content, sum)}
		if keep != nil {
			if err := keep(p, read); err != nil {
				return err
			}
		}
		if _, err := io.Copy(io.Discard, read); err != nil {
			return errors.Join(ErrBackup, watch.Scrub(err))
		}
		if read.n != p.Size || hex.EncodeToString(sum.Sum(nil)) != p.SHA256 {
			return fmt.Errorf("%w: a part of it was changed since it was written", ErrBackup)
		}
		return nil
	})
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("%w: it lacks %d of its parts", ErrBackup, len(missing))
	}
	return err
}

// sized counts what is read.
type sized struct {
	r io.Reader
	n int64
}

func (s *sized) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.n += int64(n)
	return n, err
}

// inOrder are the parts in the order of their names: a folder comes before what is in it.
func inOrder(parts map[string]part) []part {
	out := make([]part, 0, len(parts))
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		out = append(out, parts[name])
	}
	return out
}
