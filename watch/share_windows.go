package watch

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// remote reports whether dir is on a share: a UNC path or a mapped drive.
func remote(dir string) bool {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	vol := filepath.VolumeName(abs)
	if strings.HasPrefix(vol, `\\`) && len(vol) > 3 && vol[2] != '?' && vol[2] != '.' {
		return true
	}
	if strings.HasPrefix(strings.ToUpper(vol), `\\?\UNC`) {
		return true
	}
	p, err := windows.UTF16PtrFromString(vol + `\`)
	return err == nil && windows.GetDriveType(p) == windows.DRIVE_REMOTE
}
