package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"chartseal/order"
	"chartseal/registry"
	"chartseal/transport"
	"chartseal/transport/page"
	"chartseal/transport/s3"
)

// pageSuffix ends the key of a recipient page.
const pageSuffix = transport.PageSuffix

// links are what the recipient gets. They are secrets: whoever holds the page
// link and the passphrase holds the records.
type links struct {
	Page    string    `json:"page"`
	Bundle  string    `json:"bundle"`
	Expires time.Time `json:"expires"` // effective, the earlier of the two
	At      time.Time `json:"at"`

	// PageExpires is when the page's own address ends: as late as it may, so that who
	// opens a link too late is told so by the page, and not by the store's raw XML.
	PageExpires time.Time `json:"page_expires,omitzero"`

	Asked time.Duration   `json:"asked,omitempty"` // how long it was to live
	Ends  order.Date      `json:"ends,omitzero"`   // the permission's last day, where it is why it does not
	Limit transport.Limit `json:"limit,omitempty"` // why it does not
}

// upload judges the order once more, for an authorization may have ended since
// it came in, and stores the sealed file. It resumes where it stopped.
func (p *Practice) upload(ctx context.Context, r *release) error {
	if r.Object.Key != "" {
		return nil
	}
	if err := p.orders.Has(ctx, r.ID); err != nil { // nor upload
		return err
	}
	if err := p.judge(ctx, r, order.AtUpload); err != nil {
		return err
	}
	f, err := p.openSealed(r)
	if err != nil {
		return spoiled(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open sealed file: %w", scrub(err))
	}
	if r.Ticket.Key == "" {
		if r.Ticket.Key, err = transport.NewKey(nil, p.cfg.Store.Prefix); err != nil {
			return err
		}
	}
	save := func(t transport.Ticket) error {
		r.Ticket = t
		err := p.state.save(r)
		p.step(r.ID, "upload", "ticket saved")
		return err
	}
	obj, err := p.store.Upload(ctx, f, info.Size(), &r.Ticket, save, func(n int64) {
		p.tell(Event{Release: r.ID, Stage: "upload", Done: n, Total: info.Size()})
	})
	if err != nil {
		return spoiled(err)
	}
	p.step(r.ID, "upload", "stored")
	if err := p.settleLocal(obj.Key); err != nil {
		return err
	}
	p.step(r.ID, "upload", "synced")
	p.pulse.uploaded.Add(obj.Bytes)
	r.Object, r.Stored = obj, p.opts.Now()
	return p.state.save(r)
}

// errSealedGone says that somebody deleted the sealed file.
var errSealedGone = errors.New("the sealed file is gone")

func (p *Practice) openSealed(r *release) (*os.File, error) {
	f, err := os.Open(p.state.path("sealed", r.Sealed))
	if err == nil {
		return f, nil
	}
	if _, there := os.ReadDir(p.state.path("sealed")); there == nil && errors.Is(err, fs.ErrNotExist) {
		return nil, errSealedGone // and the folder is not just away
	}
	return nil, fmt.Errorf("open sealed file: %w", scrub(err))
}

// spoiled holds an order whose upload no waiting mends; other errors pass.
func spoiled(err error) error {
	var what string
	switch {
	case errors.Is(err, errSealedGone):
		what = "The encrypted file was deleted from this computer before it was sent"
	case errors.Is(err, transport.ErrChanged):
		what = "The encrypted file was damaged on this computer's disk before it was sent"
	case errors.Is(err, transport.ErrExists):
		what = "The store already has something else under the name of this release"
	default:
		return err
	}
	return &Held{[]order.Reason{{
		Rule: "R34", Outcome: order.Refuse,
		Message: what + ". Nothing was sent. Tell your IT contact, then drop the order again.",
	}}}
}

// settleLocal makes an object of the embedded store survive a power cut; a
// remote store answers for that itself.
func (p *Practice) settleLocal(key string) error {
	if p.local == nil {
		return nil
	}
	if err := p.local.Sync(key); err != nil {
		return fmt.Errorf("sync object: %w", err)
	}
	return nil
}

// lastWord asks the rules once more before a link is made, for an outage after the
// upload may have lasted for days. What may not go any more leaves the store.
func (p *Practice) lastWord(ctx context.Context, r *release) error {
	if !r.Withheld {
		err := p.judge(ctx, r, order.AtUpload)
		held, stopped := errors.AsType[*Held](err)
		if !stopped {
			return err
		}
		if err := p.keepReasons(r, held); err != nil {
			return err
		}
		r.Withheld = true // from here on it stays stopped, also after a crash
		if err := p.state.save(r); err != nil {
			return err
		}
	}
	if err := p.unpublish(ctx, r); err != nil {
		return err
	}
	c, err := p.box.Claim(r.Claim)
	if err != nil {
		return err
	}
	var reasons []order.Reason
	if err := p.remind(c, r, reasonsNote, &reasons); err != nil {
		return err
	}
	return &Held{reasons}
}

// link puts the recipient page beside the bundle and mints the expiring links.
// Nobody sees them before they are in the ledger.
func (p *Practice) link(ctx context.Context, r *release) error {
	if r.Links != nil {
		return nil
	}
	return p.makeLinks(ctx, r)
}

func (p *Practice) makeLinks(ctx context.Context, r *release) error {
	if err := p.lastWord(ctx, r); err != nil {
		return err
	}
	_, b, err := p.recall(r)
	if err != nil {
		return err
	}
	if err := p.stillStored(ctx, r); err != nil {
		return err
	}
	if r.PageKey == "" {
		if r.PageKey, err = p.newPageKey(); err != nil {
			return err
		}
		if err := p.state.save(r); err != nil {
			return err
		}
		p.step(r.ID, "link", "page named")
	}
	l, html, err := p.mint(ctx, r, r.PageKey, b.Lifetime, b.Ends)
	if err != nil {
		return err
	}
	if err := p.publish(ctx, r, r.PageKey, html); err != nil {
		return err
	}
	r.Links = l
	return p.state.save(r)
}

// freshFor is for how long after its link, or its copy on a drive, a release is recorded
// without another look. As a rule that is a moment.
const freshFor = 10 * time.Minute

// stillMay asks the rules again before a release is recorded that has waited since its link
// was made, because the computer was off or the ledger was not trusted: a patient may have
// withdrawn the permission by now, and the link may have ended. What was recorded stands.
func (p *Practice) stillMay(ctx context.Context, r *release) error {
	at := r.At
	if r.Links != nil {
		at = r.Links.At
	}
	if at.IsZero() || p.opts.Now().Sub(at).Abs() < freshFor {
		return nil
	}
	if line, err := p.lineOf(r, sent); line != nil || err != nil {
		return err
	}
	if err := p.orders.Has(ctx, r.ID); err != nil {
		return err
	}
	if r.Links != nil {
		return p.makeLinks(ctx, r)
	}
	if err := p.judge(ctx, r, order.AtUpload); err != nil {
		return err
	}
	r.At = p.opts.Now()
	return p.state.save(r)
}

// newPageKey names a recipient page. Like a bundle's, the name says nothing and
// cannot be guessed.
func (p *Practice) newPageKey() (string, error) {
	key, err := transport.NewKey(nil, p.cfg.Store.Prefix)
	return strings.TrimSuffix(key, transport.KeySuffix) + pageSuffix, err
}

// stillStored uploads the bundle again if the store has lost it since: days may
// have gone by, and a link to nothing would be recorded as a release.
func (p *Practice) stillStored(ctx context.Context, r *release) error {
	_, err := p.store.Stat(ctx, r.Object.Key)
	if !errors.Is(err, transport.ErrNotFound) {
		return err
	}
	p.log.Warn("the store has lost the bundle; it is uploaded again", slog.String("release", r.ID), slog.String("stage", "link"))
	r.Object, r.Ticket.UploadID = transport.Object{}, ""
	return p.upload(ctx, r)
}

// lifetime is what the order asks for, or the practice's own.
func (p *Practice) lifetime(o *order.Order) time.Duration {
	if d := time.Duration(o.Link.Lifetime); d > 0 {
		return d
	}
	return time.Duration(p.cfg.Link.Lifetime)
}

// within shortens the life of a link that would lead to the records after the last day
// of the permission they were released under (45 CFR 164.508(b)(2)(i)).
func within(lifetime time.Duration, ends order.Date, now time.Time) (time.Duration, bool) {
	if ends.IsZero() {
		return lifetime, false
	}
	left := time.Date(ends.Year, ends.Month, ends.Day+1, 0, 0, 0, 0, now.Location()).Sub(now).Truncate(time.Second)
	return max(min(lifetime, left), time.Second), left < lifetime
}

// mint signs the bundle's link and the page's, and writes the page that carries the
// first. Nothing of it is in the store yet: see publish. ends is the last day of the
// permission, if it has one.
func (p *Practice) mint(ctx context.Context, r *release, pageKey string, asked time.Duration, ends order.Date) (l *links, html []byte, err error) {
	ref, _ := registry.SplitID(r.ID)
	lifetime, shortened := within(asked, ends, p.opts.Now())
	if !shortened {
		ends = order.Date{}
	}
	name := "records-" + ref + transport.KeySuffix
	bundle, err := p.store.Link(ctx, r.Object.Key, lifetime, name, "application/octet-stream")
	if err != nil {
		return nil, nil, err
	}
	if html, err = page.Render(p.pageData(r, ref, name, bundle)); err != nil {
		return nil, nil, errors.New("render recipient page: " + scrub(err).Error())
	}
	pg, err := p.store.Link(ctx, pageKey, max(lifetime, s3.MaxLifetime), "", "text/html; charset=utf-8")
	if err != nil {
		return nil, nil, err
	}
	first := bundle
	if pg.Expires.Before(bundle.Expires) {
		first = pg
	}
	return &links{
		Page: pg.URL.Reveal(), Bundle: bundle.URL.Reveal(),
		Expires: first.Expires, PageExpires: pg.Expires, At: p.opts.Now(), Asked: asked, Ends: ends, Limit: first.Limit,
	}, html, nil
}

// publish puts the recipient page into the store.
func (p *Practice) publish(ctx context.Context, r *release, key string, html []byte) error {
	if _, err := p.store.Put(ctx, key, "text/html; charset=utf-8", html); err != nil {
		return err
	}
	p.step(r.ID, "link", "page stored")
	return p.settleLocal(key)
}

func (p *Practice) pageData(r *release, ref, name string, bundle transport.Link) page.Data {
	c := p.cfg.Practice
	d := page.Data{
		Practice: page.Practice{
			Name: c.Name, Address: c.Address,
			Contact: page.Contact{Name: c.Contact.Name, Phone: c.Contact.Phone, Email: c.Contact.Email},
		},
		Reference: ref, Bytes: r.Object.Bytes, Expires: bundle.Expires,
		Unlock: "key", SignerKey: p.state.pub.String(), BundleURL: bundle.URL.Reveal(), FileName: name, Head: r.Head,
	}
	if r.Words {
		d.Unlock = page.UnlockPassphrase
	}
	return d
}
