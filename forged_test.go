package chartseal

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/heads"
	"chartseal/ledger"
)

// A forgery is what somebody makes of a practice's entries who writes the ledger anew, with
// the practice's own key: every hash and the signed head beside it fit.
var forgeries = map[string]func(rng *rand.Rand, all []ledger.Entry) []ledger.Entry{
	"edit": func(rng *rand.Rand, all []ledger.Entry) []ledger.Entry {
		all[rng.IntN(len(all))].Purpose = "another purpose"
		return all
	},
	"drop": func(rng *rand.Rand, all []ledger.Entry) []ledger.Entry {
		i := rng.IntN(len(all))
		return slices.Delete(all, i, i+1)
	},
	"swap": func(rng *rand.Rand, all []ledger.Entry) []ledger.Entry {
		i := rng.IntN(len(all) - 1)
		all[i], all[i+1] = all[i+1], all[i]
		return all
	},
	"insert": func(rng *rand.Rand, all []ledger.Entry) []ledger.Entry {
		return slices.Insert(all, rng.IntN(len(all)), ledger.Entry{Key: "new/held", Event: ledger.Held, Order: "R-new"})
	},
	"truncate": func(rng *rand.Rand, all []ledger.Entry) []ledger.Entry { return all[:rng.IntN(len(all))] },
	"drop and go on": func(rng *rand.Rand, all []ledger.Entry) []ledger.Entry { // as many as before, and more
		i := rng.IntN(len(all))
		all = slices.Delete(all, i, i+1)
		for n := range 1 + rng.IntN(3) {
			all = append(all, ledger.Entry{Key: fmt.Sprint("later", n, "/held"), Event: ledger.Held, Order: "R-later"})
		}
		return all
	},
}

// Whatever is made of a ledger with the key at hand, its heads in a bucket with object lock
// show it, although somebody deleted, replaced and, where they are not locked, erased them;
// and so they do for every older copy of the files, as it was.
func TestEveryForgeryIsFoundByHiddenHeads(t *testing.T) {
	const entries = 6
	v := lockedBuckets(t)(t, "forged")
	now := time.Now()
	clock := func() time.Time { return now } // so that what is not forged has the hash it had
	k := keepBooksIn(t, t.TempDir(), &config.Config{Site: "front-desk", Store: v.cfg}, v, clock)
	dir := k.state.path("ledger")
	var past []string
	var all []ledger.Entry
	for n := range entries {
		key := fmt.Sprint("e", n)
		k.write(t, key)
		all = append(all, ledger.Entry{Key: key + "/held", Event: ledger.Held, Order: "R-" + key, Reference: key})
		past = append(past, filepath.Join(t.TempDir(), "ledger"))
		if err := os.CopyFS(past[n], os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	k.closeCopied(t)
	place, by, signer := headPlace(k.cfg, k.state.pub), k.state.pub, k.signer()
	newest, err := ledger.HeadFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := ledger.ParseHead(newest, by)
	if err != nil || h.Seq != entries {
		t.Fatal(h, err)
	}
	if _, err := v.PutKept(t.Context(), place+heads.Day(h.Head), headType, newest, time.Now().AddDate(keepYears, 0, 0)); err != nil {
		t.Fatal(err)
	}
	whole := func(dir string) error {
		_, err := ledger.VerifySigned(t.Context(), dir, by)
		return err
	}
	look := func(dir string) error {
		e, err := heads.Look(t.Context(), v, place, dir, by)
		if err != nil {
			t.Fatal(err)
		}
		p := &Practice{cfg: &config.Config{}, state: &state{dir: filepath.Dir(dir)}, opts: Options{Now: time.Now}, log: slog.New(slog.DiscardHandler)}
		return p.against(t.Context(), by, e)
	}
	if err := look(dir); err != nil {
		t.Fatal("as it is:", err)
	}
	old, err := ledger.HeadFile(past[2])
	if err != nil {
		t.Fatal(err)
	}
	v.erase(t, place+heads.Latest)
	v.cover(t, place+heads.Latest, string(old))
	v.cover(t, place+heads.Day(h.Head), string(old))
	v.hide(t, place+heads.Day(h.Head))
	if err := look(dir); err != nil {
		t.Fatal("as it is, with its heads hidden:", err)
	}

	for n, copied := range past[:entries-1] {
		if err := whole(copied); err != nil {
			t.Fatal(err)
		}
		if err := look(copied); !errors.Is(err, ledger.ErrBroken) {
			t.Errorf("the copy of after entry %d: %v", n+1, err)
		}
	}
	anew := func(t *testing.T, entries []ledger.Entry) error {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "ledger")
		l, err := ledger.Open(dir, clock, ledger.Signed(signer))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if _, err := l.Append(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(l.Close(), whole(dir)); err != nil {
			t.Fatal("the forgery is none:", err)
		}
		return look(dir)
	}
	if err := anew(t, slices.Clone(all)); err != nil {
		t.Fatal("written anew as it was:", err)
	}
	for name, forge := range forgeries {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(3) {
				rng := rand.New(rand.NewPCG(seed, 31))
				if err := anew(t, forge(rng, slices.Clone(all))); !errors.Is(err, ledger.ErrBroken) {
					t.Errorf("seed %d: %v", seed, err)
				}
			}
		})
	}
}
