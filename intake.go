package chartseal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"chartseal/ledger"
	"chartseal/order"
	"chartseal/registry"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// intake takes over a claimed order: it gets a release of its own, or at once
// the answer that it cannot have one.
func (p *Practice) intake(ctx context.Context, c *watch.Claim) error {
	if p.ledgerBroken.Load() {
		return errDistrusted // it is offered again
	}
	_, err := p.takeIn(ctx, c)
	return err
}

// takeIn returns the id of the release that works on the claim, or "" when the
// claim was answered at once.
func (p *Practice) takeIn(ctx context.Context, c *watch.Claim) (string, error) {
	if id := p.underWay(c); id != "" { // the claim may be answered and gone at any moment
		return id, p.engine.start(ctx, p, id)
	}
	data, err := c.Order()
	if err != nil {
		return "", err
	}
	sha := digest(data)
	o, err := p.ReadOrder(ctx, c.File, data)
	if bad, ok := errors.AsType[*order.ParseError](err); ok {
		e := ledger.Entry{Order: bad.ID, OrderSum: sha, Basis: string(bad.Basis)}
		if !bad.Received.IsZero() {
			e.Received = bad.Received.String()
		}
		return "", p.turnBack(ctx, c, e, "/", p.unreadable(c, bad))
	}
	if err != nil {
		return "", err
	}
	e, mine, err := p.orders.Admit(ctx, order.Reference(o.ID), sha, c.ID)
	if err == nil && !mine && p.neverBegan(e) {
		if err = p.orders.Settle(ctx, e.ID(), hold); err == nil {
			e, mine, err = p.orders.Admit(ctx, order.Reference(o.ID), sha, c.ID)
		}
	}
	if err != nil {
		return "", err
	}
	id := e.ID()
	p.step(id, "intake", "admitted")
	switch {
	case !mine && p.ending(e):
		return "", errEnding
	case mine && e.State == hold && p.withdrawn(id): // its notes were deleted, and the daemon stopped then
		p.box.Renounce(c.ID)
		return "", nil
	}
	if !mine || e.State != working { // a claim that was answered is no new order, wherever it comes from
		return "", p.turnBack(ctx, c, p.outline(o, "", sha), watch.Apart, []order.Reason{p.seenBefore(e, sha)})
	}
	if back, err := p.forgotten(ctx, c, o, id, sha); back || err != nil {
		return "", err
	}
	if err := p.reach(ctx, id, o); err != nil {
		return "", err
	}
	if _, err := p.state.load(id); errors.Is(err, fs.ErrNotExist) {
		if err := p.begin(c, o, id, data); err != nil {
			return "", err
		}
	}
	p.tell(Event{Order: o.ID, Release: id, Stage: "admit"})
	err = p.engine.start(ctx, p, id)
	p.step(id, "intake", "queued")
	return id, err
}

// errEnding puts a claim off until the next scan.
var errEnding = errors.New("the order's earlier release has not ended yet")

// ending reports a release of this daemon whose order was taken out of working/, and
// most likely is the one that was just dropped: to be told to wait for an answer
// that never comes would be wrong. It ends with its next stage.
func (p *Practice) ending(e registry.Entry) bool {
	if !p.orders.Mine(e) || e.State != working && e.State != recording {
		return false
	}
	_, err := p.box.Claim(e.Claim)
	return errors.Is(err, watch.ErrNoClaim)
}

// neverBegan reports an order whose claim somebody took away after it was admitted and
// before its release began, as of a full disk: nobody would ever end it.
func (p *Practice) neverBegan(e registry.Entry) bool {
	if e.State != working || !p.ending(e) {
		return false
	}
	_, err := p.state.load(e.ID())
	return errors.Is(err, fs.ErrNotExist)
}

// withdrawn reports a release that ended because its order or its notes were gone.
func (p *Practice) withdrawn(id string) bool {
	_, err := p.ledgerEntry(id + withdrawnKey)
	return err == nil
}

// underWay is the id of the release that already works on a claim of an earlier
// run: whether it still may is for its stages to find out.
func (p *Practice) underWay(c *watch.Claim) string {
	var b brief
	if err := c.Recall(briefNote, &b); err != nil {
		return ""
	}
	r, err := p.state.load(b.Entry.Reference)
	if err != nil || r.Claim != c.ID || r.Outcome != "" {
		return ""
	}
	return r.ID
}

// begin notes what a release needs. Once it has begun nothing writes to its claim
// but the release itself, which the engine may be finishing right now.
func (p *Practice) begin(c *watch.Claim, o *order.Order, id string, data []byte) error {
	sha := digest(data)
	signature, err := c.Signature()
	if err != nil {
		return err
	}
	line := p.draft(o, id, sha)
	p.approvedIn(&line, o, data, signature)
	r := &release{ID: id, Claim: c.ID, OrderSHA: sha, Way: wayOf(o), Denies: o.Denial != nil && o.Decision == order.Release}
	if err := r.note(c, briefNote, brief{ID: o.ID, Lifetime: p.lifetime(o), Ends: order.PermissionEnds(o, p.cfg.Rules.Off), Entry: line}); err != nil {
		return err
	}
	p.step(id, "intake", "noted")
	if err := p.state.save(r); err != nil {
		return err
	}
	p.step(id, "intake", "saved")
	return nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// turnBack answers an order that never becomes a release: unreadable, or taken
// in before (apart is watch.Apart then). An order whose id cannot be read is
// answered under its file name.
func (p *Practice) turnBack(ctx context.Context, c *watch.Claim, e ledger.Entry, apart string, reasons []order.Reason) error {
	ref := unnumbered
	if e.Order == "" {
		e.Order = c.File
	} else {
		ref = order.Reference(e.Order)
	}
	id, token := e.Order, ref+apart+c.ID
	e.Reference, e.Version = token, p.opts.Version
	reasons, err := settledReasons(c, reasons)
	if err != nil {
		return err
	}
	h := notice.Hold{Order: id, Release: token, HeldAt: p.opts.Now(), File: c.File, Reasons: notice.Reasons(reasons), Repeat: apart == watch.Apart}
	if err := p.recordHold(ctx, token, e, reasons); err != nil {
		return err
	}
	p.step(token, "intake", "recorded")
	if err := p.placeHold(ctx, c, h); err != nil {
		return err
	}
	p.step(token, "intake", "answered")
	p.log.Info("held", slog.String("release", token), slog.String("stage", "intake"), slog.Any("rules", (&Held{reasons}).rules()))
	p.tell(Event{Order: id, Release: token, Stage: "answer", Outcome: string(hold)})
	return nil
}

// turnedBackNote keeps why a claim is turned back. After a crash the reason may
// have become another one (what was being worked on is sent by now), and the
// ledger may hold the first already.
const turnedBackNote = "turned-back.json"

// settledReasons are the reasons of an earlier try, or these.
func settledReasons(c *watch.Claim, reasons []order.Reason) ([]order.Reason, error) {
	var before []order.Reason
	err := c.Recall(turnedBackNote, &before)
	if isLost(err) {
		return reasons, c.Note(turnedBackNote, reasons)
	}
	return before, err
}

func (p *Practice) placeHold(ctx context.Context, c *watch.Claim, h notice.Hold) error {
	text, err := h.Text(p.who())
	if err != nil {
		return err
	}
	twin, err := h.JSON()
	if err != nil {
		return err
	}
	return c.Answer(ctx, watch.Answer{
		Kind: watch.Held, Order: h.Order, Token: h.Release,
		Files: map[string][]byte{"WHY-HELD.txt": text, watch.Twin(watch.Held): twin},
	})
}

// unreadable says why a file is no order.
func (p *Practice) unreadable(c *watch.Claim, bad *order.ParseError) []order.Reason {
	if strings.HasSuffix(c.File, watch.SignatureSuffix) {
		return []order.Reason{{
			Rule: "R34", Outcome: order.Refuse,
			Message: "This is the signature of an order, and the order did not come with it. Nothing was sent. Drop the order and its signature together.",
		}}
	}
	return parseReasons(bad)
}

// parseReasons turns what is wrong with the file into reasons for staff, with
// the line of each.
func parseReasons(bad *order.ParseError) []order.Reason {
	rs := make([]order.Reason, 0, len(bad.Problems))
	for _, pr := range bad.Problems {
		msg := pr.Message
		if pr.Line > 0 {
			msg = fmt.Sprintf("Line %d: %s", pr.Line, msg)
		}
		rs = append(rs, order.Reason{Rule: "R34", Outcome: order.Refuse, Message: msg})
	}
	return rs
}

// seenBefore says why an order id cannot be used a second time (rule R34).
func (p *Practice) seenBefore(e registry.Entry, sha string) order.Reason {
	r := order.Reason{Rule: "R34", Outcome: order.Refuse}
	at, there := "", "" // which site, if it is not this one
	if !p.orders.Mine(e) {
		at = fmt.Sprintf(" at the site %q", e.Site)
		there = " there"
	}
	when, gone := p.sentOn(e)
	switch same := e.SHA256 == sha; {
	case e.State == denied && same:
		r.Message = "This request was already denied" + at + when + ". It was not denied again. If the reason no longer holds, write a new order with a new number."
	case e.State == delivered && same:
		r.Message = "This order was already recorded" + at + when + ". It was not recorded again. If more records are needed, write a new order with a new number."
	case e.State == denied || e.State == delivered:
		r.Message = "An order with this number was already answered" + at + when + ", and its content was different. Give this order a new number and drop it again."
	case e.State == sent && same && gone:
		r.Message = "This order was already sent" + at + when + ". It was not sent again, and its records are no longer in the store. If the recipient still needs them, write a new order with a new number."
	case e.State == sent && same:
		r.Message = "This order was already sent" + at + when + ". It was not sent again. If the recipient needs a new link, ask IT" + there + " for one; if more records are needed, write a new order with a new number."
	case e.State == sent:
		r.Message = "An order with this number was already sent" + at + when + ", and its content was different. Give this order a new number and drop it again."
	case e.State == hold: // a copy of what was answered
		r.Message = "This order was held before" + at + ", and this is a copy of it out of chartseal's working folder. Nothing was sent. Drop the order into the outbox itself."
	case same:
		r.Message = "This order is being worked on already" + at + ". There is nothing to do; wait for its answer" + there + "."
	default:
		r.Message = "An order with this number and different content is being worked on" + at + ". Wait for its answer" + there + ", or give this order a new number and drop it again."
	}
	return r
}

// sentOn tells when an order was sent, from this site's own state or from the
// registry, and whether its records have left the store, as far as is known here.
func (p *Practice) sentOn(e registry.Entry) (when string, gone bool) {
	at, err := time.Parse(time.RFC3339, e.Since)
	rel, lerr := p.state.load(e.ID())
	switch {
	case lerr == nil && rel.Links != nil:
		at, err, gone = rel.Links.At, nil, rel.Expired || rel.Revoked
	case errors.Is(lerr, fs.ErrNotExist):
		gone = p.orders.Mine(e) // see thin
	}
	if err == nil {
		when = " on " + at.In(p.opts.Now().Location()).Format("January 2, 2006, 15:04")
	}
	return when, gone
}

// resume takes up the claims that an earlier run left.
func (p *Practice) resume(ctx context.Context) error {
	claims, err := p.box.Claims()
	if err != nil {
		return err
	}
	for _, c := range claims {
		if err := p.box.Offer(ctx, p.intake, c); err != nil {
			p.log.Warn("offered again later", slog.String("stage", "intake"), slog.String("class", classOf(err)), slog.String("error", err.Error()))
		}
	}
	return p.takeUp(ctx)
}
