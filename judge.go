package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"

	"aead.dev/minisign"

	"chartseal/ledger"
	"chartseal/order"
)

// admit judges the order by the rules, all at once.
func (p *Practice) admit(_ context.Context, r *release) error {
	return p.judge(r, order.AtIntake)
}

// judge evaluates the rules at a stage; what stops the order comes back as Held.
func (p *Practice) judge(r *release, at order.Stage) error {
	c, o, err := p.reopen(r)
	if err != nil {
		return err
	}
	signature, err := c.Signature()
	if err != nil {
		return err
	}
	data, err := c.Order()
	if err != nil {
		return err
	}
	facts := p.Facts(o, at)
	facts.ApprovalSigned = p.signed(o, data, signature)
	reasons := order.Stopping(order.Evaluate(o, facts))
	reasons = append(reasons, p.unbuilt(o)...)
	if len(reasons) > 0 {
		return &Held{reasons}
	}
	return nil
}

// Facts are what the rules need to know beside the order.
func (p *Practice) Facts(o *order.Order, at order.Stage) order.Facts {
	c := p.cfg
	f := order.Facts{
		Today: order.DateOf(p.opts.Now()), Stage: at, Practice: c.Practice.Name, State: c.Practice.State,
		Contact: order.Contact{Name: c.Practice.Contact.Name, Phone: c.Practice.Contact.Phone},
		Kinds:   kinds(c.Kinds), Off: c.Rules.Off,
		Approvers: sortedKeys(c.Approval.Approvers), RequireSignature: c.Approval.Require == "signature",
		Restrictions: p.restrictions, StorageOwn: c.Store.Kind == "local",
	}
	if on, err := order.ParseDate(c.Store.BAAOn); err == nil {
		f.BAAOn = on
	}
	to, ok := p.bookNow().Resolve(o.Recipient)
	if ok {
		f.Recipient = to
	} else {
		f.Meant = p.bookNow().Nearest(o.Recipient.Key)
	}
	return f
}

// kinds are the standard kinds of record and the practice's own, each once.
func kinds(own []string) []string {
	all := order.StandardKinds()
	for _, k := range own {
		if !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}

// recipient resolves the order's recipient; the rules have made sure that it
// can be.
func (p *Practice) recipient(o *order.Order) (order.Recipient, error) {
	to, ok := p.bookNow().Resolve(o.Recipient)
	if !ok {
		return to, &Held{[]order.Reason{{
			Rule: "R4", Outcome: order.Refuse,
			Message: "The recipient is not in the recipient book any more. Nothing was sent. Ask who keeps the recipient book.",
		}}}
	}
	return to, nil
}

// signed reports whether the signature over the exact order file is by the
// approver the order names.
func (p *Practice) signed(o *order.Order, data, signature []byte) bool {
	text := p.cfg.Approval.Approvers[o.Approved.By]
	if len(signature) == 0 || text == "" {
		return false
	}
	var key minisign.PublicKey
	if err := key.UnmarshalText([]byte(text)); err != nil {
		return false
	}
	return minisign.Verify(key, data, signature)
}

// unbuilt holds what this version cannot do, rather than doing less than was
// ordered.
func (p *Practice) unbuilt(o *order.Order) []order.Reason {
	var what string
	switch {
	case o.Decision == order.Deny:
		what = "write denial letters"
	case o.Decision == order.Extend:
		what = "write extension notices"
	case o.Delivery != "" && o.Delivery != order.ByLink:
		what = "deliver in this way; it delivers by link"
	default:
		return nil
	}
	return []order.Reason{{
		Rule: "R36", Outcome: order.Refuse,
		Message: "This version of chartseal cannot " + what + ". Nothing was sent and nothing was recorded as done. Do it by hand and note it in the chart.",
	}}
}

// bookNow is the recipient book as it stands: a recipient may be added while
// the daemon runs. A book that cannot be read leaves the last good one in force.
func (p *Practice) bookNow() order.Book {
	p.bookMu.Lock()
	defer p.bookMu.Unlock()
	info, err := os.Stat(p.cfg.Recipients)
	if err != nil || p.book != nil && info.ModTime().Equal(p.bookAt) {
		return p.book
	}
	book, err := loadBook(p.cfg.Recipients)
	if err != nil {
		p.log.Warn("recipient book cannot be read; the last good one is in force", slog.String("stage", "admit"))
		return p.book
	}
	p.book, p.bookAt = book, info.ModTime()
	return p.book
}

// ErrConfig says that a file or folder of the configuration cannot be used.
var ErrConfig = errors.New("configuration")

func loadBook(file string) (order.Book, error) {
	data, err := readConfigFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: recipient book: %w", ErrConfig, err)
	}
	book, err := order.ParseBook(file, data)
	if err != nil {
		return nil, fmt.Errorf("recipient book %s: %w", file, err)
	}
	return book, nil
}

func loadRestrictions(file string) (order.Restrictions, error) {
	if file == "" {
		return nil, nil
	}
	data, err := readConfigFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: restrictions: %w", ErrConfig, err)
	}
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

// draft is the ledger line of an order, but for its event and what is known
// only later.
func (p *Practice) draft(o *order.Order, id, sha string) ledger.Entry {
	e := ledger.Entry{
		Order: o.ID, Reference: id, OrderSum: sha, Patient: o.Patient.ID, Purpose: o.Purpose, Basis: string(o.Basis),
		Requester: o.Requester.Name, Approver: o.Approved.By, Delivery: string(o.Delivery), Version: p.opts.Version,
	}
	if to, ok := p.bookNow().Resolve(o.Recipient); ok {
		e.Recipient = &ledger.Party{Name: to.Name, Address: to.Address, Email: to.Email, Kind: string(to.Kind)}
	}
	for _, d := range o.Decisions {
		e.Decisions = append(e.Decisions, ledger.Decision{
			Rule: d.Rule, Item: d.Item, Decision: string(d.Decision), By: d.By, On: d.On.String(), Reason: d.Reason,
		})
	}
	return e
}

// sentEntry completes the draft for a release that was sent.
func sentEntry(r *release, e ledger.Entry, pk *packed) ledger.Entry {
	e.Key, e.Event = r.ID+"/sent", ledger.Sent
	e.Information, e.ManifestSum, e.BundleSum = pk.Description, r.Manifest, r.Ticket.SHA256
	e.Bytes, e.ObjectKey, e.LinkExpires = r.Object.Bytes, r.Object.Key, r.Links.Expires
	e.Notices = pk.Notices
	return e
}

// sortedKeys lists the keys of a map in their order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
