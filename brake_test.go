package chartseal

import (
	"slices"
	"strconv"
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
			over, err := r.letThrough(t.Context(), ref, tags{"chen", "lee"}, limits, upToLimits, now)
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
	ask := func(ref string, to tags, limits config.Brake, how passage, at int64) []order.Excess {
		t.Helper()
		over, err := r.letThrough(t.Context(), ref, to, limits, how, at)
		if err != nil {
			t.Fatal(err)
		}
		return over
	}
	chen, okafor := tags{"chen", "lee"}, tags{"okafor", "lee"}
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
	if over := ask("c", tags{"x", "lee"}, one, upToLimits, now+2); !slices.Equal(over, []order.Excess{{Of: "day", Limit: 2}, {Of: "approver", Limit: 2}}) {
		t.Errorf("the third of the day: %v", over)
	}
	if over := ask("c", tags{"x", "lee"}, one, inAnyCase, now+2); over != nil {
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
	o := &order.Order{Approved: order.Approval{By: "Dr-Lee"}}
	a := r.tagsOf(o, order.Recipient{Name: "Maria Alvarez", Email: "Maria@example.org"})
	o.Approved.By = "dr-lee"
	b := r.tagsOf(o, order.Recipient{Name: "M. Alvarez", Email: "maria@example.org"})
	if a != b || len(a.recipient) != 16 || len(a.approver) != 16 || a.recipient == a.approver {
		t.Errorf("tags %+v and %+v", a, b)
	}
	if c := newRegistry(t).tagsOf(o, order.Recipient{Email: "maria@example.org"}); c.recipient == b.recipient {
		t.Error("two databases have the same tag for one recipient")
	}
}
