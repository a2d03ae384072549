package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Kind is the folder an answer goes to.
type Kind string

// The answers to an order. After Held and Extended it may come back.
const (
	Held     Kind = heldDir
	Sent     Kind = sentDir
	Denied   Kind = deniedDir
	Extended Kind = extendedDir
)

// Earlier names the folder, inside an answer, that keeps what was held before
// under the same order id, and EarlierExtension the one that keeps the letter
// that told of a longer time.
const (
	Earlier          = "EARLIER-HOLD"
	EarlierExtension = "EARLIER-EXTENSION"
)

// Answer is how an order ends.
type Answer struct {
	Kind  Kind
	Order string            // names the folder; see FolderName
	Token string            // names the outcome, the same at every repetition
	Files map[string][]byte // Twin(Kind) among them, with Token as its "release"
}

// Twin is the machine-readable file of an answer.
func Twin(k Kind) string {
	switch k {
	case Held:
		return "hold.json"
	case Denied:
		return "denial.json"
	case Extended:
		return "extension.json"
	default:
		return "receipt.json"
	}
}

// Apart in an answer's token says that the answer is about another file under
// an order's number and not about that order: it gets a folder beside it and
// never becomes part of the order's own answer.
const Apart = "+"

const (
	outDir  = ".out" // the answer while it is being written, inside the claim
	oldDir  = ".old" // the hold it replaces, until the answer is in its place
	destine = "place.json"
)

// Answer ends a claim: it puts the files and the order itself into the answer
// folder and removes the claim. It is idempotent: repeated after a crash it
// finishes what is left. The folder appears complete or not at all. A new hold
// replaces an old one and keeps what staff had dropped then; a final answer
// takes the old hold into its own folder and never replaces another final
// answer.
func (c *Claim) Answer(ctx context.Context, a Answer) error {
	at := c.answered(a)
	if at == "" {
		if err := c.stage(a.Files); err != nil {
			return fmt.Errorf("prepare answer: %w", err)
		}
		err := c.box.root().MkdirAll(string(a.Kind), 0o770)
		if err != nil {
			return fmt.Errorf("prepare answer: %w", Scrub(err))
		}
		if at, err = c.place(ctx, a); err != nil {
			return fmt.Errorf("place answer: %w", err)
		}
		if err := c.box.syncDir(string(a.Kind)); err != nil {
			return err
		}
	}
	c.Placed = at
	if err := c.keepHolds(ctx, a, at); err != nil {
		return fmt.Errorf("keep earlier hold: %w", err)
	}
	if err := c.keepExtension(ctx, a, at); err != nil {
		return fmt.Errorf("keep earlier extension: %w", err)
	}
	return c.finish(ctx)
}

// stage writes the whole answer inside the claim's folder.
func (c *Claim) stage(files map[string][]byte) error {
	root := c.box.root()
	if err := root.RemoveAll(c.path(outDir)); err != nil {
		return Scrub(err)
	}
	if err := root.MkdirAll(c.path(outDir), 0o770); err != nil {
		return Scrub(err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeFile(root, c.path(outDir, name), files[name]); err != nil {
			return err
		}
	}
	as := asDropped(c.File, files)
	for from, to := range map[string]string{c.File: as, c.File + SignatureSuffix: as + SignatureSuffix} {
		if err := c.copyOrder(from, to); err != nil {
			return err
		}
	}
	return c.box.syncDir(c.path(outDir))
}

// asDropped is the order's name in its answer: its own, unless a file of the
// answer is called so.
func asDropped(name string, files map[string][]byte) string {
	taken := strings.HasPrefix(fold(name), fold(Earlier)) || strings.HasPrefix(fold(name), fold(EarlierExtension))
	for f := range files {
		taken = taken || fold(f) == fold(name)
	}
	if taken {
		return "dropped " + name
	}
	return name
}

// copyOrder copies rather than moves, so that a crash leaves the claim whole.
func (c *Claim) copyOrder(from, to string) error {
	b, err := c.box.root().ReadFile(c.path(from))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return Scrub(err)
	}
	return writeFile(c.box.root(), c.path(outDir, to), b)
}

// answered tells where this very outcome is in its place already; "" if it is
// not. An answer beside another one was noted before it was placed.
func (c *Claim) answered(a Answer) string {
	if a.Token == "" {
		return ""
	}
	at := candidate(a.Kind, a.Order, 1)
	if c.box.twinAt(a.Kind, at).Release == a.Token {
		return at
	}
	if c.Recall(destine, &at) == nil && c.box.twinAt(a.Kind, at).Release == a.Token {
		return at
	}
	return ""
}

// place moves the staged answer to its name. A rename of a folder never
// replaces one that holds anything; who was faster makes us look again.
func (c *Claim) place(ctx context.Context, a Answer) (string, error) {
	root := c.box.root()
	for {
		dest, taken, err := c.room(a)
		if err != nil {
			return "", err
		}
		if taken {
			if err := c.setAside(ctx, dest); err != nil {
				return "", err
			}
		}
		if dest != candidate(a.Kind, a.Order, 1) {
			if err := c.Note(destine, dest); err != nil {
				return "", err
			}
		}
		err = retry(ctx, func() error { return root.Rename(c.path(outDir), dest) })
		if err == nil {
			return dest, nil
		}
		if _, there := root.Lstat(dest); there != nil {
			return "", Scrub(err)
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
	}
}

// setAside moves the older hold of the order into the claim. It stays there
// until the new one is in its place.
func (c *Claim) setAside(ctx context.Context, hold string) error {
	root := c.box.root()
	for n := 0; ; n++ { // more than one only if somebody put a folder back
		to := c.path(oldDir, fmt.Sprint(n))
		if _, err := root.Lstat(to); err == nil {
			continue
		}
		if err := root.MkdirAll(c.path(oldDir), 0o770); err != nil {
			return Scrub(err)
		}
		return Scrub(retry(ctx, func() error { return root.Rename(hold, to) }))
	}
}

// keepHolds moves what was held before under the same id into the answer:
// nothing that staff dropped vanishes.
func (c *Claim) keepHolds(ctx context.Context, a Answer, at string) error {
	root := c.box.root()
	if hold := c.box.answerOf(Held, a.Order); a.Kind != Held && !strings.Contains(a.Token, Apart) && hold != "" {
		if err := c.setAside(ctx, hold); err != nil {
			return err
		}
	}
	olds, err := fs.ReadDir(root.FS(), c.path(oldDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Scrub(err)
	}
	for _, e := range olds {
		old := c.path(oldDir, e.Name())
		if a.Kind == Held {
			if err := c.flatten(ctx, old, at); err != nil {
				return err
			}
			if c.repeats(old, at) {
				if err := retry(ctx, func() error { return root.RemoveAll(old) }); err != nil {
					return Scrub(err)
				}
				continue
			}
		}
		if err := c.keepEarlier(ctx, old, at); err != nil {
			return err
		}
	}
	return nil
}

// keepExtension moves the letter about a longer time into the final answer: what
// lies under extended/ is still to be answered.
func (c *Claim) keepExtension(ctx context.Context, a Answer, at string) error {
	if a.Kind != Sent && a.Kind != Denied || strings.Contains(a.Token, Apart) {
		return nil
	}
	root, from := c.box.root(), c.box.answerOf(Extended, a.Order)
	if from == "" {
		return nil
	}
	to, err := c.box.free(path.Join(at, EarlierExtension))
	if err != nil {
		return err
	}
	return Scrub(retry(ctx, func() error { return root.Rename(from, to) }))
}

// flatten takes the earlier holds out of an older hold: folders in folders in
// folders would outgrow what Explorer can open.
func (c *Claim) flatten(ctx context.Context, old, at string) error {
	entries, err := fs.ReadDir(c.box.root().FS(), old)
	if err != nil {
		return Scrub(err)
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), Earlier) {
			if err := c.keepEarlier(ctx, path.Join(old, e.Name()), at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Claim) keepEarlier(ctx context.Context, old, at string) error {
	to, err := c.box.free(path.Join(at, Earlier))
	if err != nil {
		return err
	}
	return Scrub(retry(ctx, func() error { return c.box.root().Rename(old, to) }))
}

// repeats reports whether an older hold has nothing that is not in the new
// one too: the same order, and texts of ours.
func (c *Claim) repeats(old, at string) bool {
	root := c.box.root()
	entries, err := fs.ReadDir(root.FS(), old)
	if err != nil {
		return false
	}
	for _, e := range entries {
		name := e.Name()
		if name == Twin(Held) || name == "WHY-HELD.txt" || ignored(name) {
			continue
		}
		info, err := e.Info()
		if err != nil || info.Size() > MaxFormBytes {
			return false
		}
		was, err1 := root.ReadFile(path.Join(old, name))
		now, err2 := root.ReadFile(path.Join(at, name))
		if err1 != nil || err2 != nil || !bytes.Equal(was, now) {
			return false
		}
	}
	return true
}

// finish removes the claim of an order that is answered: the order first, so
// that what a crash leaves is no claim any more.
func (c *Claim) finish(ctx context.Context) error {
	root := c.box.root()
	for _, name := range []string{c.File + SignatureSuffix, c.File} {
		err := retry(ctx, func() error { return root.Remove(c.path(name)) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove claim: %w", Scrub(err))
		}
	}
	if err := retry(ctx, c.discard); err != nil {
		return fmt.Errorf("remove claim: %w", Scrub(err))
	}
	c.box.forget(c.ID)
	return c.box.syncDir(workingDir)
}
