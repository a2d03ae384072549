package chartseal

import (
	"context"
	"errors"
	"slices"
	"strings"

	"chartseal/config"
	"chartseal/order"
	"chartseal/packager"
	"chartseal/redact"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// Preview is what would become of an order: a page that a privacy officer can
// sign. It is patient data.
type Preview struct {
	Practice string          `json:"practice"`
	Order    string          `json:"order"`
	SHA256   string          `json:"order_sha256"` // of the order's file: what a signature is over
	Terms    *Terms          `json:"terms,omitempty"`
	End      string          `json:"end"` // what would become of it: sent, drive, recorded, denied, extended or held
	Rules    []RuleOutcome   `json:"rules"`
	Held     []order.Reason  `json:"held,omitempty"` // what stops it, records included
	Records  []RecordPreview `json:"records"`
	Summary  []KindSummary   `json:"summary"`
	Removed  []RemovedDetail `json:"removed"`
	Notices  []string        `json:"notices,omitempty"`
}

// Terms are an order in short, with what the practice adds to it.
type Terms struct {
	Patient   string   `json:"patient"` // name, number and birth date
	Requester string   `json:"requester"`
	Recipient string   `json:"recipient"`
	Kind      string   `json:"recipient_kind"`
	Address   string   `json:"recipient_address,omitempty"` // where letters go: address and e-mail
	InBook    bool     `json:"in_book"`
	Unlock    string   `json:"unlock"` // key or passphrase
	Keys      int      `json:"keys"`   // the recipient's own, if any
	Basis     string   `json:"basis"`
	Purpose   string   `json:"purpose,omitempty"`
	Kinds     []string `json:"kinds"`
	From      string   `json:"from,omitempty"` // YYYY-MM-DD
	To        string   `json:"to,omitempty"`
	Items     []string `json:"items,omitempty"` // files by name, with their pages
	Sensitive []string `json:"sensitive,omitempty"`
	Delivery  string   `json:"delivery"`
	Decision  string   `json:"decision"` // release, deny or extend
	Received  string   `json:"received"`
	Due       string   `json:"due,omitempty"`       // by when the law wants an answer, and which law
	Denied    []string `json:"denied,omitempty"`    // the part, its ground, and what is kept back by kind or name
	Extension string   `json:"extension,omitempty"` // until when, and why
	Fee       string   `json:"fee,omitempty"`
	Rulings   []string `json:"rulings,omitempty"` // the decisions, each in a line
	Prepared  string   `json:"prepared,omitempty"`
	Approved  string   `json:"approved"`
	Signature string   `json:"signature"` // valid, none, changed (the order was) or other (key)
	Decisions int      `json:"decisions"`
}

// RuleOutcome is one rule and what it says.
type RuleOutcome struct {
	Rule     string   `json:"rule"`
	Title    string   `json:"title"`
	Citation string   `json:"citation"`
	Reads    string   `json:"reads,omitempty"` // fields of the order
	Outcome  string   `json:"outcome"`         // pass, not_asked, off, refuse, hold, answered or warn
	Messages []string `json:"messages,omitempty"`
}

// RecordPreview is one record that would go, and what would be removed from it.
type RecordPreview struct {
	Path    string           `json:"path"`
	Kind    string           `json:"kind"`
	Date    string           `json:"date,omitempty"`
	Bytes   int64            `json:"bytes"`
	Pages   string           `json:"pages,omitempty"` // of a PDF: those that would go; absent: all
	Removed []redact.Removal `json:"removed,omitempty"`
	Notices []string         `json:"notices,omitempty"`
	Refused string           `json:"refused,omitempty"`
}

// KindSummary is the records of one kind.
type KindSummary struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
	Bytes int64  `json:"bytes"`
	First string `json:"first,omitempty"` // YYYY-MM-DD
	Last  string `json:"last,omitempty"`
}

// RemovedDetail is one reason for which details are removed, and how many.
type RemovedDetail struct {
	Reason  string `json:"reason"`
	Details int    `json:"details"`
	Records int    `json:"records"`
}

// Look judges an order and cleans its records without keeping anything; it
// sends nothing and writes nothing, so it may run beside a daemon. The brake and the
// registry of orders are not asked.
func Look(ctx context.Context, cfg *config.Config, opts Options, name string, data, signature []byte) (*Preview, error) {
	return preview(ctx, cfg, opts, name, data, signature, true)
}

// LookAtRules is [Look] without the records, which take their time.
func LookAtRules(ctx context.Context, cfg *config.Config, opts Options, name string, data, signature []byte) (*Preview, error) {
	return preview(ctx, cfg, opts, name, data, signature, false)
}

func preview(ctx context.Context, cfg *config.Config, opts Options, name string, data, signature []byte, records bool) (*Preview, error) {
	p := &Practice{cfg: cfg, opts: opts, log: opts.Log, state: &state{dir: cfg.State}}
	if err := p.readRules(); err != nil {
		return nil, err
	}
	v := &Preview{Practice: cfg.Practice.Name, SHA256: digest(data), Rules: []RuleOutcome{}, Records: []RecordPreview{}, Summary: []KindSummary{}, Removed: []RemovedDetail{}}
	o, err := ReadOrder(ctx, cfg, opts, name, data)
	if bad, ok := errors.AsType[*order.ParseError](err); ok {
		v.Order, v.Held, v.End = bad.ID, parseReasons(bad), string(hold)
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	facts := p.Facts(o, order.AtIntake)
	facts.ApprovalSigned, facts.SignatureFails = p.signed(o, data, signature)
	p.lookAtLedger(ctx)
	facts.LedgerBroken = p.ledgerBroken.Load() || watch.IsStopped(cfg.Outbox)     // the daemon may know more
	if asked, err := readRequests(ctx, p.state.path("ledger"), nil); err == nil { // one that cannot be read is R31's
		facts.ExtendedTo = asked.snapshot()[order.Reference(o.ID)].until
		facts.Extended = !facts.ExtendedTo.IsZero()
		facts.LostUntil = asked.lostUntil(p.opts.Now().Location())
	}
	v.Order, v.Terms = o.ID, termsOf(o, &facts)
	said := order.Review(o, facts)
	for _, verdict := range said {
		v.Held = append(v.Held, order.Stopping(inOrderWords(data, verdict.Reasons))...)
	}
	v.Held = append(v.Held, p.notOffered(o)...)
	if w := wayOf(o); records && (w == byLink || w == byFolder) { // else nothing is gathered
		if err := p.lookAtRecords(ctx, o, facts, v); err != nil {
			return nil, err
		}
	}
	v.Rules = outcomes(said, v.Held)
	if v.End = becomes(o); len(v.Held) > 0 {
		v.End = string(hold)
	}
	return v, nil
}

// readRules reads everything that the rules need to know of the practice.
func (p *Practice) readRules() (err error) {
	if err = CheckRules(p.cfg); err != nil {
		return err
	}
	if p.book, err = loadBook(p.cfg); err != nil {
		return err
	}
	if p.restrictions, err = loadRestrictions(p.cfg.Restrictions); err != nil {
		return err
	}
	p.dicom, err = DICOMRules(p.cfg)
	return err
}

// becomes is what comes of an order that nothing holds.
func becomes(o *order.Order) string {
	return map[way]string{byLink: "sent", byFolder: "drive", byHand: "recorded", byDenial: string(denied), byExtension: string(extended)}[wayOf(o)]
}

func termsOf(o *order.Order, f *order.Facts) *Terms {
	t := &Terms{
		Items:     itemList(o.Records.Items),
		Patient:   o.Patient.Name + ", number " + o.Patient.ID + ", born " + o.Patient.BirthDate.Words(),
		Requester: o.Requester.Name + " (" + string(o.Requester.Relation) + ")",
		Recipient: f.Recipient.Name, Kind: string(f.Recipient.Kind), InBook: f.Recipient.Key != "",
		Unlock: "passphrase", Keys: len(f.Recipient.Keys),
		Basis: string(o.Basis), Purpose: o.Purpose, Kinds: o.Records.Kinds, From: o.Records.From.String(), To: o.Records.To.String(),
		Sensitive: o.Sensitive, Delivery: string(o.Delivery), Decisions: len(o.Decisions),
		Prepared: by(o.Prepared), Approved: by(o.Approved), Signature: "none",
		Decision: string(o.Decision), Received: o.Received.Words(), Due: dueWords(o, f), Denied: deniedWords(o), Fee: o.Fee.Words(),
	}
	if e := o.Extension; e != nil && o.Decision == order.Extend {
		t.Extension = "until " + e.Until.Words() + ": " + e.Reason
	}
	for _, d := range o.Decisions {
		what := map[order.RulingChoice]string{order.ReleaseItem: "release", order.LeaveOut: "leave out"}[d.Decision]
		t.Rulings = append(t.Rulings, strings.Join(strings.Fields(d.Rule+" "+d.Item), " ")+": "+what+", by "+d.By+" on "+d.On.Words()+", because "+d.Reason)
	}
	t.Address = strings.Join(slices.DeleteFunc([]string{f.Recipient.Address, f.Recipient.Email}, func(s string) bool { return s == "" }), ", ")
	if t.Recipient == "" {
		t.Recipient = o.Recipient.Key
	}
	if t.Keys > 0 {
		t.Unlock = "key"
	}
	switch {
	case f.ApprovalSigned:
		t.Signature = "valid"
	case f.SignatureFails != "":
		t.Signature = string(f.SignatureFails)
	}
	return t
}

// dueWords is by when the law wants an answer; "" if it sets no time.
func dueWords(o *order.Order, f *order.Facts) string {
	if !order.Timed(o) {
		return ""
	}
	due := f.Times.Due(o, f.State, f.ExtendedTo)
	text := due.Due.Words()
	switch {
	case due.Due == due.State:
		text += " (" + due.Law + ")"
	case !due.Due.IsZero():
		text += " (45 CFR 164.524(b)(2))"
	}
	return text
}

// deniedWords is what an order denies, and what keeps it back.
func deniedWords(o *order.Order) (lines []string) {
	d := o.Denial
	if d == nil {
		return nil
	}
	lines = append(lines, d.Part, "ground: "+strings.ReplaceAll(d.Ground, "_", " "), "told: "+d.Explanation)
	if order.Reviewable(d.Ground) {
		lines = append(lines, "judged by: "+d.Professional, "reviewed by: "+d.Reviewer)
	}
	for _, k := range d.Kinds {
		lines = append(lines, "kept back: "+notice.Kind(k))
	}
	for _, file := range d.Files {
		lines = append(lines, "kept back: "+file)
	}
	if o.Decision == order.Release && !order.NamesPart(o) {
		lines = append(lines, "described in words only: nothing is kept back for it")
	}
	return lines
}

// itemList are files by name as a person reads them: charts/2024.pdf, pages 1–3.
func itemList(items []order.Item) (all []string) {
	for _, it := range items {
		text := it.File
		if len(it.Pages) > 0 {
			text += ", " + it.Pages.Words()
		}
		all = append(all, text)
	}
	return all
}

func by(a order.Approval) string {
	if a.By == "" {
		return ""
	}
	return a.By + ", " + a.On.Words()
}

func (p *Practice) lookAtRecords(ctx context.Context, o *order.Order, facts order.Facts, v *Preview) error {
	if o.Decision != order.Release {
		return nil
	}
	plan := p.gathering(o)
	plan.Facts = facts
	seen, err := packager.Preview(ctx, plan)
	if err != nil {
		return err
	}
	v.Held = append(v.Held, seen.Held...)
	v.Notices = seen.Notices
	for _, r := range seen.Records {
		x := RecordPreview{Path: r.Item.Path, Kind: r.Item.Kind, Date: r.Item.Date, Bytes: r.Item.Bytes, Pages: r.Item.Pages.String(), Removed: r.Report.Removed, Notices: r.Report.Notices}
		if r.Refusal != nil {
			x.Refused = r.Refusal.Reason
		}
		v.Records = append(v.Records, x)
		v.summarize(x)
	}
	return nil
}

// summarize counts a record among those of its kind, and what it loses.
func (v *Preview) summarize(x RecordPreview) {
	i := slices.IndexFunc(v.Summary, func(k KindSummary) bool { return k.Kind == x.Kind })
	if i < 0 {
		i, v.Summary = len(v.Summary), append(v.Summary, KindSummary{Kind: x.Kind, First: x.Date, Last: x.Date})
	}
	k := &v.Summary[i]
	k.Count++
	k.Bytes += x.Bytes
	k.First, k.Last = min(k.First, x.Date), max(k.Last, x.Date)
	counted := map[string]bool{}
	for _, r := range x.Removed {
		j := slices.IndexFunc(v.Removed, func(d RemovedDetail) bool { return d.Reason == r.Reason })
		if j < 0 {
			j, v.Removed = len(v.Removed), append(v.Removed, RemovedDetail{Reason: r.Reason})
		}
		v.Removed[j].Details += r.Count
		if !counted[r.Reason] {
			counted[r.Reason] = true
			v.Removed[j].Records++
		}
	}
}

// unasked are the rules that only a release can ask: they count orders.
var unasked = []string{"B1", "R34"}

// outcomes lists every rule with what it says about the order and its records.
func outcomes(said []order.Verdict, held []order.Reason) []RuleOutcome {
	out := make([]RuleOutcome, 0, len(said))
	for _, v := range said {
		o := RuleOutcome{Rule: v.Rule.ID, Title: v.Rule.Title, Citation: v.Rule.Citation, Reads: v.Rule.Reads, Outcome: "pass"}
		switch {
		case v.Off:
			o.Outcome = "off"
		case !v.Asked, slices.Contains(unasked, v.Rule.ID):
			o.Outcome = "not_asked"
		}
		for _, r := range v.Reasons {
			o.add(r)
		}
		for _, r := range held { // what gathering found
			if r.Rule == v.Rule.ID && !slices.Contains(o.Messages, r.Message) {
				o.add(r)
			}
		}
		out = append(out, o)
	}
	return out
}

// gravity orders what one rule says several times.
var gravity = map[string]int{"answered": 1, "warn": 2, "hold": 3, "refuse": 4}

func (o *RuleOutcome) add(r order.Reason) {
	o.Messages = append(o.Messages, r.Message)
	outcome := string(r.Outcome)
	if r.Outcome == order.Hold && !r.Stops() {
		outcome = "answered"
	}
	if gravity[outcome] > gravity[o.Outcome] {
		o.Outcome = outcome
	}
}
