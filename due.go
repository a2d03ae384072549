package chartseal

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/watch"
)

// Due is an order without a final answer, and by when it must have one. It is
// patient data.
type Due struct {
	Order    string      `json:"order"`         // its number, or its file's name where that cannot be read
	Place    watch.Place `json:"state"`         // waiting, working, held or extended
	Received string      `json:"received"`      // YYYY-MM-DD, "" if unknown
	Due      string      `json:"due,omitempty"` // YYYY-MM-DD, "" if no law sets a date
	DaysLeft *int        `json:"days_left"`     // negative once it is overdue; null without a date
	Law      string      `json:"law,omitempty"` // the state's rule, where it sets the date
	Extended string      `json:"extended_until,omitempty"`
	Urgent   bool        `json:"urgent,omitempty"`  // overdue, or near its date, or old
	Deleted  bool        `json:"deleted,omitempty"` // its folder was deleted: it counts as withdrawn before long

	shown string // what staff look at, below the outbox
	ref   string
	since time.Time // of its file, or of the answer it has
	waits string    // the class of the trouble that it waits out
}

// times are the practice's own in the table of deadlines; its dates were checked
// when the configuration was read.
func (p *Practice) times() order.Times { return timesOf(p.cfg) }

func timesOf(cfg *config.Config) order.Times {
	t := order.Times{States: map[string]order.StateTime{}}
	for code, s := range cfg.Deadlines.States {
		t.States[code] = order.StateTime{Inspect: s.Inspect, Copies: s.Copies, Extends: s.Extends}
	}
	for _, day := range cfg.Deadlines.Closed {
		if d, err := order.ParseDate(day); err == nil {
			t.Closed = append(t.Closed, d)
		}
	}
	return t
}

// requests is what the ledger says about orders that have no final answer (rule
// R36: every request ends with a recorded outcome).
type requests struct {
	mu   sync.Mutex
	open map[string]*request // by reference
	lost time.Time           // until when the ledger lacks what was sent; see [ledger.Loss]
}

// request is one of them.
type request struct {
	order, release, sha, patient string

	dated
	held  bool
	until order.Date // the day the patient was told, of an extension
}

// dated is what a deadline depends on.
type dated struct {
	received order.Date
	timed    bool // the law sets a time for the answer
	delivery order.Delivery
}

func datedBy(o *order.Order) dated { return dated{o.Received, order.Timed(o), o.Delivery} }

// datedIn is what a line of the ledger says; empty if it knows no day. Releases have
// a basis.
func datedIn(e *ledger.Entry) dated {
	d, err := order.ParseDate(e.Received)
	if err != nil {
		return dated{}
	}
	basis := order.Basis(e.Basis)
	return dated{d, basis == "" || basis.OwnRequest(), order.Delivery(e.Delivery)}
}

func newRequests() *requests { return &requests{open: map[string]*request{}} }

// readRequests asks the whole ledger.
func readRequests(ctx context.Context, dir string, each func(ledger.Entry)) (*requests, error) {
	q := newRequests()
	for e, err := range ledger.Entries(ctx, dir) {
		if err != nil {
			return q, err
		}
		q.note(e)
		if each != nil {
			each(e)
		}
	}
	return q, nil
}

// reread asks the whole ledger anew. Of one that does not hold it takes what comes before
// the break.
func (q *requests) reread(ctx context.Context, dir string) error {
	fresh, err := readRequests(ctx, dir, nil)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open, q.lost = fresh.open, fresh.lost
	return err
}

// unnumbered stands for the reference of an order whose number cannot be read.
const unnumbered = "unreadable"

// requestOf is the reference of the request that a line is about; "" for the hold of another
// file under an order's number.
func requestOf(e *ledger.Entry) string {
	i := strings.IndexAny(e.Reference, "./"+watch.Apart)
	switch {
	case i < 0:
		return e.Reference
	case strings.HasPrefix(e.Reference[i:], watch.Apart):
		return ""
	}
	return e.Reference[:i]
}

// note takes a line of the ledger into account. A hold of another file under an
// order's number, and of a file without a number, says nothing about an order.
func (q *requests) note(e ledger.Entry) {
	q.noteLoss(&e)
	ref := requestOf(&e)
	if ref == "" {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch e.Event {
	case ledger.Held, ledger.Extended:
		if ref == unnumbered {
			return
		}
	case ledger.Sent, ledger.Delivered, ledger.Denied, ledger.Withdrawn, ledger.TakenOver:
		delete(q.open, ref)
		return
	default:
		return
	}
	r := q.open[ref]
	if r == nil {
		r = &request{}
		q.open[ref] = r
	}
	r.order, r.release, r.sha, r.held = e.Order, e.Reference, e.OrderSum, e.Event == ledger.Held
	if d := datedIn(&e); !d.received.IsZero() {
		r.patient, r.dated = e.Patient, d
	}
	if d, err := order.ParseDate(e.Until); err == nil && e.Event == ledger.Extended {
		r.until = d
	}
}

// noteLoss takes into account that a person went on without lines that are lost.
func (q *requests) noteLoss(e *ledger.Entry) {
	if e.Lost == nil {
		return
	}
	until := e.Lost.At
	if until.IsZero() {
		until = e.At
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if until.After(q.lost) {
		q.lost = until
	}
}

// lostUntil is the last day of which the ledger lacks lines; zero if it lacks none. An order
// that was approved by then may be in them, unless the ledger has it.
func (q *requests) lostUntil(zone *time.Location) order.Date {
	if q == nil {
		return order.Date{}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lost.IsZero() {
		return order.Date{}
	}
	return order.DateOf(q.lost.In(zone))
}

// snapshot copies what is open.
func (q *requests) snapshot() map[string]request {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make(map[string]request, len(q.open))
	for ref, r := range q.open {
		out[ref] = *r
	}
	return out
}

// dueReader lists the open orders. It keeps what it has read of files that did
// not change.
type dueReader struct {
	box   *watch.Outbox
	cfg   *config.Config
	times order.Times
	read  map[string]readOrder
}

// readOrder is what the list needs of a file as it was read last; dated is
// empty if it cannot be read.
type readOrder struct {
	size int64
	at   time.Time
	id   string
	dated
	until order.Date // that it asks for, of an extension
}

func newDueReader(box *watch.Outbox, cfg *config.Config) *dueReader {
	return &dueReader{box: box, cfg: cfg, times: timesOf(cfg), read: map[string]readOrder{}}
}

// list gives the open orders, the most urgent first. asked is what the ledger says
// of orders without an outcome: it also knows those whose folders are gone.
func (d *dueReader) list(asked map[string]request, now time.Time) ([]Due, error) {
	files, err := d.box.Unanswered()
	if err != nil {
		return nil, err
	}
	read := make(map[string]readOrder, len(files))
	files = slices.DeleteFunc(files, func(u watch.Unanswered) bool {
		x, there := d.open(u)
		read[u.File+u.Shown] = x
		return !there
	})
	d.read = read
	told := map[string]order.Date{} // by other sites in this outbox, too
	for _, u := range files {
		if x := read[u.File+u.Shown]; u.Place == watch.InExtended {
			told[order.Reference(x.id)] = x.until
		}
	}
	found := map[string]Due{}
	for _, u := range files {
		x := read[u.File+u.Shown]
		ref := order.Reference(x.id)
		if was, twice := found[ref]; twice && rank(was.Place) <= rank(u.Place) {
			continue
		}
		until := asked[ref].until
		if until.IsZero() {
			until = told[ref]
		}
		if x.received.IsZero() { // such as a form, which is not read here
			x.dated = asked[ref].dated
		}
		due := d.due(x.id, x.dated, until, order.DateOf(now))
		due.Place, due.shown, due.ref, due.since = u.Place, u.Shown, ref, u.Since
		found[ref] = due
	}
	for ref, r := range asked {
		if _, there := found[ref]; there {
			continue
		}
		due := d.due(r.order, r.dated, r.until, order.DateOf(now))
		due.Place, due.Deleted, due.ref = r.place(), true, ref
		found[ref] = due
	}
	all := slices.AppendSeq(make([]Due, 0, len(found)), maps.Values(found))
	slices.SortFunc(all, compareDue)
	return all, nil
}

// open reads an order unless it was read before. It is not there any more when it
// was claimed or answered meanwhile: the next look finds it in its new place.
func (d *dueReader) open(u watch.Unanswered) (x readOrder, there bool) {
	x = readOrder{id: u.Order}
	if x.id == "" {
		x.id = path.Base(u.File)
	}
	if u.File == "" || u.Fresh || u.Size > watch.MaxOrderBytes {
		return x, true
	}
	if was, known := d.read[u.File+u.Shown]; known && was.size == u.Size && was.at.Equal(u.Since) {
		return was, true
	}
	var b brief
	if u.Place == watch.InWork && d.box.RecallAt(u, briefNote, &b) == nil && b.ID != "" {
		return readOrder{size: u.Size, at: u.Since, id: b.ID, dated: datedIn(&b.Entry)}, true
	}
	data, err := d.box.ReadOrder(u)
	if err != nil {
		return x, !errors.Is(err, fs.ErrNotExist)
	}
	x.size, x.at = u.Size, u.Since
	o, err := order.Parse(path.Base(u.File), data)
	if bad, ok := errors.AsType[*order.ParseError](err); ok && bad.ID != "" {
		x.id, x.dated = bad.ID, dated{bad.Received, bad.Basis == "" || bad.Basis.OwnRequest(), order.ByLink}
	}
	if err == nil {
		x.id, x.dated = o.ID, datedBy(o)
		if o.Decision == order.Extend && o.Extension != nil {
			x.until = o.Extension.Until
		}
	}
	return x, true
}

// due is the line of an order.
func (d *dueReader) due(id string, t dated, until, today order.Date) Due {
	x := Due{Order: id}
	if t.received.IsZero() {
		return x
	}
	x.Received, x.Extended = t.received.String(), until.String()
	if !t.timed && until.IsZero() { // what the requester was told counts whatever the basis
		x.Urgent = t.received.DaysUntil(today) >= d.cfg.Deadlines.Remind
		return x
	}
	line := d.times.Due(&order.Order{Received: t.received, Delivery: t.delivery}, d.cfg.Practice.State, until)
	left := line.DaysLeft(today)
	x.Due, x.DaysLeft, x.Urgent = line.Due.String(), &left, left <= d.cfg.Deadlines.Warn
	if line.Due == line.State {
		x.Law = line.Law
	}
	return x
}

func (r request) place() watch.Place {
	if r.held {
		return watch.OnHold
	}
	return watch.InExtended
}

// rank orders the places of one order by how far it has come back to work.
func rank(p watch.Place) int {
	return slices.Index([]watch.Place{watch.InWork, watch.InOutbox, watch.OnHold, watch.InExtended}, p)
}

// compareDue puts the fewest days left first, then what has no date, oldest first.
func compareDue(a, b Due) int {
	switch {
	case a.DaysLeft != nil && b.DaysLeft != nil:
		return cmp.Or(cmp.Compare(*a.DaysLeft, *b.DaysLeft), cmp.Compare(a.Order, b.Order))
	case a.DaysLeft != nil:
		return -1
	case b.DaysLeft != nil:
		return 1
	}
	return cmp.Or(cmp.Compare(a.Received, b.Received), cmp.Compare(a.Order, b.Order))
}
