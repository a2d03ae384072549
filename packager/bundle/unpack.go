package bundle

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Unpack verifies a bundle as [Verify] does and writes its files into dir,
// which is made if it is not there. The files appear under their names only
// after all of them have been verified: until then they lie in a hidden folder
// inside dir, which is removed on failure. Nothing is overwritten
// ([ErrExists]), and nothing is written outside dir (os.Root). Files are
// readable by their owner only.
func Unpack(ctx context.Context, r io.ReaderAt, size int64, dir, trusted string, progress Progress) (*Manifest, error) {
	v, err := open(r, size, trusted)
	if err != nil {
		return nil, err
	}
	made, err := makeDir(dir)
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", bare(err))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", bare(err))
	}
	err = v.unpack(ctx, root, progress)
	if cerr := root.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close folder: %w", bare(cerr))
	}
	if err != nil {
		if made {
			_ = os.Remove(dir) // only if it is empty, as it should be
		}
		return nil, err
	}
	return v.manifest, nil
}

func makeDir(dir string) (made bool, err error) {
	if _, err := os.Stat(dir); err == nil {
		return false, nil
	}
	return true, os.MkdirAll(dir, 0o700)
}

func (v *verifier) unpack(ctx context.Context, root *os.Root, progress Progress) error {
	tops := v.tops()
	if err := absent(root, tops); err != nil {
		return err
	}
	if err := sweep(root); err != nil {
		return err
	}
	tmp := hidden + randomName()
	if err := root.Mkdir(tmp, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", bare(err))
	}
	err := v.pass(ctx, func(p string) (io.WriteCloser, error) { return create(root, tmp+"/"+p) }, progress)
	if err == nil {
		err = moveUp(ctx, root, tmp, tops)
	}
	if rerr := patiently(context.WithoutCancel(ctx), func() error { return root.RemoveAll(tmp) }); err == nil && rerr != nil {
		err = fmt.Errorf("remove folder: %w", bare(rerr))
	}
	return err
}

// hidden begins the names of the folders that files are unpacked into first.
const hidden = ".chartseal-"

// sweep removes such folders that were left when an earlier unpacking was killed: what
// lies in them is a patient's, and nobody would look for it there.
func sweep(root *os.Root) error {
	names, err := fs.Glob(root.FS(), hidden+strings.Repeat("[0-9a-f]", 2*randomBytes))
	if err != nil {
		return fmt.Errorf("look into folder: %w", bare(err))
	}
	for _, name := range names {
		if err := root.RemoveAll(name); err != nil {
			return fmt.Errorf("remove folder: %w", bare(err))
		}
	}
	return nil
}

// tops lists the names at the top of the bundle, START-HERE.html last: when it
// is there, all is.
func (v *verifier) tops() []string {
	var tops []string
	for name := range v.files {
		top, _, _ := strings.Cut(name, "/")
		if !slices.Contains(tops, top) {
			tops = append(tops, top)
		}
	}
	slices.SortFunc(tops, func(a, b string) int {
		if (a == startHereName) != (b == startHereName) {
			if a == startHereName {
				return 1
			}
			return -1
		}
		return cmp.Compare(a, b)
	})
	return tops
}

// renamer is what moving up takes of a folder.
type renamer interface {
	Lstat(name string) (fs.FileInfo, error)
	Rename(from, to string) error
}

func absent(root renamer, names []string) error {
	for _, name := range names {
		switch _, err := root.Lstat(name); {
		case err == nil:
			return ErrExists
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("look into folder: %w", bare(err))
		}
	}
	return nil
}

func create(root *os.Root, name string) (io.WriteCloser, error) {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", bare(err))
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make file: %w", bare(err))
	}
	return file{f}, nil
}

// file strips paths off the errors of writing.
type file struct{ f *os.File }

// Write writes to the file.
func (f file) Write(p []byte) (int, error) {
	n, err := f.f.Write(p)
	if err != nil {
		err = fmt.Errorf("write file: %w", bare(err))
	}
	return n, err
}

// Close closes the file.
func (f file) Close() error {
	if err := f.f.Close(); err != nil {
		return fmt.Errorf("close file: %w", bare(err))
	}
	return nil
}

// moveUp moves the verified files to where they belong, or none of them.
func moveUp(ctx context.Context, root renamer, tmp string, tops []string) error {
	move := func(ctx context.Context, from, to string) error {
		return patiently(ctx, func() error { return root.Rename(from, to) })
	}
	err := absent(root, tops)
	for i := 0; err == nil && i < len(tops); i++ {
		if err = move(ctx, tmp+"/"+tops[i], tops[i]); err == nil {
			continue
		}
		err = fmt.Errorf("name file: %w", bare(err))
		for _, done := range tops[:i] {
			err = errors.Join(err, move(context.WithoutCancel(ctx), done, tmp+"/"+done))
		}
	}
	return err
}

// inTheWay are what Windows says besides of a file that another program has open, and of a
// folder with one: sharing violation, lock violation, not empty (Microsoft, "System Error
// Codes"). No rename or removal elsewhere ends with these numbers.
var inTheWay = []error{fs.ErrPermission, syscall.Errno(32), syscall.Errno(33), syscall.Errno(145)}

// patiently repeats a rename or a removal: on Windows an antivirus program that reads what was
// just written is in the way of a whole folder for a moment. At most three seconds.
func patiently(ctx context.Context, op func() error) error {
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		err := op()
		if err == nil || wait > time.Second || !slices.ContainsFunc(inTheWay, func(e error) bool { return errors.Is(err, e) }) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

const randomBytes = 8

func randomName() string {
	var b [randomBytes]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// bare strips paths off an error of the file system: they are the reader's
// folders and a patient's file names.
func bare(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err
	}
	return err
}
