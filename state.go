package chartseal

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"aead.dev/minisign"
	"github.com/gofrs/flock"

	"chartseal/config"
	"chartseal/config/access"
	"chartseal/durable"
	"chartseal/transport"
	"chartseal/transport/page"
	"chartseal/watch"
)

// ErrLocked says that another chartseal works on the same state folder.
var ErrLocked = errors.New("another chartseal is already running on this state folder")

// state is the practice's private folder: keys, sealed files, what is known of
// each release, the ledger, the engine's database. Mode 0700; nothing in it
// names a patient but the ledger.
type state struct {
	dir  string
	lock *flock.Flock
	key  minisign.PrivateKey
	pub  minisign.PublicKey
}

func openState(dir string) (*state, error) {
	s := &state{dir: dir}
	if err := s.take(); err != nil {
		return nil, err
	}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// take makes the folder and locks it.
func (s *state) take() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make state folder: %w", watch.Scrub(err))
	}
	if err := access.Close(s.dir); err != nil { // one made by hand may be open to others
		return fmt.Errorf("close state folder to others: %w", watch.Scrub(err))
	}
	lock := flock.New(s.path("lock"))
	switch ok, err := s.alone(lock); {
	case err != nil:
		return fmt.Errorf("lock state folder: %w", watch.Scrub(err))
	case !ok:
		return ErrLocked
	}
	s.lock = lock
	return nil
}

// alone takes the lock, unless somebody has it for good. Who only looks may be kept from
// giving it back: by other programs, or because the computer slept.
func (s *state) alone(lock *flock.Flock) (ok bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookPatience)
	defer cancel()
	for {
		if ok, err = tryFor(ctx, lock); ok || err != nil || s.locked() || ctx.Err() != nil {
			return ok, err
		}
	}
}

func tryFor(ctx context.Context, lock *flock.Flock) (ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	if ok, err = lock.TryLockContext(ctx, lockPatience/10); ctx.Err() == nil {
		return ok, err
	}
	return lock.TryLock() // it may have been free for long when this process could not run
}

// begin finishes a restore that was cut off, and makes what must be there.
func (s *state) begin() error {
	if err := s.finishRestore(); err != nil {
		return err
	}
	for _, d := range []string{"keys", "releases", "sealed", "pdfium"} {
		if err := os.MkdirAll(s.path(d), 0o700); err != nil {
			return fmt.Errorf("make state folder: %w", watch.Scrub(err))
		}
	}
	return errors.Join(s.loadKey(), s.sweep())
}

const (
	lockPatience = 200 * time.Millisecond // for whoever has the lock
	lookPatience = 10 * time.Second       // for who only looks whether it is taken
)

// sweep removes what a crash left: files half written, which may hold secrets, and
// sealed files that no release knows. It runs before anything can be packed.
func (s *state) sweep() error {
	// Of a restore that was given up before it counted; root's, which a kill kept from handing
	// it back, the next restore removes.
	if err := os.RemoveAll(s.path(incomingDir)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("remove what was not restored: %w", watch.Scrub(err))
	}
	for _, dir := range []string{"", "keys", "releases"} {
		left, err := os.ReadDir(s.path(dir))
		if err != nil {
			return fmt.Errorf("find half-written files: %w", watch.Scrub(err))
		}
		for _, f := range left {
			if !strings.HasPrefix(f.Name(), durable.HalfWritten) {
				continue
			}
			if err := os.Remove(s.path(dir, f.Name())); err != nil {
				return fmt.Errorf("remove half-written file: %w", watch.Scrub(err))
			}
		}
	}
	files, err := os.ReadDir(s.path("sealed"))
	if err != nil {
		return fmt.Errorf("read sealed files: %w", watch.Scrub(err))
	}
	if len(files) == 0 {
		return nil // as most often: no release need be read
	}
	known := map[string]bool{}
	ids, err := s.releaseIDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, err := s.load(id)
		if err != nil {
			return err
		}
		known[r.Sealed] = true
	}
	for _, f := range files {
		if known[f.Name()] {
			continue
		}
		if err := os.Remove(s.path("sealed", f.Name())); err != nil {
			return fmt.Errorf("remove partial file: %w", watch.Scrub(err))
		}
	}
	return nil
}

// releaseIDs lists the releases there are, in the order of their names; none
// where there is no folder yet.
func (s *state) releaseIDs() ([]string, error) {
	files, err := os.ReadDir(s.path("releases"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read releases: %w", watch.Scrub(err))
	}
	var ids []string
	for _, f := range files {
		if id, ok := strings.CutSuffix(f.Name(), ".json"); ok {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// close hands back what a command of root's has made, and unlocks the folder.
func (s *state) close() error {
	err := durable.HandBack(s.dir, ".")
	if failed := s.lock.Unlock(); failed != nil {
		err = errors.Join(err, fmt.Errorf("unlock state folder: %w", watch.Scrub(failed)))
	}
	return err
}

func (s *state) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// loadKey reads the practice's signing key, or makes it at the first start.
// The private key lies unencrypted in the state folder, as an SSH host key
// does: the daemon must sign without a person.
func (s *state) loadKey() error {
	file := s.path("keys", "practice.key")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return s.makeKey(file)
	}
	return s.readKey()
}

func (s *state) readKey() error {
	b, err := os.ReadFile(s.path("keys", "practice.key"))
	if err != nil {
		return fmt.Errorf("read signing key: %w", watch.Scrub(err))
	}
	if err := s.key.UnmarshalText(b); err != nil {
		return errors.New("read signing key: it is damaged; restore it from the backup")
	}
	s.pub = s.key.Public().(minisign.PublicKey)
	return nil
}

// SigningKey is the public half of the key that the practice signs with; made says
// that there was none and it was made. The error may be ErrLocked.
func SigningKey(cfg *config.Config) (key minisign.PublicKey, made bool, err error) {
	s := &state{dir: cfg.State}
	_, err = os.Stat(s.path("keys", "practice.key"))
	if err == nil {
		err = s.loadKey()
		return s.pub, false, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return key, false, fmt.Errorf("read signing key: %w", watch.Scrub(err))
	}
	s, err = openState(cfg.State)
	if err != nil {
		return key, false, err
	}
	return s.pub, true, s.close()
}

func (s *state) makeKey(file string) error {
	pub, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make signing key: %w", err)
	}
	pubText, err := pub.MarshalText()
	if err != nil {
		return fmt.Errorf("make signing key: %w", err)
	}
	keyText, err := key.MarshalText()
	if err != nil {
		return fmt.Errorf("make signing key: %w", err)
	}
	if err := durable.Write(s.path("keys", "practice.pub"), append(pubText, '\n'), 0o644); err != nil {
		return err
	}
	if err := durable.Write(file, append(keyText, '\n'), 0o600); err != nil {
		return err
	}
	if err := access.CloseFile(file); err != nil {
		return fmt.Errorf("close signing key to others: %w", watch.Scrub(err))
	}
	s.key, s.pub = key, pub
	return nil
}

// release is what is known of one release between its stages. It holds
// secrets (passphrase, link) until the answer is out, but no patient data.
type release struct {
	ID       string `json:"id"`    // reference and attempt; the workflow's id
	Claim    string `json:"claim"` // folder under outbox/working
	OrderSHA string `json:"order_sha256"`

	Way    way       `json:"way,omitempty"`    // which stages it passes
	Denies bool      `json:"denies,omitempty"` // besides what it sends, a letter says what is denied
	At     time.Time `json:"at,omitzero"`      // of letters and receipts that have no link
	Warned bool      `json:"warned,omitempty"` // a note with its claim keeps what the rules warn of

	// Notes are the digests of the notes that are kept with its claim, by name: what ledger,
	// letters and receipt say comes from there, and whoever drops orders can write there.
	Notes map[string]string `json:"notes,omitempty"`

	Sealed     string `json:"sealed,omitempty"` // file under sealed/; whole once Manifest is set
	Manifest   string `json:"manifest_sha256,omitempty"`
	Passphrase string `json:"passphrase,omitempty"`
	SealedFor  string `json:"sealed_for,omitempty"` // digest of the recipient with address and keys, as of sealing
	Words      bool   `json:"words,omitempty"`      // it opens with a passphrase, also when that is forgotten

	Head page.Head `json:"head,omitzero"` // of the sealed file, for the recipient page

	Ticket  transport.Ticket `json:"ticket"`
	Object  transport.Object `json:"object"`
	Stored  time.Time        `json:"stored,omitzero"` // when the object was there
	PageKey string           `json:"page_key,omitempty"`
	Retired []string         `json:"retired_pages,omitempty"` // keys of pages to be deleted: a new link replaced theirs

	Withheld bool   `json:"withheld,omitempty"` // stopped after the upload: the object goes, and no link is made
	Links    *links `json:"links,omitempty"`
	// Alive is until when addresses of the bundle work that a new link replaced: only
	// deleting the bundle ends them earlier.
	Alive time.Time `json:"alive,omitzero"`

	// Fetched is when somebody first had the whole bundle, once that is in the ledger.
	Fetched time.Time `json:"fetched,omitzero"`

	Seq      uint64  `json:"ledger_seq,omitempty"`
	Outcome  verdict `json:"outcome,omitempty"`
	Revoking bool    `json:"revoking,omitempty"` // to be withdrawn, whatever comes between
	Revoked  bool    `json:"revoked,omitempty"`
	// Withdrawn is the day, YYYY-MM-DD, on which the patient withdrew the permission:
	// why the link is revoked, if no person did it.
	Withdrawn string `json:"withdrawn,omitempty"`
	Expired   bool   `json:"expired,omitempty"` // bundle and page were deleted at the end of their time
	// PageStays is until when the page of an expired bundle is kept, to say that it has
	// expired to who opens its link late; zero once it is deleted, too.
	PageStays time.Time `json:"page_stays,omitzero"`
	Kept      *kept     `json:"kept,omitempty"`    // what the store did not delete
	Waiting   string    `json:"waiting,omitempty"` // class of the trouble being waited out
	Stage     string    `json:"stage,omitempty"`   // that waits
	Since     string    `json:"since,omitempty"`   // RFC 3339
}

func (s *state) releaseFile(id string) string { return s.path("releases", id+".json") }

func (s *state) load(id string) (*release, error) {
	b, err := os.ReadFile(s.releaseFile(id))
	if err != nil {
		return nil, fmt.Errorf("read release: %w", watch.Scrub(err))
	}
	var r release
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("read release %s: its file under releases in the state folder is damaged; restore it from the backup", id)
	}
	return &r, nil
}

func (s *state) save(r *release) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("encode release: %w", err)
	}
	return durable.Write(s.releaseFile(r.ID), b, 0o600)
}

// randomName is 80 random bits in lower-case letters and digits, for names that
// must say nothing.
func randomName() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}
