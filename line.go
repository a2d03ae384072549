package chartseal

import (
	"context"
	"fmt"

	"chartseal/ledger"
	"chartseal/order"
)

// What the ledger says of an order, whatever becomes of it.

// asked begins what an entry says of records that were not, or not yet, disclosed.
const asked = "asked for: "

// draft is the ledger line of an order, but for its event and what is known
// only later.
func (p *Practice) draft(o *order.Order, id, sha string) ledger.Entry {
	e := p.outline(o, id, sha)
	e.Authorization = p.formDigest(o)
	return e
}

// outline is a draft that touches no folder but the practice's own.
func (p *Practice) outline(o *order.Order, id, sha string) ledger.Entry {
	e := ledger.Entry{
		Order: o.ID, Reference: id, OrderSum: sha, Patient: o.Patient.ID, Purpose: o.Purpose, Basis: string(o.Basis),
		Requester: o.Requester.Name, Approver: o.Approved.By, Delivery: string(o.Delivery), Version: p.opts.Version,
		Information: asked + scopeWords(o.Records), Fee: o.Fee.Words(), RulesOff: rulesOff(p.cfg),
		Received: o.Received.String(), Signed: order.PermissionSigned(o).String(), PermissionEnds: order.PermissionLasts(o),
	}
	if to, ok := p.bookNow().resolve(o.Recipient); ok {
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
	to := pk.Recipient // whom it was sealed for
	e.Recipient = &ledger.Party{Name: to.Name, Address: to.Address, Email: to.Email, Kind: to.Kind}
	e.Bytes, e.ObjectKey, e.Notices, e.Statements = r.Object.Bytes, r.Object.Key, pk.Notices, pk.Statements
	if r.Links != nil {
		e.LinkExpires, e.PageKey = r.Links.Expires, r.PageKey
	}
	return e
}

// approvedIn adds the approver's signature of the order file, if it is good.
func (p *Practice) approvedIn(e *ledger.Entry, o *order.Order, data, signature []byte) {
	if good, _ := p.signed(o, data, signature); good {
		key, _ := approverKey(p.cfg, o.Approved.By)
		e.SignatureSum, e.SignatureKey = digest(signature), ledger.KeyName(key)
	}
}

// of is the line of what happens to a release after it was sent. It says of the release
// what the line of the sending says, so that each stands for itself.
func (p *Practice) of(was *ledger.Entry, event ledger.Event, key string) ledger.Entry {
	e := *was
	e.Key, e.Event, e.Version = key, event, p.opts.Version
	e.Decisions, e.Notices, e.Statements, e.RulesOff, e.Fee = nil, nil, nil, nil, ""
	e.PageKey = "" // of the first link, which may have ended long before
	return e
}

// recordDecisions writes a line for each hold that a person decided on, before that of the
// release which it let through.
func (p *Practice) recordDecisions(ctx context.Context, r *release, e ledger.Entry) error {
	for i, d := range e.Decisions {
		line := e
		line.Key, line.Event, line.Decisions = fmt.Sprintf("%s/override/%d", r.ID, i+1), ledger.Override, []ledger.Decision{d}
		if _, err := p.enter(ctx, line); err != nil {
			return err
		}
	}
	return nil
}
