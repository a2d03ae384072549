package turns

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// The release that began first goes first, and who stops waiting takes no slot along.
func TestTurnsGoByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := New(1)
		take(t, slots, 99)
		var (
			mu    sync.Mutex
			order []uint64
			wg    sync.WaitGroup
		)
		for _, rank := range []uint64{5, 3, 8, 1, 4} {
			wg.Go(func() {
				if err := slots.Take(t.Context(), rank); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, rank)
				mu.Unlock()
				slots.Give()
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if err := slots.Take(ctx, 2); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		slots.Give()
		wg.Wait()
		if want := []uint64{1, 3, 4, 5, 8}; !slices.Equal(order, want) {
			t.Error("turns went to", order)
		}
		take(t, slots, 0) // it is free again
	})
}

// A slot that comes at the moment of giving up is not lost.
func TestATurnIsNotLost(t *testing.T) {
	for range 500 {
		slots := New(1)
		take(t, slots, 0)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if slots.Take(ctx, 1) == nil {
				slots.Give()
			}
		})
		wg.Go(cancel)
		wg.Go(slots.Give)
		wg.Wait()
		take(t, slots, 2)
	}
}

func take(t *testing.T, slots *Slots, rank uint64) {
	t.Helper()
	if err := slots.Take(t.Context(), rank); err != nil {
		t.Fatal(err)
	}
}
