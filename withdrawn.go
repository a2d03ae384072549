package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
)

// LiveLink is a link that still leads to records, or an encrypted file that nobody has
// taken yet, although the patient withdrew the authorization, directive or consent it was
// made under. It is patient data.
type LiveLink struct {
	Order     string    `json:"order"`
	Release   string    `json:"release"`
	Withdrawn string    `json:"withdrawn"` // YYYY-MM-DD
	Expires   time.Time `json:"link_expires,omitzero"`
	Folder    bool      `json:"in_export_folder,omitempty"` // no link: its files still lie there, for a drive
}

// permissionRule is the rule about the permission that a release was made under; ""
// if it needed none.
func permissionRule(e *ledger.Entry) string {
	switch {
	case e.Basis == string(order.Authorized):
		return "R9"
	case e.Basis == string(order.ByDirective):
		return "R21"
	case len(e.Statements) > 0: // the consent that went with substance use disorder records
		return "R19"
	}
	return ""
}

// withdrawnLinks finds the links that must not live on (45 CFR 164.508(b)(5)): of
// this site, still alive, and withdrawn on the day of the signature or later: a
// withdrawal can reach the list after the records went. Of a rule that is switched off
// it says nothing.
func withdrawnLinks(ctx context.Context, cfg *config.Config, now time.Time) (out []LiveLink, err error) {
	limits, err := loadRestrictions(cfg.Restrictions)
	if err != nil || len(limits) == 0 {
		return nil, err
	}
	book, err := loadBook(cfg)
	if err != nil {
		return nil, err
	}
	s := &state{dir: cfg.State}
	for e, err := range ledger.Entries(ctx, s.path("ledger")) {
		if err != nil {
			return nil, err
		}
		rule := permissionRule(&e)
		if e.Event != ledger.Sent || rule == "" || slices.Contains(cfg.Rules.Off, rule) || e.Recipient == nil {
			continue
		}
		w := withdrawnFor(limits, book.book, e)
		if w == nil {
			continue
		}
		l := LiveLink{Order: e.Order, Release: e.Reference, Withdrawn: w.On.String()}
		switch r, err := s.load(e.Reference); {
		case err != nil || r.Revoked || r.Expired: // nothing is left of it
		case r.Way == byFolder && inExport(cfg, r):
			l.Folder = true
			out = append(out, l)
		case r.Links != nil && r.aliveUntil().After(now):
			l.Expires = r.aliveUntil()
			out = append(out, l)
		}
	}
	return out, nil
}

// inExport reports whether the files of a release still lie in the export folder.
func inExport(cfg *config.Config, r *release) bool {
	return cfg.Export != "" && slices.ContainsFunc(exportNames(r), func(name string) bool {
		_, err := os.Lstat(filepath.Join(cfg.Export, name))
		return err == nil
	})
}

// withdrawnFor compares a release with the withdrawals by the recipient's name and
// by every key that the book has for that name.
func withdrawnFor(limits order.Restrictions, book order.Book, e ledger.Entry) *order.Withdrawal {
	signed, err := order.ParseDate(e.Signed)
	if err != nil { // in lines of earlier versions
		signed = order.DateOf(e.At.Local())
	}
	to := order.Recipient{Name: e.Recipient.Name, Kind: order.Party(e.Recipient.Kind)}
	if w := limits.Withdrawn(e.Patient, to, signed); w != nil {
		return w
	}
	for key, r := range book {
		if to.Key = key; r.Name == to.Name {
			if w := limits.Withdrawn(e.Patient, to, signed); w != nil {
				return w
			}
		}
	}
	return nil
}

// withdrawnPause is the time between two looks at whether the list of what patients
// asked for has changed.
const withdrawnPause = time.Minute

// withdrawals remembers which list of what patients asked for was looked through.
type withdrawals struct{ seen stamp }

// endWithdrawn revokes the links whose permission the patient has withdrawn (rule
// R9): a link cannot be called back, so the records behind it are deleted. Unless
// asked to look in any case, it looks only when the list has changed.
func (p *Practice) endWithdrawn(ctx context.Context, w *withdrawals, anyCase bool) error {
	if p.cfg.Restrictions == "" {
		return nil
	}
	now, err := stampOf(p.cfg.Restrictions)
	if err != nil || !anyCase && now == w.seen {
		return scrub(err)
	}
	links, err := withdrawnLinks(ctx, p.cfg, p.opts.Now())
	if _, ok := errors.AsType[*order.BookError](err); ok {
		return nil // every order is held for it, and says so
	}
	if err != nil {
		return scrub(err)
	}
	var errs []error
	links = slices.DeleteFunc(links, func(l LiveLink) bool {
		if l.Folder { // whoever holds the drive must know
			return false
		}
		done, err := p.endLink(ctx, l)
		errs = append(errs, err)
		return done
	})
	p.due.keepToEnd(links)
	if len(links) == 0 { // else at the next look again
		w.seen = now
	}
	return errors.Join(errs...)
}

// endLink reports whether a link is revoked; one that is being answered is for the
// next look.
func (p *Practice) endLink(ctx context.Context, l LiveLink) (bool, error) {
	p.publishedMu.Lock() // a person may ask for a new link at this very moment
	defer p.publishedMu.Unlock()
	r, err := p.state.load(l.Release)
	if err != nil || r.Outcome != sent {
		return false, err
	}
	if r.Revoked || r.Expired {
		return true, nil
	}
	if !r.Revoking { // else a person began it, and the ledger may say so already
		r.Revoking, r.Withdrawn = true, l.Withdrawn
	}
	if err := p.state.save(r); err != nil {
		return false, err
	}
	if err := p.finishRevoking(ctx, r); err != nil {
		return false, fmt.Errorf("revoke link: %w", err)
	}
	p.log.Warn("the patient withdrew the permission: the link is revoked", slog.String("alert", "withdrawn"), slog.String("release", r.ID), slog.String("stage", "tidy"))
	return true, nil
}
