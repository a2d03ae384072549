package index

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"chartseal/packager/gather"
	"chartseal/redact"
)

// pass brings what is known of a folder up to date. It works folder by folder,
// and lets others work on the index in between.
type pass struct {
	x      *Index
	epoch  int
	folder *gather.Folder
	row    *folderRow
	top    int64 // dir
	began  time.Time

	full    bool           // every file's stamp is compared, not only folders'
	left    int            // entries that may still be seen
	refused int            // entries that may be anybody's and are no files
	closed  map[int64]bool // dirs that could not be opened or listed
}

func (x *Index) newPass(ctx context.Context, folder *gather.Folder, epoch int) (*pass, error) {
	p := &pass{x: x, epoch: epoch, folder: folder, left: folder.Limit(), began: x.opts.Now(), closed: map[int64]bool{}}
	return p, p.do(ctx, func(s *store) (err error) {
		if p.row, err = s.folder(ctx, folder); err != nil {
			return err
		}
		if p.row.few, err = s.few(ctx); err != nil {
			return err
		}
		if err = s.addDir(ctx, -p.row.id, ""); err != nil {
			return err
		}
		tops, err := s.below(ctx, -p.row.id, nil)
		if err != nil {
			return err
		}
		if len(tops) != 1 {
			return ErrDamaged
		}
		p.top = tops[0].id
		return nil
	})
}

func (p *pass) do(ctx context.Context, step func(*store) error) error {
	return p.x.do(ctx, p.epoch, step)
}

// walk makes the pass. A folder that cannot be read counts as refused, but for
// the top, which is an error.
func (p *pass) walk(ctx context.Context) error {
	top, err := p.folder.Top()
	if err != nil {
		return err
	}
	defer top.Close() //nolint:errcheck // a folder that was only read
	return p.visit(ctx, top, p.top)
}

// visit brings one dir up to date, and those below.
func (p *pass) visit(ctx context.Context, l *gather.Level, id int64) error {
	err := p.update(ctx, l, id)
	if errors.Is(err, gather.ErrListing) && id != p.top {
		p.closed[id] = true
		err = p.distrust(ctx, id)
	}
	if err != nil {
		return err
	}
	for after := []byte(nil); ; {
		var below []dirRow
		err := p.do(ctx, func(s *store) (err error) {
			below, err = s.below(ctx, id, after)
			return err
		})
		if err != nil || len(below) == 0 {
			return err
		}
		for i := range below {
			if err := p.descend(ctx, l, &below[i]); err != nil {
				return err
			}
		}
		after = below[len(below)-1].key
	}
}

func (p *pass) descend(ctx context.Context, l *gather.Level, d *dirRow) error {
	if !p.full && d.folders == 0 && d.stamp != nil {
		if st, err := l.Lstat(d.name); err == nil && st.Dir() && string(p.x.keys.stamp(st)) == string(d.stamp) {
			return p.count(d) // without opening it
		}
	}
	child, err := l.Enter(d.name)
	if err != nil {
		p.closed[d.id] = true
		return p.distrust(ctx, d.id)
	}
	defer child.Close() //nolint:errcheck // a folder that was only read
	return p.visit(ctx, child, d.id)
}

// count takes a dir as it was last listed.
func (p *pass) count(d *dirRow) error {
	p.refused += d.refused
	if p.left -= d.entries; p.left < 0 {
		return gather.ErrTooMany
	}
	return nil
}

// distrust has a dir listed again by the next pass.
func (p *pass) distrust(ctx context.Context, id int64) error {
	return p.do(ctx, func(s *store) error { return s.distrust(ctx, id) })
}

// update lists a dir if it has changed or the pass is a full one.
func (p *pass) update(ctx context.Context, l *gather.Level, id int64) error {
	st, err := l.Stamp()
	if err != nil {
		return gather.ErrListing
	}
	var d *dirRow
	err = p.do(ctx, func(s *store) (err error) {
		d, err = s.dir(ctx, id)
		return err
	})
	if err != nil || d == nil { // gone since its parent was listed
		return err
	}
	stamp := p.x.keys.stamp(st)
	if !p.full && d.stamp != nil && string(stamp) == string(d.stamp) {
		return p.count(d)
	}
	now := dirRow{id: d.id, parent: d.parent, key: d.key, stamp: stamp}
	if p.recent(st, coarse) {
		now.stamp = nil
	}
	return p.list(ctx, l, &now)
}

// recent reports whether a stamp is of the last moments. A time in the future
// by more than a day is no clock's: a tool has set it.
func (p *pass) recent(st gather.Stamp, last time.Duration) bool {
	age := p.x.opts.Now().Sub(st.Latest())
	return age < last && age > -24*time.Hour
}

// list reads the entries of a dir and, of the files, what is new or changed.
func (p *pass) list(ctx context.Context, l *gather.Level, d *dirRow) error {
	files, refused, before := 0, 0, p.left
	err := l.List(ctx, &p.left, func(names, folders []string) error {
		files += len(names)
		d.folders += len(folders)
		return p.do(ctx, func(s *store) error { return p.piece(ctx, s, l, d.id, names, folders) })
	}, func() { refused++ })
	p.refused += refused
	if err != nil {
		return err
	}
	d.refused, d.entries = refused, before-p.left
	return p.do(ctx, func(s *store) error {
		if err := p.emptied(ctx, s, d); err != nil {
			return err
		}
		if err := p.sweep(ctx, s, l, d, files); err != nil {
			return err
		}
		return s.setDir(ctx, d)
	})
}

// emptied is an error for a top that has lost all it had: rather than forget it
// and answer that there is nothing, an order waits for the share to come back.
func (p *pass) emptied(ctx context.Context, s *store, d *dirRow) error {
	if d.id != p.top || d.entries > 0 {
		return nil
	}
	n, err := s.number(ctx, "SELECT (SELECT count(*) FROM file WHERE dir = ?) + (SELECT count(*) FROM dir WHERE parent = ?)", d.id, d.id)
	if err == nil && n > 0 {
		err = gather.ErrEmptied
	}
	return err
}

// sweep forgets entries that are no more. There are some when more are known
// than were seen.
func (p *pass) sweep(ctx context.Context, s *store, l *gather.Level, d *dirRow, files int) error {
	knownFiles, err := s.number(ctx, "SELECT count(*) FROM file WHERE dir = ?", d.id)
	if err != nil {
		return err
	}
	knownDirs, err := s.number(ctx, "SELECT count(*) FROM dir WHERE parent = ?", d.id)
	if err != nil || knownFiles == files && knownDirs == d.folders {
		return err
	}
	return s.keepOnly(ctx, d.id, func(keep func(use string, names []string) error) error {
		left := p.folder.Limit()
		return l.List(ctx, &left, func(names, folders []string) error {
			if err := keep("file", names); err != nil {
				return err
			}
			return keep("dir", folders)
		}, func() {})
	})
}

// piece takes up some entries of a dir. Files are read under the same lock as
// their rows are written, so that what was read last is what stays.
func (p *pass) piece(ctx context.Context, s *store, l *gather.Level, dir int64, names, folders []string) error {
	if d, err := s.dir(ctx, dir); err != nil || d == nil {
		return err // forgotten by another pass, with all below
	}
	changed, unread, err := p.compare(ctx, s, l, dir, names)
	if err != nil {
		return err
	}
	read, err := p.read(ctx, l, unread)
	if err != nil {
		return err
	}
	return s.tx(ctx, func() error {
		for _, name := range folders {
			if err := s.addDir(ctx, dir, name); err != nil {
				return err
			}
		}
		for _, f := range append(changed, read...) {
			if err := s.setFile(ctx, &f); err != nil {
				return err
			}
		}
		return nil
	})
}

// compare sorts files into those whose row changes without reading them, and
// those that have to be read; the others are as they were.
func (p *pass) compare(ctx context.Context, s *store, l *gather.Level, dir int64, names []string) (changed, unread []fileRow, err error) {
	known, err := s.filesOf(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		f, err := known(name)
		if err != nil {
			return nil, nil, err
		}
		if f == nil {
			unread = append(unread, fileRow{dir: dir, name: name})
			continue
		}
		st, err := l.Lstat(name)
		switch {
		case err != nil || f.stamp == nil || string(p.x.keys.stamp(st)) != string(f.stamp):
			unread = append(unread, *f)
		case f.hot != 0 && !p.recent(st, p.settles()):
			f.hot = 0
			changed = append(changed, *f)
		}
	}
	return changed, unread, nil
}

// settles is how long after a change a file is looked at by every Find.
func (p *pass) settles() time.Duration { return max(p.x.opts.MaxAge, time.Minute) }

// read reads the headers of some files of a level.
func (p *pass) read(ctx context.Context, l *gather.Level, files []fileRow) ([]fileRow, error) {
	group, workCtx := errgroup.WithContext(ctx)
	group.SetLimit(p.x.opts.Workers)
	for i := range files {
		group.Go(func() error {
			id, st, err := l.PatientID(workCtx, p.x.scan, files[i].name)
			if workCtx.Err() != nil {
				return workCtx.Err()
			}
			p.judge(&files[i], id, st, err)
			return nil
		})
	}
	return files, group.Wait()
}

// judge fills in a row after its file was read. That a header is broken or
// names nobody is remembered; other failures may be gone the next time.
func (p *pass) judge(f *fileRow, id string, st gather.Stamp, err error) {
	var broken *redact.Refusal
	lasting := err == nil || errors.As(err, &broken) || errors.Is(err, gather.ErrNoPatientID)
	f.patient, f.stamp, f.hot = nil, nil, 0
	switch {
	case err != nil:
		f.patient = p.x.keys.nobody(p.row)
	case id != "":
		f.patient = p.x.keys.patient(p.row, id)
	}
	if lasting && !errors.Is(err, gather.ErrChanged) && st != (gather.Stamp{}) && !p.recent(st, coarse) {
		f.stamp = p.x.keys.stamp(st)
	}
	if f.stamp == nil || p.recent(st, p.settles()) {
		f.hot = p.row.id
	}
}
