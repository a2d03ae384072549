//go:build interop && unix

package registry

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/testdata/postgres"
)

// sitesAt are some sites at one server. All make the tables at once.
func sitesAt(t *testing.T, pg *postgres.Server, n int) (sites []*Orders) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		name := strconv.Itoa(i)
		d, err := OpenPostgres(t.Context(), &config.Config{Database: config.Secret(pg.URL()), Site: "s" + name}, false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		sites = append(sites, d.Orders("s"+name, "x"+name, time.Now))
		wg.Go(func() {
			if err := d.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return sites
}

// TestInteropRegistryRaces: on a real server, of many that want the same order
// at the same instant one gets it; and of a commit and a takeover at the same
// instant one happens.
func TestInteropRegistryRaces(t *testing.T) {
	pg := postgres.Start(t)
	ctx, sites := t.Context(), sitesAt(t, pg, 4)
	var wg sync.WaitGroup
	const orders = 200
	for _, attempt := range []int{1, 2} {
		var won, committed, moved atomic.Int64
		for n := range orders {
			ref := fmt.Sprint("ref", n)
			for i, r := range sites {
				wg.Go(func() {
					e, mine, err := r.Admit(ctx, ref, "sha", fmt.Sprint("claim", i, attempt))
					switch {
					case err != nil:
						t.Error(err)
					case mine:
						won.Add(1)
						if e.Attempt != attempt {
							t.Errorf("attempt %d, want %d", e.Attempt, attempt)
						}
					}
				})
			}
			wg.Wait()
			e, err := sites[0].Find(ctx, ref)
			if err != nil {
				t.Fatal(err)
			}
			owner := sites[e.Executor[1]-'0']
			wg.Go(func() {
				switch err := owner.Commit(ctx, e.ID()); {
				case err == nil:
					committed.Add(1)
				case !errors.Is(err, ErrTaken):
					t.Error(err)
				}
			})
			wg.Go(func() {
				took, _, err := sites[(int(e.Executor[1]-'0')+1)%4].TakeOrders(ctx, e.Executor)
				if err != nil {
					t.Error(err)
				}
				moved.Add(int64(len(took)))
			})
			wg.Wait()
			if err := owner.Settle(ctx, e.ID(), Held); err != nil { // so that it may come again
				t.Fatal(err)
			}
		}
		t.Logf("attempt %d: %d admitted, %d committed, %d taken over", attempt, won.Load(), committed.Load(), moved.Load())
		if won.Load() != orders || committed.Load()+moved.Load() != orders {
			t.Errorf("of %d orders %d were admitted, %d committed and %d taken over", orders, won.Load(), committed.Load(), moved.Load())
		}
	}
}
