package gather

import (
	"os"
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
