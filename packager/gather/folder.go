package gather

import (
	"context"
	"io/fs"
	"os"
	"path"
)

// finder looks for the folders of one patient.
type finder struct {
	walker
	found []string // paths below the source's folder
}

// maxClash bounds how many folders a hold names.
const maxClash = 20

// patientFolders returns every folder that the patient's segments match. More
// than one is a clash, which a person has to settle.
func (w walker) patientFolders(ctx context.Context, root *os.Root, pattern []segment) ([]string, error) {
	if len(pattern) == 0 {
		return []string{"."}, nil
	}
	f := finder{walker: w}
	err := f.look(ctx, root, "", pattern, reach(pattern, positions{0}), 0)
	return f.found, err
}

func (f *finder) look(ctx context.Context, dir *os.Root, rel string, pattern []segment, at positions, depth int) error {
	if depth > maxDepth {
		f.trouble(tooDeep, rel)
		return nil
	}
	var deeper []string
	err := f.list(ctx, dir, func(entries []fs.DirEntry) error {
		for _, e := range entries {
			next := step(pattern, at, e.Name())
			if e.Type().IsRegular() || len(next) == 0 || ignored(e.Name()) {
				continue
			}
			here := path.Join(rel, e.Name())
			if t := refused(e, next, pattern); t != noTrouble && t != badName {
				f.trouble(t, here)
				continue
			}
			if done(pattern, next) && len(f.found) < maxClash {
				f.found = append(f.found, here)
			}
			if open(pattern, next) {
				deeper = append(deeper, e.Name())
			}
		}
		return nil
	})
	if isListing(err) && rel != "" {
		f.trouble(unreadableFolder, rel)
		return nil
	}
	if err != nil {
		return err
	}
	return f.lookBelow(ctx, dir, rel, deeper, pattern, at, depth)
}

func (f *finder) lookBelow(ctx context.Context, dir *os.Root, rel string, names []string, pattern []segment, at positions, depth int) error {
	for _, name := range names {
		child, err := enter(PulseOf(ctx), dir, name)
		if err != nil {
			f.trouble(unreadableFolder, path.Join(rel, name))
			continue
		}
		err = f.look(ctx, child, path.Join(rel, name), pattern, step(pattern, at, name), depth+1)
		_ = child.Close() // a folder that was only read
		if err != nil {
			return err
		}
	}
	return nil
}
