package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"
)

const nonBlock = 0

// links cannot be told without opening the file; linksOpen does.
func links(fs.FileInfo) uint64 { return 1 }

func linksOpen(f *os.File) (uint64, error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return 0, err
	}
	return uint64(info.NumberOfLinks), nil
}

// locked reports an error that passes when another program lets go: Explorer,
// an antivirus program, an editor.
func locked(err error) bool {
	for _, e := range []error{
		fs.ErrPermission, windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION,
		windows.ERROR_USER_MAPPED_FILE, windows.ERROR_DELETE_PENDING, windows.ERROR_DIR_NOT_EMPTY,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// IsFull reports that a disk is full, or what this account may use of it. Windows has its
// own numbers for that, which package syscall does not take for ENOSPC (Microsoft,
// "System Error Codes").
func IsFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// IsReadOnly reports that a disk takes no changes.
func IsReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

// cloudOnly reports a file whose bytes a cloud program has not fetched
// (Microsoft, "File Attribute Constants").
func cloudOnly(info fs.FileInfo) bool {
	d, ok := info.Sys().(*syscall.Win32FileAttributeData)
	return ok && d.FileAttributes&(windows.FILE_ATTRIBUTE_OFFLINE|windows.FILE_ATTRIBUTE_RECALL_ON_OPEN|windows.FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS) != 0
}

// device names the drive or share a folder is on.
func device(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	return strings.ToLower(filepath.VolumeName(abs))
}

// hide keeps staff from tidying the folder away; it is a courtesy.
func hide(root *os.Root, name string) {
	p, err := windows.UTF16PtrFromString(filepath.Join(root.Name(), name))
	if err == nil {
		_ = windows.SetFileAttributes(p, windows.FILE_ATTRIBUTE_HIDDEN)
	}
}
