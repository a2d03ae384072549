package index

import (
	"context"
	"database/sql"
	"slices"

	"chartseal/packager/gather"
)

// page is how many rows are held at a time.
const page = 512

// maxDepth ends a circle of damaged rows; gather looks no deeper than 64.
const maxDepth = 100

// folderRow is a shared folder, by the hash of its path and pattern.
type folderRow struct {
	id     int64
	key    []byte
	walked int64 // when the last full pass began, in seconds since 1970; 0 if never
	few    bool
}

// folder returns the row of a folder, made if need be.
func (s *store) folder(ctx context.Context, f *gather.Folder) (*folderRow, error) {
	key := s.keys.folder(f)
	if err := s.exec(ctx, "INSERT INTO folder (key, walked) VALUES (?, 0) ON CONFLICT DO NOTHING", key); err != nil {
		return nil, err
	}
	rows, err := query(ctx, s, "SELECT id, walked FROM folder WHERE key = ?", func(r *sql.Rows) (*folderRow, error) {
		f := &folderRow{key: key}
		return f, r.Scan(&f.id, &f.walked)
	}, key)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, ErrDamaged
	}
	return rows[0], nil
}

func (s *store) walked(ctx context.Context, f *folderRow, at int64) error {
	return s.exec(ctx, "UPDATE folder SET walked = ? WHERE id = ?", at, f.id)
}

// forget removes folders that were last walked before some moment: of sources
// that are no longer configured.
func (s *store) forget(ctx context.Context, before int64) error {
	ids, err := query(ctx, s, "SELECT id FROM folder WHERE walked < ? LIMIT ?", func(r *sql.Rows) (id int64, err error) {
		return id, r.Scan(&id)
	}, before, page)
	if err != nil {
		return err
	}
	for _, id := range ids {
		tops, err := s.below(ctx, -id, nil)
		if err != nil {
			return err
		}
		for _, top := range tops {
			if err := s.removeDir(ctx, top.id); err != nil {
				return err
			}
		}
		if err := s.exec(ctx, "DELETE FROM folder WHERE id = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// dirRow is a folder below a shared folder, or that itself.
type dirRow struct {
	id, parent int64 // the parent of a top is minus its folder's id
	key        []byte
	name       string
	stamp      []byte // nil: to be listed
	refused    int    // entries that the last listing refused
	entries    int    // entries it saw
	folders    int    // dirs below
}

const dirColumns = "SELECT id, parent, key, name, stamp, refused, entries, folders, sum FROM dir "

func (s *store) dirs(ctx context.Context, where string, args ...any) ([]dirRow, error) {
	return query(ctx, s, dirColumns+where, func(r *sql.Rows) (dirRow, error) {
		var d dirRow
		var sealed, sum []byte
		if err := r.Scan(&d.id, &d.parent, &d.key, &sealed, &d.stamp, &d.refused, &d.entries, &d.folders, &sum); err != nil {
			return d, err
		}
		if !slices.Equal(sum, s.sumDir(&d)) {
			return d, ErrDamaged
		}
		var err error
		d.name, err = s.keys.open(d.key, sealed)
		return d, err
	}, args...)
}

func (s *store) sumDir(d *dirRow) []byte {
	return s.keys.check(number(d.parent), d.key, d.stamp, number(int64(d.refused)), number(int64(d.entries)), number(int64(d.folders)))
}

// dir returns nil for a dir that is no more.
func (s *store) dir(ctx context.Context, id int64) (*dirRow, error) {
	rows, err := s.dirs(ctx, "WHERE id = ?", id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// below returns a page of the dirs in a dir, after a key.
func (s *store) below(ctx context.Context, dir int64, after []byte) ([]dirRow, error) {
	if after == nil {
		after = []byte{}
	}
	return s.dirs(ctx, "WHERE parent = ? AND key > ? ORDER BY key LIMIT ?", dir, after, page)
}

// addDir makes sure that a dir is known. A new one is yet to be listed.
func (s *store) addDir(ctx context.Context, parent int64, name string) error {
	d := dirRow{parent: parent, key: s.keys.name("dir", parent, name)}
	return s.exec(ctx, "INSERT INTO dir (parent, key, name, refused, entries, folders, sum) VALUES (?, ?, ?, 0, 0, 0, ?) ON CONFLICT DO NOTHING",
		parent, d.key, s.keys.seal(d.key, name), s.sumDir(&d))
}

// setDir stores what a listing found.
func (s *store) setDir(ctx context.Context, d *dirRow) error {
	return s.exec(ctx, "UPDATE dir SET stamp = ?, refused = ?, entries = ?, folders = ?, sum = ? WHERE id = ?",
		orNull(d.stamp), d.refused, d.entries, d.folders, s.sumDir(d), d.id)
}

// tree is a dir and all below it.
const tree = "WITH RECURSIVE tree (id) AS (SELECT ? UNION SELECT dir.id FROM dir JOIN tree ON dir.parent = tree.id) "

// distrust has a dir listed again.
func (s *store) distrust(ctx context.Context, id int64) error {
	d, err := s.dir(ctx, id)
	if err != nil || d == nil || d.stamp == nil {
		return err
	}
	d.stamp = nil
	return s.setDir(ctx, d)
}

func orNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// removeDir forgets a dir and all below it.
func (s *store) removeDir(ctx context.Context, id int64) error {
	if err := s.exec(ctx, tree+"DELETE FROM file WHERE dir IN tree", id); err != nil {
		return err
	}
	return s.exec(ctx, tree+"DELETE FROM dir WHERE id IN tree", id)
}

// path returns the dirs from below the top down to a dir that holds files.
func (s *store) path(ctx context.Context, id int64) (dirs []dirRow, err error) {
	for {
		d, err := s.dir(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case d == nil, len(dirs) > maxDepth:
			return nil, ErrDamaged // files are forgotten with their dirs
		case d.parent < 0:
			slices.Reverse(dirs)
			return dirs, nil
		}
		dirs = append(dirs, *d)
		id = d.parent
	}
}

// fileRow is a file that a listing gave.
type fileRow struct {
	dir     int64
	key     []byte
	name    string
	patient []byte // nil: nobody's record
	stamp   []byte // nil: to be read again
	hot     int64  // the folder's id while the file may still be being written, or 0
}

const fileColumns = "SELECT dir, key, name, patient, stamp, coalesce(hot, 0), sum FROM file "

func (s *store) files(ctx context.Context, where string, args ...any) ([]fileRow, error) {
	return query(ctx, s, fileColumns+where, func(r *sql.Rows) (fileRow, error) {
		var f fileRow
		var sealed, sum []byte
		if err := r.Scan(&f.dir, &f.key, &sealed, &f.patient, &f.stamp, &f.hot, &sum); err != nil {
			return f, err
		}
		if !slices.Equal(sum, s.sumFile(&f, sealed)) {
			return f, ErrDamaged
		}
		var err error
		f.name, err = s.keys.open(f.key, sealed)
		return f, err
	}, args...)
}

func (s *store) sumFile(f *fileRow, sealed []byte) []byte {
	return s.keys.check(number(f.dir), f.key, sealed, f.patient, f.stamp, number(f.hot))
}

// file returns nil for a file that is not known.
func (s *store) file(ctx context.Context, dir int64, name string) (*fileRow, error) {
	rows, err := s.files(ctx, "WHERE dir = ? AND key = ?", dir, s.keys.name("file", dir, name))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// manyFiles is how many rows of a dir are read at once.
const manyFiles = 4096

// filesOf reads the rows of a dir, to look them up by name; if there are too
// many, one by one.
func (s *store) filesOf(ctx context.Context, dir int64) (func(name string) (*fileRow, error), error) {
	rows, err := s.files(ctx, "WHERE dir = ? LIMIT ?", dir, manyFiles+1)
	if err != nil {
		return nil, err
	}
	if len(rows) > manyFiles {
		return func(name string) (*fileRow, error) { return s.file(ctx, dir, name) }, nil
	}
	known := make(map[string]*fileRow, len(rows))
	for i := range rows {
		known[rows[i].name] = &rows[i]
	}
	return func(name string) (*fileRow, error) { return known[name], nil }, nil
}

// fewFiles is how many files can be looked at for every order, whatever the
// file system.
const fewFiles = 20_000

// few reports whether there are no more files than that, of all folders.
func (s *store) few(ctx context.Context) (bool, error) {
	n, err := s.number(ctx, "SELECT count(*) FROM (SELECT 1 FROM file LIMIT ?)", fewFiles+1)
	return n <= fewFiles, err
}

// setFile stores what is known of a file; its name makes the key.
func (s *store) setFile(ctx context.Context, f *fileRow) error {
	f.key = s.keys.name("file", f.dir, f.name)
	sealed := s.keys.seal(f.key, f.name)
	var hot any
	if f.hot != 0 {
		hot = f.hot
	}
	return s.exec(ctx, "INSERT OR REPLACE INTO file (dir, key, name, patient, stamp, hot, sum) VALUES (?, ?, ?, ?, ?, ?, ?)",
		f.dir, f.key, sealed, orNull(f.patient), orNull(f.stamp), hot, s.sumFile(f, sealed))
}

func (s *store) removeFile(ctx context.Context, f *fileRow) error {
	return s.exec(ctx, "DELETE FROM file WHERE dir = ? AND key = ?", f.dir, f.key)
}

// The two groups of files that are looked at before an answer, after a row.
const (
	ofPatient = "WHERE patient = ? AND (dir, key) > (?, ?) ORDER BY dir, key LIMIT ?"
	stillHot  = "WHERE hot = ? AND (dir, key) > (?, ?) ORDER BY dir, key LIMIT ?"
)

// group returns a page of a group.
func (s *store) group(ctx context.Context, which string, of any, after *fileRow) ([]fileRow, error) {
	dir, key := int64(0), []byte{}
	if after != nil {
		dir, key = after.dir, after.key
	}
	return s.files(ctx, which, of, dir, key, page)
}

// keepOnly forgets the files and dirs of a dir that are not among the names
// that each hands on.
func (s *store) keepOnly(ctx context.Context, dir int64, each func(keep func(use string, names []string) error) error) error {
	return s.tx(ctx, func() error {
		if err := s.exec(ctx, "DELETE FROM seen"); err != nil {
			return err
		}
		err := each(func(use string, names []string) error {
			for _, name := range names {
				if err := s.exec(ctx, "INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING", s.keys.name(use, dir, name)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := s.exec(ctx, "DELETE FROM file WHERE dir = ? AND key NOT IN seen", dir); err != nil {
			return err
		}
		if err := s.forgetUnseen(ctx, dir); err != nil {
			return err
		}
		return s.exec(ctx, "DELETE FROM seen")
	})
}

func (s *store) forgetUnseen(ctx context.Context, dir int64) error {
	for {
		gone, err := s.dirs(ctx, "WHERE parent = ? AND key NOT IN seen LIMIT ?", dir, page)
		if err != nil || len(gone) == 0 {
			return err
		}
		for _, d := range gone {
			if err := s.removeDir(ctx, d.id); err != nil {
				return err
			}
		}
	}
}
