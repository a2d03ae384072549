package chartseal

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/order"
)

// admitted takes an order in, as intake does.
func admitted(t *testing.T, r *registry, ref string) {
	t.Helper()
	if _, mine, err := r.admit(t.Context(), ref, "sha", "claim "+ref); err != nil || !mine {
		t.Fatalf("admit %s: %v %v", ref, mine, err)
	}
}

// to are the tags of an order of one approver.
func to(recipient ...string) tags { return tags{recipient, "lee"} }

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
			over, err := r.letThrough(t.Context(), ref, to("chen"), limits, upToLimits, now)
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
	ask := func(ref string, who tags, limits config.Brake, how passage, at int64) []order.Excess {
		t.Helper()
		over, err := r.letThrough(t.Context(), ref, who, limits, how, at)
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
	if over := ask("a", chen, one, upToLimits, now); over != nil {
		t.Fatalf("the first is held: %v", over)
	}
	if over := ask("a", chen, one, upToLimits, now); over != nil {
		t.Errorf("the same order counts twice: %v", over)
	}
	if over := ask("b", chen, one, onlyLook, now+1); !slices.Equal(over, []order.Excess{{Of: "recipient", Limit: 1}}) {
		t.Errorf("the second to the same: %v", over)
	}
	if over := ask("b", okafor, one, upToLimits, now+1); over != nil {
		t.Errorf("another recipient: %v", over)
	}
	if over := ask("c", to("x"), one, upToLimits, now+2); !slices.Equal(over, []order.Excess{{Of: "day", Limit: 2}, {Of: "approver", Limit: 2}}) {
		t.Errorf("the third of the day: %v", over)
	}
	if over := ask("c", to("x"), one, inAnyCase, now+2); over != nil {
		t.Errorf("with a decision: %v", over)
	}
	if over := ask("d", chen, one, onlyLook, now-day); len(over) != 3 {
		t.Errorf("a clock that was set back forgets: %v", over)
	}
	if over := ask("d", chen, one, onlyLook, now+day); len(over) != 2 {
		t.Errorf("a day after the first, the other two count: %v", over)
	}
	if over := ask("d", chen, one, onlyLook, now+day+3); over != nil {
		t.Errorf("a day after the last: %v", over)
	}
	// what is held after all does not count, nor its next attempt before the upload
	if err := r.settle(t.Context(), "b", hold); err != nil {
		t.Fatal(err)
	}
	admitted(t, r, "b2")
	if _, mine, err := r.admit(t.Context(), "b", "sha", "again"); err != nil || !mine {
		t.Fatal(err)
	}
	if over := ask("b2", okafor, config.Brake{PerRecipient: 1}, onlyLook, now+2); over != nil {
		t.Errorf("a held order counts: %v", over)
	}
}

// TestTheBrakeIsNotFooledByTheClock: nobody ends the 24 hours by setting the clock.
func TestTheBrakeIsNotFooledByTheClock(t *testing.T) {
	start := time.Now()
	c := newSteadyClock(start)
	for jump, steady := range map[time.Duration]bool{0: false, time.Minute: false, 25 * time.Hour: true, -25 * time.Hour: true, 400 * 24 * time.Hour: true} {
		got := c.now(start.Add(jump))
		want := start.Add(jump).Unix()
		if steady {
			want = start.Unix()
		}
		if got < want || got > want+5 {
			t.Errorf("after a jump of %s the clock says %d, want %d", jump, got, want)
		}
	}
}

// TestTagsNameNobody: the registry learns neither names nor addresses.
func TestTagsNameNobody(t *testing.T) {
	r := newRegistry(t)
	maria := order.Recipient{Name: "Maria Alvarez", Email: "Maria@example.org"}
	a := r.tagsOf(&order.Order{Approved: order.Approval{By: "Dr-Lee"}}, maria)
	b := r.tagsOf(&order.Order{Approved: order.Approval{By: "dr-lee"}}, maria)
	if a.approver != b.approver || len(a.recipient) != 2 {
		t.Fatalf("tags %+v and %+v", a, b)
	}
	other := newRegistry(t).tagsOf(&order.Order{}, maria)
	for i, tag := range append(slices.Clone(a.recipient), a.approver) {
		if len(tag) != 16 || strings.Trim(tag, "0123456789abcdef") != "" || slices.Contains(other.recipient, tag) {
			t.Errorf("tag %d is %q; another database has %v", i, tag, other.recipient)
		}
	}
}

// TestTheBrakeKnowsARecipientByAnySpelling: who gets the records is not told apart by
// the way it is written.
func TestTheBrakeKnowsARecipientByAnySpelling(t *testing.T) {
	r := newRegistry(t)
	now := time.Now().Unix()
	limits := config.Brake{PerRecipient: 1}
	let := func(ref string, who order.Recipient) bool {
		t.Helper()
		admitted(t, r, ref)
		over, err := r.letThrough(t.Context(), ref, r.tagsOf(&order.Order{}, who), limits, upToLimits, now)
		if err != nil {
			t.Fatal(err)
		}
		return len(over) == 0
	}
	if !let("first", order.Recipient{Key: "dr-chen", Name: "Dr. Chen Endodontics", Email: "front.desk@chen.example"}) {
		t.Fatal("the first is held")
	}
	for i, who := range []order.Recipient{
		{Name: "Somebody Else", Email: "Front.Desk+Box1@Chen.example"},
		{Name: "Another One", Email: " frontdesk@chen.example. "},
		{Name: "A Third One", Email: "Desk <front.desk@chen.example>"},
		{Name: "CHEN  Endodontics", Email: "other@chen.example"},
		{Name: "Endodontics, Chen"},
		{Name: "Chén-Endodontics", Address: "1 New Street"},
	} {
		if let("variant"+strconv.Itoa(i), who) {
			t.Errorf("%+v counts as another recipient", who)
		}
	}
	for i, who := range []order.Recipient{{Name: "Dr. Okafor", Email: "front@okafor.example"}, {Name: "Chen Orthodontics"}} {
		if !let("other"+strconv.Itoa(i), who) {
			t.Errorf("%+v counts as the same recipient", who)
		}
	}
}

// fill adds so many orders that went out long ago, one a second since 1970.
func fill(t testing.TB, r *registry, rows int) {
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
				over, err := r.letThrough(b.Context(), "new", tags{[]string{"x"}, "y"}, config.Brake{PerDay: 1}, onlyLook, int64(rows+brakeWindow-1))
				if err != nil || len(over) != 1 {
					b.Fatal(over, err)
				}
			}
		})
	}
}
