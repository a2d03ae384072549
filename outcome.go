package chartseal

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"chartseal/ledger"
	"chartseal/order"
	"chartseal/registry"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// way is how an order goes: what is decided, and how the records are delivered. It
// is chosen once, at intake, and tells which stages the order passes.
type way string

const (
	byLink      way = "" // also of releases that began before there were others
	byFolder    way = "folder"
	byHand      way = "hand" // mailed by the practice, or inspected there: only recorded
	byDenial    way = "denial"
	byExtension way = "extension"
)

func wayOf(o *order.Order) way {
	switch {
	case o.Decision == order.Deny:
		return byDenial
	case o.Decision == order.Extend:
		return byExtension
	case o.Delivery == order.ByFolder:
		return byFolder
	case o.Delivery.Bundled(), o.Delivery == "":
		return byLink
	}
	return byHand
}

// outcomeNote keeps with a claim what its letters and its receipt say, but for what
// is known later.
const outcomeNote = "outcome.json"

// outcome is what is said about an order besides its bundle.
type outcome struct {
	Denial    *notice.Denial    `json:"denial,omitempty"`
	Extension *notice.Extension `json:"extension,omitempty"`
	Handed    *notice.Handed    `json:"handed,omitempty"`
}

// write sets the letters of an order that is denied, in full or in part, or
// extended, and of one that staff carry out themselves the receipt. What cannot be
// set is found here, before anything is recorded.
func (p *Practice) write(ctx context.Context, r *release) error {
	c, o, err := p.reopen(ctx, r)
	if err != nil {
		return err
	}
	if r.At.IsZero() {
		r.At = p.opts.Now()
		if err := p.state.save(r); err != nil {
			return err
		}
	}
	if o.Decision == order.Extend {
		if err := p.extensible(ctx, r, o); err != nil {
			return err
		}
	}
	var out outcome
	if o.Denial != nil || o.Decision == order.Deny {
		_, until, err := p.extendedTo(ctx, r.ID)
		if err != nil {
			return err
		}
		out.Denial = p.denial(o, until)
	}
	if o.Decision == order.Extend {
		out.Extension = p.extension(o)
	}
	if r.Way == byHand {
		if out.Handed, err = p.handed(c, r, o); err != nil {
			return err
		}
	}
	if _, err := p.outcomeFiles(r, c.File, o.ID, &out); err != nil {
		if _, ok := errors.AsType[*notice.LetterError](err); ok {
			return &Held{[]order.Reason{{
				Rule: "R17", Outcome: order.Refuse,
				Message: "The letter cannot be printed with the words of this order: some of its characters cannot be set, or a text is too long. Nothing was sent. Write the texts of the letter in plain English letters, shorter if need be, and drop the order again.",
			}}}
		}
		return err
	}
	return p.keepNote(c, r, outcomeNote, out)
}

// extensible keeps, also where the practice has switched R13 off, what a letter and
// the ledger cannot do without: a day, and one extension for an order.
func (p *Practice) extensible(ctx context.Context, r *release, o *order.Order) error {
	message := ""
	switch told, _, err := p.extendedTo(ctx, r.ID); {
	case err != nil:
		return err
	case told:
		message = "Only one extension is allowed, and the patient was told of one already. Nothing was sent. Answer the request now."
	case o.Extension.Until.IsZero():
		message = "The letter about the extension must say by which day the records come. Nothing was sent. Fill in extension.until, and drop the order again."
	default:
		return nil
	}
	return &Held{[]order.Reason{{Rule: "R13", Outcome: order.Refuse, Citation: "45 CFR 164.524(b)(2)", Message: message}}}
}

// denial is what the denial letter says (45 CFR 164.524(d)(2)). until is the day that
// the patient was told of earlier, if there was an extension.
func (p *Practice) denial(o *order.Order, until order.Date) *notice.Denial {
	d := o.Denial
	if d == nil {
		d = &order.Denial{}
	}
	contact := d.Contact
	if contact.Name == "" && contact.Phone == "" {
		contact = order.Contact{Name: p.cfg.Practice.Contact.Name, Phone: p.cfg.Practice.Contact.Phone}
	}
	n := &notice.Denial{
		To: p.requester(o), Received: o.Received.String(), Own: order.DeniesPatient(o),
		Partial: o.Decision == order.Release, Named: order.NamesPart(o), Ground: d.Ground, GroundWords: order.Grounds()[d.Ground],
		Part: d.Part, Explanation: d.Explanation, Professional: d.Professional, Holder: d.Holder,
		Contact: notice.Contact{Name: contact.Name, Phone: contact.Phone}, State: p.cfg.Practice.State,
	}
	if n.Own {
		n.Due = p.times().Due(o, p.cfg.Practice.State, until).Due.String()
	}
	if order.Reviewable(d.Ground) {
		n.Reviewable, n.Reviewer, n.Review = true, d.Reviewer, d.Review
	}
	return n
}

// extension is what the letter about a longer time says (45 CFR 164.524(b)(2)(ii)).
func (p *Practice) extension(o *order.Order) *notice.Extension {
	e := o.Extension
	due := p.times().Due(o, p.cfg.Practice.State, order.Date{})
	n := &notice.Extension{
		To: p.requester(o), Received: o.Received.String(), First: o.Received.AddDays(order.AccessDays).String(),
		Until: e.Until.String(), Due: due.Due.String(), Reason: e.Reason, Told: e.NoticeSent.String(),
	}
	if due.Due.Before(e.Until) {
		n.StateLaw = due.Law
	}
	return n
}

// handed is the receipt of records that staff mail, or let the patient look at.
func (p *Practice) handed(c *watch.Claim, r *release, o *order.Order) (*notice.Handed, error) {
	h := &notice.Handed{Delivery: string(o.Delivery), Contents: scopeWords(o.Records)}
	if o.Denial != nil { // who puts them together must know
		h.Contents += "; without what is denied: " + o.Denial.Part
	}
	if facts := p.Facts(o, order.AtIntake); order.HasPart2(o) && order.Part2Text(o, facts) != nil {
		h.Notices = []string{enclosePart2}
	}
	warnings, err := p.warningsOf(c, r)
	if err != nil {
		return nil, err
	}
	h.Notices = append(h.Notices, warnings...)
	if to, ok := p.bookNow().resolve(o.Recipient); ok {
		h.To = notice.Recipient{Name: to.Name, Kind: string(to.Kind), Address: to.Address, Email: to.Email}
	}
	return h, nil
}

// enclosePart2 is for records that staff carry out themselves: in a bundle the
// notice and the scope of the consent go along by themselves (42 CFR 2.32).
const enclosePart2 = "These are substance use disorder records. Put a copy of the patient's consent with them, and this notice, word for word: \"" + order.Part2Notice + "\" (42 CFR 2.32)"

// requester is whom the letters go to. Their address is known when the records go
// to the same person.
func (p *Practice) requester(o *order.Order) notice.Recipient {
	who := notice.Recipient{Name: o.Requester.Name, Kind: string(o.Requester.Relation)}
	if to, ok := p.bookNow().resolve(o.Recipient); ok && order.SameName(to.Name, o.Requester.Name) {
		who.Address, who.Email = to.Address, to.Email
	}
	return who
}

// scopeWords describes records that nobody gathered.
func scopeWords(s order.Records) string {
	words := make([]string, len(s.Kinds))
	for i, k := range s.Kinds {
		words[i] = notice.Kind(k)
	}
	text := strings.Join(words, ", ")
	if s.All() {
		text = "all records"
	}
	switch {
	case !s.From.IsZero() && !s.To.IsZero():
		text += "; " + s.From.String() + " to " + s.To.String()
	case !s.From.IsZero():
		text += "; from " + s.From.String()
	case !s.To.IsZero():
		text += "; until " + s.To.String()
	}
	return text + itemWords(s.Items)
}

// itemWords tell of files that the order names; the names stay on the order.
func itemWords(items []order.Item) string {
	switch len(items) {
	case 0:
		return ""
	case 1:
		return "; 1 file by name"
	}
	return "; " + strconv.Itoa(len(items)) + " files by name"
}

// outcomeEntries are the ledger lines of an outcome that is not a bundle.
func outcomeEntries(r *release, e ledger.Entry, out *outcome) (lines []ledger.Entry) {
	if d := out.Denial; d != nil {
		line := e
		line.Key, line.Event = r.ID+"/denied", ledger.Denied
		if d.Part != "" {
			line.Information = d.Part
		}
		line.Notices = []string{"ground: " + d.Ground, "explanation: " + d.Explanation}
		if d.Partial {
			line.Notices = append(line.Notices, "only this part was denied; the rest is released")
		}
		line.Recipient, line.Delivery = nil, "" // nothing went to anybody
		lines = append(lines, line)
	}
	if x := out.Extension; x != nil {
		ref, _ := registry.SplitID(r.ID)
		line := e
		line.Key, line.Event, line.Until = ref+"/extended", ledger.Extended, x.Until // once for an order
		line.Notices, line.Recipient, line.Delivery = []string{"reason: " + x.Reason}, nil, ""
		lines = append(lines, line)
	}
	if h := out.Handed; h != nil {
		line := e
		line.Key, line.Event, line.Information = r.ID+"/delivered", ledger.Delivered, h.Contents
		line.Notices = h.Notices
		lines = append(lines, line)
	}
	return lines
}

// outcomeFiles are the letters of an outcome, what staff do with them, and its twin.
func (p *Practice) outcomeFiles(r *release, file, id string, out *outcome) (map[string][]byte, error) {
	ref, _ := registry.SplitID(r.ID)
	files := map[string][]byte{}
	put := func(name string, make func() ([]byte, error)) (err error) {
		files[name], err = make()
		return err
	}
	who, at := p.who(), r.At.In(p.opts.Now().Location())
	var errs []error
	if out.Denial != nil {
		d := *out.Denial
		d.Order, d.Release, d.DeniedAt, d.File, d.LedgerSeq = id, r.ID, at, file, r.Seq
		if d.Partial {
			d.LedgerSeq = 0 // the line that counts is that of what was sent
		}
		errs = append(errs, put("DENIAL-LETTER.pdf", func() ([]byte, error) { return notice.DenialLetter(who, d, ref) }),
			put(watch.Twin(watch.Denied), d.JSON))
		if !d.Partial { // else the receipt says what to do
			errs = append(errs, put(deniedName, func() ([]byte, error) { return d.Text(who) }))
		}
	}
	if out.Extension != nil {
		x := *out.Extension
		x.Order, x.Release, x.ExtendedAt, x.File, x.LedgerSeq = id, r.ID, at, file, r.Seq
		errs = append(errs, put(extendedName, func() ([]byte, error) { return x.Text(who) }), put(watch.Twin(watch.Extended), x.JSON))
		if x.Told == "" {
			errs = append(errs, put("EXTENSION-LETTER.pdf", func() ([]byte, error) { return notice.ExtensionLetter(who, x, ref) }))
		}
	}
	if h := out.Handed; h != nil {
		rc := notice.Receipt{
			Order: id, Release: r.ID, SentAt: at, Delivery: h.Delivery, Recipient: h.To, Records: []notice.Record{},
			Notices: append([]string{}, h.Notices...), LedgerSeq: r.Seq, Contents: h.Contents,
		}
		rc.Except(out.Denial)
		errs = append(errs, put(receiptName, func() ([]byte, error) { return rc.Text(who) }), put(watch.Twin(watch.Sent), rc.JSON))
	}
	return files, errors.Join(errs...)
}

// The texts for staff in the answers, by how an order ended.
const (
	receiptName  = "RECEIPT.txt"
	deniedName   = "DENIED.txt"
	extendedName = "EXTENDED.txt"
	heldName     = "WHY-HELD.txt"
)

// TextOf names the text for staff in an answer of a kind.
func TextOf(k watch.Kind) string {
	return map[watch.Kind]string{watch.Sent: receiptName, watch.Held: heldName, watch.Denied: deniedName, watch.Extended: extendedName}[k]
}

// kindOf is the folder of the outbox for an end.
func kindOf(end verdict) watch.Kind {
	switch {
	case end == denied:
		return watch.Denied
	case end == extended:
		return watch.Extended
	case end.Final():
		return watch.Sent
	}
	return watch.Held
}

// answerOutcome answers an order that sent no bundle.
func (p *Practice) answerOutcome(ctx context.Context, c *watch.Claim, b brief, r *release, end verdict) error {
	var out outcome
	if err := p.remind(c, r, outcomeNote, &out); err != nil {
		return err
	}
	files, err := p.outcomeFiles(r, c.File, b.ID, &out)
	if err != nil {
		return err
	}
	return c.Answer(ctx, watch.Answer{Kind: kindOf(end), Order: b.ID, Token: r.ID, Files: files})
}

// recordOutcome writes the lines of an outcome that is not a bundle, in full or in
// part. Their keys make a repetition harmless.
func (p *Practice) recordOutcome(ctx context.Context, r *release, b brief, out *outcome) error {
	if out.Extension != nil {
		if err := p.orders.Extend(ctx, r.ID); err != nil {
			return err
		}
	}
	for _, line := range outcomeEntries(r, b.Entry, out) {
		rec, err := p.enter(ctx, line)
		if err != nil {
			return err
		}
		p.step(r.ID, "record", string(line.Event))
		if !slices.Contains([]way{byLink, byFolder}, r.Way) {
			r.Seq = rec.Seq
		}
	}
	return nil
}

// extended tells whether the patient was told of a longer time by an earlier
// attempt of the order, and until when, if that is known here.
func (p *Practice) extendedTo(ctx context.Context, id string) (told bool, until order.Date, err error) {
	ref, _ := registry.SplitID(id)
	e, err := p.orders.Find(ctx, ref)
	if err != nil {
		return false, until, err
	}
	line, err := p.ledgerEntry(ref + "/extended")
	switch {
	case errors.Is(err, ledger.ErrNoEntry):
		return e.Extended != "" && e.Extended != id, until, nil
	case err != nil:
		return false, until, err
	case line.Reference == id:
		return false, until, nil // by this very attempt, before a crash
	}
	until, _ = order.ParseDate(line.Until) // a line that cannot be read still says that there was one
	return true, until, nil
}
