package chartseal

import (
	"context"

	"chartseal/watch"
	"chartseal/watch/notice"
)

// answerDeleted gives a release its receipt and letters although somebody deleted
// its claim after it had been recorded: the records have left, and nobody could
// send the link or tell the passphrase. What the claim knew comes from the
// ledger; only the list of records is lost. It does nothing when the answer is
// in its place, where a crash kept the release from noticing.
func (p *Practice) answerDeleted(ctx context.Context, r *release) error {
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
	files, err := p.sentFiles(r, e.Order, &pk)
	if err != nil {
		return err
	}
	return p.box.Place(ctx, watch.Answer{Kind: watch.Sent, Order: e.Order, Token: r.ID, Files: files})
}
