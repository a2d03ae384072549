package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"testing"
)

// TestFullDiskIsTold: a full disk and one that takes no changes are told from other
// trouble by the numbers of each system.
func TestFullDiskIsTold(t *testing.T) {
	full, readOnly := []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT}, syscall.EROFS
	if runtime.GOOS == "windows" {
		full, readOnly = []syscall.Errno{39, 112, 1295}, 19 // Microsoft, "System Error Codes"
	}
	as := func(err error) error {
		return fmt.Errorf("write state: %w", errors.Join(Scrub(&fs.PathError{Op: "write", Err: os.NewSyscallError("write", err)})))
	}
	for _, n := range full {
		if !IsFull(as(n)) || IsReadOnly(as(n)) {
			t.Errorf("%d is no full disk", n)
		}
	}
	if IsFull(as(readOnly)) || !IsReadOnly(as(readOnly)) {
		t.Errorf("%d is no read-only disk", readOnly)
	}
	if IsFull(fs.ErrNotExist) || IsReadOnly(fs.ErrPermission) || IsFull(nil) {
		t.Error("other trouble")
	}
}
