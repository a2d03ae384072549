package chartseal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/durable"
	"chartseal/heads"
	"chartseal/ledger"
	"chartseal/packager/seal"
	"chartseal/registry"
	"chartseal/vault"
	"chartseal/watch"
)

// Restoration is how a backup is brought back.
type Restoration struct {
	Source  string                                     // a sealed file, or a folder of plain files
	Unlock  func(head []byte) (seal.Identities, error) // gets the first bytes of a sealed file
	Replace bool                                       // the state folder may hold something: it is put aside
	Config  string                                     // only copy the configuration into this folder, which is made
}

// RestoreReport is what was brought back, and what a person must know. It has no patient data.
type RestoreReport struct {
	BackupAt    time.Time    `json:"backup_at"`
	Version     string       `json:"backup_version"`
	Site        string       `json:"site"`
	Key         string       `json:"key"` // the practice's public key
	Entries     uint64       `json:"ledger_entries"`
	Lost        *ledger.Loss `json:"lost,omitempty"`         // entries that are known elsewhere and not in the backup
	Distrusted  string       `json:"distrusted,omitempty"`   // why nothing will be sent until a person accepts the ledger
	NotCompared string       `json:"not_compared,omitempty"` // what keeps the ledger from being compared with its heads elsewhere
	Aside       string       `json:"aside,omitempty"`        // folder under state with what was there before
	Shared      bool         `json:"shared_database"`        // which is not in the backup
	Config      []string     `json:"config,omitempty"`       // files of the configuration that were copied
}

// ErrNotRestored says that a backup cannot be brought back so, or there.
var ErrNotRestored = errors.New("nothing was restored")

const headOfSealed = 64 << 10 // bytes of a sealed file for Restoration.Unlock

// Restore brings a backup back into the state folder of the configuration, which may be
// another one than that of the backup, on another computer. All of it is read, compared
// with its digests and verified before anything is put in place. What was in the folder is
// put aside and nothing is deleted. The daemon must not be running (ErrLocked).
func Restore(ctx context.Context, cfg *config.Config, opts Options, q Restoration) (r RestoreReport, err error) {
	a, done, err := openBackup(q)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, done()) }()
	r = RestoreReport{BackupAt: a.At, Version: a.Version, Site: a.Site, Key: a.Key, Entries: a.Entries, Shared: a.Shared}
	if a.Site != cfg.Site {
		return r, fmt.Errorf("%w: the backup is of the site %q, and 'site' in chartseal.yaml is %q: take that site's backup, or correct it", ErrNotRestored, a.Site, cfg.Site)
	}
	s := &state{dir: cfg.State}
	if err := s.take(); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.finishRestore(); err != nil { // one that was interrupted
		return r, err
	}
	if s.occupied() && !q.Replace {
		return r, fmt.Errorf("%w: the state folder holds a practice already; with --replace it is put aside first", ErrNotRestored)
	}
	in := &state{dir: s.path(incomingDir)}
	if err := os.RemoveAll(in.dir); err != nil {
		return r, wrap("make room", watch.Scrub(err))
	}
	if err := in.unpack(ctx, a); err != nil {
		return r, errors.Join(err, watch.Scrub(os.RemoveAll(in.dir)))
	}
	if err := r.verify(ctx, cfg, opts, s, in); err != nil {
		return r, errors.Join(err, watch.Scrub(os.RemoveAll(in.dir)))
	}
	if err := errors.Join(in.noteRestored(r, opts.Now()), durable.HandBack(s.dir, incomingDir)); err != nil {
		return r, err
	}
	aside := free(s.path(asideDir + opts.Now().UTC().Format("20060102T150405Z")))
	if err := s.beginRestore(filepath.Base(aside)); err != nil {
		return r, err
	}
	if err := s.finishRestore(); err != nil {
		return r, err
	}
	if _, err := os.Stat(aside); err == nil {
		r.Aside = filepath.Base(aside)
	}
	opts.Log.Warn("the state folder was brought back from a backup", slog.String("stage", "restore"), slog.String("alert", "restored"),
		slog.Time("backup", a.At), slog.Uint64("entries", a.Entries), slog.Bool("distrusted", r.Distrusted != ""))
	return r, nil
}

// RestoreConfig copies the configuration of a backup into a folder that is made for it: a
// computer that has none begins with it.
func RestoreConfig(q Restoration) (r RestoreReport, err error) {
	a, done, err := openBackup(q)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, done()) }()
	r = RestoreReport{BackupAt: a.At, Version: a.Version, Site: a.Site, Key: a.Key, Entries: a.Entries, Shared: a.Shared}
	if err := os.Mkdir(q.Config, 0o700); err != nil {
		return r, fmt.Errorf("%w: make the folder for the configuration: %w", ErrNotRestored, watch.Scrub(err))
	}
	err = a.Check(func(p vault.Part, content io.Reader) error {
		name, ok := strings.CutPrefix(p.Name, configParts)
		if !ok || strings.Contains(name, "/") {
			return nil
		}
		b, err := io.ReadAll(io.LimitReader(content, maxBook))
		if err != nil {
			return err
		}
		r.Config = append(r.Config, name)
		return wrap("write configuration", watch.Scrub(os.WriteFile(filepath.Join(q.Config, name), b, 0o600)))
	})
	return r, err
}

// openBackup opens a file or a folder.
func openBackup(q Restoration) (a *vault.Copy, done func() error, err error) {
	f, err := os.Open(q.Source)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: open backup: %w", ErrNotRestored, watch.Scrub(err))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, wrap("open backup", watch.Scrub(err))
	}
	if info.IsDir() {
		a, err = known(vault.OpenFolder(q.Source))
		return a, f.Close, err
	}
	head := make([]byte, min(info.Size(), headOfSealed))
	if _, err := f.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, wrap("read backup", watch.Scrub(err))
	}
	if !seal.IsSealed(head) {
		return nil, nil, fmt.Errorf("%w: it is not sealed with age", ErrBackup)
	}
	ids, err := q.Unlock(head)
	if err != nil {
		return nil, nil, err
	}
	content, size, err := seal.Open(f, info.Size(), ids)
	if err != nil {
		return nil, nil, wrap("open backup", err)
	}
	a, err = known(vault.OpenTar(content, size))
	return a, f.Close, err
}

// known refuses a backup that a newer program made.
func known(a *vault.Copy, err error) (*vault.Copy, error) {
	if errors.Is(err, vault.ErrNewer) || err == nil && a.Schema > registry.SchemaVersion() {
		return nil, fmt.Errorf("the backup: %w", registry.ErrNewer)
	}
	return a, err
}

// occupied says that a folder holds what would be missed: a ledger, a key, an order under way.
func (s *state) occupied() bool {
	ids, err := s.releaseIDs()
	_, noEngine := os.Stat(s.path(engineFile))
	_, noStore := os.Stat(s.path("store"))
	return err != nil || len(ids) > 0 || noEngine == nil || noStore == nil || s.begun()
}

// unpack writes the state's parts into a new folder, whole and durable.
func (s *state) unpack(ctx context.Context, a *vault.Copy) (err error) {
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return wrap("restore", watch.Scrub(err))
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return wrap("restore", watch.Scrub(err))
	}
	defer func() { err = errors.Join(err, watch.Scrub(root.Close())) }()
	for _, p := range a.Contents {
		if name, ok := strings.CutPrefix(p.Name, stateParts); ok && p.Folder {
			if err := root.MkdirAll(filepath.FromSlash(name), 0o700); err != nil {
				return wrap("restore", watch.Scrub(err))
			}
		}
	}
	err = a.Check(func(p vault.Part, content io.Reader) error {
		name, ok := strings.CutPrefix(p.Name, stateParts)
		if !ok {
			return nil
		}
		return wrap("restore", watch.Scrub(writePart(ctx, root, filepath.FromSlash(name), p, content)))
	})
	if err != nil {
		return err
	}
	for _, p := range a.Contents {
		name, ok := strings.CutPrefix(p.Name, stateParts)
		if !ok {
			continue
		}
		if err := durable.SetAttrs(s.path(filepath.FromSlash(name)), p.Attrs); err != nil {
			return wrap("restore", watch.Scrub(err))
		}
		if p.Folder {
			if err := durable.SyncDir(s.path(filepath.FromSlash(name))); err != nil {
				return err
			}
		}
	}
	return durable.SyncDir(s.dir)
}

func writePart(ctx context.Context, root *os.Root, name string, p vault.Part, content io.Reader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	mode := fs.FileMode(0o600)
	if name == filepath.Join("keys", "practice.pub") {
		mode = 0o644
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil && !p.At.IsZero() {
		err = root.Chtimes(name, p.At, p.At)
	}
	return err
}

// verify makes sure that what was unpacked is a state folder that holds, and compares its
// ledger with what is known of it elsewhere. A ledger that lacks entries is no reason not to
// restore it: the daemon sends nothing on it until a person accepts that.
func (r *RestoreReport) verify(ctx context.Context, cfg *config.Config, opts Options, was, in *state) error {
	if said, version, err := in.lookAtDatabase(ctx); err != nil || said != "ok" {
		return errors.Join(fmt.Errorf("%w: the engine's database in it is damaged", ErrBackup), err)
	} else if version > registry.SchemaVersion() {
		return registry.ErrNewer
	}
	by, err := in.public()
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: it has no signing key", ErrBackup)
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(in.path("keys", "practice.key")); err != nil {
		return fmt.Errorf("%w: it has no signing key", ErrBackup)
	}
	dir := in.path("ledger")
	rep, err := ledger.VerifySigned(ctx, dir, by)
	if err != nil {
		return fmt.Errorf("the ledger in the backup: %w", err)
	}
	r.Entries = rep.Head.Seq
	if err := in.rememberNewer(ctx, was, by); err != nil {
		return err
	}
	there := r.elsewhere(ctx, cfg, opts, in, by)
	p := &Practice{cfg: cfg, opts: opts, log: opts.Log, state: in}
	err = p.against(ctx, by, there)
	if err == nil {
		return nil
	}
	if !errors.Is(err, ledger.ErrBroken) {
		return err
	}
	r.Distrusted = err.Error()
	there.And(in.remembered(by))
	r.Lost, err = ledger.Lacks(ctx, dir, there.Heads...)
	return err
}

func (s *state) lookAtDatabase(ctx context.Context) (said string, version int, err error) {
	if _, err := os.Stat(s.path(engineFile)); errors.Is(err, fs.ErrNotExist) {
		return "ok", 0, nil
	}
	return registry.Inspect(ctx, s.path(engineFile))
}

// elsewhere asks the store and a shared database what they know of the ledger. The embedded
// store comes with the backup, and knows nothing else.
func (r *RestoreReport) elsewhere(ctx context.Context, cfg *config.Config, opts Options, in *state, by minisign.PublicKey) (e heads.Elsewhere) {
	p := &Practice{cfg: cfg, opts: opts, log: opts.Log, state: in}
	add := func(more heads.Elsewhere, err error) {
		if e.And(more); err != nil && !errors.Is(err, ledger.ErrBroken) { // which is found again
			r.NotCompared = err.Error()
		}
	}
	if cfg.Store.Kind == config.StoreLocal {
		r.NotCompared = "the embedded store is on this computer"
	} else {
		add(p.askElsewhere(ctx, by))
	}
	add(p.askShared(ctx, by))
	return e
}

// rememberNewer keeps the heads that the folder which is replaced has, or remembers, where
// the same key signed them and this ledger lacks their entries: the daemon finds that. The
// folder may itself have been restored a moment ago, and another backup is tried.
func (s *state) rememberNewer(ctx context.Context, was *state, by minisign.PublicKey) error {
	heads := append(was.remembered(by).Heads, s.remembered(by).Heads...)
	if b, err := ledger.HeadFile(was.path("ledger")); err == nil {
		if h, err := ledger.ParseHead(b, by); err == nil { // else it is of another practice
			heads = append(heads, h)
		}
	}
	var asked []ledger.Head
	for _, h := range heads {
		asked = append(asked, h.Head)
	}
	have, _, err := ledger.Has(ctx, s.path("ledger"), asked)
	if err != nil {
		return err
	}
	heads = slices.DeleteFunc(heads, func(h ledger.SignedHead) bool { return slices.Contains(have, h.Head) })
	if len(heads) == 0 {
		return nil
	}
	h := slices.MaxFunc(heads, func(a, b ledger.SignedHead) int { return cmp.Compare(a.Seq, b.Seq) })
	known := readHeadCopy(s)
	known.Missing = heads
	known.Seq, known.Hash, known.Key, known.At = h.Seq, h.Hash, ledger.KeyName(by), h.At
	b, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return durable.Write(s.path(headsState), b, 0o600)
}
