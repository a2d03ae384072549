package chartseal

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"chartseal/config"
	"chartseal/registry"
	"chartseal/watch"
)

// Site is one daemon on a shared database.
type Site struct {
	Site      string    `json:"site"`
	Running   bool      `json:"running"` // holds its lock right now
	Seen      time.Time `json:"seen"`
	Version   string    `json:"version"`
	Working   int       `json:"working"`   // orders that another site could take over
	Recording int       `json:"recording"` // orders that only this site can finish
	Own       bool      `json:"own,omitempty"`
}

// Errors of the commands about sites.
var (
	ErrOneSite = errors.New("this practice has no shared database: 'database:' in chartseal.yaml is empty")
	ErrOwnSite = errors.New("this is the site of this very configuration; start it instead")
)

// Sites lists the daemons on the shared database.
func Sites(ctx context.Context, cfg *config.Config) (sites []Site, err error) {
	d, err := openShared(ctx, cfg, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	all, err := d.Sites(ctx)
	for _, s := range all {
		sites = append(sites, Site{s.Name, s.Running, s.Seen, s.Version, s.Working, s.Recording, s.Name == cfg.Site})
	}
	return sites, err
}

func openShared(ctx context.Context, cfg *config.Config, readOnly bool) (*registry.Database, error) {
	if cfg.Database.Reveal() == "" {
		return nil, ErrOneSite
	}
	return registry.OpenPostgres(ctx, cfg, readOnly)
}

// Takeover is what came of taking over a site. Releases are named by their
// references.
type Takeover struct {
	Moved     []string `json:"moved"`      // free to be dropped again anywhere
	Recording []string `json:"recording"`  // stay: sent or not, only the site's own state folder can tell
	GivenBack int      `json:"given_back"` // order files put back into this outbox, which the dead site shared
}

// TakeOver frees the orders of a site that will not come back by itself, so
// that they can be dropped again at any other. Should the site come back all the
// same, it finds them gone before it has shown a link and sends nothing.
//
// It is refused while the site runs, and with a [registry.SeenLatelyError] when it was
// seen lately unless force is set. It may be repeated.
func TakeOver(ctx context.Context, cfg *config.Config, site string, force bool, log *slog.Logger) (t *Takeover, err error) {
	d, err := openShared(ctx, cfg, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if site == cfg.Site {
		return nil, ErrOwnSite
	}
	executor, err := d.Dead(ctx, site, force)
	if err != nil {
		return nil, err
	}
	t = &Takeover{Moved: []string{}, Recording: []string{}}
	if executor == "" {
		return t, nil // taken over before
	}
	letGo, err := d.Bar(ctx, executor)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, letGo()) }()
	stay, err := t.take(ctx, d, executor)
	if err != nil {
		return nil, err
	}
	if t.GivenBack, err = giveBack(ctx, cfg, executor, stay); err != nil {
		return nil, err
	}
	if len(t.Recording) == 0 { // a new computer may use the name
		if err := d.FreeName(ctx, site, executor); err != nil {
			return nil, err
		}
	}
	for _, id := range t.Moved {
		log.Info("taken over", slog.String("release", id), slog.String("stage", "takeover"))
	}
	return t, nil
}

// take frees the orders that the site has not committed to, and returns the claims of
// those that must stay.
func (t *Takeover) take(ctx context.Context, d *registry.Database, executor string) (stay map[string]bool, err error) {
	moved, left, err := d.TakeOrders(ctx, executor)
	if err != nil {
		return nil, err
	}
	for _, e := range moved {
		t.Moved = append(t.Moved, e.ID())
	}
	stay = map[string]bool{}
	for _, e := range left {
		t.Recording = append(t.Recording, e.ID())
		stay[e.Claim] = true
	}
	return stay, nil
}

// giveBack puts what the site had claimed in this outbox, if both share it, back
// for whoever works there now.
func giveBack(ctx context.Context, cfg *config.Config, executor string, stay map[string]bool) (int, error) {
	box, err := watch.Open(cfg.Outbox, watch.Options{})
	if err != nil {
		return 0, err
	}
	n, err := box.GiveBack(ctx, executor, func(claim string) bool { return stay[claim] })
	return n, errors.Join(err, box.Close())
}

// executorOf reads the executor of a state folder; "" if it has none yet.
func executorOf(dir string) string {
	b, err := os.ReadFile((&state{dir: dir}).path("executor"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// AdoptOutbox makes the outbox this practice's own, although it belonged to a
// daemon that is gone for good (from, as [watch.OwnedError] names it), or although
// its folder was replaced (from is empty). The daemon must not be running.
func AdoptOutbox(cfg *config.Config, from string) (err error) {
	s, err := openState(cfg.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if from == "" {
		return watch.Adopt(cfg.Outbox, watch.Options{Memory: s.path(outboxMemory)})
	}
	p := &Practice{cfg: cfg, state: s}
	me, err := p.executor()
	if err != nil {
		return err
	}
	return watch.TakeOver(cfg.Outbox, watch.Options{Owner: me}, from)
}
