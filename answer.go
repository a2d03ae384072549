package chartseal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"chartseal/ledger"
	"chartseal/order"
	"chartseal/registry"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// Notes kept with a claim until it is answered; they may name the patient.
const (
	briefNote   = "order.json"
	reasonsNote = "reasons.json"
	packedNote  = "packed.json"
)

// brief is what the last stages need of the order. It is taken once, at
// intake: from then on the order's file is only compared with its digest.
type brief struct {
	ID       string        `json:"id"`
	Lifetime time.Duration `json:"lifetime"`
	Ends     order.Date    `json:"ends,omitzero"` // last day of the permission that the release stands on
	Entry    ledger.Entry  `json:"entry"`         // the ledger line but for its event and what is known later
}

// packed is what the answer and the ledger say about the bundle.
type packed struct {
	Recipient   notice.Recipient `json:"recipient"`
	Unlock      string           `json:"unlock"`
	Records     []notice.Record  `json:"records"`
	Removed     int              `json:"removed"`
	Notices     []string         `json:"notices"`
	Description string           `json:"description"`
	Statements  []string         `json:"statements,omitempty"` // titles
}

// recall opens a release's claim and its brief.
func (p *Practice) recall(r *release) (*watch.Claim, brief, error) {
	var b brief
	c, err := p.box.Claim(r.Claim)
	if err != nil {
		return nil, b, err
	}
	return c, b, p.remind(c, r, briefNote, &b)
}

// remind reads a note of the release. Where somebody deleted, damaged or changed it, the order
// is taken for gone: the release ends without having sent anything, and what is left
// of the claim is taken in anew.
func (p *Practice) remind(c *watch.Claim, r *release, name string, v any) error {
	err := c.RecallSum(name, r.Notes[name], v)
	if !isLost(err) {
		return err
	}
	if c, err = p.box.Claim(c.ID); err != nil { // renamed, or away
		return err
	}
	if err = c.RecallSum(name, r.Notes[name], v); isLost(err) {
		return watch.ErrNoClaim
	}
	return err
}

// note keeps a note with a claim; the release remembers what it says once it is saved.
func (r *release) note(c *watch.Claim, name string, v any) error {
	sum, err := c.NoteSum(name, v)
	if err != nil {
		return err
	}
	if r.Notes == nil {
		r.Notes = map[string]string{}
	}
	r.Notes[name] = sum
	return nil
}

// keepNote keeps a note, and saves the release.
func (p *Practice) keepNote(c *watch.Claim, r *release, name string, v any) error {
	if err := r.note(c, name, v); err != nil {
		return err
	}
	return p.state.save(r)
}

// isLost reports a note that waiting does not bring back.
func isLost(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, watch.ErrDamaged)
}

// keepReasons remembers why the order stops until it is recorded and answered.
func (p *Practice) keepReasons(r *release, h *Held) error {
	c, err := p.box.Claim(r.Claim)
	if err != nil {
		return err
	}
	for i := range h.Reasons {
		h.Reasons[i].Citation = cmp.Or(h.Reasons[i].Citation, order.Citation(h.Reasons[i].Rule))
	}
	return p.keepNote(c, r, reasonsNote, h.Reasons)
}

// answer gives the outbox its answer, forgets the secrets and settles the
// order. After a crash it finishes what is left.
func (p *Practice) answer(ctx context.Context, r *release, end verdict) error {
	if r.Outcome != "" { // a crash came between the end and the table of orders
		return p.wrapUpAgain(ctx, r.ID)
	}
	if end == gone {
		p.tell(Event{Release: r.ID, Stage: "answer", Outcome: string(hold)})
		return p.answerWithout(ctx, r, hold) // it may be dropped again
	}
	c, b, err := p.recall(r)
	if err == nil {
		err = p.answerWith(ctx, c, b, r, end)
	}
	if errors.Is(err, watch.ErrNoClaim) { // answered before a crash, deleted since it was recorded, or gone with its new site
		return p.answerWithout(ctx, r, end)
	}
	if err != nil {
		return err
	}
	p.step(r.ID, "answer", "placed")
	passphrase := r.Passphrase
	if err := p.wrapUp(ctx, r, end); err != nil {
		return err
	}
	now := p.opts.Now()
	p.pulse.answered.Store(&now)
	p.tell(Event{Order: b.ID, Release: r.ID, Stage: "answer", Outcome: string(end), Passphrase: passphrase})
	return nil
}

// answerWith answers into the claim's place.
func (p *Practice) answerWith(ctx context.Context, c *watch.Claim, b brief, r *release, end verdict) error {
	switch end {
	case hold:
		return p.answerHeld(ctx, c, b, r)
	case taken:
		return p.answerTaken(ctx, c, b, r)
	case sent:
		return p.answerSent(ctx, c, b, r)
	default:
		return p.answerOutcome(ctx, c, b, r, end)
	}
}

// answerWithout ends a release whose claim is gone, in whole or in part; what is
// left of it is taken in anew.
func (p *Practice) answerWithout(ctx context.Context, r *release, end verdict) error {
	if err := p.answerDeleted(ctx, r, end); err != nil {
		return err
	}
	if err := p.wrapUp(ctx, r, end); err != nil {
		return err
	}
	p.box.Renounce(r.Claim)
	return nil
}

// answerTaken tells staff at the site that was away where their order went.
func (p *Practice) answerTaken(ctx context.Context, c *watch.Claim, b brief, r *release) error {
	return p.placeHold(ctx, c, notice.Hold{
		Order: b.ID, Release: r.ID, HeldAt: p.opts.Now(), File: c.File,
		Reasons: notice.Reasons([]order.Reason{{
			Rule: "R34", Outcome: order.Refuse,
			Message: "While this computer was away, its orders were handed to another one of the practice. Nothing was sent from here. Ask there for the answer to this order; if there is none, drop the order again.",
		}}),
	})
}

func (p *Practice) answerHeld(ctx context.Context, c *watch.Claim, b brief, r *release) error {
	var reasons []order.Reason
	if err := p.remind(c, r, reasonsNote, &reasons); err != nil {
		return err
	}
	return p.placeHold(ctx, c, notice.Hold{
		Order: b.ID, Release: r.ID, HeldAt: p.opts.Now(), File: c.File, Reasons: notice.Reasons(reasons),
	})
}

func (p *Practice) answerSent(ctx context.Context, c *watch.Claim, b brief, r *release) error {
	var pk packed
	if err := p.remind(c, r, packedNote, &pk); err != nil {
		return err
	}
	line, err := p.ledgerEntry(r.ID + "/sent")
	if err != nil {
		return err
	}
	pk.Notices = append([]string{}, line.Notices...) // those of the rules among them
	if r.Way == byFolder {
		if err := p.handOut(ctx, r); err != nil {
			return err
		}
	}
	var out outcome
	if r.Denies {
		if err := p.remind(c, r, outcomeNote, &out); err != nil {
			return err
		}
	}
	files, err := p.sentFiles(r, b.ID, &pk, out.Denial)
	if err != nil {
		return err
	}
	if r.Denies {
		letters, err := p.outcomeFiles(r, c.File, b.ID, &out)
		if err != nil {
			return err
		}
		maps.Copy(files, letters)
	}
	return c.Answer(ctx, watch.Answer{Kind: watch.Sent, Order: b.ID, Token: r.ID, Files: files})
}

// sentFiles are the receipt, its twin and the letters.
func (p *Practice) sentFiles(r *release, id string, pk *packed, denied *notice.Denial) (map[string][]byte, error) {
	rc := notice.Receipt{
		Order: id, Release: r.ID, Delivery: string(order.ByLink), Recipient: pk.Recipient, Unlock: pk.Unlock, Records: pk.Records,
		Bundle:  notice.Bundle{Key: r.Object.Key, Bytes: r.Object.Bytes, SHA256: r.Ticket.SHA256},
		Removed: pk.Removed, Notices: pk.Notices, LedgerSeq: r.Seq, Contents: pk.Description,
	}
	rc.Except(denied)
	if l := r.Links; l != nil {
		if !l.Expires.After(p.opts.Now()) { // the computer was off between the ledger and this
			rc.Notices = append(slices.Clone(rc.Notices), linkOver)
		}
		rc.SentAt, rc.Link, rc.Page, rc.LinkExpires, rc.LinkNote = l.At, l.Bundle, l.Page, l.Expires, l.note()
	} else {
		rc.SentAt, rc.Delivery, rc.Folder, rc.Files = r.At, string(order.ByFolder), p.cfg.Export, exportNames(r)
	}
	return p.linkFiles(r, rc)
}

// linkOver is said of a link that had ended before anybody saw it.
const linkOver = "The link ended before this answer could be written. Do not send the letter: ask IT for a new link (chartseal link, with the order's file), which writes a new letter."

// linkFiles are those of a receipt that is filled in.
func (p *Practice) linkFiles(r *release, rc notice.Receipt) (map[string][]byte, error) {
	if !notice.Printable(rc.Recipient.Name) || !notice.Printable(rc.Recipient.Address) {
		rc.Notices = append(slices.Clone(rc.Notices), "The letters cannot print the recipient's name or address in its own letters: write it onto the line that they leave for it.")
	}
	text, err := rc.Text(p.who())
	if err != nil {
		return nil, err
	}
	twin, err := rc.JSON()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{receiptName: text, watch.Twin(watch.Sent): twin}
	return files, p.addLetters(files, r, rc)
}

func (p *Practice) addLetters(files map[string][]byte, r *release, rc notice.Receipt) error {
	ref, _ := registry.SplitID(r.ID)
	d := notice.LetterData{
		Practice: p.who(), Recipient: rc.Recipient, Reference: ref, Link: rc.Page, Expires: rc.LinkExpires,
		SignerKey: p.state.pub.String(), Passphrase: r.Passphrase, Contents: strings.Split(rc.Contents, ", "), Sent: rc.SentAt,
		Words: rc.Unlock == "passphrase",
	}
	if !rc.RelinkedAt.IsZero() {
		d.Sent, d.Again = rc.RelinkedAt, true
	}
	name, make := "LINK-LETTER.pdf", notice.LinkLetter
	if r.Way == byFolder {
		name, make = "DRIVE-LETTER.pdf", notice.DriveLetter
		d.File, d.PageFile = rc.Files[0], rc.Files[1]
	}
	b, err := make(d)
	if err != nil {
		return fmt.Errorf("write letter: %w", err)
	}
	files[name] = b
	if r.Passphrase == "" {
		return nil
	}
	if b, err = notice.PassphraseLetter(d); err != nil {
		return fmt.Errorf("write passphrase letter: %w", err)
	}
	files["PASSPHRASE-LETTER.pdf"] = b
	return nil
}

// wrapUp forgets what is only needed until the answer is out.
func (p *Practice) wrapUp(ctx context.Context, r *release, end verdict) error {
	if end != sent {
		if err := p.takeBack(r); err != nil {
			return err
		}
	}
	if r.Sealed != "" {
		if err := os.Remove(p.state.path("sealed", r.Sealed)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove sealed file: %w", scrub(err))
		}
	}
	p.step(r.ID, "answer", "sealed file removed")
	r.Passphrase, r.Sealed, r.Outcome, r.Waiting, r.Stage, r.Since = "", "", end, "", "", ""
	if r.Links != nil {
		r.Links.Page, r.Links.Bundle = "", ""
	}
	if err := p.state.save(r); err != nil {
		return err
	}
	p.step(r.ID, "answer", "secrets forgotten")
	if err := p.orders.Settle(ctx, r.ID, end); err != nil {
		return err
	}
	p.step(r.ID, "answer", "settled")
	p.log.Info("answered", slog.String("release", r.ID), slog.String("outcome", string(end)))
	return nil
}

// wrapUpAgain ends a release whose state says that it has ended. It may have a new
// link by now.
func (p *Practice) wrapUpAgain(ctx context.Context, id string) error {
	p.publishedMu.Lock()
	defer p.publishedMu.Unlock()
	r, err := p.state.load(id)
	if err != nil {
		return err
	}
	return p.wrapUp(ctx, r, r.Outcome)
}

// reopen reads the order of a release again and makes sure that it is still
// the one that was taken in.
func (p *Practice) reopen(ctx context.Context, r *release) (*watch.Claim, *order.Order, error) {
	c, o, _, err := p.reread(ctx, r)
	return c, o, err
}

// reread is reopen with the bytes that were read. Whoever looks at the file once more may
// see another one: anybody can put one there.
func (p *Practice) reread(ctx context.Context, r *release) (*watch.Claim, *order.Order, []byte, error) {
	c, err := p.box.Claim(r.Claim)
	if err != nil {
		return nil, nil, nil, err
	}
	data, err := c.Order()
	if err != nil {
		return nil, nil, nil, err
	}
	if digest(data) != r.OrderSHA {
		return c, nil, nil, &Held{Reasons: []order.Reason{{
			Rule: "R34", Outcome: order.Refuse,
			Message: "The order was changed while it was being worked on. Nothing was sent. Drop the right version again.",
		}}}
	}
	o, err := p.ReadOrder(ctx, c.File, data)
	if bad, ok := errors.AsType[*order.ParseError](err); ok {
		return c, nil, nil, &Held{parseReasons(bad)} // by the stricter rules of a newer program
	}
	if err != nil {
		return c, nil, nil, err
	}
	return c, o, data, nil
}
