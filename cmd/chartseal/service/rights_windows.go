package service

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// What the account may do with a folder (Microsoft, "File Access Rights Constants"):
// modify is all but changing the rights themselves.
const (
	modify   = windows.FILE_GENERIC_READ | windows.FILE_GENERIC_WRITE | windows.FILE_GENERIC_EXECUTE | windows.DELETE | fileDeleteChild
	readOnly = windows.FILE_GENERIC_READ | windows.FILE_GENERIC_EXECUTE

	fileDeleteChild = 0x40
)

// handOver gives the account what it needs: the state to itself and administrators
// alone, the folders it shares with staff, and reading the configuration and the
// records. What is on a share is for the file server to decide.
func (p Plan) handOver() (done []string, err error) {
	sid, _, _, err := windows.LookupSID("", p.Account)
	if err != nil {
		return nil, fmt.Errorf("find the account %s: %w", p.Account, err)
	}
	if err := os.MkdirAll(p.State, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	if err := keepPrivate(p.State, sid); err != nil {
		return nil, fmt.Errorf("protect the state folder: %w", err)
	}
	done = append(done, "only the service and administrators can open "+filepath.Clean(p.State))
	for _, g := range []struct {
		names []string
		mask  windows.ACCESS_MASK
		words string
	}{
		{p.Shared, modify, "the service can change "},
		{p.Files, readOnly, "the service can read "},
		{p.Read, readOnly, "the service can read "},
		{notEmpty(p.Credentials, p.PGPass), readOnly, "the service can read "},
		{notEmpty(folderOf(p.Log, p.State)), modify, "the service can change "},
	} {
		for _, name := range g.names {
			if err := grant(name, sid, g.mask); err != nil {
				done = append(done, fmt.Sprintf("STILL TO DO: let %s use %s (%v)", p.Account, name, err))
				continue
			}
			done = append(done, g.words+filepath.Clean(name))
		}
	}
	return done, nil
}

// folderOf is the folder of a file, "" if it is the one that has its rights already.
func folderOf(file, known string) string {
	if file == "" || filepath.Dir(file) == filepath.Clean(known) {
		return ""
	}
	return filepath.Dir(file)
}

func notEmpty(names ...string) (full []string) {
	for _, n := range names {
		if n != "" {
			full = append(full, n)
		}
	}
	return full
}

// entry is a line of an access list that counts for all below.
func entry(sid *windows.SID, mask windows.ACCESS_MASK) windows.EXPLICIT_ACCESS {
	return windows.EXPLICIT_ACCESS{
		AccessPermissions: mask, AccessMode: windows.GRANT_ACCESS, Inheritance: windows.SUB_CONTAINERS_AND_OBJECTS_INHERIT,
		Trustee: windows.TRUSTEE{TrusteeForm: windows.TRUSTEE_IS_SID, TrusteeType: windows.TRUSTEE_IS_UNKNOWN, TrusteeValue: windows.TrusteeValueFromSID(sid)},
	}
}

// grant adds a right to those that a file or folder has.
func grant(name string, sid *windows.SID, mask windows.ACCESS_MASK) error {
	name = filepath.FromSlash(name)
	sd, err := windows.GetNamedSecurityInfo(name, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	old, _, err := sd.DACL()
	if err != nil {
		return err
	}
	e := entry(sid, mask)
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		e.Inheritance = windows.NO_INHERITANCE
	}
	list, err := windows.ACLFromEntries([]windows.EXPLICIT_ACCESS{e}, old)
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(name, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}

// keepPrivate lets the account, the system and administrators at a folder, and nobody
// else, whatever the folder above it says.
func keepPrivate(dir string, sid *windows.SID) error {
	var entries []windows.EXPLICIT_ACCESS
	for _, known := range []windows.WELL_KNOWN_SID_TYPE{windows.WinLocalSystemSid, windows.WinBuiltinAdministratorsSid} {
		s, err := windows.CreateWellKnownSid(known)
		if err != nil {
			return err
		}
		entries = append(entries, entry(s, windows.GENERIC_ALL))
	}
	list, err := windows.ACLFromEntries(append(entries, entry(sid, modify)), nil)
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(filepath.FromSlash(dir), windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}
