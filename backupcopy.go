package chartseal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"chartseal/config"
	"chartseal/durable"
	"chartseal/ledger"
	"chartseal/registry"
	"chartseal/vault"
	"chartseal/watch"
)

// A backup is made beside the daemon, which goes on. What it copies must be something that
// a crash could have left, for from that the daemon goes on by itself: the database first,
// which may be behind the releases, then the releases, which may be behind the ledger, then
// the ledger. All that is large is copied before, and what came since once more. When no
// release and no entry came in between, the copy is of one instant.

// leftOut are parts of the state folder that are made anew, or are of a running process.
var leftOut = []string{
	"lock", "control.json", lifeFile, "pdfium", "index", backupNote, incomingDir, restoreMark,
}

// isLeftOut tells it for a name directly in the state folder. The engine's database is
// copied by SQLite itself, the ledger by its own rules; logs say nothing that is needed.
func isLeftOut(name string) bool {
	return slices.Contains(leftOut, name) || strings.HasPrefix(name, durable.HalfWritten) || strings.HasPrefix(name, "engine.db") || strings.HasPrefix(name, asideDir) ||
		name == "ledger" || isLog(name) || strings.HasSuffix(name, ".tmp")
}

const (
	settleTries = 5
	settlePause = 300 * time.Millisecond
	smallPart   = 1 << 20 // bytes: read at once, so that on Windows nobody waits to replace it
	engineFile  = "engine.db"
	engineCopy  = "chartseal-engine-" // begins the names of folders with a copy of it, where temporary files go
)

// copier copies a state folder into a backup.
type copier struct {
	s        *state
	out      backupWriter
	was, now map[string]vault.Part
	snap     ledger.Snapshot
	schema   int
}

// all copies everything. settled says that nothing came between its parts.
func (c *copier) all(ctx context.Context, cfg *config.Config) (settled bool, err error) {
	c.now = map[string]vault.Part{}
	if err := c.trees(ctx, "store", "sealed"); err != nil {
		return false, err
	}
	for range settleTries {
		c.was, c.now = c.now, map[string]vault.Part{}
		before := c.signs()
		if err := c.once(ctx, cfg); err != nil {
			return false, err
		}
		if c.signs() == before {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(settlePause):
		}
	}
	return false, nil
}

// once copies what was not copied yet, in the order that a restored folder needs.
func (c *copier) once(ctx context.Context, cfg *config.Config) error {
	if cfg.Database.Reveal() == "" {
		if err := c.engine(ctx); err != nil {
			return err
		}
	}
	if err := c.trees(ctx, "releases", "sealed", "store"); err != nil {
		return err
	}
	top, err := os.ReadDir(c.s.dir)
	if err != nil {
		return wrap("read state folder", watch.Scrub(err))
	}
	for _, f := range top {
		switch name := f.Name(); {
		case isLeftOut(name), name == "releases", name == "sealed", name == "store":
		default:
			if err := c.trees(ctx, name); err != nil {
				return err
			}
		}
	}
	if err := c.ledger(); err != nil {
		return err
	}
	return c.config(cfg)
}

// trees copies files and folders of the state folder.
func (c *copier) trees(ctx context.Context, names ...string) error {
	root, err := os.OpenRoot(c.s.dir)
	if err != nil {
		return wrap("read state folder", watch.Scrub(err))
	}
	defer func() { _ = root.Close() }() // only read
	for _, name := range names {
		err := fs.WalkDir(root.FS(), name, func(name string, d fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.Is(err, fs.ErrNotExist): // gone meanwhile
				return nil
			case err != nil:
				return err
			case strings.HasPrefix(path.Base(name), durable.HalfWritten):
				return nil
			case d.IsDir():
				return c.folder(name)
			case d.Type().IsRegular():
				return c.file(name, -1)
			}
			return nil // nobody put a link there who should have
		})
		if err != nil {
			return wrap("copy state folder", watch.Scrub(err))
		}
	}
	return nil
}

func (c *copier) folder(name string) error {
	attrs, err := durable.Attrs(c.s.path(filepath.FromSlash(name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.now[stateParts+name] = vault.Part{Name: stateParts + name, Folder: true, Attrs: attrs}
	return nil
}

// file copies one file, up to most bytes of it unless that is negative. One that is as it
// was copied before is not copied again.
func (c *copier) file(name string, most int64) error {
	on := c.s.path(filepath.FromSlash(name))
	f, err := os.Open(on)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p := vault.Part{Name: stateParts + name, Size: info.Size(), At: info.ModTime().UTC()}
	if most >= 0 {
		p.Size = min(p.Size, most)
	}
	if was, ok := c.was[p.Name]; ok && was.Size == p.Size && was.At.Equal(p.At) {
		c.now[p.Name] = was
		return nil
	}
	if p.Attrs, err = durable.Attrs(on); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if p.Size > smallPart {
		return c.put(p, f)
	}
	b := make([]byte, p.Size)
	if _, err := io.ReadFull(f, b); err != nil {
		return err
	}
	_ = f.Close() // before it is sealed
	return c.put(p, bytes.NewReader(b))
}

func (c *copier) put(p vault.Part, content io.Reader) error {
	sum := sha256.New()
	if err := c.out.Put(p, io.TeeReader(content, sum)); err != nil {
		return err
	}
	p.SHA256 = hex.EncodeToString(sum.Sum(nil))
	c.now[p.Name] = p
	return nil
}

// ledger copies it up to its signed head.
func (c *copier) ledger() (err error) {
	if c.snap, err = ledger.Snap(c.s.path("ledger")); err != nil {
		return wrap("read ledger", err)
	}
	if err := c.folder("ledger"); err != nil {
		return wrap("read ledger", watch.Scrub(err))
	}
	for _, e := range c.snap.Segments {
		if err := c.file("ledger/"+e.Name, e.Size); err != nil {
			return wrap("copy ledger", watch.Scrub(err))
		}
	}
	if c.snap.Head == nil {
		return nil
	}
	return c.put(vault.Part{Name: stateParts + "ledger/head", Size: int64(len(c.snap.Head))}, bytes.NewReader(c.snap.Head))
}

// engine has SQLite write a copy of the engine's database as it is at one instant
// (sqlite.org, VACUUM INTO), and looks it through. It holds no patient data and no secret.
func (c *copier) engine(ctx context.Context) (err error) {
	from := c.s.path(engineFile)
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	dir, err := os.MkdirTemp("", engineCopy) // a disk of this computer, as SQLite needs one; mode 0700
	if err != nil {
		return wrap("copy engine's database where temporary files go", watch.Scrub(err))
	}
	defer func() { err = errors.Join(err, watch.Scrub(os.RemoveAll(dir))) }()
	to := filepath.Join(dir, engineFile)
	if err := registry.CopyFile(ctx, from, to); err != nil {
		return wrap("copy engine's database where temporary files go", err)
	}
	said, version, err := registry.Inspect(ctx, to)
	switch {
	case err != nil:
		return wrap("look through the engine's database", err)
	case said != "ok":
		return errors.New("the engine's database is damaged: chartseal check says what to do")
	case version > registry.SchemaVersion():
		return registry.ErrNewer
	}
	c.schema = version
	f, err := os.Open(to)
	if err != nil {
		return wrap("copy engine's database", watch.Scrub(err))
	}
	defer func() { _ = f.Close() }() // before it is removed
	info, err := f.Stat()
	if err != nil {
		return wrap("copy engine's database", watch.Scrub(err))
	}
	return c.put(vault.Part{Name: stateParts + engineFile, Size: info.Size()}, f)
}

// config copies what says how the practice is set up: small files, for a person who makes
// it anew. Files with passwords and access keys are not among them.
func (c *copier) config(cfg *config.Config) error {
	for _, file := range []string{cfg.File, cfg.Recipients, cfg.Recipients + watch.SignatureSuffix, cfg.Restrictions} {
		if file == "" || file == watch.SignatureSuffix {
			continue
		}
		b, err := readConfigFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return wrap("copy configuration", watch.Scrub(err))
		}
		if err := c.put(vault.Part{Name: configParts + filepath.Base(file), Size: int64(len(b))}, bytes.NewReader(b)); err != nil {
			return err
		}
	}
	return nil
}

// signs tells whether a release or an entry came or changed.
func (c *copier) signs() string {
	var b strings.Builder
	for _, dir := range []string{"releases", "ledger"} {
		files, _ := os.ReadDir(c.s.path(dir)) // of what is not there nothing changes
		for _, f := range files {
			if info, err := f.Info(); err == nil {
				fmt.Fprintln(&b, f.Name(), info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return digest([]byte(b.String()))
}

// isLog tells files of the log, also those that were put aside.
func isLog(name string) bool { return strings.HasSuffix(name, ".log") }
