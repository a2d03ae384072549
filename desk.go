package chartseal

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"chartseal/watch"
	"chartseal/watch/notice"
)

// Desk is what the board shows to front desk and IT. It names orders as the outbox
// does, by the ids that staff gave them, and is as private as the outbox; patients and
// recipients by name, files and links are not in it.
type Desk struct {
	Vitals *Vitals
	Due    []notice.DueRow // open orders, the most urgent first
	Held   []HeldOrder     // the newest first
	Links  []OpenLink      // the one that ends first, first
	More   struct{ Due, Held, Links int }
}

// HeldOrder is an order on hold, as its WHY-HELD.txt tells it.
type HeldOrder struct {
	Order, Release string
	At             time.Time
	Folder         string // below the outbox
	Reasons        []HeldReason
}

// HeldReason is one reason. Its message says what to do.
type HeldReason struct {
	Rule, Message, Citation string
	Items                   int  // files that it names
	Decide                  bool // a named person may decide about it
}

// OpenLink is a link that still works.
type OpenLink struct {
	Order, Release string
	To             string // kind of recipient: provider, patient, …
	Until          time.Time
	Fetched        time.Time // zero: not that anybody knew
	Download       string    // as in Standing
	Revoking       bool
	Excluded       bool // the patient has asked since that the recipient not get it: a person has to decide
}

// Unseen says that nobody has fetched it, as far as the store tells.
func (l OpenLink) Unseen() bool { return l.Download == DownloadUnseen }

// What one page can show; nobody reads a longer one.
const (
	maxDeskDue   = 200
	maxDeskHeld  = 100
	maxDeskLinks = 200
)

// deskSeen is what the look at open orders left.
type deskSeen struct {
	at   time.Time
	due  []Due
	held []HeldOrder
}

// Desk looks at the practice while it runs. Like Vitals it does not ask the outbox.
func (p *Practice) Desk(ctx context.Context) (*Desk, error) {
	d := &Desk{Vitals: p.Vitals(ctx)}
	if seen := p.pulse.desk.Load(); seen != nil {
		d.Due, d.More.Due = firstOf(dueRows(seen.due), maxDeskDue)
		d.Held, d.More.Held = firstOf(seen.held, maxDeskHeld)
	}
	links, err := p.openLinks(d.Vitals.At)
	d.Links, d.More.Links = firstOf(links, maxDeskLinks)
	return d, err
}

func firstOf[T any](all []T, most int) (first []T, more int) {
	more = max(len(all)-most, 0)
	return all[:len(all)-more], more
}

// deskReader reads why orders are held. It keeps what did not change.
type deskReader map[string]readHold

type readHold struct {
	since time.Time // the answer's time
	held  HeldOrder
}

// look reads the newest holds, as many as are shown, and two times more: those of the
// brake are counted.
func (r *deskReader) look(box *watch.Outbox, all []Due) []HeldOrder {
	var on []Due
	for _, d := range all {
		if d.Place == watch.OnHold && !d.Deleted {
			on = append(on, d)
		}
	}
	slices.SortFunc(on, func(a, b Due) int { return b.since.Compare(a.since) })
	on = on[:min(len(on), 3*maxDeskHeld)]
	kept, out := deskReader{}, make([]HeldOrder, 0, len(on))
	for _, d := range on {
		h, known := (*r)[d.shown]
		if !known || !h.since.Equal(d.since) {
			h = readHold{d.since, readHeld(box, d)}
		}
		kept[d.shown] = h
		out = append(out, h.held)
	}
	*r = kept
	return out
}

// readHeld reads one; a note that cannot be read leaves the order without reasons.
func readHeld(box *watch.Outbox, d Due) HeldOrder {
	out := HeldOrder{Order: d.Order, Release: d.ref, At: d.since, Folder: d.shown}
	b, err := box.ReadTwin(watch.Held, d.shown)
	var h notice.Hold
	if err != nil || json.Unmarshal(b, &h) != nil {
		return out
	}
	out.Release, out.At = h.Release, h.HeldAt
	for _, r := range h.Reasons {
		out.Reasons = append(out.Reasons, HeldReason{r.Rule, r.Message, r.Citation, len(r.Items), len(r.May) > 0})
	}
	return out
}

// linkCache keeps what was read of releases whose files did not change.
type linkCache struct {
	mu   sync.Mutex
	read map[string]readLink
	seen string    // by what downloads are seen,
	from time.Time // and since when, as of those
}

type readLink struct {
	file stamp
	at   time.Time // until when its link works; zero: it has none
	link OpenLink
}

// openLinks lists the links that still work, the one that ends first, first.
func (p *Practice) openLinks(now time.Time) ([]OpenLink, error) {
	c := &p.pulse.links
	c.mu.Lock()
	defer c.mu.Unlock()
	ids, err := p.state.releaseIDs()
	if err != nil {
		return nil, err
	}
	seen := p.state.readDownloads()
	if c.seen != seen.Seen || !c.from.Equal(seen.Since) {
		c.read, c.seen, c.from = nil, seen.Seen, seen.Since
	}
	kept := make(map[string]readLink, len(ids))
	var out []OpenLink
	for _, id := range ids {
		l, ok := c.read[id]
		file, err := stampOf(p.state.releaseFile(id))
		if err != nil || file == (stamp{}) {
			continue // deleted in this moment
		}
		if !ok || l.file != file {
			if l, ok = p.readLink(id, &seen); !ok {
				continue
			}
			l.file = file
		}
		kept[id] = l
		if l.at.After(now) {
			l.link.Excluded = p.due.excludes(id)
			out = append(out, l.link)
		}
	}
	c.read = kept
	slices.SortFunc(out, func(a, b OpenLink) int {
		if n := a.Until.Compare(b.Until); n != 0 {
			return n
		}
		return strings.Compare(a.Release, b.Release)
	})
	return out, nil
}

// readLink reads one release; not ok: it may be read the next time.
func (p *Practice) readLink(id string, seen *downloads) (l readLink, ok bool) {
	r, err := p.state.load(id)
	if err != nil {
		return l, os.IsNotExist(err)
	}
	if !r.published() {
		return l, true
	}
	l.at = r.aliveUntil()
	l.link = OpenLink{Release: id, Until: l.at, Fetched: r.Fetched, Revoking: r.Revoking}
	l.link.Download, _ = seen.of(r)
	e, err := p.ledgerEntry(id + "/sent")
	if err != nil {
		return l, false
	}
	l.link.Order = e.Order
	if e.Recipient != nil {
		l.link.To = e.Recipient.Kind
	}
	return l, true
}
