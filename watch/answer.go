package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Kind is the folder an answer goes to.
type Kind string

// The three ends of an order.
const (
	Held   Kind = heldDir
	Sent   Kind = sentDir
	Denied Kind = deniedDir
)

// Earlier names the folder, inside a final answer, that keeps what was held
// before under the same order id.
const Earlier = "EARLIER-HOLD"

// Answer is how an order ends.
type Answer struct {
	Kind  Kind
	Order string            // names the folder
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
	default:
		return "receipt.json"
	}
}

// Answer ends a claim: it puts the files and the order itself into the answer
// folder and removes the claim. It is idempotent: repeated after a crash it
// finishes what is left. The folder appears complete or not at all. A new hold
// replaces an old one; a final answer takes the old hold into its own folder
// and never replaces another final answer.
func (c *Claim) Answer(ctx context.Context, a Answer) error {
	if c.answered(a) {
		return c.finish(ctx, a)
	}
	if err := c.stage(a.Files); err != nil {
		return fmt.Errorf("prepare answer: %w", err)
	}
	dest, err := c.makeRoom(ctx, a)
	if err != nil {
		return fmt.Errorf("make room for answer: %w", err)
	}
	if err := retry(ctx, func() error { return c.box.root().Rename(c.path(outDir), dest) }); err != nil {
		return fmt.Errorf("place answer: %w", Scrub(err))
	}
	c.Placed = dest
	if err := c.box.syncDir(string(a.Kind)); err != nil {
		return err
	}
	return c.finish(ctx, a)
}

const (
	outDir = ".out" // the answer while it is being written, inside the claim
	oldDir = ".old" // a hold that is being replaced
)

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
		if err := c.box.writeFile(c.path(outDir, name), files[name]); err != nil {
			return err
		}
	}
	for _, name := range []string{c.File, c.File + SignatureSuffix} {
		if err := c.copyOrder(name); err != nil {
			return err
		}
	}
	return c.box.syncDir(c.path(outDir))
}

// copyOrder copies rather than moves, so that a crash leaves the claim whole.
func (c *Claim) copyOrder(name string) error {
	b, err := c.box.root().ReadFile(c.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return Scrub(err)
	}
	return c.box.writeFile(c.path(outDir, name), b)
}

// answered reports whether this very outcome is in its place already.
func (c *Claim) answered(a Answer) bool {
	return a.Token != "" && c.box.release(a.Kind, a.Order) == a.Token
}

// Apart in an answer's token says that the answer is about another file under
// an order's number and not about that order: it gets a folder beside it and
// never becomes part of the order's own answer.
const Apart = "+"

// release reads the token of an answer that is in its place; "" if there is none.
func (o *Outbox) release(k Kind, order string) string {
	b, err := o.root().ReadFile(path.Join(string(k), order, Twin(k)))
	if err != nil {
		return ""
	}
	var twin struct {
		Release string `json:"release"`
	}
	if json.Unmarshal(b, &twin) != nil {
		return ""
	}
	return twin.Release
}

// finish removes the claim of an order that is answered.
func (c *Claim) finish(ctx context.Context, a Answer) error {
	if a.Kind != Held {
		if err := c.adoptHold(ctx, a); err != nil {
			return fmt.Errorf("keep earlier hold: %w", err)
		}
	}
	err := retry(ctx, func() error { return c.box.root().RemoveAll(c.path()) })
	if err != nil {
		return fmt.Errorf("remove claim: %w", Scrub(err))
	}
	return c.box.syncDir(workingDir)
}

// adoptHold moves what was held before under the same id into the final
// answer: nothing that staff dropped vanishes.
func (c *Claim) adoptHold(ctx context.Context, a Answer) error {
	root := c.box.root()
	hold, dest := path.Join(heldDir, a.Order), path.Join(string(a.Kind), a.Order, Earlier)
	if c.box.release(Held, a.Order) == "" || strings.Contains(c.box.release(Held, a.Order), Apart) {
		return nil // not a hold of this order
	}
	for _, p := range []string{hold, path.Dir(dest)} {
		if _, err := root.Lstat(p); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if _, err := root.Lstat(dest); err == nil {
		return nil
	}
	return Scrub(retry(ctx, func() error { return root.Rename(hold, dest) }))
}

// makeRoom finds the place of the answer: an older hold moves out of the way,
// beside a final answer another name is taken.
func (c *Claim) makeRoom(ctx context.Context, a Answer) (string, error) {
	root := c.box.root()
	dest := path.Join(string(a.Kind), a.Order)
	if _, err := root.Lstat(dest); errors.Is(err, fs.ErrNotExist) {
		return dest, nil
	} else if err != nil {
		return "", Scrub(err)
	}
	if a.Kind == Held && !strings.Contains(a.Token, Apart) && !strings.Contains(c.box.release(Held, a.Order), Apart) {
		return dest, c.replaceHold(ctx, dest)
	}
	for n := 2; ; n++ {
		next := dest + " (" + strconv.Itoa(n) + ")"
		if _, err := root.Lstat(next); errors.Is(err, fs.ErrNotExist) {
			return next, nil
		} else if err != nil {
			return "", Scrub(err)
		}
	}
}

// replaceHold moves an older hold of the order away. If it was about another
// version of the order file, the new hold keeps it: nothing that staff dropped
// vanishes.
func (c *Claim) replaceHold(ctx context.Context, dest string) error {
	root := c.box.root()
	was, err1 := root.ReadFile(path.Join(dest, c.File))
	now, err2 := root.ReadFile(c.path(c.File))
	to := c.path(outDir, Earlier)
	if err1 == nil && err2 == nil && bytes.Equal(was, now) {
		to = c.path(oldDir)
		if err := root.RemoveAll(to); err != nil {
			return Scrub(err)
		}
	}
	return Scrub(retry(ctx, func() error { return root.Rename(dest, to) }))
}

// writeFile writes and fsyncs one file under the outbox.
func (o *Outbox) writeFile(name string, b []byte) error {
	f, err := o.root().Create(name)
	if err != nil {
		return Scrub(err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return Scrub(errors.Join(err, f.Close()))
}

// syncDir makes renames in a folder durable. Windows has no such call, and
// some network file systems refuse it.
func (o *Outbox) syncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := o.root().Open(name)
	if err != nil {
		return fmt.Errorf("sync folder: %w", Scrub(err))
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	if err = errors.Join(err, d.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", Scrub(err))
	}
	return nil
}
