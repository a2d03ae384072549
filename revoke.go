package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"chartseal/ledger"
	"chartseal/transport"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// Withdrawal is what revoking came to.
type Withdrawal struct {
	Kept string // what the store keeps all the same, and until when; "" if nothing

	// Whether somebody had fetched the bundle, as in [Standing].
	Download, DownloadNote string
	Fetched                time.Time
}

// Revoke deletes every version of an order's bundle and page and records it. Cut
// short, by a crash or a store that is away, it is finished by the daemon.
func (p *Practice) Revoke(ctx context.Context, id string) (Withdrawal, error) {
	if err := p.noteDownloads(ctx, false); err != nil { // revoking does not wait for that
		p.log.Warn("whether it was fetched cannot be found out now", slog.String("stage", "revoke"), slog.String("class", classOf(err)))
	}
	p.publishedMu.Lock()
	defer p.publishedMu.Unlock()
	r, _, err := p.sentRelease(ctx, id)
	if err != nil {
		return Withdrawal{}, err
	}
	r.Revoking = true
	if err := p.state.save(r); err != nil {
		return Withdrawal{}, err
	}
	p.step(r.ID, "revoke", "begun")
	err = p.finishRevoking(ctx, r)
	w := Withdrawal{Kept: r.Kept.words(p.opts.Now().Location()), Fetched: r.Fetched}
	seen := p.state.readDownloads()
	w.Download, w.DownloadNote = seen.of(r)
	return w, err
}

// finishRevoking may be repeated, to the same end.
func (p *Practice) finishRevoking(ctx context.Context, r *release) error {
	var why []string
	if r.Withdrawn != "" {
		why = []string{"the patient withdrew the permission on " + r.Withdrawn}
	}
	if err := p.takeDown(ctx, r, ledger.Revoked, why...); err != nil {
		return err
	}
	if err := p.tellWithdrawn(ctx, r, strings.Join(why, "; ")); err != nil && !errors.Is(err, fs.ErrNotExist) { // put away by staff
		p.log.Warn("the note that a link was withdrawn is not written", slog.String("release", r.ID), slog.String("stage", "revoke"), slog.String("class", classOf(err)))
	}
	r.Revoked = true
	p.log.Info("revoked", slog.String("release", r.ID))
	return p.state.save(r)
}

// tellWithdrawn puts a note beside the receipt and the letter, which stay as what was
// sent: their link leads nowhere now.
func (p *Practice) tellWithdrawn(ctx context.Context, r *release, why string) error {
	was, err := p.ledgerEntry(r.ID + "/sent")
	if err != nil {
		return err
	}
	now := p.opts.Now()
	note, err := notice.Withdrawn(p.who(), was.Order, now, why, r.Kept.words(now.Location()))
	if err != nil {
		return err
	}
	return p.box.Amend(ctx, watch.Sent, was.Order, r.ID, map[string][]byte{notice.WithdrawnFile: note})
}

// takeDown deletes a release's bundle and pages, and then says so in the ledger, with
// what the store keeps all the same. After a crash it is done again, to the same end.
func (p *Practice) takeDown(ctx context.Context, r *release, event ledger.Event, notices ...string) error {
	was, unread := p.ledgerEntry(r.ID + "/sent")
	if unread != nil && (event != ledger.Revoked || !errors.Is(unread, ledger.ErrBroken)) {
		return unread
	}
	if err := p.unpublish(ctx, r); err != nil { // a link that a person ends does not live on because of the ledger
		return err
	}
	if unread != nil {
		return recordedLater(unread)
	}
	if words := r.Kept.words(time.UTC); words != "" {
		notices = append(notices, words)
	}
	line := p.of(was, event, r.ID+"/"+string(event))
	line.Notices = notices
	if r.Links != nil { // the newest
		line.LinkExpires = r.Links.Expires
	}
	_, err := p.enter(ctx, line)
	switch {
	case errors.Is(err, ledger.ErrConflict): // one from before a crash stands
		return nil
	case errors.Is(err, ledger.ErrBroken):
		return recordedLater(err)
	}
	return err
}

// recordedLater says that a release is withdrawn, and that the ledger has to be put in order
// before it can say so; the daemon sees to that.
func recordedLater(err error) error {
	return fmt.Errorf("the bundle is deleted, and its links are dead; that is recorded later: %w", err)
}

// unpublish deletes the bundle and the pages of a release, if they are there. What the
// store has locked stays, hidden from every link; the release remembers that, and the
// daemon deletes it when the lock ends.
func (p *Practice) unpublish(ctx context.Context, r *release) error {
	var stays *kept
	for _, key := range append([]string{r.Ticket.Key, r.PageKey}, r.Retired...) {
		if key == "" || key == r.PageKey && !r.PageStays.IsZero() {
			continue
		}
		err := p.store.Revoke(ctx, key)
		if locked, ok := errors.AsType[*transport.RetainedError](err); ok {
			stays = stays.and(locked, p.opts.Now())
		} else if err != nil {
			return err
		}
	}
	r.Retired, r.Kept = nil, stays
	if stays != nil {
		p.log.Warn("the store keeps what was deleted: object lock", slog.String("release", r.ID), slog.String("stage", "revoke"))
	}
	return nil
}

// kept is what the store keeps of a release that was deleted.
type kept struct {
	Versions int       `json:"versions"`
	Until    time.Time `json:"until,omitzero"` // zero: until a legal hold is lifted
	Again    time.Time `json:"again"`          // when it is tried again
}

// holdPause is the time between two tries where no end is known.
const holdPause = 24 * time.Hour

func (k *kept) and(e *transport.RetainedError, now time.Time) *kept {
	sum := kept{Versions: e.Versions, Until: e.Until, Again: e.Until}
	if e.Until.IsZero() {
		sum.Again = now.Add(holdPause)
	}
	if k == nil {
		return &sum
	}
	sum.Versions += k.Versions
	if k.Until.IsZero() || e.Until.IsZero() {
		sum.Until = time.Time{}
	} else if k.Until.After(sum.Until) {
		sum.Until = k.Until
	}
	if k.Again.After(sum.Again) {
		sum.Again = k.Again
	}
	return &sum
}

// words say what stays and until when; "" if nothing does.
func (k *kept) words(zone *time.Location) string {
	if k == nil {
		return ""
	}
	until := "until a legal hold on it is lifted"
	if !k.Until.IsZero() {
		until = "until " + k.Until.In(zone).Format("January 2, 2006, 15:04 MST")
	}
	return fmt.Sprintf("No link leads to the records any more, but the store's object lock keeps the encrypted file (%d versions of it and its page) %s; then it is deleted", k.Versions, until)
}
