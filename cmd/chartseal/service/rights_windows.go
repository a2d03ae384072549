package service

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/windows"

	"chartseal/config/access"
)

// handOver gives the account what it needs: the state to itself and administrators
// alone, the folders it shares with staff, and reading the configuration and the
// records. On a server an account of this computer has another name or none, so that an
// entry for it would let nobody in: that is left to do.
func (p Plan) handOver() (done []string, err error) {
	sid, domain, err := lookUp(p.Account)
	if err != nil {
		return nil, fmt.Errorf("find the account %s: %w", p.Account, err)
	}
	if err := os.MkdirAll(p.State, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	if err := access.CloseFor(p.State, sid); err != nil {
		return nil, fmt.Errorf("protect the state folder: %w", err)
	}
	done = append(done, "only the service and administrators can open "+filepath.Clean(p.State))
	change := func(name string) error { return access.Grant(name, sid, access.Modify) }
	read := func(name string) error { return access.Grant(name, sid, access.ReadOnly) }
	files := append(slices.Clone(p.Files), notEmpty(p.Credentials, p.PGPass)...)
	for _, g := range []struct {
		names []string
		give  func(string) error
		words string
	}{
		{p.Shared, change, "the service can change "},
		{folders(files), func(dir string) error { return access.GrantFiles(dir, sid) }, "the service can read the files in "},
		{files, read, "the service can read "}, // that have a list of their own
		{p.Read, read, "the service can read "},
		{notEmpty(folderOf(p.Log, p.State)), change, "the service can change "},
		{p.locked(sid), read, "the service can run "},
	} {
		for _, name := range g.names {
			if who := abroad(p.Account, domain, sid); who != "" && onServer(name) {
				done = append(done, fmt.Sprintf("STILL TO DO: %s lies on another computer, where the service is %s", filepath.FromSlash(name), who))
				continue
			}
			if err := g.give(name); err != nil {
				done = append(done, fmt.Sprintf("STILL TO DO: let %s use %s (%v)", p.Account, name, err))
				continue
			}
			done = append(done, g.words+filepath.Clean(name))
		}
	}
	if p.withoutLog(sid) {
		done = append(done, "STILL TO DO: "+p.logless())
	}
	return done, nil
}

// withoutLog tells whether the account cannot keep the log that the configuration names.
func (p Plan) withoutLog(sid *windows.SID) bool {
	if p.LogDir == "" {
		return false
	}
	ok, err := access.Lets(p.LogDir, withCrowd(sid), windows.FILE_WRITE_DATA)
	return err == nil && !ok
}

// locked is this program, if the account cannot run it where it lies, such as in
// somebody's own folder.
func (p Plan) locked(sid *windows.SID) []string {
	if ok, err := access.Lets(p.Program, withCrowd(sid), access.ReadOnly); err != nil || ok {
		return nil
	}
	return []string{p.Program}
}

// builtIn are the accounts of Windows that services run as, by the names that the service
// manager knows in every language; others may know them by translated ones only
// (Microsoft, "LocalService Account", "NetworkService Account").
var builtIn = map[string]windows.WELL_KNOWN_SID_TYPE{
	"LOCALSERVICE": windows.WinLocalServiceSid, "LOCAL SERVICE": windows.WinLocalServiceSid,
	"NETWORKSERVICE": windows.WinNetworkServiceSid, "NETWORK SERVICE": windows.WinNetworkServiceSid,
}

// lookUp finds an account, and the domain or computer that knows it; .\name is one of
// this computer.
func lookUp(account string) (sid *windows.SID, domain string, err error) {
	if known, ok := builtIn[strings.TrimPrefix(strings.ToUpper(account), `NT AUTHORITY\`)]; ok {
		sid, err = windows.CreateWellKnownSid(known)
		return sid, "NT AUTHORITY", err
	}
	if name, here := strings.CutPrefix(account, `.\`); here {
		host, err := windows.ComputerName() // at most 15 letters, which the name of the network may exceed
		if err != nil {
			return nil, "", err
		}
		account = host + `\` + name
	}
	sid, domain, _, err = windows.LookupSID("", account)
	return sid, domain, err
}

// onServer reports whether a path begins with the name of a server.
func onServer(name string) bool {
	vol := strings.ToUpper(filepath.VolumeName(filepath.FromSlash(name)))
	return strings.HasPrefix(vol, `\\?\UNC`) || strings.HasPrefix(vol, `\\`) && !strings.HasPrefix(vol, `\\?`) && !strings.HasPrefix(vol, `\\.`)
}

// serviceAuthority begins the identities of services, S-1-5-80-… (winnt.h).
const serviceAuthority = 80

// abroad is who the account is on other computers, and what to do there; "" if they know
// it by its own name (Microsoft, "Service accounts").
func abroad(account, domain string, sid *windows.SID) string {
	host, err := windows.ComputerName()
	virtual := sid.IdentifierAuthority() == windows.SECURITY_NT_AUTHORITY && sid.SubAuthorityCount() > 1 && sid.SubAuthority(0) == serviceAuthority
	switch {
	case sid.IsWellKnown(windows.WinLocalServiceSid):
		return "nobody: install it for another account"
	case virtual, sid.IsWellKnown(windows.WinNetworkServiceSid):
		return host + "$, this computer's account in its domain: let that one in, by the rights of the share and of the folder. Without a domain, install it for another account"
	case err == nil && strings.EqualFold(domain, host):
		return "that computer's own user of the same name and password as " + account + ": let that one in, by the rights of the share and of the folder"
	}
	return ""
}

// folders are the folders of files, each once; a whole drive is none. An editor that
// saves by renaming a new file into place makes one that has the folder's rights only.
func folders(files []string) (dirs []string) {
	for _, file := range files {
		dir := filepath.Dir(filepath.FromSlash(file))
		if dir != filepath.Dir(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// folderOf is the folder of a file, "" if it is the one that has its rights already.
func folderOf(file, known string) string {
	if file == "" || filepath.Dir(file) == filepath.Clean(known) {
		return ""
	}
	return filepath.Dir(file)
}

// crowd are the groups that every service is in (Microsoft, "Well-known SIDs").
var crowd = []string{
	"S-1-1-0",      // everybody
	"S-1-5-11",     // who has logged on
	"S-1-5-6",      // services
	"S-1-5-80-0",   // services, once more
	"S-1-5-32-545", // users of this computer
}

// withCrowd are all that a service's account goes by, as far as every computer knows.
func withCrowd(own *windows.SID) []*windows.SID {
	who := []*windows.SID{own}
	for _, text := range crowd {
		if sid, err := windows.StringToSid(text); err == nil {
			who = append(who, sid)
		}
	}
	if sid, _, err := lookUp(DefaultAccount); err == nil {
		who = append(who, sid)
	}
	return who
}

// Unreachable are sentences on what the service's account cannot use of what the
// configuration names now. Groups of the practice's own that the account may be in are
// not known here.
func Unreachable(s Status, p Plan) (said []string) {
	if s.Account == "" || strings.EqualFold(s.Account, "LocalSystem") {
		return nil
	}
	own, domain, err := lookUp(s.Account)
	if err != nil {
		return []string{"the account " + s.Account + " is not there"}
	}
	who, elsewhere := withCrowd(own), abroad(s.Account, domain, own) != ""
	files := append(slices.Clone(p.Files), notEmpty(p.Credentials, p.PGPass)...)
	for _, g := range []struct {
		names []string
		mask  windows.ACCESS_MASK
		verb  string
	}{{p.write(), windows.FILE_READ_DATA | windows.FILE_WRITE_DATA, "change"}, {slices.Concat(p.Read, files), windows.FILE_READ_DATA, "read"}} {
		for _, name := range g.names {
			if elsewhere && onServer(name) { // which knows it by another name
				continue
			}
			if ok, err := access.Lets(name, who, g.mask); err == nil && !ok {
				said = append(said, fmt.Sprintf("the account %s cannot %s %s, unless a group of its own lets it", s.Account, g.verb, filepath.FromSlash(name)))
			}
		}
	}
	if p.withoutLog(own) {
		said = append(said, p.logless())
	}
	return said
}
