package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"chartseal/ledger"
	"chartseal/transport"
)

// Who loses the whole state folder loses ledger and key together, and a new ledger by a
// new key would begin as if there had been none. The heads of the old one are still in the
// store, and in a shared database: as long as no person has said that it is lost, nothing
// is sent.

// otherLedger is the newest head of a ledger of this site by another key. The key may be
// lost, so nothing proves what it says.
type otherLedger struct {
	key  string // its number
	head ledger.SignedHead
}

// BegunAnewError says that a ledger stands where another one was.
type BegunAnewError struct {
	Key string // number of the key of the lost one
	ledger.SignedHead
}

func (e *BegunAnewError) Error() string {
	return fmt.Sprintf("%v: it was begun anew. There was another ledger of this site, %q, of %d entries until %s, by the key %s. Restore the state folder from the backup; if it is lost for good: chartseal ledger accept. If another computer still works under this site name, give this one a 'site:' of its own",
		ledger.ErrBroken, e.Site, e.Seq, e.At.Format("2006-01-02"), e.Key)
}

// Is makes a BegunAnewError a ledger.ErrBroken.
func (e *BegunAnewError) Is(target error) bool { return target == ledger.ErrBroken }

// maxOtherKeys bounds how many heads of the site are listed in the store.
const maxOtherKeys = 20_000

// othersIn finds the newest head of each other ledger of the site in the store. place is
// where the store has the own one's.
func othersIn(ctx context.Context, store headStore, place string) (out []otherLedger, err error) {
	site := place[:strings.LastIndexByte(strings.TrimSuffix(place, "/"), '/')+1]
	keys, err := store.Keys(ctx, site, maxOtherKeys)
	if err != nil {
		return nil, err
	}
	newest := map[string][]string{} // of each ledger, the best last
	for _, key := range keys {      // in the order of their names: "latest" comes after the numbers
		name, file, ok := strings.Cut(strings.TrimPrefix(key, site), "/")
		if _, day := headIn(file); ok && site+name+"/" != place && (day || file == latestHead) {
			newest[name] = append(newest[name], key)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(newest)) {
		files := newest[name]
		for _, key := range files[max(0, len(files)-2):] {
			h, err := unprovenHead(ctx, store, key)
			if err != nil {
				return nil, err
			}
			if h != nil && h.Site == path.Base(site) {
				out = append(out, otherLedger{name, *h})
			}
		}
	}
	return out, nil
}

func unprovenHead(ctx context.Context, store headStore, key string) (*ledger.SignedHead, error) {
	data, err := store.Get(ctx, key, maxHead)
	if errors.Is(err, transport.ErrNotFound) {
		return nil, nil //nolint:nilnil // deleted meanwhile
	}
	if err != nil {
		return nil, err
	}
	if h, ok := ledger.Unproven(data); ok {
		return &h, nil
	}
	return nil, nil //nolint:nilnil // it is no head
}

// lostLedgers are those of the others that ended before this ledger began, and that no
// person has said to be lost. One that went on is of another computer, which works under
// the same name. An empty ledger has begun after all others.
func lostLedgers(ctx context.Context, dir string, others []otherLedger) ([]otherLedger, error) {
	if len(others) == 0 {
		return nil, nil
	}
	newest := map[string]otherLedger{}
	for _, o := range others {
		if was, ok := newest[o.key]; !ok || o.head.Seq > was.head.Seq {
			newest[o.key] = o
		}
	}
	for e, err := range ledger.Entries(ctx, dir) {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		began := e.Began // of a ledger whose first segments were purged
		if e.Seq == 1 {
			began = e.At
		}
		maps.DeleteFunc(newest, func(_ string, o otherLedger) bool { return !began.IsZero() && o.head.At.After(began) })
		if e.Lost != nil {
			delete(newest, e.Lost.Key)
		}
		if len(newest) == 0 {
			return nil, nil
		}
	}
	return slices.SortedFunc(maps.Values(newest), func(a, b otherLedger) int { return strings.Compare(a.key, b.key) }), nil
}

// begunAnew is a *BegunAnewError if the ledger stands in the place of a lost one.
func begunAnew(ctx context.Context, dir string, others []otherLedger) error {
	lost, err := lostLedgers(ctx, dir, others)
	if err != nil || len(lost) == 0 {
		return err
	}
	return &BegunAnewError{lost[0].key, lost[0].head}
}

// lossOf is what the ledger says of a ledger that is lost as a whole.
func (o otherLedger) loss() *ledger.Loss {
	return &ledger.Loss{From: 1, To: o.head.Seq, Hash: o.head.Hash, At: o.head.At, Key: o.key}
}
