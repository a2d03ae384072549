package index

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"chartseal/packager/gather"
)

// answer looks at the files that may be the patient's, after a pass, and lists
// those that are. moved says that files had gone since the pass, perhaps to
// another name: it takes another pass to know.
func (p *pass) answer(ctx context.Context, patientID string) (out gather.Found, moved bool, err error) {
	patient, nobody := p.x.keys.patient(p.row, patientID), p.x.keys.nobody(p.row)
	mine := func(dir string, f *fileRow) {
		if string(f.patient) == string(patient) {
			out.Paths = append(out.Paths, path.Join(dir, f.name))
		}
	}
	anybodys := func(dir string, f *fileRow) {
		if string(f.patient) == string(nobody) {
			out.Unreadable++
		}
		mine(dir, f) // until now it had been anybody's
	}
	for _, group := range []struct {
		which string
		of    any
		take  func(dir string, f *fileRow)
	}{{stillHot, p.row.id, func(string, *fileRow) {}}, {ofPatient, patient, mine}, {ofPatient, nobody, anybodys}} {
		m, err := p.recheck(ctx, group.which, group.of, group.take)
		if err != nil {
			return gather.Found{}, false, err
		}
		moved = moved || m
	}
	out.Unreadable += p.refused
	out.Closed, err = p.closedPaths(ctx)
	return out, moved, err
}

// maxClosed bounds how many closed folders an answer names.
const maxClosed = 100

// closedPaths names the dirs that could not be looked into.
func (p *pass) closedPaths(ctx context.Context) (out []string, err error) {
	for _, id := range slices.Sorted(maps.Keys(p.closed)) {
		if len(out) == maxClosed {
			break
		}
		err := p.do(ctx, func(s *store) error {
			if d, err := s.dir(ctx, id); err != nil || d == nil {
				return err // gone since
			}
			dirs, err := s.path(ctx, id)
			names := make([]string, len(dirs))
			for i := range dirs {
				names[i] = dirs[i].name
			}
			out = append(out, strings.Join(names, "/"))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// recheck compares the files of a group with their stamps, reads those that
// differ and hands on every one that is still there.
func (p *pass) recheck(ctx context.Context, which string, of any, take func(dir string, f *fileRow)) (moved bool, err error) {
	var last *fileRow
	for {
		n := 0
		err := p.do(ctx, func(s *store) error {
			rows, err := s.group(ctx, which, of, last)
			if err != nil || len(rows) == 0 {
				return err
			}
			n, last = len(rows), &rows[len(rows)-1]
			for len(rows) > 0 {
				same := 1
				for same < len(rows) && rows[same].dir == rows[0].dir {
					same++
				}
				m, err := p.recheckDir(ctx, s, rows[:same:same], take)
				if err != nil {
					return err
				}
				moved = moved || m
				rows = rows[same:]
			}
			return nil
		})
		if err != nil || n == 0 {
			return moved, err
		}
	}
}

// recheckDir looks at some files of one dir.
func (p *pass) recheckDir(ctx context.Context, s *store, rows []fileRow, take func(dir string, f *fileRow)) (moved bool, err error) {
	dirs, err := s.path(ctx, rows[0].dir)
	if err != nil {
		return false, err
	}
	names := make([]string, len(dirs))
	for i, d := range dirs {
		if names[i] = d.name; p.closed[d.id] {
			return false, nil
		}
	}
	level, err := p.enter(names)
	if err != nil { // it was there in the pass before
		return true, s.distrust(ctx, rows[0].dir)
	}
	defer level.Close() //nolint:errcheck // a folder that was only read
	gone, changed, unread := p.stat(level, rows)
	read, err := p.read(ctx, level, unread)
	if err != nil {
		return false, err
	}
	if err := p.store(ctx, s, gone, append(changed, read...)); err != nil {
		return false, err
	}
	p.hand(rows, gone, read, strings.Join(names, "/"), take)
	return len(gone) > 0, nil
}

// hand hands on the rows that are not gone, as they were read last.
func (p *pass) hand(rows, gone, read []fileRow, dir string, take func(dir string, f *fileRow)) {
	now := map[string]*fileRow{}
	for i := range rows {
		now[rows[i].name] = &rows[i]
	}
	for i := range read {
		now[read[i].name] = &read[i]
	}
	for i := range gone {
		delete(now, gone[i].name)
	}
	for _, f := range now {
		take(dir, f)
	}
}

// stat sorts files by their stamps.
func (p *pass) stat(level *gather.Level, rows []fileRow) (gone, changed, unread []fileRow) {
	for _, f := range rows {
		st, err := level.Lstat(f.name)
		switch {
		case errors.Is(err, fs.ErrNotExist) || err == nil && !st.Regular():
			gone = append(gone, f)
		case err != nil || f.stamp == nil || string(p.x.keys.stamp(st)) != string(f.stamp):
			unread = append(unread, f)
		case f.hot != 0 && !p.recent(st, p.settles()):
			f.hot = 0
			changed = append(changed, f)
		}
	}
	return gone, changed, unread
}

// store writes rows that have changed. The dir of those that are gone is listed
// by the next pass.
func (p *pass) store(ctx context.Context, s *store, gone, changed []fileRow) error {
	if len(gone)+len(changed) == 0 {
		return nil
	}
	return s.tx(ctx, func() error {
		for i := range changed {
			if err := s.setFile(ctx, &changed[i]); err != nil {
				return err
			}
		}
		for i := range gone {
			if err := s.removeFile(ctx, &gone[i]); err != nil {
				return err
			}
		}
		if len(gone) == 0 {
			return nil
		}
		return s.distrust(ctx, gone[0].dir)
	})
}

// enter opens a dir by the names on the way to it.
func (p *pass) enter(names []string) (*gather.Level, error) {
	at, err := p.folder.Top()
	for _, name := range names {
		if err != nil {
			return nil, err
		}
		var next *gather.Level
		next, err = at.Enter(name)
		err = errors.Join(err, at.Close())
		at = next
	}
	return at, err
}
