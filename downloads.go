package chartseal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"chartseal/durable"
	"chartseal/ledger"
	"chartseal/transport"
)

// Where downloads are seen. The embedded store notes itself what goes out; another
// one tells by its access log, if it keeps one that the credentials may read.
const (
	seenByStore = "store"
	seenByLog   = "access log"
	seenDenied  = "denied" // there is a log, or may be one
	seenByNone  = "none"
)

// downloadsFile is the file under state about downloads in general; what is known of
// one release stands with the release.
const downloadsFile = "downloads.json"

// downloads is what that file says.
type downloads struct {
	Seen  string             `json:"seen"`         // by what
	Since time.Time          `json:"since"`        // from when on, by this
	Asked time.Time          `json:"asked"`        // when that was found out last
	Place transport.LogPlace `json:"log,omitzero"` // how far the log is read
}

// logLate is how long after the end of a link its downloads may still appear in the
// access log of a store, which is written later (Amazon S3 User Guide, "Best-effort
// server log delivery").
const logLate = 3 * 24 * time.Hour

// maxReadings bounds how often a look at the access log goes on with what is left.
const maxReadings = 10

// readDownloads reads what is known of downloads; nothing where nobody looked yet.
func (s *state) readDownloads() (d downloads) {
	b, err := os.ReadFile(s.path(downloadsFile))
	if err != nil || json.Unmarshal(b, &d) != nil {
		return downloads{} // looked for anew, from the first release on
	}
	return d
}

func (s *state) saveDownloads(d *downloads) error {
	b, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode downloads: %w", err)
	}
	return durable.Write(s.path(downloadsFile), b, 0o600)
}

// noteDownloads enters into the ledger which bundles somebody has fetched for the
// first time. The embedded store is asked at every look, an access log only when
// everything is looked at.
func (p *Practice) noteDownloads(ctx context.Context, everything bool) error {
	if p.local == nil && !everything {
		return nil
	}
	if p.local != nil {
		return p.noteLocalDownloads(ctx, everything)
	}
	d := p.state.readDownloads()
	return p.noteLoggedDownloads(ctx, &d)
}

// seenBy remembers by what downloads are seen, and from when on.
func (p *Practice) seenBy(d *downloads, what string) error {
	now := p.opts.Now().UTC()
	if d.Seen == what && what == seenByStore { // every time it is opened
		return nil
	}
	if d.Seen != what {
		d.Seen, d.Since = what, now
	}
	d.Asked = now
	return p.state.saveDownloads(d)
}

// noteLocalDownloads asks the embedded store.
func (p *Practice) noteLocalDownloads(ctx context.Context, everything bool) error {
	seen, err := p.local.Downloads()
	if err != nil || len(seen) == 0 {
		return err
	}
	whole := false
	for _, f := range seen {
		whole = whole || !f.At.IsZero()
	}
	if !whole && !everything {
		return nil
	}
	asked, err := p.unfetched(time.Time{})
	if err != nil {
		return err
	}
	var errs []error
	for key, f := range seen {
		id, ok := asked[key]
		if ok && !f.At.IsZero() {
			err := p.fetched(ctx, id, f)
			errs = append(errs, err)
			ok = err != nil
		}
		if !ok { // recorded, or nobody's: of a check of the store
			errs = append(errs, p.local.ForgetDownload(key))
		}
	}
	return errors.Join(errs...)
}

// noteLoggedDownloads asks the access log of a store.
func (p *Practice) noteLoggedDownloads(ctx context.Context, d *downloads) error {
	asked, err := p.unfetched(p.opts.Now().Add(-logLate))
	if err != nil {
		return err
	}
	for range maxReadings {
		wanted := map[string]transport.Wanted{}
		for key, id := range asked {
			r, err := p.state.load(id)
			if err != nil {
				return err
			}
			wanted[key] = transport.Wanted{Bytes: r.Object.Bytes, Since: r.madeAt()}
		}
		found, more, err := p.store.Downloads(ctx, wanted, &d.Place)
		switch {
		case errors.Is(err, transport.ErrNoAccessLog):
			return p.seenBy(d, seenByNone)
		case errors.Is(err, transport.ErrDenied):
			return p.seenBy(d, seenDenied)
		}
		errs := []error{err}
		for key, f := range found {
			errs = append(errs, p.fetched(ctx, asked[key], f))
			delete(asked, key)
		}
		if err := errors.Join(errs...); err != nil {
			return err // the log is read again from where it was
		}
		if err := p.seenBy(d, seenByLog); err != nil || !more {
			return err
		}
	}
	return nil
}

// madeAt is when the bundle of a release was there, or its first link.
func (r *release) madeAt() time.Time {
	if r.Stored.IsZero() {
		return r.Links.At
	}
	return r.Stored
}

// unfetched are the releases that went out by link and were not seen fetched, by the
// keys of their bundles: those under the given time ended too long ago to ask.
func (p *Practice) unfetched(ended time.Time) (map[string]string, error) {
	ids, err := p.state.releaseIDs()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, id := range ids {
		r, err := p.state.load(id)
		if err != nil {
			return nil, err
		}
		if r.wentByLink() && r.Fetched.IsZero() && r.aliveUntil().After(ended) {
			out[r.Object.Key] = id
		}
	}
	return out, nil
}

// wentByLink reports a release whose link was shown.
func (r *release) wentByLink() bool {
	return r.Outcome == sent && r.Way == byLink && r.Links != nil && r.Object.Key != ""
}

// fetched records the first download of a release, once. After a crash it is done
// again, to the same end.
func (p *Practice) fetched(ctx context.Context, id string, f transport.Fetch) error {
	p.publishedMu.Lock()
	defer p.publishedMu.Unlock()
	r, err := p.state.load(id)
	if err != nil || !r.Fetched.IsZero() {
		return err
	}
	was, err := p.ledgerEntry(r.ID + "/sent")
	if errors.Is(err, ledger.ErrNoEntry) { // a person went on with an older copy of the ledger: status knows it at least
		r.Fetched = f.At
		return p.state.save(r)
	}
	if err != nil {
		return err
	}
	line := ledger.Entry{
		Key: r.ID + "/fetched", Event: ledger.Fetched, Order: was.Order, Reference: r.ID, OrderSum: was.OrderSum,
		Patient: was.Patient, ObjectKey: r.Object.Key, BundleSum: r.Ticket.SHA256, Bytes: r.Object.Bytes,
		FetchedAt: f.At, Version: p.opts.Version,
	}
	if f.Pieces {
		line.Notices = []string{"in several requests that add up to the whole"}
	}
	_, err = p.enter(ctx, line)
	if errors.Is(err, ledger.ErrConflict) { // recorded before the state folder was restored
		var old *ledger.Entry
		if old, err = p.ledgerEntry(line.Key); err == nil {
			f.At = old.FetchedAt
		}
	}
	if err != nil {
		return err
	}
	p.step(r.ID, "fetched", "recorded")
	r.Fetched = f.At
	p.log.Info("the bundle was fetched", slog.String("release", r.ID), slog.String("stage", "tidy"))
	return p.state.save(r)
}

// The words of Standing.Download.
const (
	DownloadFetched = "fetched"
	DownloadUnseen  = "not_seen" // nobody was seen to fetch the whole bundle
	DownloadUnknown = "unknown"  // it could not be seen
)

// of says whether somebody has the bundle of a release, and why that is not
// known.
func (d *downloads) of(r *release) (word, note string) {
	const day = "2006-01-02 15:04"
	switch {
	case !r.wentByLink():
		return "", ""
	case !r.Fetched.IsZero():
		return DownloadFetched, ""
	case d.Seen == seenByNone:
		return DownloadUnknown, "the store keeps no access log"
	case d.Seen == seenDenied:
		return DownloadUnknown, "the credentials may not read the store's access log"
	case d.Seen == "":
		return DownloadUnknown, "the daemon has not looked yet"
	case r.madeAt().Before(d.Since):
		return DownloadUnknown, "downloads are seen only since " + d.Since.Local().Format(day)
	case d.Seen == seenByLog:
		return DownloadUnseen, "not in the store's access log as of " + d.Asked.Local().Format(day) + "; it comes hours late and may have gaps"
	}
	return DownloadUnseen, ""
}
