package gather

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
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
	list := f.list
	if names := namesOf(pattern, at); names != nil {
		list = func(ctx context.Context, dir *os.Root, each func([]fs.DirEntry) error) error {
			return f.lookUp(ctx, dir, names, each)
		}
	}
	err := list(ctx, dir, func(entries []fs.DirEntry) error {
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

// namesOf are the names that the next folder can have, where they can be told without
// listing all: a number is written in one way, whatever becomes of case and accents. nil
// if it cannot be told.
func namesOf(pattern []segment, at positions) []string {
	names := []string{}
	for _, i := range at {
		if i == len(pattern) {
			continue
		}
		if pattern[i].deep {
			return nil
		}
		for _, alt := range pattern[i].alts {
			if !oneSpelling(alt) {
				return nil
			}
			names = append(names, alt)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// oneSpelling reports whether no other name is taken for this one: digits have no case, and
// no other character is taken for one of them.
func oneSpelling(name string) bool {
	return name != "" && strings.Trim(name, "0123456789") == ""
}

// lookUp hands on those of the names that are there. What it costs does not depend on how
// many others are.
func (f *finder) lookUp(ctx context.Context, dir *os.Root, names []string, each func([]fs.DirEntry) error) error {
	pulse := PulseOf(ctx)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if f.left--; f.left < 0 {
			return ErrTooMany
		}
		end := pulse.begin()
		info, err := dir.Lstat(name)
		end()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return &listingError{err}
		}
		if err := each([]fs.DirEntry{fs.FileInfoToDirEntry(info)}); err != nil {
			return err
		}
	}
	return nil
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
