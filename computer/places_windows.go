package computer

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// letterOf tells what is behind a drive letter, or that a path has none but a server.
func letterOf(dir string) (drive, bool) {
	vol := filepath.VolumeName(dir)
	if strings.HasPrefix(vol, `\\`) || strings.HasPrefix(vol, "//") {
		return onShare, true
	}
	name, err := windows.UTF16PtrFromString(vol + `\`)
	if err != nil || len(vol) != 2 {
		return onDisk, false
	}
	switch windows.GetDriveType(name) {
	case windows.DRIVE_REMOTE:
		return onLetter, true
	case windows.DRIVE_NO_ROOT_DIR:
		return noLetter, true
	}
	return onDisk, true
}
