package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"chartseal/ledger"
	"chartseal/order"
	"chartseal/registry"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// dueList keeps outbox/DUE-LIST.html.
type dueList struct {
	mu      sync.Mutex
	reader  *dueReader
	holds   deskReader
	shown   []notice.DueRow
	links   []notice.DueLink // as shown
	day     string
	written stamp // as the file system says
	warned  map[string]string
	missing map[string]time.Time // orders whose folders are gone, since when, by reference
	waits   sync.Map             // the class of the trouble that an order waits out, by reference

	toEnd atomic.Pointer[[]LiveLink] // links that a patient withdrew and that could not be revoked yet, and those to decide about

	wake chan struct{}
}

// waiting notes what a release waits for; "": nothing any more.
func (l *dueList) waiting(id, class string) {
	if l == nil {
		return
	}
	if ref, _ := registry.SplitID(id); class == "" {
		l.waits.Delete(ref)
	} else {
		l.waits.Store(ref, class)
	}
}

// keepToEnd shows the links that are still to be revoked.
func (l *dueList) keepToEnd(links []LiveLink) {
	if l == nil {
		return
	}
	l.toEnd.Store(&links)
	l.changed()
}

// excludes says that the patient has asked since that the recipient of a release not get it.
func (l *dueList) excludes(release string) bool {
	if l == nil {
		return false
	}
	all := l.toEnd.Load()
	return all != nil && slices.ContainsFunc(*all, func(x LiveLink) bool { return x.Excluded && x.Release == release })
}

// living are the links to be revoked, or to decide about, that still work.
func (l *dueList) living(now time.Time) (out []notice.DueLink) {
	all := l.toEnd.Load()
	if all == nil {
		return nil
	}
	for _, x := range *all {
		if x.Folder || x.Expires.After(now) {
			out = append(out, notice.DueLink{Order: x.Order, Withdrawn: x.Withdrawn, Until: x.Expires.In(now.Location()), Folder: x.Folder, Excluded: x.Excluded})
		}
	}
	return out
}

const (
	dueCalm     = 2 * time.Second // between two looks, at least
	dueLoad     = 20              // and as many times as long as the last took
	duePause    = time.Minute     // the list is looked at that often, also when nothing happens
	withdrawnBy = time.Hour       // a held order whose folder is gone for so long counts as withdrawn
)

func (p *Practice) openDueList() {
	p.due = &dueList{
		reader: newDueReader(p.box, p.cfg), warned: map[string]string{}, missing: map[string]time.Time{}, wake: make(chan struct{}, 1),
	}
}

// changed says that the list may have to be written anew.
func (l *dueList) changed() {
	if l == nil {
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// keepDueList keeps the list up to date until ctx ends; Close does it once more.
func (p *Practice) keepDueList(ctx context.Context) {
	for {
		began := time.Now() //nolint:forbidigo // measured, not kept
		p.refreshDueList(ctx, true)
		took := time.Since(began) //nolint:forbidigo // measured, not kept
		calm := time.NewTimer(max(dueCalm, dueLoad*took))
		select {
		case <-ctx.Done():
			calm.Stop()
			return
		case <-calm.C:
		}
		select {
		case <-ctx.Done():
		case <-p.due.wake:
		case <-time.After(duePause):
		}
	}
}

// refreshDueList looks once; what fails is for the next look. A daemon that watches
// also warns of dates, and settles what staff have deleted.
func (p *Practice) refreshDueList(ctx context.Context, watching bool) {
	if err := p.tryDueList(ctx, watching); err != nil && ctx.Err() == nil {
		p.log.Warn("due list is written later", slog.String("stage", "due"), slog.String("class", classOf(err)), slog.String("error", err.Error()))
	}
}

func (p *Practice) tryDueList(ctx context.Context, watching bool) error {
	l := p.due
	l.mu.Lock()
	defer l.mu.Unlock()
	now := p.opts.Now()
	all, err := l.reader.list(p.requests.snapshot(), now)
	if err != nil {
		return err
	}
	if watching {
		if all, err = p.settleMissing(ctx, all, now); err != nil {
			return err
		}
		p.warnOfDates(all, order.DateOf(now).String())
	}
	l.addWaits(all)
	p.pulse.desk.Store(&deskSeen{at: now, due: all, held: l.holds.look(p.box, all)})
	links := l.living(now)
	rows, day := dueRows(all), order.DateOf(now).String()
	if is := p.dueListStamp(); is != (stamp{}) && is == l.written && day == l.day && reflect.DeepEqual(rows, l.shown) && reflect.DeepEqual(links, l.links) {
		return nil
	}
	html, err := notice.DueList(p.who(), now, rows, links)
	if err != nil {
		return err
	}
	if err := p.box.PutDueList(html); err != nil {
		return err
	}
	l.shown, l.links, l.day, l.written = rows, links, day, p.dueListStamp()
	return nil
}

// dueListStamp tells the list that is there from another; zero if there is none.
func (p *Practice) dueListStamp() stamp {
	at, size := p.box.DueListAt()
	return stamp{at, size}
}

// addWaits says of the orders in work what they wait for; see inLine.
func (l *dueList) addWaits(all []Due) {
	rest := ""
	if l.inTrouble() >= underWay {
		rest = itsTurn
	}
	for i := range all {
		if all[i].Place != watch.InWork {
			continue
		}
		all[i].waits = rest
		if class, ok := l.waits.Load(all[i].ref); ok {
			all[i].waits, _ = class.(string)
		}
	}
}

// settleMissing looks after orders whose folders are gone. Another site may have
// them; a held order whose folder staff deleted counts as withdrawn after a while,
// which the ledger says, and an extended one stays.
func (p *Practice) settleMissing(ctx context.Context, all []Due, now time.Time) (left []Due, err error) {
	l, asked := p.due, p.requests.snapshot()
	missing := map[string]time.Time{}
	for _, d := range all {
		if !d.Deleted {
			left = append(left, d)
			continue
		}
		e, err := p.orders.Find(ctx, d.ref)
		if err != nil && !errors.Is(err, registry.ErrNoOrder) {
			return nil, err
		}
		if err == nil && (!e.State.Open() || !p.orders.Mine(e)) {
			continue // in work, or with another site
		}
		since, known := l.missing[d.ref]
		if !known || since.After(now) {
			since = now
		}
		if d.Place == watch.OnHold && now.Sub(since) >= withdrawnBy {
			if err := p.withdraw(ctx, asked[d.ref]); err != nil {
				return nil, err
			}
			continue
		}
		missing[d.ref] = since
		left = append(left, d)
	}
	l.missing = missing
	return left, nil
}

func (p *Practice) withdraw(ctx context.Context, r request) error {
	_, err := p.enter(ctx, ledger.Entry{
		Key: r.release + "/withdrawn", Event: ledger.Withdrawn, Order: r.order, Reference: r.release, OrderSum: r.sha,
		Patient: r.patient, Received: r.received.String(), Version: p.opts.Version,
		Notices: []string{"the held order's folder was deleted from the outbox"},
	})
	if err == nil {
		p.log.Info("withdrawn", slog.String("release", r.release), slog.String("stage", "due"))
	}
	return err
}

// warnOfDates logs, once a day, which orders are near their date or past it.
func (p *Practice) warnOfDates(all []Due, day string) {
	warned := map[string]string{}
	for _, d := range all {
		class := ""
		switch {
		case d.DaysLeft != nil && *d.DaysLeft < 0:
			class = "overdue"
		case d.Urgent && d.DaysLeft != nil:
			class = "due soon"
		case d.Urgent:
			class = "old"
		default:
			continue
		}
		warned[d.ref] = class + " " + day
		if p.due.warned[d.ref] != warned[d.ref] {
			p.log.Warn("order has no outcome", slog.String("release", d.ref), slog.String("stage", "due"), slog.String("class", class))
		}
	}
	p.due.warned = warned
}

// dueRows are the orders in words for staff.
func dueRows(all []Due) []notice.DueRow {
	rows := make([]notice.DueRow, 0, len(all))
	for _, d := range all {
		rows = append(rows, notice.DueRow{
			Order: d.Order, Where: placeWords(d), Shown: d.shown, Received: d.Received, Due: d.Due, DaysLeft: d.DaysLeft,
			Law: d.Law, Extended: d.Extended, Urgent: d.Urgent,
		})
	}
	return rows
}

// waitWords says what an order waits for, and who can help.
func waitWords(class string) string {
	switch class {
	case "export folder missing":
		return "the folder for drives is not there. Plug the drive in, or tell your IT contact"
	case "disk full":
		return "a disk or the drive is full. Make room, or tell your IT contact"
	case "source folder missing", "records folder does not answer", "shared image folder empty":
		return "a folder with records cannot be reached. Tell your IT contact"
	case "recipient book not readable":
		return "the recipient book has a mistake. Ask whoever keeps it to correct it"
	case itsTurn, "database busy":
		return "many orders wait before it. If it lasts, tell your IT contact"
	case "store unavailable", "database unavailable", "interrupted":
		return "the connection is down. If it lasts, tell your IT contact"
	}
	return "something on this computer is not as it should be. Tell your IT contact"
}

func placeWords(d Due) string {
	words := map[watch.Place]string{
		watch.InOutbox:   "Dropped; not picked up yet",
		watch.InWork:     "Being worked on",
		watch.OnHold:     "On hold: read WHY-HELD.txt and drop the order again",
		watch.InExtended: "Time extended: drop the order again when the records are ready",
	}[d.Place]
	switch {
	case d.Deleted && d.Place == watch.OnHold:
		words = fmt.Sprintf("On hold, and its folder was deleted: drop the order again, or it counts as withdrawn in %d hour", withdrawnBy/time.Hour)
	case d.waits != "" && d.Place == watch.InWork:
		words = "Waiting; nothing was sent yet, and it goes on by itself: " + waitWords(d.waits)
	case d.Deleted:
		words = "Time extended, and its folder was deleted: the answer is still owed"
	}
	return words
}
