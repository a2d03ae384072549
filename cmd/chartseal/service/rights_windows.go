package service

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"

	"chartseal/config/access"
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
	if err := access.CloseFor(p.State, sid); err != nil {
		return nil, fmt.Errorf("protect the state folder: %w", err)
	}
	done = append(done, "only the service and administrators can open "+filepath.Clean(p.State))
	for _, g := range []struct {
		names []string
		mask  windows.ACCESS_MASK
		words string
	}{
		{p.Shared, access.Modify, "the service can change "},
		{p.Files, access.ReadOnly, "the service can read "},
		{p.Read, access.ReadOnly, "the service can read "},
		{notEmpty(p.Credentials, p.PGPass), access.ReadOnly, "the service can read "},
		{notEmpty(folderOf(p.Log, p.State)), access.Modify, "the service can change "},
	} {
		for _, name := range g.names {
			if err := access.Grant(name, sid, g.mask); err != nil {
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
