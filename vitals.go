package chartseal

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"chartseal/computer"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/registry"
	"chartseal/transport/s3"
	"chartseal/watch"
)

// Vitals are how a running practice is, for monitors and alerts: counts, times,
// classes of trouble and release references; never a patient, an order id, a path or a
// link (DESIGN invariant 8).
type Vitals struct {
	At                              time.Time
	Practice, Site, Version, GoLang string
	Started                         time.Time

	Turned time.Time     // when a scan of the outbox ended last, whatever came of it
	Silent time.Duration // without a turn for longer the daemon hangs
	Outbox Trouble       // what scans fail of; without a class they do not

	Database  string         // class of what keeps the table of orders from being read; then the next four are unknown
	Orders    map[string]int // this site's by state: working, recording, sent, held, …
	HeldToday int            // of those, stopped since midnight
	Troubles  []Trouble      // what orders in work wait out, by class
	Working   Trouble        // those that wait for nothing: how many, and since when the oldest

	Unpicked Trouble // files in the outbox that take unusually long to be picked up

	Listed                time.Time // when open orders were listed; zero: not yet, and the next four are unknown
	Open, Urgent, Overdue int       // orders without a final answer; of them near their date or past it; past it
	OverdueRelease        string    // the most overdue one
	Braked                int       // orders that the brake holds

	Ledger   string  // class of what is wrong with the ledger, "" if it is whole
	HeadCopy Trouble // what keeps the ledger's signed head from being copied to the store

	Credentials s3.Life // of the store's
	CredTrouble string  // class of what keeps them from being had

	// Opening says that the practice is not open yet: nothing else is known but the room on
	// the disk. Awaits is the class of what that waits for, if it does.
	Opening bool
	Awaits  Trouble

	DiskFree int64 // bytes that the state folder may still take; -1 if unknown
	Uploaded int64 // bytes of sealed files taken by the store since the start
	Answered time.Time
}

// Trouble is one class of what some orders wait for.
type Trouble struct {
	Class   string
	Orders  int
	Since   time.Time // of the oldest
	Release string    // reference of the oldest, where there is one
}

// Classes of a ledger that does not hold.
const (
	LedgerBroken = "ledger broken"
	LedgerCut    = "ledger rolled back" // it lacks entries that its signed heads know
)

// LedgerClass tells what an error says about the ledger; "" if it says nothing.
func LedgerClass(err error) string {
	broken, ok := errors.AsType[*ledger.BrokenError](err)
	switch {
	case ok && (broken.Fault == ledger.Cut || broken.Fault == ledger.Replaced):
		return LedgerCut
	case errors.Is(err, ledger.ErrBroken):
		return LedgerBroken
	}
	return ""
}

// pulse is what the parts of a practice leave for Vitals as they work.
type pulse struct {
	started  time.Time
	turn     atomic.Pointer[turnSeen]
	desk     atomic.Pointer[deskSeen]
	ledger   atomic.Pointer[string]
	uploaded atomic.Int64
	answered atomic.Pointer[time.Time]
	links    linkCache
}

// turnSeen is what one scan of the outbox left.
type turnSeen struct {
	at       time.Time
	outbox   Trouble
	unpicked Trouble
}

// turned notes that the scheduler's loop went round.
func (u *pulse) turned(now time.Time, s watch.Survey, err error) {
	seen := turnSeen{at: now}
	if err != nil {
		seen.outbox = Trouble{Class: classOf(err), Since: now}
		if was := u.turn.Load(); was != nil && was.outbox.Class == seen.outbox.Class {
			seen.outbox.Since = was.outbox.Since
		}
	}
	for _, d := range s.Delayed {
		seen.unpicked.add(d.Since, "")
	}
	u.turn.Store(&seen)
}

// add counts one more.
func (t *Trouble) add(since time.Time, release string) {
	t.Orders++
	if t.Since.IsZero() || since.Before(t.Since) {
		t.Since, t.Release = since, release
	}
}

// Oldest is since when the oldest of all that waits does; zero if nothing waits.
func (v *Vitals) Oldest() (since time.Time) {
	for _, t := range append(slices.Clone(v.Troubles), v.Unpicked) {
		if !t.Since.IsZero() && (since.IsZero() || t.Since.Before(since)) {
			since = t.Since
		}
	}
	return since
}

// Ill says in one word why the daemon is not well: its scheduler does not turn, the
// ledger does not hold, or it has not begun; then the class follows of what it waits for, if
// it does. "" says that it is well.
func (v *Vitals) Ill() string {
	switch {
	case v.Opening && v.Awaits.Class != "":
		return "starting: " + v.Awaits.Class
	case v.Opening:
		return "starting"
	case v.At.Sub(v.lastTurn()) > v.Silent:
		return "stalled"
	case v.Turned.IsZero():
		return "starting"
	case v.Ledger != "":
		return "ledger"
	}
	return ""
}

// lastTurn is when the scheduler turned last, or was started.
func (v *Vitals) lastTurn() time.Time {
	if v.Turned.IsZero() {
		return v.Started
	}
	return v.Turned
}

// OpeningVitals are those of a practice that is being opened since began.
func OpeningVitals(cfg *config.Config, version string, began, now time.Time, awaits Trouble) *Vitals {
	return &Vitals{
		At: now, Practice: cfg.Practice.Name, Site: cfg.Site, Version: version, GoLang: runtime.Version(),
		Started: began, Opening: true, Awaits: awaits, Silent: lifeSilent + 2*time.Duration(cfg.Watch.Scan), DiskFree: computer.DiskFree(cfg.State),
	}
}

// Vitals looks at the practice while it runs. It asks neither the outbox nor the store,
// which may hang; what is unknown is left out.
func (p *Practice) Vitals(ctx context.Context) *Vitals {
	now := p.opts.Now()
	v := &Vitals{
		At: now, Practice: p.cfg.Practice.Name, Site: p.cfg.Site, Version: p.opts.Version, GoLang: runtime.Version(),
		Started: p.pulse.started, Silent: lifeSilent + 2*time.Duration(p.cfg.Watch.Scan),
		Uploaded: p.pulse.uploaded.Load(), DiskFree: computer.DiskFree(p.cfg.State),
	}
	if t := p.pulse.turn.Load(); t != nil {
		v.Turned, v.Outbox, v.Unpicked = t.at, t.outbox, t.unpicked
	}
	if at := p.pulse.answered.Load(); at != nil {
		v.Answered = *at
	}
	if p.ledgerBroken.Load() {
		v.Ledger = LedgerBroken
		if class := p.pulse.ledger.Load(); class != nil {
			v.Ledger = *class
		}
	}
	if c := p.heads.known(); c.Trouble != "" {
		v.HeadCopy = Trouble{Class: c.Trouble, Since: c.Since}
	}
	v.addDesk(p.pulse.desk.Load())
	if err := v.count(ctx, p.orders); err != nil {
		v.Database = classOf(err)
	}
	p.addCredentials(ctx, v)
	return v
}

// addDesk counts the open orders as they were listed last.
func (v *Vitals) addDesk(seen *deskSeen) {
	if seen == nil {
		return
	}
	v.Listed, v.Open = seen.at, len(seen.due)
	for _, d := range seen.due { // the most urgent first
		if d.Urgent {
			v.Urgent++
		}
		if d.DaysLeft != nil && *d.DaysLeft < 0 {
			if v.Overdue++; v.Overdue == 1 {
				v.OverdueRelease = d.ref
			}
		}
	}
	for _, h := range seen.held {
		if slices.ContainsFunc(h.Reasons, func(r HeldReason) bool { return r.Rule == brakeRule }) {
			v.Braked++
		}
	}
}

// credentialPatience is how long the store's credentials are waited for: those of a
// role are asked for over the network now and then.
const credentialPatience = 5 * time.Second

func (p *Practice) addCredentials(ctx context.Context, v *Vitals) {
	ctx, cancel := context.WithTimeout(ctx, credentialPatience)
	defer cancel()
	life, err := p.store.CredentialLife(ctx)
	if err != nil {
		v.CredTrouble = classOf(err)
		return
	}
	v.Credentials = life
}

// count asks the table of orders.
func (v *Vitals) count(ctx context.Context, r *registry.Orders) error {
	y, m, d := v.At.Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, v.At.Location())
	rows, today, err := r.Census(ctx, midnight)
	if err != nil {
		return err
	}
	v.Orders, v.HeldToday = map[string]int{}, today
	for _, row := range rows {
		v.Orders[string(row.State)] += row.Orders
		if row.State != working && row.State != recording {
			continue
		}
		t := Trouble{Class: row.Waiting, Orders: row.Orders, Since: row.Since, Release: row.Oldest}
		if row.Waiting != "" {
			v.Troubles = append(v.Troubles, t)
		} else if n := v.Working.Orders; n == 0 || t.Since.Before(v.Working.Since) {
			t.Orders += n
			v.Working = t
		} else {
			v.Working.Orders += t.Orders
		}
	}
	return nil
}
