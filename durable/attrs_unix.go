//go:build unix

package durable

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// attrSpace begins the names of the attributes that a program without privileges may set
// (xattr(7)); the embedded store uses the same names on macOS.
const attrSpace = "user."

// Attrs reads the extended attributes of a file or a folder; none where the disk has none. Of
// an error who calls it takes the path.
func Attrs(path string) (map[string][]byte, error) {
	n, err := unix.Listxattr(path, nil)
	if n == 0 || errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	names := make([]byte, max(n, 0))
	if err == nil {
		n, err = unix.Listxattr(path, names)
	}
	if err != nil {
		return nil, attrError(path, "listxattr", err)
	}
	out := map[string][]byte{}
	for name := range bytes.SplitSeq(bytes.TrimSuffix(names[:n], []byte{0}), []byte{0}) {
		if !strings.HasPrefix(string(name), attrSpace) {
			continue
		}
		n, err := unix.Getxattr(path, string(name), nil)
		value := make([]byte, max(n, 0))
		if err == nil && n > 0 {
			n, err = unix.Getxattr(path, string(name), value)
		}
		if err != nil {
			return nil, attrError(path, "getxattr", err)
		}
		out[string(name)] = value[:n]
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// SetAttrs gives them to a file or a folder. The error is ErrNoAttrs where the disk keeps none;
// of another who calls it takes the path.
func SetAttrs(path string, attrs map[string][]byte) error {
	for name, value := range attrs {
		err := unix.Setxattr(path, name, value, 0)
		if errors.Is(err, unix.ENOTSUP) {
			return ErrNoAttrs
		}
		if err != nil {
			return attrError(path, "setxattr", err)
		}
	}
	return nil
}

func attrError(path, op string, err error) error {
	return fmt.Errorf("%w", &os.PathError{Op: op, Path: path, Err: err})
}
