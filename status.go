package chartseal

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/registry"
	"chartseal/watch"
)

// Standing is where one release stands, for status: the release reference, not
// the order, unless the outbox is asked too.
type Standing struct {
	Release string    `json:"release"`
	Site    string    `json:"site,omitempty"`  // on a shared database
	Order   string    `json:"order,omitempty"` // from this site's outbox or ledger
	State   string    `json:"state"`           // working, recording, sent, denied, delivered, extended, held, taken, revoking, revoked or expired (no longer in the store)
	Stage   string    `json:"stage,omitempty"` // where it waits
	Waiting string    `json:"waiting,omitempty"`
	Since   string    `json:"since,omitempty"` // RFC 3339
	Expires time.Time `json:"link_expires,omitzero"`
	Bytes   int64     `json:"bytes,omitempty"`

	// Of what went out by link: whether somebody has fetched the whole bundle
	// ([DownloadFetched], [DownloadUnseen] or [DownloadUnknown]), when first, and what
	// limits that knowledge.
	Download     string    `json:"download,omitempty"`
	Fetched      time.Time `json:"fetched,omitzero"`
	DownloadNote string    `json:"download_note,omitempty"`

	claim, begun string // while it is worked on; begun is RFC 3339
}

// Status is what the outbox and the state folder say right now. It needs no
// lock and may be asked beside a running daemon.
type Status struct {
	Daemon   Daemon        `json:"daemon"`
	Pending  []string      `json:"pending"` // file names in the outbox, not claimed yet
	Ignored  []string      `json:"ignored"` // left untouched in the outbox
	Delayed  []watch.Delay `json:"delayed"` // pending files that wait for something, as the daemon saw them last
	Left     []watch.Left  `json:"left"`    // why files are left untouched, and what lies in working/ by mistake
	Releases []Standing    `json:"releases"`
	Due      []Due         `json:"due"` // orders without a final answer, the most urgent first
	Head     uint64        `json:"ledger_entries"`
	Ledger   string        `json:"ledger,omitempty"`   // what is wrong with the ledger; then nothing after that place is known of it
	Copy     HeadCopy      `json:"ledger_copy"`        // of the ledger's signed head, in the store
	Outbox   string        `json:"outbox,omitempty"`   // what is wrong with the outbox; then nothing is known of its files
	Database string        `json:"database,omitempty"` // what is wrong with the database

	Withdrawn []LiveLink `json:"withdrawn"` // links that the patient withdrew the authorization of, or excluded the recipient of, if they still live
}

// ReadStatus reads the status of a practice. Days are counted to this very moment.
func ReadStatus(ctx context.Context, cfg *config.Config) (*Status, error) {
	return readStatus(ctx, cfg, time.Now()) //nolint:forbidigo // asked by a person, now
}

func readStatus(ctx context.Context, cfg *config.Config, now time.Time) (st *Status, err error) {
	st = &Status{Pending: []string{}, Ignored: []string{}, Delayed: []watch.Delay{}, Left: []watch.Left{}, Releases: []Standing{}, Due: []Due{}, Withdrawn: []LiveLink{}}
	st.Daemon, st.Copy = readDaemon(cfg, now), readHeadCopy(&state{dir: cfg.State})
	if st.Releases, err = readStandings(cfg.State); err != nil {
		return nil, err
	}
	names := map[string]string{}
	asked, err := readRequests(ctx, (&state{dir: cfg.State}).path("ledger"), func(e ledger.Entry) {
		names[e.Reference] = e.Order
		st.Head++
	})
	if errors.Is(err, ledger.ErrBroken) {
		st.Ledger, err = err.Error(), nil
	}
	if err != nil {
		return nil, err
	}
	if cfg.Database.Reveal() != "" { // another site may have answered what this one held
		asked = newRequests()
	}
	if err := st.lookAt(ctx, cfg, asked.snapshot(), now); err != nil {
		return nil, err
	}
	for i, r := range st.Releases {
		if name, ok := names[r.Release]; ok {
			st.Releases[i].Order = name
		}
	}
	if links, err := withdrawnLinks(ctx, cfg, time.Time{}); err == nil { // what is wrong with the list, check tells
		st.Withdrawn = append(st.Withdrawn, links...)
	}
	return st, st.addSites(ctx, cfg)
}

// openToLook opens the outbox for who only looks.
func openToLook(dir string) (*watch.Outbox, error) {
	box, err := watch.Open(dir, watch.Options{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, watch.ErrAway
	}
	return box, err
}

// outboxPatience is how long status waits for the outbox: the folder of a share that is
// away may never answer.
const outboxPatience = 15 * time.Second

// lookAt adds what lies in the outbox. One that is away, or does not answer, is part of
// the status and no failure of it: the releases are known all the same.
func (st *Status) lookAt(ctx context.Context, cfg *config.Config, asked map[string]request, now time.Time) error {
	var claims []string
	for _, r := range st.Releases {
		if r.claim != "" {
			claims = append(claims, r.claim)
		}
	}
	seen := make(chan boxView, 1)
	go func() { seen <- viewOutbox(cfg, claims, asked, now) }() // ends with its folder's answer, or with the command
	var v boxView
	select {
	case v = <-seen:
	case <-time.After(outboxPatience):
		v.away = errors.New("the outbox folder does not answer; check that its network drive is connected")
	case <-ctx.Done():
		return ctx.Err()
	}
	if v.away != nil {
		st.Outbox = v.away.Error()
	}
	st.Pending = append(st.Pending, v.here.Pending...)
	st.Ignored = append(st.Ignored, v.here.Ignored...)
	st.Delayed = append(st.Delayed, v.here.Delayed...)
	st.Left = append(st.Left, v.here.Left...)
	st.Due = append(st.Due, v.due...)
	for i, r := range st.Releases {
		if name := v.orders[r.claim]; name != "" {
			st.Releases[i].Order = name
		}
	}
	return v.err
}

// boxView is what a look into the outbox shows.
type boxView struct {
	here   watch.Present
	orders map[string]string // their ids, by claim
	due    []Due
	away   error // nothing is known of its files
	err    error
}

func viewOutbox(cfg *config.Config, claims []string, asked map[string]request, now time.Time) (v boxView) {
	box, err := openToLook(cfg.Outbox)
	if err != nil {
		v.away = err
		return v
	}
	defer func() { v.err = errors.Join(v.err, box.Close()) }()
	v.here, v.away = box.Look()
	v.orders = map[string]string{}
	for _, claim := range claims {
		var b brief
		if box.RecallOf(claim, briefNote, &b) == nil {
			v.orders[claim] = b.ID
		}
	}
	if v.away == nil {
		v.due, v.err = newDueReader(box, cfg).list(asked, now)
	}
	return v
}

// addSites adds the orders of the other sites. A database that is away, or that a newer
// program wrote, is part of the status and no failure of it.
func (st *Status) addSites(ctx context.Context, cfg *config.Config) error {
	if cfg.Database.Reveal() == "" {
		if err := newerEngine(ctx, cfg); err != nil {
			st.Database = err.Error()
		}
		return nil
	}
	for i := range st.Releases {
		st.Releases[i].Site = cfg.Site
	}
	others, err := otherSites(ctx, cfg)
	if err != nil && !errors.Is(err, ErrConfig) {
		st.Database = err.Error()
		return nil
	}
	inLine(others)
	st.Releases = append(st.Releases, others...)
	return err
}

// itsTurn is the class of an order that has not begun because so many wait.
const itsTurn = "its turn"

// inLine says of the orders that have not begun what they wait for: a site works on
// so many at once, and when all of these wait for something, none of the others begins.
func inLine(all []Standing) {
	waiting := map[string]int{}
	for _, x := range all {
		if x.Waiting != "" {
			waiting[x.Site]++
		}
	}
	for i, x := range all {
		if x.State == string(working) && x.Waiting == "" && waiting[x.Site] >= underWay {
			all[i].Waiting, all[i].Since = itsTurn, cmp.Or(x.Since, x.begun)
		}
	}
}

func otherSites(ctx context.Context, cfg *config.Config) (out []Standing, err error) {
	ctx, cancel := context.WithTimeout(ctx, registry.ConnectTimeout)
	defer cancel()
	d, err := openShared(ctx, cfg, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	all, err := d.All(ctx)
	if err != nil {
		return nil, err
	}
	own := executorOf(cfg.State)
	for _, e := range all {
		if e.Executor == own {
			continue // better known from the state folder
		}
		x := Standing{Release: e.ID(), Site: e.Site, State: string(e.State), Waiting: e.Waiting}
		if e.State == working || e.State == recording {
			x.Stage, x.Since = e.Stage, e.Since
		}
		out = append(out, x)
	}
	return out, nil
}

func readStandings(dir string) ([]Standing, error) {
	s := &state{dir: dir}
	ids, err := s.releaseIDs()
	if err != nil {
		return nil, err
	}
	out := []Standing{}
	seen := s.readDownloads()
	for _, id := range ids {
		r, err := s.load(id)
		if err != nil {
			return nil, err
		}
		x := Standing{Release: id, State: string(r.Outcome), Stage: r.Stage, Waiting: r.Waiting, Since: r.Since, Bytes: r.Object.Bytes, Fetched: r.Fetched}
		x.Download, x.DownloadNote = seen.of(r)
		if x.State == "" {
			x.State, x.claim = string(working), r.Claim
			if info, err := os.Stat(s.releaseFile(id)); err == nil {
				x.begun = info.ModTime().UTC().Format(time.RFC3339)
			}
		}
		switch {
		case r.Revoked:
			x.State = "revoked"
		case r.Revoking:
			x.State = "revoking"
		case r.Expired:
			x.State = "expired"
		case r.Links != nil && (r.Outcome == "" || r.Outcome == sent):
			x.Expires = r.Links.Expires
		}
		out = append(out, x)
	}
	inLine(out)
	return out, nil
}
