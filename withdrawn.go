package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
)

// LiveLink is a link that still leads to records, or an encrypted file that nobody has
// taken yet, although the patient withdrew the authorization, directive or consent it was
// made under, or asked that its recipient not get records. It is patient data.
type LiveLink struct {
	Order     string    `json:"order"`
	Release   string    `json:"release"`
	Withdrawn string    `json:"withdrawn"` // YYYY-MM-DD; "": see Excluded
	Excluded  bool      `json:"excluded,omitempty"`
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
// it says nothing. It also finds those to whom the patient has asked since that no records
// go (164.522(a)): whether these must end is for a person to say, since the practice need
// not agree to every such request, and it binds for what comes after.
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
		if e.Event != ledger.Sent || e.Recipient == nil || !limits.Know(e.Patient) {
			continue
		}
		l := LiveLink{Order: e.Order, Release: e.Reference}
		rule, to := permissionRule(&e), receivers(book.book, &e)
		if rule != "" && !slices.Contains(cfg.Rules.Off, rule) {
			l.Withdrawn = withdrawnOn(limits, to, &e)
		}
		if l.Withdrawn == "" {
			if l.Excluded = !slices.Contains(cfg.Rules.Off, ruleRestricted) && excluded(limits, to, &e); !l.Excluded {
				continue
			}
		}
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

// receivers are who got a release, as restrictions may name them: by name, and by every key
// that the book has for that name.
func receivers(book order.Book, e *ledger.Entry) []order.Recipient {
	to := order.Recipient{Name: e.Recipient.Name, Kind: order.Party(e.Recipient.Kind)}
	all := []order.Recipient{to}
	for key, r := range book {
		if to.Key = key; r.Name == to.Name {
			all = append(all, to)
		}
	}
	return all
}

// withdrawnOn is the day on which the patient withdrew what a release was made under; "" if
// that holds.
func withdrawnOn(limits order.Restrictions, to []order.Recipient, e *ledger.Entry) string {
	signed, err := order.ParseDate(e.Signed)
	if err != nil { // in lines of earlier versions
		signed = order.DateOf(e.At.Local())
	}
	for _, r := range to {
		if w := limits.Withdrawn(e.Patient, r, signed); w != nil {
			return w.On.String()
		}
	}
	return ""
}

// ruleRestricted keeps to what the patient asked for.
const ruleRestricted = "R33"

// excluded says that the patient asked that the recipient of a release not get records, and
// that no approver let this one go all the same.
func excluded(limits order.Restrictions, to []order.Recipient, e *ledger.Entry) bool {
	asked := slices.ContainsFunc(to, func(r order.Recipient) bool { return limits.Excludes(e.Patient, r) })
	return asked && !slices.ContainsFunc(e.Decisions, func(d ledger.Decision) bool {
		return d.Decision == string(order.ReleaseItem) && strings.EqualFold(d.Rule, ruleRestricted)
	})
}

// withdrawnPause is the time between two looks at whether the list of what patients
// asked for has changed.
const withdrawnPause = time.Minute

// withdrawals remembers which list of what patients asked for was looked through.
type withdrawals struct {
	seen stamp
	left []LiveLink      // for a person to decide about
	told map[string]bool // releases that IT was told of
}

// endWithdrawn revokes the links whose permission the patient has withdrawn (rule
// R9): a link cannot be called back, so the records behind it are deleted. Unless
// asked to look in any case, it looks only when the list has changed.
func (p *Practice) endWithdrawn(ctx context.Context, w *withdrawals, anyCase bool) error {
	if p.cfg.Restrictions == "" {
		return nil
	}
	now, err := stampOf(p.cfg.Restrictions)
	if err != nil {
		return scrub(err)
	}
	if !anyCase && now == w.seen {
		p.keepLeft(w, w.left)
		return nil
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
		if l.Folder || l.Excluded { // whoever holds the drive must know, or decide
			return false
		}
		done, err := p.endLink(ctx, l)
		errs = append(errs, err)
		return done
	})
	p.keepLeft(w, links)
	if !slices.ContainsFunc(links, func(l LiveLink) bool { return l.Folder || !l.Excluded }) { // else at the next look again
		w.seen = now
	}
	return errors.Join(errs...)
}

// keepLeft shows staff what is left of these links, and tells IT of what a person has to
// decide about.
func (p *Practice) keepLeft(w *withdrawals, links []LiveLink) {
	had := len(w.left)
	w.left = slices.DeleteFunc(slices.Clone(links), func(l LiveLink) bool {
		r, err := p.state.load(l.Release)
		return err == nil && l.Excluded && (r.Revoked || r.Expired)
	})
	if had > 0 || len(w.left) > 0 {
		p.due.keepToEnd(w.left)
	}
	for _, l := range w.left {
		if !l.Excluded || w.told[l.Release] {
			continue
		}
		if w.told == nil {
			w.told = map[string]bool{}
		}
		w.told[l.Release] = true
		p.log.Warn("the patient has asked since that these records not go to this recipient, and they can still be had; a person must decide: chartseal status names the order",
			slog.String("alert", "excluded"), slog.String("release", l.Release), slog.String("stage", "tidy"))
	}
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
