package registry

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"chartseal/config"
)

// admitted takes an order in, as intake does.
func admitted(t *testing.T, r *Orders, ref string) {
	t.Helper()
	if _, mine, err := r.Admit(t.Context(), ref, "sha", "claim "+ref); err != nil || !mine {
		t.Fatalf("admit %s: %v %v", ref, mine, err)
	}
}

// to are the tags of an order of one approver.
func to(recipient ...string) Tags { return Tags{recipient, "lee"} }

func TestTheBrakeLetsNoMoreThroughAtOnce(t *testing.T) {
	r := newRegistry(t)
	now := time.Now().Unix()
	limits := config.Brake{PerRecipient: 3}
	var wg sync.WaitGroup
	var mu sync.Mutex
	let := 0
	for i := range 12 {
		ref := "ref" + strconv.Itoa(i)
		admitted(t, r, ref)
		wg.Go(func() {
			over, err := r.LetThrough(t.Context(), ref, to("chen"), limits, UpToLimits, now)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(over) == 0 {
				let++
			}
		})
	}
	wg.Wait()
	if let != 3 {
		t.Errorf("%d of 12 were let through, want 3", let)
	}
}

func TestTheBrakeCounts(t *testing.T) {
	r := newRegistry(t)
	const day = 24 * 60 * 60
	now := time.Now().Unix()
	ask := func(ref string, who Tags, limits config.Brake, how Passage, at int64) []Excess {
		t.Helper()
		over, err := r.LetThrough(t.Context(), ref, who, limits, how, at)
		if err != nil {
			t.Fatal(err)
		}
		return over
	}
	chen, okafor := to("chen"), to("okafor")
	one := config.Brake{PerDay: 2, PerRecipient: 1, PerApprover: 2}
	for _, ref := range []string{"a", "b", "c", "d"} {
		admitted(t, r, ref)
	}
	if over := ask("a", chen, one, UpToLimits, now); over != nil {
		t.Fatalf("the first is held: %v", over)
	}
	if over := ask("a", chen, one, UpToLimits, now); over != nil {
		t.Errorf("the same order counts twice: %v", over)
	}
	if over := ask("b", chen, one, OnlyLook, now+1); !slices.Equal(over, []Excess{{Of: "recipient", Limit: 1}}) {
		t.Errorf("the second to the same: %v", over)
	}
	if over := ask("b", okafor, one, UpToLimits, now+1); over != nil {
		t.Errorf("another recipient: %v", over)
	}
	if over := ask("c", to("x"), one, UpToLimits, now+2); !slices.Equal(over, []Excess{{Of: "day", Limit: 2}, {Of: "approver", Limit: 2}}) {
		t.Errorf("the third of the day: %v", over)
	}
	if over := ask("c", to("x"), one, InAnyCase, now+2); over != nil {
		t.Errorf("with a decision: %v", over)
	}
	if over := ask("d", chen, one, OnlyLook, now-day); len(over) != 3 {
		t.Errorf("a clock that was set back forgets: %v", over)
	}
	if over := ask("d", chen, one, OnlyLook, now+day); len(over) != 2 {
		t.Errorf("a day after the first, the other two count: %v", over)
	}
	if over := ask("d", chen, one, OnlyLook, now+day+3); over != nil {
		t.Errorf("a day after the last: %v", over)
	}
	// what is held after all does not count, nor its next attempt before the upload
	if err := r.Settle(t.Context(), "b", Held); err != nil {
		t.Fatal(err)
	}
	admitted(t, r, "b2")
	if _, mine, err := r.Admit(t.Context(), "b", "sha", "again"); err != nil || !mine {
		t.Fatal(err)
	}
	if over := ask("b2", okafor, config.Brake{PerRecipient: 1}, OnlyLook, now+2); over != nil {
		t.Errorf("a held order counts: %v", over)
	}
}

// fill adds so many orders that went out long ago, one a second since 1970.
func fill(t testing.TB, r *Orders, rows int) {
	t.Helper()
	_, err := r.db.ExecContext(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<$1)
		INSERT INTO chartseal_orders (ref, attempt, sha256, claim, state, executor, let_at, likeness)
		SELECT 'old'||i, 1, '', '', 'sent', 'here-1', i, 'l'||i FROM n`, rows)
	if err != nil {
		t.Fatal(err)
	}
}

// What is asked for every order, at a start and by status looks at the orders of a day,
// of one likeness or of one site, or at the newest: not at all there ever were.
func TestTheRegistryUsesItsIndexes(t *testing.T) {
	r := newRegistry(t)
	fill(t, r, 100)
	for query, want := range map[string]struct {
		index string
		args  []any
	}{
		letThroughCount(1): {"chartseal_orders_let_at", []any{50, "new", "lee", "% chen %"}},
		alikeQuery:         {"chartseal_orders_like", []any{"l7", "new", "2026"}},
		ownQuery:           {"chartseal_orders_executor", []any{"here-1"}},
		allQuery:           {"chartseal_orders_since", []any{10}},
	} {
		rows, err := r.db.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, want.args...)
		if err != nil {
			t.Fatal(err)
		}
		plan := ""
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan += detail + "; "
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || !strings.Contains(plan, "USING INDEX "+want.index) || strings.Contains(plan, "TEMP B-TREE") && query != alikeQuery {
			t.Errorf("plan %q, %v", plan, err)
		}
	}
}

// BenchmarkBrake counts among 1,000 and 100,000 orders, of which one is of the day.
func BenchmarkBrake(b *testing.B) {
	for _, rows := range []int{1_000, 100_000} {
		b.Run(strconv.Itoa(rows), func(b *testing.B) {
			r := newRegistry(b)
			fill(b, r, rows)
			for b.Loop() {
				over, err := r.LetThrough(b.Context(), "new", Tags{[]string{"x"}, "y"}, config.Brake{PerDay: 1}, OnlyLook, int64(rows+brakeWindow-1))
				if err != nil || len(over) != 1 {
					b.Fatal(over, err)
				}
			}
		})
	}
}
