package bundle

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"
)

// scanned is a folder in which an antivirus program reads for a while.
type scanned struct {
	busy  int
	says  error
	moved []string
}

func (s *scanned) Lstat(string) (fs.FileInfo, error) { return nil, fs.ErrNotExist }

func (s *scanned) Rename(from, to string) error {
	if s.busy--; s.busy >= 0 {
		return &os.LinkError{Op: "renameat", Old: from, New: to, Err: s.says}
	}
	s.moved = append(s.moved, to)
	return nil
}

// TestUnpackedFilesWaitForAScanner: what was unpacked whole is not thrown away because
// another program reads it.
func TestUnpackedFilesWaitForAScanner(t *testing.T) {
	t.Parallel()
	for _, says := range []error{fs.ErrPermission, syscall.Errno(32)} {
		s := &scanned{busy: 3, says: says}
		if err := moveUp(t.Context(), s, "tmp", []string{"data", startHereName}); err != nil || !slices.Equal(s.moved, []string{"data", startHereName}) {
			t.Errorf("%v: %v, moved %q", says, err, s.moved)
		}
	}
	s := &scanned{busy: 1, says: fs.ErrExist}
	if err := moveUp(t.Context(), s, "tmp", []string{"data"}); !errors.Is(err, fs.ErrExist) || s.busy != 0 {
		t.Errorf("of other trouble: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := moveUp(stopped, &scanned{busy: 1, says: fs.ErrPermission}, "tmp", []string{"data"}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("when it is to end: %v", err)
	}
}
