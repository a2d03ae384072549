package chartseal

import (
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// everybody are the groups that any person who can log in is in (Microsoft Learn,
// "Well-known SIDs").
var everybody = []windows.WELL_KNOWN_SID_TYPE{windows.WinWorldSid, windows.WinAuthenticatedUserSid, windows.WinBuiltinUsersSid, windows.WinInteractiveSid, windows.WinBuiltinGuestsSid}

// Rights that let somebody read or change a file (winnt.h).
const (
	readRights  = windows.FILE_READ_DATA | windows.GENERIC_READ | windows.GENERIC_ALL
	writeRights = windows.FILE_WRITE_DATA | windows.GENERIC_WRITE | windows.GENERIC_ALL
)

// whoElse reads the access list of a file: what it grants to everybody. An entry that
// denies something is not counted against it.
func whoElse(path string) (o others, err error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return o, err
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return o, err
	}
	if dacl == nil {
		return others{read: true, write: true}, nil // no list: all rights for all
	}
	for i := range uint32(dacl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(dacl, i, &ace); err != nil {
			return o, err
		}
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart)) //nolint:gosec // the SID begins there (ACCESS_ALLOWED_ACE)
		for _, kind := range everybody {
			if sid.IsWellKnown(kind) {
				o.read = o.read || ace.Mask&readRights != 0
				o.write = o.write || ace.Mask&writeRights != 0
			}
		}
	}
	return o, nil
}

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
