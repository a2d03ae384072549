package vault

import (
	"archive/tar"
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"

	"chartseal/packager/seal"
)

// Sealed writes a backup into a sealed file.
type Sealed struct {
	file *os.File
	buf  *bufio.Writer
	age  *seal.Writer
	tar  *tar.Writer
}

// NewSealed begins a backup in an empty file, which stays the caller's to close.
func NewSealed(f *os.File, to seal.Recipients) (*Sealed, error) {
	v := &Sealed{file: f, buf: bufio.NewWriterSize(f, 1<<20)}
	var err error
	if v.age, err = seal.NewWriter(v.buf, to); err != nil {
		return nil, err
	}
	v.tar = tar.NewWriter(v.age)
	return v, nil
}

// Put adds a part of exactly p.Size bytes.
func (v *Sealed) Put(p Part, content io.Reader) error {
	h := &tar.Header{Name: p.Name, Size: p.Size, Mode: 0o600, ModTime: p.At, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
	if err := v.tar.WriteHeader(h); err != nil {
		return failed("write backup", err)
	}
	_, err := io.CopyN(v.tar, content, p.Size)
	return failed("write backup", err)
}

// Seal ends the backup: nothing comes after, and it is on the disk.
func (v *Sealed) Seal() error {
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
	return failed("write backup", err)
}

// Open reads the backup back, once it is sealed.
func (v *Sealed) Open() (*Copy, error) {
	info, err := v.file.Stat()
	if err != nil {
		return nil, failed("read backup", err)
	}
	content, size, err := v.age.Opener().Open(v.file, info.Size())
	if err != nil {
		return nil, failed("read backup", err)
	}
	return OpenTar(content, size)
}

// Folder writes a backup as plain files into a folder.
type Folder struct{ Dir string }

// Put writes a part of exactly p.Size bytes to the disk.
func (v Folder) Put(p Part, content io.Reader) (err error) {
	file := filepath.Join(v.Dir, filepath.FromSlash(p.Name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return failed("write backup", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return failed("write backup", err)
	}
	_, err = io.CopyN(f, content, p.Size)
	if err == nil {
		err = f.Sync()
	}
	return failed("write backup", errors.Join(err, f.Close()))
}

// Seal ends the backup.
func (v Folder) Seal() error { return nil }

// Open reads the backup back.
func (v Folder) Open() (*Copy, error) { return OpenFolder(v.Dir) }
