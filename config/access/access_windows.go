package access

import (
	"errors"
	"path/filepath"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Rights to files and folders (Microsoft, "File Access Rights Constants", winnt.h).
const (
	// Modify is all but changing the rights themselves.
	Modify = windows.FILE_GENERIC_READ | windows.FILE_GENERIC_WRITE | windows.FILE_GENERIC_EXECUTE | windows.DELETE | deleteChild
	// ReadOnly is reading, and passing through folders.
	ReadOnly = windows.FILE_GENERIC_READ | windows.FILE_GENERIC_EXECUTE

	all         = windows.STANDARD_RIGHTS_ALL | Modify // FILE_ALL_ACCESS
	deleteChild = 0x40                                 // FILE_DELETE_CHILD

	readRights  = windows.FILE_READ_DATA | windows.GENERIC_READ | windows.GENERIC_ALL
	writeRights = windows.FILE_WRITE_DATA | windows.GENERIC_WRITE | windows.GENERIC_ALL
)

// everybody are the groups that any person who can log in is in (Microsoft Learn,
// "Well-known SIDs").
var everybody = []windows.WELL_KNOWN_SID_TYPE{windows.WinWorldSid, windows.WinAuthenticatedUserSid, windows.WinBuiltinUsersSid, windows.WinInteractiveSid, windows.WinBuiltinGuestsSid}

// trusted are groups that may read everything anyway, and names that Windows counts as
// groups but stand for one account.
var trusted = []windows.WELL_KNOWN_SID_TYPE{
	windows.WinLocalSystemSid, windows.WinBuiltinAdministratorsSid, windows.WinAccountDomainAdminsSid, windows.WinAccountEnterpriseAdminsSid,
	windows.WinBuiltinBackupOperatorsSid, windows.WinLocalServiceSid, windows.WinNetworkServiceSid,
	windows.WinCreatorOwnerSid, windows.WinCreatorOwnerRightsSid, windows.WinCreatorGroupSid,
}

// Of reads the access list of a file. An entry that denies something is not counted
// against it.
func Of(name string) (o Others, err error) {
	sd, err := windows.GetNamedSecurityInfo(filepath.FromSlash(name), windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return o, err
	}
	list, _, err := sd.DACL()
	if err != nil && !errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) {
		return o, err
	}
	if list == nil {
		return Others{Read: true, Write: true}, nil // no list: all rights for all
	}
	err = each(list, func(sid *windows.SID, ace *windows.ACCESS_ALLOWED_ACE) {
		if ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			return
		}
		read, write := ace.Mask&readRights != 0, ace.Mask&writeRights != 0
		switch {
		case is(sid, everybody):
			o.Read, o.Write = o.Read || read, o.Write || write
		case isGroup(sid):
			o.GroupRead, o.GroupWrite = o.GroupRead || read, o.GroupWrite || write
		}
	})
	return o, err
}

// each shows the entries of a list that allow something.
func each(list *windows.ACL, show func(*windows.SID, *windows.ACCESS_ALLOWED_ACE)) error {
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return err
		}
		if ace.Header.AceType == windows.ACCESS_ALLOWED_ACE_TYPE {
			show((*windows.SID)(unsafe.Pointer(&ace.SidStart)), ace) //nolint:gosec // the SID begins there (ACCESS_ALLOWED_ACE)
		}
	}
	return nil
}

func is(sid *windows.SID, kinds []windows.WELL_KNOWN_SID_TYPE) bool {
	for _, kind := range kinds {
		if sid.IsWellKnown(kind) {
			return true
		}
	}
	return false
}

// serviceAuthority begins the SIDs of services, S-1-5-80-….
const serviceAuthority = 80 // SECURITY_SERVICE_ID_BASE_RID, winnt.h

// isGroup tells whether a name stands for several people who are no administrators. One
// that cannot be looked up is taken for an account.
func isGroup(sid *windows.SID) bool {
	if is(sid, trusted) || sid.IdentifierAuthority() == windows.SECURITY_NT_AUTHORITY && sid.SubAuthorityCount() > 1 && sid.SubAuthority(0) == serviceAuthority {
		return false
	}
	_, _, kind, err := sid.LookupAccount("")
	return err == nil && (kind == windows.SidTypeGroup || kind == windows.SidTypeAlias || kind == windows.SidTypeWellKnownGroup)
}

// Lets tells whether a file's list lets somebody who goes by any of these names do all
// that the mask says. Entries count in their order (Microsoft, "How AccessCheck Works").
func Lets(name string, who []*windows.SID, mask windows.ACCESS_MASK) (bool, error) {
	sd, err := windows.GetNamedSecurityInfo(filepath.FromSlash(name), windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return false, err
	}
	list, _, err := sd.DACL()
	if err != nil || list == nil {
		return true, nil //nolint:nilerr // no list: all rights for all
	}
	return lets(list, who, mask)
}

func lets(list *windows.ACL, who []*windows.SID, mask windows.ACCESS_MASK) (bool, error) {
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return false, err
		}
		allows, denies := ace.Header.AceType == windows.ACCESS_ALLOWED_ACE_TYPE, ace.Header.AceType == windows.ACCESS_DENIED_ACE_TYPE
		if !allows && !denies || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart)) //nolint:gosec // the SID begins there (ACCESS_ALLOWED_ACE)
		if !slices.ContainsFunc(who, sid.Equals) {
			continue
		}
		if denies && plain(ace.Mask)&mask != 0 {
			return false, nil
		}
		if allows {
			mask &^= plain(ace.Mask)
		}
	}
	return mask == 0, nil
}

// plain spells out the generic rights in a mask, as files have them.
func plain(mask windows.ACCESS_MASK) windows.ACCESS_MASK {
	for generic, means := range map[windows.ACCESS_MASK]windows.ACCESS_MASK{
		windows.GENERIC_READ: windows.FILE_GENERIC_READ, windows.GENERIC_WRITE: windows.FILE_GENERIC_WRITE,
		windows.GENERIC_EXECUTE: windows.FILE_GENERIC_EXECUTE, windows.GENERIC_ALL: all,
	} {
		if mask&generic != 0 {
			mask |= means
		}
	}
	return mask
}
