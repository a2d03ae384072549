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
// records. What is on a share is for the file server to decide.
func (p Plan) handOver() (done []string, err error) {
	sid, err := lookUp(p.Account)
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
	} {
		for _, name := range g.names {
			if err := g.give(name); err != nil {
				done = append(done, fmt.Sprintf("STILL TO DO: let %s use %s (%v)", p.Account, name, err))
				continue
			}
			done = append(done, g.words+filepath.Clean(name))
		}
	}
	return done, nil
}

// lookUp finds an account; .\name is one of this computer.
func lookUp(account string) (*windows.SID, error) {
	if name, here := strings.CutPrefix(account, `.\`); here {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		account = host + `\` + name
	}
	sid, _, _, err := windows.LookupSID("", account)
	return sid, err
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

// Unreachable are sentences on what the service's account cannot use of what the
// configuration names now. Groups of the practice's own that the account may be in are
// not known here.
func Unreachable(s Status, p Plan) (said []string) {
	if s.Account == "" || strings.EqualFold(s.Account, "LocalSystem") {
		return nil
	}
	own, err := lookUp(s.Account)
	if err != nil {
		return []string{"the account " + s.Account + " is not there"}
	}
	who := []*windows.SID{own}
	for _, text := range crowd {
		if sid, err := windows.StringToSid(text); err == nil {
			who = append(who, sid)
		}
	}
	if sid, err := lookUp(DefaultAccount); err == nil {
		who = append(who, sid)
	}
	files := append(slices.Clone(p.Files), notEmpty(p.Credentials, p.PGPass)...)
	for _, g := range []struct {
		names []string
		mask  windows.ACCESS_MASK
		verb  string
	}{{p.write(), windows.FILE_READ_DATA | windows.FILE_WRITE_DATA, "change"}, {slices.Concat(p.Read, files), windows.FILE_READ_DATA, "read"}} {
		for _, name := range g.names {
			if ok, err := access.Lets(name, who, g.mask); err == nil && !ok {
				said = append(said, fmt.Sprintf("the account %s cannot %s %s, unless a group of its own lets it", s.Account, g.verb, filepath.FromSlash(name)))
			}
		}
	}
	return said
}
