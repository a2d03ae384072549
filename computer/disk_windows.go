package computer

import "golang.org/x/sys/windows"

// DiskFree is how many bytes this account may still write below a folder; -1 if that
// cannot be known.
func DiskFree(dir string) int64 {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return -1
	}
	var free uint64
	if windows.GetDiskFreeSpaceEx(name, &free, nil, nil) != nil {
		return -1
	}
	return int64(free)
}
