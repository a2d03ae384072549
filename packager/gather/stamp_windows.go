package gather

import (
	"io/fs"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// openQuietly opens for reading; os.Root opens no device by name on Windows.
const openQuietly = os.O_RDONLY

// basicInfo is FILE_BASIC_INFO of the Windows API. ChangeTime moves with every
// change of content or attributes and cannot be set back by copying tools.
type basicInfo struct {
	creation, lastAccess, lastWrite, change int64 // 100 ns since 1601
	attributes                              uint32
	_                                       uint32
}

func stampOf(f *os.File) (stamp, error) {
	info, err := f.Stat()
	if err != nil {
		return stamp{}, err
	}
	handle := windows.Handle(f.Fd())
	var id windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(handle, &id); err != nil {
		return stamp{}, err
	}
	var basic basicInfo
	size := uint32(unsafe.Sizeof(basic))
	// File servers that know no change time still tell the last write.
	if err := windows.GetFileInformationByHandleEx(handle, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&basic)), size); err != nil {
		basic.change = id.LastWriteTime.Nanoseconds() / int64(100*time.Nanosecond)
	}
	return stamp{
		size: info.Size(), mode: info.Mode().Type(),
		modified: info.ModTime().UnixNano(), changed: basic.change,
		volume: uint64(id.VolumeSerialNumber),
		file:   uint64(id.FileIndexHigh)<<32 | uint64(id.FileIndexLow),
		links:  uint64(id.NumberOfLinks),
	}, nil
}

// listedStamp is the stamp of a file or folder that was not opened. Without
// opening, Windows tells neither identity nor change time: the day of creation
// has to tell a file from another put in its place, and a program that sets
// the modification time back after writing goes unnoticed.
func listedStamp(info fs.FileInfo) (stamp, error) {
	st, ok := info.Sys().(*syscall.Win32FileAttributeData)
	if !ok {
		return stamp{}, errNoStamp
	}
	return stamp{
		size: info.Size(), mode: info.Mode().Type(),
		modified: info.ModTime().UnixNano(), changed: max(st.CreationTime.Nanoseconds(), info.ModTime().UnixNano()),
		file: uint64(st.CreationTime.Nanoseconds()),
	}, nil
}
