package chartseal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/order"
	"chartseal/packager/seal"
	"chartseal/watch"
)

// ErrConfig says that a file or folder of the configuration cannot be used.
var ErrConfig = config.ErrUnusable

// bookCopy is the recipient book as it was read, and from which files.
type bookCopy struct {
	book      order.Book
	parties   order.Parties
	unsigned  bool // it had to be signed and is not: nobody in it is known
	broken    bool // a newer one is there and cannot be read, or none is
	file, sig stamp
}

// stamp tells one version of a file from another.
type stamp struct {
	at   time.Time
	size int64
}

func stampOf(file string) (stamp, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return stamp{}, nil
	}
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.ModTime(), info.Size()}, nil
}

// errBook says that the recipient book cannot be read. What goes to somebody in it waits: the
// change that nobody can read may be a key or an address that must not be used any more.
var errBook = errors.New("the recipient book cannot be read (chartseal check names the line)")

// bookNow is the recipient book as it stands: a recipient may be added while
// the daemon runs. Of a book that cannot be read it is the last good one, marked as
// broken; of one whose signature fails nothing is left.
func (p *Practice) bookNow() bookCopy {
	p.bookMu.Lock()
	defer p.bookMu.Unlock()
	file, err := stampOf(p.cfg.Recipients)
	sig, serr := stampOf(p.cfg.Recipients + watch.SignatureSuffix)
	last := p.book
	last.broken = true
	if err != nil || serr != nil || file == (stamp{}) {
		return last
	}
	if p.book.book != nil && p.book.file == file && p.book.sig == sig {
		return p.book
	}
	book, err := loadBook(p.cfg)
	if err != nil {
		if bad := [2]stamp{file, sig}; p.badBook != bad { // once, however often it is asked for
			p.badBook = bad
			p.log.Warn("recipient book cannot be read; what goes to somebody in it waits", slog.String("stage", "admit"), slog.String("alert", "book"))
		}
		return last
	}
	if book.unsigned && !p.book.unsigned {
		p.log.Warn("the recipient book is not signed by an approver: nothing goes to anybody in it", slog.String("stage", "admit"), slog.String("alert", "book"))
	}
	book.file, book.sig = file, sig
	p.book = book
	return p.book
}

// readable returns errBook for a recipient of a book that cannot be read.
func (b bookCopy) readable(to order.Recipient) error {
	if b.broken && to.Key != "" {
		return errBook
	}
	return nil
}

// resolve finds a recipient that the order names in the book, if the book can be
// trusted; one written into the order is as good as the order.
func (b bookCopy) resolve(to order.Recipient) (order.Recipient, bool) {
	if b.unsigned && to.Key != "" {
		return order.Recipient{}, false
	}
	return b.book.Resolve(to)
}

// loadBook reads the recipient book and, if it must be signed, judges its
// signature over the very bytes that were read.
func loadBook(cfg *config.Config) (bookCopy, error) {
	data, err := readConfigFile(cfg.Recipients)
	if err != nil {
		return bookCopy{}, fmt.Errorf("%w: recipient book: %w", ErrConfig, err)
	}
	if cfg.Approval.Book == config.BookSigned && !bookSigned(cfg, data) {
		return bookCopy{book: order.Book{}, unsigned: true}, nil
	}
	book, err := order.ParseBook(cfg.Recipients, data, seal.CheckKey)
	if err != nil {
		return bookCopy{}, fmt.Errorf("recipient book %s: %w", cfg.Recipients, err)
	}
	return bookCopy{book: book, parties: book.Parties()}, nil
}

// bookSigned reports whether one of the approvers signed the book as it is.
func bookSigned(cfg *config.Config, data []byte) bool {
	sig, err := readConfigFile(cfg.Recipients + watch.SignatureSuffix)
	if err != nil {
		return false
	}
	for _, text := range cfg.Approval.Approvers {
		var key minisign.PublicKey
		if text != "" && key.UnmarshalText([]byte(text)) == nil && minisign.Verify(key, data, sig) {
			return true
		}
	}
	return false
}

// SignBook signs the recipient book with the key of one of the approvers and
// returns the signature and what was signed. A book that cannot be read is not
// signed.
func SignBook(cfg *config.Config, key minisign.PrivateKey) ([]byte, order.Book, error) {
	pub, ok := key.Public().(minisign.PublicKey)
	if !ok || !slices.Contains(slices.Collect(maps.Values(cfg.Approval.Approvers)), pub.String()) {
		return nil, nil, errors.New("this key is not the one of an approver in chartseal.yaml (approval.approvers)")
	}
	data, err := readConfigFile(cfg.Recipients)
	if err != nil {
		return nil, nil, fmt.Errorf("read recipient book: %w", err)
	}
	book, err := order.ParseBook(cfg.Recipients, data, seal.CheckKey)
	if err != nil {
		return nil, nil, fmt.Errorf("recipient book %s: %w", cfg.Recipients, err)
	}
	return minisign.Sign(key, data), book, nil
}

// refreshRestrictions reads again what patients asked for, so that a restriction or
// a withdrawal counts from the moment it is written. A list that cannot be
// understood holds every order; one that cannot be read now is waited for. Bytes that were
// understood before are not parsed again: a long list takes longer than the rest of judging.
func (p *Practice) refreshRestrictions() error {
	if p.cfg.Restrictions == "" {
		return nil
	}
	data, err := readRestrictions(p.cfg.Restrictions)
	if err != nil {
		return scrub(err)
	}
	sum := sha256.Sum256(data)
	p.bookMu.Lock()
	defer p.bookMu.Unlock()
	if sum == p.restrictionsSum {
		return nil
	}
	limits, err := parseRestrictions(p.cfg.Restrictions, data)
	if err != nil {
		p.log.Warn("the list of what patients asked for cannot be understood: orders are held", slog.String("stage", "admit"), slog.String("alert", "restrictions"))
		return &Held{[]order.Reason{{
			Rule: "R33", Outcome: order.Refuse, Citation: "45 CFR 164.508(b)(5), 164.522",
			Message: "The list of what patients asked for (restrictions) has a mistake and cannot be read, so nobody knows whether this patient forbade the release. Nothing was sent. Ask whoever keeps the list to correct it (chartseal check names the line), then drop the order again.",
		}}}
	}
	p.restrictions, p.restrictionsSum = limits, sum
	return nil
}

func (p *Practice) restrictionsNow() order.Restrictions {
	p.bookMu.Lock()
	defer p.bookMu.Unlock()
	return p.restrictions
}

func loadRestrictions(file string) (order.Restrictions, error) {
	if file == "" {
		return nil, nil
	}
	data, err := readRestrictions(file)
	if err != nil {
		return nil, err
	}
	return parseRestrictions(file, data)
}

func readRestrictions(file string) ([]byte, error) {
	data, err := readConfigFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: restrictions: %w", ErrConfig, err)
	}
	return data, nil
}

func parseRestrictions(file string, data []byte) (order.Restrictions, error) {
	limits, err := order.ParseRestrictions(file, data)
	if err != nil {
		return nil, fmt.Errorf("restrictions %s: %w", file, err)
	}
	return limits, nil
}

// maxBook bounds the files that belong to the configuration, in bytes.
const maxBook = 16 << 20

func readConfigFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err // the administrator's own path, needed to find the mistake
	}
	b, err := io.ReadAll(io.LimitReader(f, maxBook+1))
	err = errors.Join(err, f.Close())
	if err == nil && len(b) > maxBook {
		err = &fs.PathError{Op: "read", Path: file, Err: errors.New("file is too large")}
	}
	return b, err
}

// CheckRules says what is wrong with the configuration's own rules and keys: a rule
// that does not exist or cannot be switched off, an outcome that is not stricter, an
// escrow key that is none.
func CheckRules(cfg *config.Config) error {
	var errs []error
	for i, id := range cfg.Rules.Off {
		if err := order.CheckOff(id); err != nil {
			errs = append(errs, cfg.Problem(fmt.Sprintf("rules.off[%d]", i), err))
		}
	}
	for _, id := range sortedKeys(cfg.Rules.Tighten) {
		if err := order.CheckTighten(id, order.Outcome(cfg.Rules.Tighten[id])); err != nil {
			errs = append(errs, cfg.Problem("rules.tighten."+id, err))
		}
	}
	if key := cfg.Bundle.Escrow; key != "" {
		if err := seal.CheckKey(key); err != nil {
			errs = append(errs, cfg.Problem("bundle.escrow", fmt.Errorf("the key %w", err)))
		}
	}
	return errors.Join(errs...)
}

func tightened(cfg *config.Config) map[string]order.Outcome {
	out := map[string]order.Outcome{}
	for id, to := range cfg.Rules.Tighten {
		out[id] = order.Outcome(to)
	}
	return out
}

// rulesOff are the rules that are switched off, in their order, each once.
func rulesOff(cfg *config.Config) []string {
	return slices.Compact(slices.Sorted(slices.Values(cfg.Rules.Off)))
}

// approverKey finds the key of an approver as the rules find the name: without
// regard to case.
func approverKey(cfg *config.Config, name string) (key minisign.PublicKey, ok bool) {
	for who, text := range cfg.Approval.Approvers {
		if strings.EqualFold(who, name) && text != "" {
			return key, key.UnmarshalText([]byte(text)) == nil
		}
	}
	return key, false
}
