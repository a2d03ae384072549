package heads

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

// Other is the newest head of a ledger of this site by another key. The key may be
// lost, so nothing proves what it says.
type Other struct {
	Key  string // its number
	Head ledger.SignedHead
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

// maxOtherHeads is how many of the newest heads of another ledger are read, of each kind: its
// key may be lost, and then nobody can tell them from what was put there to hide them.
const maxOtherHeads = 20

// readOthers finds the newest heads of each other ledger of the site in the store, hidden
// or not.
func (l *look) readOthers(ctx context.Context) error {
	site := l.place[:strings.LastIndexByte(strings.TrimSuffix(l.place, "/"), '/')+1]
	after := ""
	for n := 0; ; n++ {
		if n == maxOthers {
			l.crowded = true
			return nil
		}
		key, heads, err := l.nextLedger(ctx, site, after)
		if err != nil || key == "" {
			return err
		}
		after = site + key + "0" // which comes after all that begin with site, key and a slash
		if site+key+"/" == l.place {
			continue
		}
		for _, v := range heads {
			h, err := l.unproven(ctx, v)
			if err != nil {
				return err
			}
			if h != nil && h.Site == path.Base(site) {
				l.Others = append(l.Others, Other{key, *h})
			}
		}
	}
}

// nextLedger is the next folder of heads after a key, and the newest heads in it. The own
// one is passed over.
func (l *look) nextLedger(ctx context.Context, site, after string) (key string, heads []transport.Version, err error) {
	var days, latest []transport.Version
	n := 0
	for v, err := range l.versions(ctx, site, after) {
		if err != nil {
			return "", nil, err
		}
		if n++; n > maxHeads {
			l.crowded = true
			return "", nil, nil
		}
		name, file, ok := strings.Cut(strings.TrimPrefix(v.Key, site), "/")
		switch _, day := dayIn(file); {
		case !ok: // it lies beside the folders
		case key != "" && name != key, site+name+"/" == l.place, len(latest) == maxOtherHeads:
			if key == "" {
				key = name
			}
			return key, append(days, latest...), nil
		case v.Deleted:
			key = name
		case day:
			key, days = name, append(days[max(0, len(days)-maxOtherHeads+1):], v)
		case file == Latest:
			key, latest = name, append(latest, v)
		default:
			key = name
		}
	}
	return key, append(days, latest...), nil
}

// unproven reads a head by another key; nil if it is none, or may not be read.
func (l *look) unproven(ctx context.Context, v transport.Version) (*ledger.SignedHead, error) {
	data, err := l.store.Get(ctx, v, maxHead)
	switch {
	case errors.Is(err, transport.ErrNotFound), errors.Is(err, transport.ErrRejected):
		return nil, nil //nolint:nilnil // deleted meanwhile, or too long for one
	case errors.Is(err, transport.ErrDenied) && !v.Current():
		l.Blind = true
		return nil, nil //nolint:nilnil // nobody knows
	case err != nil:
		return nil, err
	}
	if h, ok := ledger.Unproven(data); ok {
		return &h, nil
	}
	return nil, nil //nolint:nilnil // it is no head
}

// Lost are those of the others that ended before the ledger in dir began, and that no
// person has said to be lost. One that went on is of another computer, which works under
// the same name. An empty ledger has begun after all others. The error is the ledger's.
func Lost(ctx context.Context, dir string, others []Other) ([]Other, error) {
	if len(others) == 0 {
		return nil, nil
	}
	newest := map[string]Other{}
	for _, o := range others {
		if was, ok := newest[o.Key]; !ok || o.Head.Seq > was.Head.Seq {
			newest[o.Key] = o
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
		maps.DeleteFunc(newest, func(_ string, o Other) bool { return !began.IsZero() && o.Head.At.After(began) })
		if e.Lost != nil {
			delete(newest, e.Lost.Key)
		}
		if len(newest) == 0 {
			return nil, nil
		}
	}
	return slices.SortedFunc(maps.Values(newest), func(a, b Other) int { return strings.Compare(a.Key, b.Key) }), nil
}

// BegunAnew is a *BegunAnewError if the ledger in dir stands in the place of a lost one, or the
// ledger's own error.
func BegunAnew(ctx context.Context, dir string, others []Other) error {
	lost, err := Lost(ctx, dir, others)
	if err != nil || len(lost) == 0 {
		return err
	}
	return &BegunAnewError{lost[0].Key, lost[0].Head}
}

// Loss is what the ledger says of a ledger that is lost as a whole.
func (o Other) Loss() *ledger.Loss {
	return &ledger.Loss{From: 1, To: o.Head.Seq, Hash: o.Head.Hash, At: o.Head.At, Key: o.Key}
}
