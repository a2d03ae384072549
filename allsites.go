package chartseal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/durable"
	"chartseal/heads"
	"chartseal/ledger"
	"chartseal/ledger/group"
	"chartseal/registry"
)

// SiteLedger is what a look at one site's ledger in the shared database saw.
type SiteLedger struct {
	Site    string     `json:"site"`
	Key     string     `json:"public_key,omitempty"` // the site's
	Entries uint64     `json:"entries"`
	Purged  uint64     `json:"purged,omitempty"` // of these: the first ones, which went before the database was there
	Hash    string     `json:"hash,omitempty"`   // of the last one
	At      time.Time  `json:"signed_at,omitzero"`
	Copies  int        `json:"copies"`                 // signed heads in the store that were compared
	Alone   string     `json:"not_compared,omitempty"` // why there are none
	Lost    []SiteLoss `json:"lost,omitempty"`         // where persons went on with an older copy
	Behind  uint64     `json:"behind,omitempty"`       // entries of this very site that are not mirrored yet
	Own     bool       `json:"own,omitempty"`
	New     bool       `json:"new_key,omitempty"` // the key was not known here before
	Fault   string     `json:"fault,omitempty"`   // "": the ledger is whole
}

// SiteLoss are entries that a site's ledger lacks, as the site has signed it.
type SiteLoss struct {
	From uint64    `json:"from"`
	To   uint64    `json:"to"`
	Said time.Time `json:"said_at"` // when a person went on without them
}

// sitesFile is under state: the keys of the sites as they were first seen here, for a
// database cannot be believed about the keys it is checked with; and the last entry of each
// at the last look, which must still be there at the next.
const sitesFile = "sites.json"

// knownLedger is one ledger in that file.
type knownLedger struct {
	Key  string            `json:"public_key"`
	Head ledger.SignedHead `json:"head"`
}

// The mirror follows the store within moments, so a head that the mirror lacks is looked
// for again.
const (
	mirrorTries = 3
	mirrorLag   = 2 * time.Second
)

// VerifyAllSites checks the ledger of every site that the shared database mirrors: each
// row's signature, that none is missing, and that none is missing at the end, as far as
// heads in the store, and this site's own ledger, tell. The faults are in the list. Keys in
// trust are believed to be a site's although another was known before.
func VerifyAllSites(ctx context.Context, cfg *config.Config, opts Options, trust []string) (out []SiteLedger, err error) {
	d, err := openShared(ctx, cfg, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	v := &sitesLook{cfg: cfg, d: d, state: &state{dir: cfg.State}, trust: trust, lag: mirrorLag}
	v.store, v.alone = storeForHeads(ctx, cfg, opts)
	return v.look(ctx)
}

// storeForHeads reaches a store that other sites may have their heads in.
func storeForHeads(ctx context.Context, cfg *config.Config, opts Options) (headStore, string) {
	if cfg.Store.Kind == config.StoreLocal {
		return nil, "the store is on each site's own computer"
	}
	p := &Practice{cfg: cfg, opts: opts, log: opts.Log, state: &state{dir: cfg.State}}
	if err := p.openStore(ctx); err != nil {
		return nil, err.Error()
	}
	return p.copies, ""
}

// sitesLook is one look at all sites.
type sitesLook struct {
	cfg   *config.Config
	d     *registry.Database
	state *state
	store headStore // nil: see alone
	alone string
	trust []string
	lag   time.Duration

	before map[string]knownLedger // of earlier looks, by site and ledger: "north/8a1f…"
}

func (v *sitesLook) look(ctx context.Context) ([]SiteLedger, error) {
	if err := v.remembered(); err != nil {
		return nil, err
	}
	mirrored, err := v.d.Ledgers(ctx)
	if err != nil {
		return nil, err
	}
	there := map[string]string{} // the keys, by site and ledger
	for _, l := range mirrored {
		there[keyOf(l.Site, l.Number)] = l.Key
	}
	names := slices.Collect(maps.Keys(there))
	for name := range v.before { // also where its rows are gone
		if _, ok := there[name]; !ok && v.before[name].Head.Seq > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	out := []SiteLedger{}
	for _, name := range names {
		l, err := v.one(ctx, name, there[name])
		if errors.Is(err, ledger.ErrBroken) {
			l.Fault = err.Error()
		} else if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	silent, err := v.silent(ctx, out)
	if err != nil {
		return nil, err
	}
	return append(out, silent...), v.remember(out)
}

// keyOf names a ledger by its site and the number of its key.
func keyOf(site, number string) string { return site + "/" + number }

// remembered reads what this computer believes: its own key, and what earlier looks left.
func (v *sitesLook) remembered() error {
	v.before = map[string]knownLedger{}
	b, err := os.ReadFile(v.state.path(sitesFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read keys of the sites: %w", scrub(err))
	}
	if err == nil && json.Unmarshal(b, &v.before) != nil {
		return errors.New("read keys of the sites: sites.json in the state folder is damaged; restore it from the backup")
	}
	own, err := v.state.public()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		name := keyOf(v.cfg.Site, ledger.KeyName(own))
		v.before[name] = knownLedger{own.String(), v.before[name].Head}
	}
	return err
}

// keyError says that a ledger's key cannot be believed.
type keyError string

func (e keyError) Error() string { return ledger.ErrBroken.Error() + ": " + string(e) }

// Is makes a keyError a ledger.ErrBroken.
func (keyError) Is(target error) bool { return target == ledger.ErrBroken }

// key decides which key a ledger is checked with. A site's first key is believed, and no
// other one after it unless a person says so.
func (v *sitesLook) key(l *SiteLedger, name, there string) error {
	was, seen := v.before[name]
	var by minisign.PublicKey
	switch {
	case seen:
		if l.Key = was.Key; there != "" && there != was.Key {
			return keyError("its key in the shared database is not the one that was known here before")
		}
		return nil
	case there == "":
		return keyError("the shared database has its entries and not its key")
	case by.UnmarshalText([]byte(there)) != nil || keyOf(l.Site, ledger.KeyName(by)) != name:
		return keyError("its key in the shared database is damaged")
	}
	l.Key, l.New = there, true
	for other := range v.before {
		if strings.HasPrefix(other, l.Site+"/") && !slices.Contains(v.trust, there) {
			return keyError("it is by another key than the site's ledger before. If the site lost its state folder and began anew, compare the key with the one that the site prints on its letters, and verify again with --trust " + there)
		}
	}
	return nil
}

// one checks one ledger. What is missing at the end may be on its way.
func (v *sitesLook) one(ctx context.Context, name, key string) (l SiteLedger, err error) {
	site, number, _ := strings.Cut(name, "/")
	l = SiteLedger{Site: site, Own: site == v.cfg.Site, Alone: v.alone}
	if err := v.key(&l, name, key); err != nil {
		return l, err
	}
	for try := 1; ; try++ {
		err = v.once(ctx, &l, number)
		broken, ok := errors.AsType[*ledger.BrokenError](err)
		if !ok || broken.Fault != ledger.Cut || try == mirrorTries {
			return l, err
		}
		select {
		case <-ctx.Done():
			return l, ctx.Err()
		case <-time.After(v.lag):
		}
	}
}

func (v *sitesLook) once(ctx context.Context, l *SiteLedger, number string) error {
	var by minisign.PublicKey
	if err := by.UnmarshalText([]byte(l.Key)); err != nil {
		return keyError("its key is damaged")
	}
	w, err := v.witnesses(ctx, l, number, by)
	if err != nil {
		return err
	}
	m := mirroredIn(v.d, l.Site, number)
	rep, err := group.Check(m.rows(ctx), l.Site, by, w.asked()...)
	l.Entries, l.Hash, l.At, l.Lost, l.Copies, l.Purged = rep.Head.Seq, rep.Head.Hash, rep.At, nil, w.copies, rep.Begins
	for _, lost := range rep.Lost {
		l.Lost = append(l.Lost, SiteLoss{lost.From, lost.To, lost.Until})
	}
	if err == nil {
		err = v.confront(ctx, &rep, w)
	}
	if err != nil || !l.Own {
		return err
	}
	if own, err := v.state.public(); err != nil || !own.Equal(by) {
		return nil //nolint:nilerr // then it is of a state folder of before
	}
	return v.compareOwn(ctx, l, m, by)
}

// compareOwn compares the mirror of this site with the ledger itself.
func (v *sitesLook) compareOwn(ctx context.Context, l *SiteLedger, m mirrored, by minisign.PublicKey) error {
	u, err := m.sideBySide(ctx, v.state.path("ledger"), by)
	if err != nil {
		return err
	}
	if _, err := ledger.VerifySigned(ctx, v.state.path("ledger"), by, u.odd...); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.Behind = uint64(len(u.lacks))
	return nil
}

// silent are the sites that work at the shared database and mirror no ledger there.
func (v *sitesLook) silent(ctx context.Context, seen []SiteLedger) (out []SiteLedger, err error) {
	sites, err := v.d.SiteNames(ctx)
	if err != nil {
		return nil, err
	}
	mirrors := map[string]bool{}
	for _, l := range seen {
		mirrors[l.Site] = true
	}
	for _, site := range sites {
		if mirrors[site] {
			continue
		}
		l := SiteLedger{Site: site, Own: site == v.cfg.Site, Alone: v.alone}
		if v.store != nil {
			there, err := heads.Any(ctx, v.store, v.cfg.Store.Prefix, site)
			if err != nil {
				return nil, err
			}
			if there {
				l.Fault = keyError("the store has heads of it, and the shared database has nothing").Error()
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// remember keeps the keys and the last entries of the ledgers that hold.
func (v *sitesLook) remember(seen []SiteLedger) error {
	changed := false
	for _, l := range seen {
		var by minisign.PublicKey
		if l.Fault != "" || by.UnmarshalText([]byte(l.Key)) != nil {
			continue
		}
		now := knownLedger{l.Key, ledger.SignedHead{Head: ledger.Head{Seq: l.Entries, Hash: l.Hash}, Site: l.Site, At: l.At}}
		if name := keyOf(l.Site, ledger.KeyName(by)); v.before[name] != now {
			v.before[name], changed = now, true
		}
	}
	if !changed {
		return nil
	}
	b, err := json.MarshalIndent(v.before, "", " ")
	if err != nil {
		return fmt.Errorf("keep keys of the sites: %w", err)
	}
	return durable.Write(v.state.path(sitesFile), b, 0o600)
}
