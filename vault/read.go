package vault

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Copy is a backup that is read. each goes through its parts and hands over those that
// the inventory lists, once.
type Copy struct {
	Inventory

	each func(func(name string, content io.Reader) error) error
}

// OpenTar finds the inventory at the end of an opened file, and where every part stands
// for the last time.
func OpenTar(content io.ReaderAt, size int64) (*Copy, error) {
	walk := func(each func(n int, h *tar.Header, r io.Reader) error) error {
		t := tar.NewReader(io.NewSectionReader(content, 0, size)) // it seeks over what is not read
		for n := 0; ; n++ {
			h, err := t.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return errors.Join(ErrDamaged, err)
			}
			if err := each(n, h, t); err != nil {
				return err
			}
		}
	}
	var list []byte
	last := map[string]int{}
	err := walk(func(n int, h *tar.Header, r io.Reader) (err error) {
		if last[h.Name] = n; h.Name != InventoryName {
			list = nil // it is the last part
			return nil
		}
		list, err = io.ReadAll(io.LimitReader(r, maxInventory))
		return err
	})
	if err != nil {
		return nil, err
	}
	inv, err := parse(list)
	if err != nil {
		return nil, err
	}
	a := &Copy{Inventory: inv}
	a.each = func(do func(string, io.Reader) error) error {
		return walk(func(n int, h *tar.Header, r io.Reader) error {
			if last[h.Name] != n || h.Name == InventoryName {
				return nil
			}
			return do(h.Name, r)
		})
	}
	return a, nil
}

// OpenFolder opens a backup of plain files.
func OpenFolder(dir string) (*Copy, error) {
	list, err := os.ReadFile(filepath.Join(dir, InventoryName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the folder has no %s", ErrDamaged, InventoryName)
	}
	if err != nil {
		return nil, failed("read backup", err)
	}
	inv, err := parse(list)
	if err != nil {
		return nil, err
	}
	a := &Copy{Inventory: inv}
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
				return failed("read backup", err)
			}
			if err := errors.Join(do(p.Name, f), f.Close()); err != nil {
				return err
			}
		}
		return nil
	}
	return a, nil
}

// Check goes through all parts and compares them with the inventory; keep gets what is
// read, and may be nil.
func (a *Copy) Check(keep func(p Part, content io.Reader) error) error {
	missing := map[string]Part{}
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
			return errors.Join(ErrDamaged, failed("read backup", err))
		}
		if read.n != p.Size || hex.EncodeToString(sum.Sum(nil)) != p.SHA256 {
			return fmt.Errorf("%w: a part of it was changed since it was written", ErrDamaged)
		}
		return nil
	})
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("%w: it lacks %d of its parts", ErrDamaged, len(missing))
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
