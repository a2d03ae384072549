package chartseal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"chartseal/ledger"
	"chartseal/order"
	"chartseal/registry"
	"chartseal/transport"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// NewLink is a link made anew. Page is a secret.
type NewLink struct {
	Page    string
	Expires time.Time
	Note    string   // why it ends earlier than asked, if it does
	Warns   []string // what the rules warn of
	Letter  bool     // a new letter and receipt lie where the old ones did

	// Earlier is until when an earlier address of the encrypted file itself works, which
	// the old receipt and the old page had; zero if none does.
	Earlier time.Time

	// Lingers says that the page of the old link could not be deleted yet: the daemon
	// goes on with it, and until then the old link works.
	Lingers bool
}

// Relink makes a new link for an order that was sent, after judging it again. The
// sealed bundle stays as it is; the page gets another address and the old one is
// deleted, which ends the old link. What is known of the address of the bundle itself,
// see [NewLink].Earlier, only [Practice.Revoke] ends. data is the order file, which must be
// the very one that was sent.
func (p *Practice) Relink(ctx context.Context, o *order.Order, data []byte, lifetime time.Duration) (*NewLink, error) {
	p.publishedMu.Lock()
	defer p.publishedMu.Unlock()
	r, sum, warns, err := p.relinkable(ctx, o, data)
	if err != nil {
		return nil, err
	}
	if lifetime <= 0 {
		lifetime = p.lifetime(o)
	}
	if p.opts.Now().Add(lifetime).After(p.sweptAt(r)) {
		return nil, ErrExpired // the store might delete it under a living link
	}
	if _, err := p.store.Stat(ctx, r.Object.Key); errors.Is(err, transport.ErrNotFound) {
		return nil, ErrExpired
	} else if err != nil {
		return nil, err
	}
	l, err := p.moved(ctx, r, lifetime, order.PermissionEnds(o, p.cfg.Rules.Off))
	if err != nil {
		return nil, err
	}
	was, err := p.ledgerEntry(r.ID + "/sent")
	if err != nil {
		return nil, err
	}
	entry := p.draft(o, r.ID, sum)
	entry.Recipient, entry.Information = was.Recipient, was.Information // for whom it is sealed, and what
	entry.SignatureSum, entry.SignatureKey = was.SignatureSum, was.SignatureKey
	entry.Key = fmt.Sprintf("%s/relinked/%d", r.ID, l.At.UnixMilli())
	entry.Event, entry.ObjectKey, entry.LinkExpires, entry.Bytes = ledger.Relinked, r.Object.Key, l.Expires, r.Object.Bytes
	entry.BundleSum, entry.ManifestSum, entry.Notices = r.Ticket.SHA256, r.Manifest, warns
	entry.PageKey = r.Retired[len(r.Retired)-1] // the new page, see moved
	if _, err := p.enter(ctx, entry); err != nil {
		return nil, err
	}
	p.step(r.ID, "relink", "recorded")
	shown := *l
	r.PageKey, r.Retired = r.Retired[len(r.Retired)-1], append(r.Retired[:len(r.Retired)-1:len(r.Retired)-1], r.PageKey)
	l.Page, l.Bundle = "", ""
	r.Alive = r.aliveUntil()
	r.Links = l
	if err := p.state.save(r); err != nil { // the bundle is kept as long as the link lives
		return nil, err
	}
	p.step(r.ID, "relink", "saved")
	made := &NewLink{Page: shown.Page, Expires: shown.Expires, Note: shown.note(), Warns: warns}
	if err := p.dropRetired(ctx, r); err != nil { // the daemon goes on with it
		made.Lingers = true
		p.log.Warn("the page of the old link is not deleted yet", slog.String("release", r.ID), slog.String("stage", "relink"), slog.String("class", classOf(err)))
	}
	if r.Alive.After(p.opts.Now()) {
		made.Earlier = r.Alive
	}
	err = p.writeLinkAgain(ctx, r, &shown, made)
	if err != nil {
		p.log.Warn("the letter with the new link is not written", slog.String("release", r.ID), slog.String("stage", "relink"), slog.String("class", classOf(err)), slog.String("error", scrub(err).Error()))
	}
	made.Letter = err == nil
	return made, nil
}

// aliveUntil is when the last address of the bundle ends that anybody may know.
func (r *release) aliveUntil() time.Time {
	if r.Links == nil || r.Alive.After(r.Links.Expires) {
		return r.Alive
	}
	return r.Links.Expires
}

// relinkable finds the release of an order and asks the rules about it again.
func (p *Practice) relinkable(ctx context.Context, o *order.Order, data []byte) (r *release, sum string, warns []string, err error) {
	r, e, err := p.sentRelease(ctx, o.ID)
	if err == nil && r.Revoking {
		err = ErrRevoked
	}
	if err != nil {
		return nil, "", nil, err
	}
	if digest(data) != e.SHA256 {
		return nil, "", nil, ErrOtherOrder
	}
	if err := errors.Join(p.refreshRestrictions(), p.bookNow().readable(o.Recipient)); err != nil {
		return nil, "", nil, err
	}
	facts := p.Facts(o, order.AtRelink)
	facts.ApprovalSigned = true // judged when it was sent, and the order is the same to the byte
	said := inOrderWords(data, order.Evaluate(o, facts))
	stop := order.Stopping(said)
	moved, err := p.sealedForOther(r, facts.Recipient)
	if err != nil {
		return nil, "", nil, err
	}
	if stop = append(stop, moved...); len(stop) > 0 {
		return nil, "", nil, &Held{stop}
	}
	return r, e.SHA256, warnings(said), nil
}

// sealedForOther says why there is no new link to what was sealed for a recipient whose entry
// was changed since: the letter would go to the earlier address, and the bundle opens with
// the earlier keys, which may be in wrong hands. Where a passphrase opens it, a telephone
// number that changed says nothing.
func (p *Practice) sealedForOther(r *release, to order.Recipient) ([]order.Reason, error) {
	if to.IsZero() { // the rules speak of that
		return nil, nil
	}
	was, err := p.ledgerEntry(r.ID + "/sent")
	if err != nil {
		return nil, err
	}
	now := ledger.Party{Name: to.Name, Address: to.Address, Email: to.Email, Kind: string(to.Kind)}
	elsewhere := was.Recipient != nil && *was.Recipient != now
	rekeyed := (len(to.Keys) > 0 || !r.Words) && r.sealedFor(to) != nil
	if !elsewhere && !rekeyed {
		return nil, nil
	}
	return []order.Reason{{
		Rule: "A2", Outcome: order.Refuse, Citation: "practice policy",
		Message: "The recipient's entry in the recipient book was changed since the records were sent, and a new link would lead to what was made for the earlier address and key. No new link was made. If the recipient still needs the records, write a new order with a new number; if the earlier address or key is in wrong hands, withdraw them (chartseal revoke).",
	}}, nil
}

// moved stores the page with a new link under a name of its own, which nobody knows
// before it is recorded. Until then it counts as one to be deleted, the last of them.
func (p *Practice) moved(ctx context.Context, r *release, lifetime time.Duration, ends order.Date) (*links, error) {
	key, err := p.newPageKey()
	if err != nil {
		return nil, err
	}
	r.Retired = append(r.Retired, key)
	if err := p.state.save(r); err != nil {
		return nil, err
	}
	l, html, err := p.mint(ctx, r, key, lifetime, ends)
	if err != nil {
		return nil, err
	}
	return l, p.publish(ctx, r, key, html)
}

// dropRetired deletes the pages of links that a new one replaced.
func (p *Practice) dropRetired(ctx context.Context, r *release) error {
	for _, key := range r.Retired {
		err := p.store.Revoke(ctx, key)
		if _, locked := errors.AsType[*transport.RetainedError](err); err != nil && !locked {
			return err
		}
	}
	r.Retired = nil
	return p.state.save(r)
}

// writeLinkAgain puts a receipt and a letter with the new link in place of those with
// the old. The passphrase is forgotten, and its letter says nothing about the link.
func (p *Practice) writeLinkAgain(ctx context.Context, r *release, l *links, made *NewLink) error {
	was, err := p.ledgerEntry(r.ID + "/sent")
	if err != nil {
		return err
	}
	rc := notice.Receipt{SentAt: was.At.In(p.opts.Now().Location()), Records: []notice.Record{}}
	if b, err := p.box.ReadAnswer(watch.Sent, was.Order, r.ID, watch.Twin(watch.Sent)); err == nil {
		var old notice.Receipt
		if json.Unmarshal(b, &old) == nil && old.Release == r.ID { // what only it knows
			rc.SentAt, rc.Removed, rc.Denied, rc.Part, rc.Named = old.SentAt, old.Removed, old.Denied, old.Part, old.Named
			rc.Records = append(rc.Records, old.Records...)
		}
	}
	rc.Order, rc.Release, rc.Delivery, rc.LedgerSeq = was.Order, r.ID, string(order.ByLink), r.Seq
	rc.Bundle = notice.Bundle{Key: r.Object.Key, Bytes: r.Object.Bytes, SHA256: r.Ticket.SHA256}
	rc.Notices, rc.Contents, rc.Unlock = append([]string{}, was.Notices...), was.Information, "key"
	if to := was.Recipient; to != nil {
		rc.Recipient = notice.Recipient{Name: to.Name, Kind: to.Kind, Address: to.Address, Email: to.Email}
	}
	if r.Words {
		rc.Unlock = "passphrase"
	}
	rc.Link, rc.Page, rc.LinkExpires, rc.LinkNote, rc.RelinkedAt = l.Bundle, l.Page, l.Expires, l.note(), l.At
	rc.OldLinkWorks, rc.EarlierUntil = made.Lingers, made.Earlier.In(p.opts.Now().Location())
	files, err := p.linkFiles(r, rc)
	if err != nil {
		return err
	}
	err = p.box.Amend(ctx, watch.Sent, was.Order, r.ID, files)
	if errors.Is(err, fs.ErrNotExist) { // staff have put the answer away
		return p.box.Place(ctx, watch.Answer{Kind: watch.Sent, Order: was.Order, Token: r.ID, Files: files})
	}
	return err
}

// note says why a link ends earlier than asked; "" if it does not.
func (l *links) note() string {
	var why string
	switch l.Limit {
	case transport.NoLimit:
		if l.Ends.IsZero() {
			return ""
		}
		return fmt.Sprintf("The link ends earlier than the %s that were asked for, because the patient's permission (or the agreement) that the records go under ends on %s. When the recipient needs it longer, get a new one and write a new order.", notice.Span(l.Asked), l.Ends.Words())
	case transport.LimitedByKeys:
		why = "because the access keys that sign links are temporary and end then. With permanent keys links live up to seven days"
	case transport.LimitedBySignature:
		why = "because a link can live seven days at most"
	}
	return fmt.Sprintf("The link ends earlier than the %s that were asked for, %s. When the recipient needs it longer, make a new link then (chartseal link, with the order's file); the records stay as they are.", notice.Span(l.Asked), why)
}

// ErrNotSent says that there is no bundle of this order.
var ErrNotSent = errors.New("this order was not sent, so there is no link to it")

// ErrUnderWay says that an order is not sent yet, and may be in a moment.
var ErrUnderWay = errors.New("this order is being worked on: it is not sent yet, and may be at any moment. To stop it, delete its folder in the outbox's working folder. Then look whether it was sent all the same (chartseal status); if it was, withdraw it")

// ErrOnDrive says that there never was a link to an order.
var ErrOnDrive = errors.New("the records of this order went out on a drive: there is no link, and what was handed over cannot be called back")

// ErrOtherOrder says that a file is not the order that was sent.
var ErrOtherOrder = errors.New("this file is not the order that was sent under its number; take the one from the outbox's sent folder")

// ErrRevoked says that the bundle is gone.
var ErrRevoked = errors.New("the records of this order were withdrawn; a new order is needed")

// ErrExpired says that the bundle's time in the store is over (link.keep).
var ErrExpired = errors.New("the records of this order are no longer in the store; a new order is needed")

func (p *Practice) sentRelease(ctx context.Context, id string) (*release, registry.Entry, error) {
	e, err := p.orders.Find(ctx, order.Reference(id))
	switch {
	case errors.Is(err, registry.ErrAway):
		return nil, e, err
	case err == nil && e.State.UnderWay():
		return nil, e, ErrUnderWay
	case err != nil || e.State != sent:
		return nil, e, ErrNotSent
	case !p.orders.Mine(e):
		return nil, e, fmt.Errorf("this order was sent at the site %q: links to it are made and withdrawn there", e.Site)
	}
	r, err := p.state.load(e.ID())
	if errors.Is(err, fs.ErrNotExist) { // see thin
		err = ErrExpired
	}
	if err != nil {
		return nil, e, err
	}
	if r.Way == byFolder {
		return nil, e, ErrOnDrive
	}
	if r.Revoked {
		return nil, e, ErrRevoked
	}
	if r.Expired {
		return nil, e, ErrExpired
	}
	return r, e, nil
}
