package chartseal

import (
	"context"

	"chartseal/registry"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// answerDeleted gives a release its receipt and letters although somebody deleted
// its claim after it had been recorded: the records have left, and nobody could
// send the link or tell the passphrase. What the claim knew comes from the
// ledger; only the list of records is lost. It does nothing when the answer is
// in its place, where a crash kept the release from noticing.
func (p *Practice) answerDeleted(ctx context.Context, r *release, end verdict) error {
	switch {
	case r.Outcome != "" || !end.Final() && end != extended:
		return nil // answered before a crash, or nothing has left
	case end != sent:
		return p.answerLost(ctx, r, end)
	case r.Way == byFolder:
		if err := p.handOut(ctx, r); err != nil {
			return err
		}
	case r.Links == nil || r.Links.Page == "":
		return nil
	}
	e, err := p.ledgerEntry(r.ID + "/sent")
	if err != nil {
		return err
	}
	pk := packed{Unlock: "key", Records: []notice.Record{}, Description: e.Information, Notices: append([]string{}, e.Notices...)}
	if r.Passphrase != "" {
		pk.Unlock = "passphrase"
	}
	if e.Recipient != nil {
		pk.Recipient = notice.Recipient{Name: e.Recipient.Name, Kind: e.Recipient.Kind, Address: e.Recipient.Address, Email: e.Recipient.Email}
	}
	pk.Notices = append(pk.Notices,
		"The order's file was deleted from the outbox's working folder while it was being sent. It was sent all the same; only the order's file and the list of records are missing here. The recipient's bundle lists them.")
	var part *notice.Denial
	if r.Denies {
		line, err := p.ledgerEntry(r.ID + "/denied")
		if err != nil {
			return err
		}
		part = &notice.Denial{Part: line.Information}
	}
	files, err := p.sentFiles(r, e.Order, &pk, part)
	if err != nil {
		return err
	}
	return p.box.Place(ctx, watch.Answer{Kind: watch.Sent, Order: e.Order, Token: r.ID, Files: files})
}

// answerLost answers a denial, an extension or a record of staff's own delivery
// whose order was deleted after it had been recorded: what its letter would say is
// gone with it.
func (p *Practice) answerLost(ctx context.Context, r *release, end verdict) error {
	key := map[verdict]string{denied: r.ID + "/denied", delivered: r.ID + "/delivered"}[end]
	if end == extended {
		ref, _ := registry.SplitID(r.ID)
		key = ref + "/extended"
	}
	e, err := p.ledgerEntry(key)
	if err != nil {
		return err
	}
	kind := kindOf(end)
	lost := notice.Lost{Order: e.Order, Release: r.ID, At: r.At, Outcome: string(end), LedgerSeq: e.Seq}
	text, err := lost.Text(p.who())
	if err != nil {
		return err
	}
	twin, err := lost.JSON()
	if err != nil {
		return err
	}
	return p.box.Place(ctx, watch.Answer{
		Kind: kind, Order: e.Order, Token: r.ID,
		Files: map[string][]byte{TextOf(kind): text, watch.Twin(kind): twin},
	})
}
