package watch

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// ErrAway says that the outbox folder cannot be found, or that what lies in
// its place is not the outbox: an unmounted share leaves an empty folder. What
// was claimed may still be there when it comes back.
var ErrAway = errors.New("the outbox folder is not there; check that the network drive is connected")

// ErrOwned says that the outbox belongs to another daemon.
var ErrOwned = errors.New("the outbox belongs to another chartseal")

// OwnedError names the other owner; it is an ErrOwned.
type OwnedError struct {
	Owner string    // as Options.Owner of the other daemon
	Since time.Time // when it began; zero if unknown
}

// Error is for practice IT.
func (e *OwnedError) Error() string {
	if e.Owner == "" {
		return ErrOwned.Error() + ": it was taken over from this one"
	}
	return fmt.Sprintf("%v: %q, since %s. Two may share an outbox only with one database for both. If the other is gone for good, take the outbox over",
		ErrOwned, e.Owner, e.Since.Format(time.DateOnly))
}

// Unwrap makes it an ErrOwned.
func (e *OwnedError) Unwrap() error { return ErrOwned }

// The mark of an outbox and its owners, in a folder of their own.
const (
	markDir   = ".chartseal"
	markFile  = markDir + "/outbox.json"
	ownerFile = "owner-" // and a digest of the owner
)

// mark tells an outbox from an empty folder and from another outbox.
type mark struct {
	ID string `json:"id"`
}

// owner is one daemon that works in an outbox.
type owner struct {
	Owner  string    `json:"owner"`
	Shared bool      `json:"shared"`
	Group  string    `json:"group,omitempty"`
	Since  time.Time `json:"since"`
}

// memory is what is known about the outbox while it is away.
type memory struct {
	Dir    string `json:"dir"` // digest of the path
	ID     string `json:"id"`
	Beside bool   `json:"beside"` // on the file system of the memory itself
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// recall reads from the memory which outbox to expect.
func (o *Outbox) recall() error {
	if o.opts.Owner == "" || o.opts.Memory == "" {
		return nil
	}
	b, err := os.ReadFile(o.opts.Memory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read memory of outbox: %w", Scrub(err))
	}
	var m memory
	if json.Unmarshal(b, &m) != nil || m.Dir != digest(o.dir) {
		return nil // damaged, or about another folder
	}
	o.id = m.ID
	if m.Beside {
		o.device = device(filepath.Dir(o.opts.Memory))
	}
	return nil
}

// remember keeps which outbox this is, when that is news.
func (o *Outbox) remember() error {
	if o.opts.Memory == "" {
		return nil
	}
	m := memory{Dir: digest(o.dir), ID: o.id, Beside: !o.remote && o.device == device(filepath.Dir(o.opts.Memory))}
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode memory of outbox: %w", err)
	}
	if was, err := os.ReadFile(o.opts.Memory); err == nil && string(was) == string(b) {
		return nil
	}
	err = os.WriteFile(o.opts.Memory+".tmp", b, 0o600)
	if err == nil {
		err = Replace(o.opts.Memory+".tmp", o.opts.Memory)
	}
	if err != nil {
		return fmt.Errorf("write memory of outbox: %w", Scrub(err))
	}
	return nil
}

// recognise refuses a folder that is not the outbox it was. A folder without
// our mark is only taken for it when somebody made it anew on the same local
// file system.
func (o *Outbox) recognise(root *os.Root) error {
	if o.opts.Owner == "" {
		return nil
	}
	now := device(o.dir)
	id, err := readMark(root)
	switch {
	case err != nil:
		return err
	case id == "" && o.id != "" && (o.remote || now != o.device):
		return fmt.Errorf("%w: the folder in its place has no mark", ErrAway)
	case id != "" && o.id != "" && id != o.id:
		return fmt.Errorf("%w: the folder in its place is another outbox", ErrAway)
	case id != "":
		o.id = id
	}
	o.device = now
	return nil
}

func readMark(root *os.Root) (id string, err error) {
	b, err := root.ReadFile(markFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read mark of outbox: %w", Scrub(err))
	}
	var m mark
	if err := json.Unmarshal(b, &m); err != nil || m.ID == "" {
		return "", fmt.Errorf("%w: its mark cannot be read", ErrAway)
	}
	return m.ID, nil
}

// register puts the mark and the owner into the outbox, and refuses it when
// another owner was there before. Of two that come at once neither may stay.
func (o *Outbox) register(root *os.Root) error {
	if o.opts.Owner == "" {
		return nil
	}
	if err := o.refuseOthers(root); err != nil {
		return err
	}
	if err := o.writeMark(root); errors.Is(err, ErrAway) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	name := ownerPath(o.opts.Owner)
	since := o.opts.Now().UTC()
	if was, err := readOwner(root, name); err == nil {
		since = was.Since
	}
	me := owner{Owner: o.opts.Owner, Shared: o.opts.Shared, Group: o.opts.Group, Since: since}
	err := writeJSON(root, name+".tmp", me) // whole or not at all: half of it would keep us out for ever
	if err == nil {
		err = Scrub(replaceIn(root, name+".tmp", name))
	}
	if err != nil {
		return fmt.Errorf("%w: record owner: %w", ErrUnwritable, err)
	}
	if err := o.refuseOthers(root); err != nil {
		return errors.Join(err, Scrub(root.Remove(name)))
	}
	return o.remember()
}

// ErrUnwritable says that nothing can be written into the outbox at the moment: its
// disk is full or read-only.
var ErrUnwritable = errors.New("outbox cannot be written")

// writeMark marks the folder as this outbox; the first of several wins.
func (o *Outbox) writeMark(root *os.Root) error {
	if id, err := readMark(root); err == nil && id != "" && (o.id == "" || o.id == id) {
		o.id = id // marked before
		return nil
	}
	if err := root.MkdirAll(markDir, 0o770); err != nil {
		return fmt.Errorf("mark outbox: %w", Scrub(err))
	}
	hide(root, markDir)
	id := o.id
	if id == "" {
		id = rand.Text()
	}
	tmp := markFile + "." + rand.Text()
	if err := writeJSON(root, tmp, mark{ID: id}); err != nil {
		return fmt.Errorf("mark outbox: %w", err)
	}
	err := place(root, tmp, markFile)
	if err != nil {
		_ = root.Remove(tmp) // the mark was there before
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("mark outbox: %w", Scrub(err))
	}
	o.id, err = readMark(root)
	if err == nil && o.id == "" {
		err = ErrAway
	}
	return err
}

func ownerPath(id string) string { return path.Join(markDir, ownerFile+digest(id)+".json") }

func readOwner(root *os.Root, name string) (w owner, err error) {
	b, err := root.ReadFile(name)
	if err != nil {
		return w, fmt.Errorf("read owner: %w", Scrub(err))
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return w, fmt.Errorf("decode owner: %w", ErrDamaged)
	}
	return w, nil
}

// owners reads who works in the outbox. A record of ours that is damaged is ours all
// the same, by its name; of another's nobody can tell what it may do here.
func owners(root *os.Root, me string) ([]owner, error) {
	entries, err := fs.ReadDir(root.FS(), markDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read owners: %w", Scrub(err))
	}
	var all []owner
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ownerFile) || !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		w, err := readOwner(root, path.Join(markDir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if errors.Is(err, ErrDamaged) && me != "" && path.Join(markDir, e.Name()) == ownerPath(me) {
			w, err = owner{Owner: me}, nil
		}
		if errors.Is(err, ErrDamaged) {
			return nil, fmt.Errorf("%w, and its record is damaged: delete %s/%s from the outbox if that one is gone for good", ErrOwned, markDir, e.Name())
		}
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// refuseOthers fails when an owner is recorded that shares no database with us.
func (o *Outbox) refuseOthers(root *os.Root) error {
	all, err := owners(root, o.opts.Owner)
	if err != nil {
		return err
	}
	for _, w := range all {
		if w.Owner != o.opts.Owner && (!o.opts.Shared || !w.Shared || w.Group != o.opts.Group) {
			return &OwnedError{Owner: w.Owner, Since: w.Since}
		}
	}
	return nil
}

// stillOurs notices that the outbox was taken over by another daemon. A mark
// that staff removed with the folder still in place is put back.
func (o *Outbox) stillOurs(root *os.Root) error {
	if o.opts.Owner == "" {
		return nil
	}
	id, err := readMark(root)
	switch {
	case err != nil:
		return err
	case id == "":
		return o.furnish(root)
	case id != o.id:
		return fmt.Errorf("%w: the folder in its place is another outbox", ErrAway)
	}
	if _, err := root.Lstat(ownerPath(o.opts.Owner)); errors.Is(err, fs.ErrNotExist) {
		return &OwnedError{}
	}
	return nil
}

// TakeOver gives the outbox at dir, and what the daemon from had claimed
// there, to opts.Owner. It is for practice IT, when from will never run again:
// nothing here can tell whether it does.
func TakeOver(dir string, opts Options, from string) error {
	if opts.Owner == "" || from == "" || from == opts.Owner {
		return errors.New("take over outbox: name the daemon that is gone")
	}
	o := &Outbox{dir: dir, opts: opts.withDefaults()}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open outbox: %w", Scrub(err))
	}
	defer func() { _ = root.Close() }()
	o.at.Store(root)
	if _, err := readOwner(root, ownerPath(from)); err != nil && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("take over outbox: %w", err)
	}
	// The owner goes first: should it run after all, it stops at its next scan.
	// Claims of an owner that is not recorded belong to whoever looks.
	if err := root.Remove(ownerPath(from)); err != nil {
		return fmt.Errorf("take over outbox: %w", Scrub(err))
	}
	return errors.Join(o.syncDir(markDir), o.inherit(from))
}

// Adopt makes the folder at dir the outbox that opts.Memory remembers: for
// practice IT, after ErrAway, when the folder was really replaced.
func Adopt(dir string, opts Options) error {
	if opts.Memory != "" {
		if err := os.Remove(opts.Memory); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget outbox: %w", Scrub(err))
		}
	}
	o, err := Open(dir, opts)
	if err != nil {
		return err
	}
	return o.Close()
}
