// Package computer looks at the computer that a practice's chartseal is on: whether the
// folders of the configuration can be written, where they lie, who else may look into them, and
// how much room there is.
package computer

import (
	"errors"
	"io/fs"
	"os"

	"chartseal/config"
	"chartseal/config/access"
	"chartseal/packager/gather"
	"chartseal/transport"
	"chartseal/watch"
)

// Examine looks at all of it. What it finds is for the administrator and may name folders.
// Nothing is left in a folder that it tries. closed says that this account may not look into
// the state folder, see [IsClosed].
func Examine(cfg *config.Config, closed bool) transport.Findings {
	var found transport.Findings
	add := found.Add
	examineFolders(cfg, closed, add)
	examinePlaces(cfg, driveOf, add)
	examineRights(cfg, access.Of, add)
	examineDisk(cfg, DiskFree, add)
	return found
}

// IsClosed says that this account may not look into a folder.
func IsClosed(dir string) bool {
	_, err := os.ReadDir(dir)
	return errors.Is(err, fs.ErrPermission)
}

// examineFolders tries whether the folders can be written, and those with records be found.
func examineFolders(cfg *config.Config, closed bool, add transport.AddFinding) {
	folders := map[string]string{"outbox": cfg.Outbox}
	if !closed {
		folders["state"] = cfg.State
	}
	if cfg.Export != "" {
		folders["export"] = cfg.Export
	}
	for name, dir := range folders {
		if err := tryWrite(dir); err != nil {
			add(name, transport.Problem, "The folder %s cannot be written: %v. Make it, and give chartseal's account the right to change it.", dir, watch.Scrub(err))
		} else {
			add(name, transport.OK, "The folder %s can be written.%s", dir, aboutFolder[name])
		}
	}
	for i, s := range cfg.Sources {
		src := gather.Source{Kind: s.Kind, Path: s.Path, Match: string(s.Match)}
		if err := gather.CheckFolder(i+1, src); err != nil {
			add("sources", transport.Problem, "The records cannot be found: %v (%s). Correct the path under sources, or let chartseal's account read there.", err, s.Path)
			continue
		}
		add("sources", transport.OK, "Source %d (%s) can be read.", i+1, s.Kind)
	}
}

// aboutFolder is what a folder's finding says besides. That a drive can be carried away
// is not found out: on it nothing is put but what is encrypted.
var aboutFolder = map[string]string{
	"export": " What is put there is encrypted; if it is a drive that can be carried away, chartseal does not notice. Copy no record onto it by hand.",
}

func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
