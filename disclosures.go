package chartseal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/ledger/accounting"
	"chartseal/order"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// AccountingRequest is a patient's request to know to whom records went (45 CFR 164.528).
type AccountingRequest struct {
	Patient  string    `json:"patient"`
	On       time.Time `json:"on"` // the day of the request, in the practice's time zone
	From, To time.Time `json:"-"`  // days; zero: the whole six years
	All      bool      `json:"-"`  // tell of what the law does not ask to list, apart
}

// ErrNoPatient says that a request names nobody.
var ErrNoPatient = fmt.Errorf("%w: an accounting is of one patient: give the patient's number", ErrConfig)

// MakeAccounting makes an accounting of disclosures out of the whole ledger, which must
// hold; the error is a *ledger.BrokenError if it does not. at is when it is given. It
// writes nothing.
func MakeAccounting(ctx context.Context, cfg *config.Config, q AccountingRequest, at time.Time) (*accounting.Report, error) {
	if strings.TrimSpace(q.Patient) == "" {
		return nil, ErrNoPatient
	}
	limits, err := loadRestrictions(cfg.Restrictions)
	if err != nil {
		return nil, err
	}
	book, err := loadBook(cfg)
	if err != nil {
		return nil, err
	}
	if _, err := SignedLedger(ctx, cfg); err != nil {
		return nil, err
	}
	return accounting.Make(ledger.Entries(ctx, filepath.Join(cfg.State, "ledger")), accounting.Request{
		Match: func(id string) bool { return order.SamePatient(id, q.Patient) },
		On:    q.On, Given: at.In(q.On.Location()), From: q.From, To: q.To, All: q.All,
		Suspended: suspensions(limits.Suspended(q.Patient), book.book, q.On.Location()),
	})
}

// suspensions are the statements in the list of what patients asked for, as the
// accounting needs them. A recipient is meant by name, kind, or a key of the book.
func suspensions(all []order.Suspension, book order.Book, zone *time.Location) (out []accounting.Suspension) {
	for _, s := range all {
		out = append(out, accounting.Suspension{
			For: s.For, From: dayIn(s.From, zone), Until: dayIn(s.Until, zone), Oral: s.Oral,
			Names: func(p ledger.Party) bool {
				to := order.Recipient{Name: p.Name, Kind: order.Party(p.Kind)}
				if s.Means(to) {
					return true
				}
				for key, r := range book {
					if to.Key = key; r.Name == to.Name && s.Means(to) {
						return true
					}
				}
				return false
			},
		})
	}
	return out
}

func dayIn(d order.Date, zone *time.Location) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, d.String(), zone)
	if err != nil {
		return time.Time{} // none
	}
	return t
}

// AccountingDoubts says, for staff alone, why an accounting should not be given before
// somebody has looked: a mistyped number makes it an assurance that nothing was disclosed,
// and a misspelt official is one whom the patient is told of (45 CFR 164.528(a)(2)).
func AccountingDoubts(r *accounting.Report) (doubts []string) {
	if !r.Known {
		doubts = append(doubts, "The ledger has no entry about a patient of this number: it is mistyped, or nobody ever asked for anything of this patient here. Compare --patient with the number on an order or in the chart; with a mistyped one the letter would say that nothing was disclosed.")
	}
	for _, name := range r.Unmatched {
		doubts = append(doubts, fmt.Sprintf("FOR STAFF ALONE, do not tell the patient: the list of what patients asked for (restrictions) suspends the accounting for '%s', and nobody in the ledger who got this patient's records is called so: nothing is left out for it. "+
			"Write there the name of the recipient as it stands in the order, or the key or kind in the recipient book.", name))
	}
	return doubts
}

// AccountingLetter sets the letter of an accounting. The patient's name and address are
// those of the last release to the patient; where there was none, staff write them.
func AccountingLetter(ctx context.Context, cfg *config.Config, q AccountingRequest, r *accounting.Report, at time.Time) ([]byte, error) {
	to := notice.Recipient{Name: "Patient number " + q.Patient, Kind: "patient"}
	for e, err := range ledger.Entries(ctx, filepath.Join(cfg.State, "ledger")) {
		if err != nil {
			return nil, err
		}
		if p := e.Recipient; p != nil && p.Kind == string(order.ThePatient) && order.SamePatient(e.Patient, q.Patient) {
			to.Name, to.Address = p.Name, p.Address
		}
	}
	limits, err := loadRestrictions(cfg.Restrictions)
	if err != nil {
		return nil, err
	}
	if only := limits.ContactOnly(q.Patient); only.Address != "" || only.Email != "" { // and nowhere else
		to.Address = strings.TrimSpace(only.Address + "\n" + only.Email)
	}
	return notice.AccountingLetter((&Practice{cfg: cfg}).who(), notice.Accounting{
		To: to, Reference: accountingReference(q), At: at, Requested: r.On, From: r.From, Day: r.To, Begins: r.Begins, Earlier: r.Earlier,
		Listed: disclosures(r.Lines), Exempt: disclosures(r.Exempt), ShowExempt: q.All, Gaps: r.Lost > 0,
	})
}

func disclosures(lines []accounting.Line) []notice.Disclosure {
	out := make([]notice.Disclosure, len(lines))
	for i, l := range lines {
		out[i] = notice.Disclosure{
			First: l.First, Last: l.Last, Count: l.Count, Name: l.Recipient.Name, Address: accounting.Address(l.Recipient),
			Information: l.Information, Purpose: l.Purpose, Basis: l.Basis,
		}
	}
	return out
}

// accountingReference names one request, without saying whose.
func accountingReference(q AccountingRequest) string {
	return order.Reference("accounting " + strings.ToLower(strings.TrimSpace(q.Patient)) + " " + q.On.Format(time.DateOnly))
}

// GivenAccounting is an accounting that the patient is given.
type GivenAccounting struct {
	AccountingRequest

	By       string   `json:"by"`     // who gives it: the person or office responsible for it
	Period   string   `json:"period"` // YYYY-MM-DD to YYYY-MM-DD
	Listed   int      `json:"listed"`
	Exempt   int      `json:"exempt"`
	Withheld int      `json:"withheld"`
	Doubts   []string `json:"doubts,omitempty"` // that somebody looked at, see [AccountingDoubts]

	Letter []byte `json:"letter,omitempty"` // PDF
	List   []byte `json:"list,omitempty"`   // CSV
}

// The files of an accounting as the outbox keeps them.
const (
	accountingLetter = "ACCOUNTING-LETTER.pdf"
	accountingList   = "ACCOUNTING.csv"
)

// ErrNoGiver says that an accounting lacks who is responsible for it, or what was given.
var ErrNoGiver = fmt.Errorf("%w: an accounting that is given needs the person or office who gives it (45 CFR 164.528(d)(3)), and a letter or a list", ErrConfig)

// Given is what the ledger keeps of an accounting (45 CFR 164.528(d)).
func Given(q AccountingRequest, r *accounting.Report, by string) GivenAccounting {
	return GivenAccounting{
		AccountingRequest: q, By: strings.TrimSpace(by), Doubts: AccountingDoubts(r), Period: r.From.Format(time.DateOnly) + " to " + r.To.Format(time.DateOnly),
		Listed: len(r.Lines), Exempt: len(r.Exempt), Withheld: r.Withheld,
	}
}

// files are what was given, by their names.
func (g GivenAccounting) files() map[string][]byte {
	all := map[string][]byte{}
	if len(g.Letter) > 0 {
		all[accountingLetter] = g.Letter
	}
	if len(g.List) > 0 {
		all[accountingList] = g.List
	}
	return all
}

// folder names the copy of what is given at a time: the same for the same documents.
func (g GivenAccounting) folder(at time.Time) string {
	both := digest([]byte(digest(g.Letter) + digest(g.List)))
	return at.Format(time.DateOnly) + "-" + accountingReference(g.AccountingRequest) + "-" + both[:8]
}

// entry is the line of one giving; a further one of the same day has a line of its own.
func (g GivenAccounting) entry(at time.Time, version string) ledger.Entry {
	ref := accountingReference(g.AccountingRequest)
	e := ledger.Entry{
		Key: fmt.Sprintf("accounted/%s/%d", ref, at.UnixMilli()), Event: ledger.Accounted, Order: "(accounting)",
		Reference: ref, Patient: strings.TrimSpace(g.Patient), Approver: g.By,
		Information: fmt.Sprintf("accounting of disclosures, %s: %d listed", g.Period, g.Listed), Purpose: "asked for by the patient",
		Received: g.On.Format(time.DateOnly), Version: version,
	}
	files := g.files()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		e.Documents = append(e.Documents, ledger.Document{File: watch.AccountingPlace(g.folder(at), name), Sum: digest(files[name])})
	}
	for _, doubt := range g.Doubts {
		e.Notices = append(e.Notices, "confirmed: "+doubt)
	}
	if g.Exempt > 0 {
		e.Notices = append(e.Notices, fmt.Sprintf("%d that need not be listed were told as well", g.Exempt))
	}
	if g.Withheld > 0 {
		e.Notices = append(e.Notices, fmt.Sprintf("%d left out under a suspension (45 CFR 164.528(a)(2))", g.Withheld))
	}
	return e
}

// RecordAccounting keeps a copy of an accounting in the outbox and writes into the ledger
// that it was given, by whom, and the digests. The daemon must not be running; see
// [Practice.RecordAccounting].
func RecordAccounting(ctx context.Context, cfg *config.Config, opts Options, g GivenAccounting) (err error) {
	s, err := openState(cfg.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	p := &Practice{cfg: cfg, opts: opts, log: opts.Log, state: s, requests: newRequests()}
	if p.ledger, err = p.openLedger(); err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	defer func() { err = errors.Join(err, p.ledger.Close()) }()
	return p.RecordAccounting(ctx, g)
}

// RecordAccounting does it in the running daemon.
func (p *Practice) RecordAccounting(ctx context.Context, g GivenAccounting) error {
	switch {
	case strings.TrimSpace(g.Patient) == "":
		return ErrNoPatient
	case strings.TrimSpace(g.By) == "" || len(g.files()) == 0:
		return ErrNoGiver
	case p.ledgerBroken.Load():
		return ledger.ErrBroken
	}
	now := p.opts.Now()
	if err := watch.KeepAccounting(ctx, p.cfg.Outbox, g.folder(now), g.files()); err != nil {
		return err
	}
	_, err := p.enter(ctx, g.entry(now, p.opts.Version)) // a copy without a line is of one that was not given
	return err
}
