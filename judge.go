package chartseal

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"aead.dev/minisign"

	"chartseal/order"
	"chartseal/watch"
)

// admit judges the order by the rules, all at once.
func (p *Practice) admit(ctx context.Context, r *release) error {
	return p.judge(ctx, r, order.AtIntake)
}

// judge evaluates the rules at a stage; what stops the order comes back as Held.
// What the rules know of patients, recipients and approvers is read anew.
func (p *Practice) judge(ctx context.Context, r *release, at order.Stage) error {
	c, o, data, err := p.reread(ctx, r)
	if err != nil {
		return err
	}
	signature, err := c.Signature()
	if err != nil {
		return err
	}
	if err := errors.Join(p.refreshRestrictions(), p.bookNow().readable(o.Recipient)); err != nil {
		return err
	}
	if err := p.reach(ctx, r.ID, o); err != nil {
		return err
	}
	facts := p.Facts(o, at)
	if facts.LedgerBroken { // the order waits: it is not at fault, and a hold would need a line
		return errDistrusted
	}
	facts.ApprovalSigned, facts.SignatureFails = p.signed(o, data, signature)
	if facts.Similar, err = p.similar(ctx, r, o, facts.Recipient, at); err != nil {
		return err
	}
	facts.LostUntil = p.requests.lostUntil(p.opts.Now().Location())
	if at == order.AtIntake {
		if facts.Brake, err = p.braked(ctx, r, o, facts.Recipient); err != nil {
			return err
		}
	}
	if facts.Extended, facts.ExtendedTo, err = p.extendedTo(ctx, r.ID); err != nil {
		return err
	}
	said := inOrderWords(data, order.Evaluate(o, facts))
	reasons := append(order.Stopping(said), p.notOffered(o)...)
	if len(reasons) == 0 && at == order.AtUpload {
		if facts.Brake, err = p.pass(ctx, r, o, facts); err != nil {
			return err
		}
		said = inOrderWords(data, order.Evaluate(o, facts))
		reasons = order.Stopping(said)
	}
	if len(reasons) > 0 {
		return &Held{reasons}
	}
	if at == order.AtUpload {
		return errors.Join(r.sealedFor(facts.Recipient), p.noteWarnings(c, r, said))
	}
	if r.Way == byHand { // judged once only
		return p.noteWarnings(c, r, said)
	}
	return nil
}

// warningsNote keeps what the rules warn of until it is in ledger and receipt.
const warningsNote = "warnings.json"

func (p *Practice) noteWarnings(c *watch.Claim, r *release, said []order.Reason) error {
	all := warnings(said)
	if len(all) == 0 {
		return nil
	}
	if err := r.note(c, warningsNote, all); err != nil {
		return err
	}
	r.Warned = true // once saved, the note must be there
	return p.state.save(r)
}

// warnings are the messages of what only warns.
func warnings(said []order.Reason) (all []string) {
	for _, r := range said {
		if r.Outcome == order.Warn {
			all = append(all, r.Message)
		}
	}
	return all
}

// recallPacked is what packing noted, with the warnings of the rules.
func (p *Practice) recallPacked(c *watch.Claim, r *release) (packed, error) {
	var pk packed
	if err := p.remind(c, r, packedNote, &pk); err != nil {
		return pk, err
	}
	warnings, err := p.warningsOf(c, r)
	pk.Notices = append(pk.Notices, warnings...)
	return pk, err
}

// warningsOf are the warnings that were noted with a claim.
func (p *Practice) warningsOf(c *watch.Claim, r *release) (warnings []string, err error) {
	if !r.Warned && (r.Notes != nil || errors.Is(c.Recall(warningsNote, &warnings), fs.ErrNotExist)) {
		return nil, nil
	}
	return warnings, p.remind(c, r, warningsNote, &warnings)
}

// Facts are what the rules need to know beside the order.
func (p *Practice) Facts(o *order.Order, at order.Stage) order.Facts {
	c := p.cfg
	f := order.Facts{
		Today: order.DateOf(p.opts.Now()), Stage: at, Practice: c.Practice.Name, State: c.Practice.State,
		Contact: order.Contact{Name: c.Practice.Contact.Name, Phone: c.Practice.Contact.Phone},
		Kinds:   kinds(c.Kinds), Off: c.Rules.Off, Tighten: tightened(c),
		Approvers: sortedKeys(c.Approval.Approvers), RequireSignature: c.Approval.Require == "signature",
		Different: c.Approval.Different, LedgerBroken: p.ledgerBroken.Load(),
		Restrictions: p.restrictionsNow(), StorageOwn: c.Store.Kind == "local", Document: p.filed(o),
		IdentityDays: c.Rules.IdentityDays, Times: p.times(), WarnDays: c.Deadlines.Warn,
	}
	if on, err := order.ParseDate(c.Store.BAAOn); err == nil {
		f.BAAOn = on
	}
	if d := string(c.DICOM.Dates); d == "shift" || d == "keep" {
		f.DatesKept = d
	}
	book := p.bookNow()
	f.BookUnsigned = book.unsigned
	to, ok := book.resolve(o.Recipient)
	if ok {
		f.Recipient, f.Keys = to, book.parties.Same(to)
	} else {
		f.Meant = book.book.Nearest(o.Recipient.Key)
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
	book := p.bookNow()
	if err := book.readable(o.Recipient); err != nil {
		return order.Recipient{}, err
	}
	to, ok := book.resolve(o.Recipient)
	if !ok {
		return to, &Held{[]order.Reason{{
			Rule: "A2", Outcome: order.Refuse,
			Message: "The recipient is not in the recipient book any more, or the book is not signed. Nothing was sent. Ask who keeps the recipient book.",
		}}}
	}
	return to, nil
}

// signed reports whether the signature over the exact order file is by the
// approver the order names, and if there is one that is not, why.
func (p *Practice) signed(o *order.Order, data, signature []byte) (bool, order.Failure) {
	key, known := approverKey(p.cfg, o.Approved.By)
	if len(signature) == 0 || !known {
		return false, ""
	}
	if minisign.Verify(key, data, signature) {
		return true, ""
	}
	var made minisign.Signature
	if made.UnmarshalText(signature) == nil && made.KeyID != key.ID() {
		return false, order.AnotherSign
	}
	return false, order.Changed
}

// notOffered refuses a way of delivery that the practice has not set up.
func (p *Practice) notOffered(o *order.Order) []order.Reason {
	if wayOf(o) != byFolder || p.cfg.Export != "" {
		return nil
	}
	return []order.Reason{{
		Rule: "S1", Outcome: order.Refuse,
		Message: "The order asks for the records on a drive (delivery: folder), and this practice has no folder for that. Nothing was sent. Choose another delivery, or ask your IT contact to set 'export' in chartseal.yaml.",
	}}
}

// sortedKeys lists the keys of a map in their order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
