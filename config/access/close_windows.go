package access

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Close closes a folder, with all in it, to all but its owner, the account of this
// process, the system and administrators, whatever the folder above says. What is made
// in it later inherits that. An account that was let in by its own name and may write,
// as that of a service, keeps its place. On a file system without lists nothing is
// done, which [Of] tells. The error names no path.
func Close(dir string) error {
	shut, err := isShut(dir)
	if err != nil || shut {
		return bare(err)
	}
	err = closeAll(dir)
	if o, failed := Of(dir); err != nil && failed == nil && !o.Any() { // who may not set lists lies in a closed folder
		return nil
	}
	return err
}

// CloseFor closes a folder with all in it to all but an account, the system and
// administrators.
func CloseFor(dir string, sid *windows.SID) error {
	if err := protect(dir, grants{{sid, Modify}}); err != nil {
		return err
	}
	return inheritBelow(dir)
}

func closeAll(dir string) error {
	own, err := owners(dir)
	if err == nil {
		err = protect(dir, own)
	}
	if err == nil {
		err = inheritBelow(dir)
	}
	if errors.Is(err, windows.ERROR_NOT_SUPPORTED) || errors.Is(err, windows.ERROR_INVALID_FUNCTION) { // FAT
		return nil
	}
	return bare(err)
}

// CloseFile closes a file that others can reach to all but its owner, the account of
// this process, the system and administrators. The error names no path.
func CloseFile(file string) error {
	o, err := Of(file)
	if err != nil || !o.Any() {
		return bare(err)
	}
	return closeAll(file)
}

// isShut tells whether a folder has a list of its own that lets nobody else in.
func isShut(dir string) (bool, error) {
	sd, err := windows.GetNamedSecurityInfo(filepath.FromSlash(dir), windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return false, err
	}
	control, _, err := sd.Control()
	if err != nil {
		return false, err
	}
	o, err := Of(dir)
	return control&windows.SE_DACL_PROTECTED != 0 && !o.Any(), err
}

// grants are who gets which rights.
type grants []struct {
	sid  *windows.SID
	mask windows.ACCESS_MASK
}

// owners are the account of this process, the owner of a file, and who was let in by
// name and may write.
func owners(name string) (g grants, err error) {
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, err
	}
	g = grants{{me.User.Sid, all}}
	sd, err := windows.GetNamedSecurityInfo(filepath.FromSlash(name), windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return nil, err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return nil, err
	}
	if !is(owner, everybody) {
		g = g.with(owner, all)
	}
	list, _, err := sd.DACL()
	if err != nil || list == nil {
		return g, nil //nolint:nilerr // no list: nobody is named
	}
	return g.andNamed(list)
}

// with adds an account that is not there yet.
func (g grants) with(sid *windows.SID, mask windows.ACCESS_MASK) grants {
	for _, has := range g {
		if has.sid.Equals(sid) {
			return g
		}
	}
	return append(g, grants{{sid, mask}}...)
}

// standIns stand in a list for whoever makes a file.
var standIns = []windows.WELL_KNOWN_SID_TYPE{windows.WinCreatorOwnerSid, windows.WinCreatorOwnerRightsSid, windows.WinCreatorGroupSid}

// andNamed adds the accounts that a list lets write.
func (g grants) andNamed(list *windows.ACL) (grants, error) {
	var wrong error
	err := each(list, func(sid *windows.SID, ace *windows.ACCESS_ALLOWED_ACE) {
		if ace.Mask&writeRights == 0 || is(sid, everybody) || is(sid, standIns) || isGroup(sid) {
			return
		}
		own, err := sid.Copy()
		if err != nil {
			wrong = err
			return
		}
		g = g.with(own, Modify)
	})
	return g, errors.Join(err, wrong)
}

// protect gives a file or folder a list of its own: the system, administrators, and
// whom it is for.
func protect(name string, to grants) error {
	for _, known := range []windows.WELL_KNOWN_SID_TYPE{windows.WinLocalSystemSid, windows.WinBuiltinAdministratorsSid} {
		sid, err := windows.CreateWellKnownSid(known)
		if err != nil {
			return err
		}
		to = to.with(sid, all)
	}
	list, err := merged(to, below(name), nil)
	if err != nil {
		return err
	}
	const what = windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	if err := windows.SetNamedSecurityInfo(filepath.FromSlash(name), windows.SE_FILE_OBJECT, what, nil, nil, list, nil); err != nil {
		return err
	}
	if o, err := Of(name); err != nil || !o.Any() {
		return err
	}
	return protectOpened(name, what, list) // Wine takes entries from the folder above all the same
}

// protectOpened gives a list to a file by its handle, which looks at no folder above or
// below.
func protectOpened(name string, what windows.SECURITY_INFORMATION, list *windows.ACL) (err error) {
	path, err := windows.UTF16PtrFromString(filepath.FromSlash(name))
	if err != nil {
		return err
	}
	h, err := windows.CreateFile(path, windows.READ_CONTROL|windows.WRITE_DAC, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, windows.CloseHandle(h)) }()
	sd, err := windows.NewSecurityDescriptor()
	if err == nil {
		err = sd.SetDACL(list, true, false)
	}
	if err == nil {
		err = sd.SetControl(windows.SE_DACL_PROTECTED, windows.SE_DACL_PROTECTED)
	}
	if err == nil {
		err = windows.SetKernelObjectSecurity(h, what, sd)
	}
	return err
}

// merged is a list with entries added.
func merged(to grants, inheritance uint32, old *windows.ACL) (*windows.ACL, error) {
	var entries []windows.EXPLICIT_ACCESS
	for _, g := range to {
		entries = append(entries, windows.EXPLICIT_ACCESS{
			AccessPermissions: g.mask, AccessMode: windows.GRANT_ACCESS, Inheritance: inheritance,
			Trustee: windows.TRUSTEE{TrusteeForm: windows.TRUSTEE_IS_SID, TrusteeType: windows.TRUSTEE_IS_UNKNOWN, TrusteeValue: windows.TrusteeValueFromSID(g.sid)},
		})
	}
	list, err := windows.ACLFromEntries(entries, old)
	runtime.KeepAlive(to) // entries hold bare addresses of it
	return list, err
}

// below says that entries of a folder count for all below.
func below(name string) uint32 {
	if isDir(name) {
		return windows.SUB_CONTAINERS_AND_OBJECTS_INHERIT
	}
	return windows.NO_INHERITANCE
}

// inheritBelow has all in a folder take the folder's list, whatever it had of its own.
// Links are left alone, and what is gone meanwhile.
func inheritBelow(dir string) error {
	return filepath.WalkDir(filepath.FromSlash(dir), func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && (!d.IsDir() && !d.Type().IsRegular() || filepath.Clean(name) == filepath.Clean(filepath.FromSlash(dir))) {
			return nil
		}
		if err != nil {
			return err
		}
		own, err := hasOwn(name)
		if err != nil || !own {
			return err
		}
		return windows.SetNamedSecurityInfo(name, windows.SE_FILE_OBJECT,
			windows.DACL_SECURITY_INFORMATION|windows.UNPROTECTED_DACL_SECURITY_INFORMATION, nil, nil, nothing(), nil)
	})
}

// nothing is a list without entries (ACL, winnt.h): revision 2, 8 bytes.
func nothing() *windows.ACL {
	return (*windows.ACL)(unsafe.Pointer(&[2]uint32{8<<16 | 2, 0})) //nolint:gosec // its header is all of it
}

// hasOwn tells whether a file has entries that it did not inherit.
func hasOwn(name string) (own bool, err error) {
	sd, err := windows.GetNamedSecurityInfo(name, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return false, err
	}
	control, _, err := sd.Control()
	if err != nil {
		return false, err
	}
	list, _, err := sd.DACL()
	if err != nil || list == nil || control&windows.SE_DACL_PROTECTED != 0 {
		return true, nil //nolint:nilerr // no list at all
	}
	err = each(list, func(_ *windows.SID, ace *windows.ACCESS_ALLOWED_ACE) {
		own = own || ace.Header.AceFlags&windows.INHERITED_ACE == 0
	})
	return own, err
}

func isDir(name string) bool {
	p, err := windows.UTF16PtrFromString(filepath.FromSlash(name))
	if err != nil {
		return false
	}
	a, err := windows.GetFileAttributes(p)
	return err == nil && a&windows.FILE_ATTRIBUTE_DIRECTORY != 0
}

// GrantFiles lets an account read a folder and the files in it, also those that are made
// later, but no folders below.
func GrantFiles(dir string, sid *windows.SID) error {
	return grant(dir, grants{{sid, ReadOnly}}, windows.SUB_OBJECTS_ONLY_INHERIT|windows.INHERIT_NO_PROPAGATE)
}

// Grant adds a right to those that a file has, or a folder with all below. Where there is
// no list, everybody has all rights, and it stays so.
func Grant(name string, sid *windows.SID, mask windows.ACCESS_MASK) error {
	return grant(name, grants{{sid, mask}}, below(name))
}

func grant(name string, to grants, inheritance uint32) error {
	sd, err := windows.GetNamedSecurityInfo(filepath.FromSlash(name), windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	old, _, err := sd.DACL()
	if err != nil && !errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) {
		return err
	}
	list, err := extended(to, inheritance, old)
	if err != nil || list == nil {
		return err
	}
	return windows.SetNamedSecurityInfo(filepath.FromSlash(name), windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}

// extended is a list with entries added. No list means all rights for all, whom one with
// these entries alone would shut out: it stays none.
func extended(to grants, inheritance uint32, old *windows.ACL) (*windows.ACL, error) {
	if old == nil {
		return nil, nil //nolint:nilnil // as Windows has it
	}
	return merged(to, inheritance, old)
}
