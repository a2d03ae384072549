package chartseal

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/order"
	"chartseal/registry"
)

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
	p := &Practice{orders: newRegistry(t)}
	maria := order.Recipient{Name: "Maria Alvarez", Email: "Maria@example.org"}
	a := p.tagsOf(&order.Order{Approved: order.Approval{By: "Dr-Lee"}}, maria)
	b := p.tagsOf(&order.Order{Approved: order.Approval{By: "dr-lee"}}, maria)
	if a.Approver != b.Approver || len(a.Recipient) != 2 {
		t.Fatalf("tags %+v and %+v", a, b)
	}
	other := (&Practice{orders: newRegistry(t)}).tagsOf(&order.Order{}, maria)
	for i, tag := range append(slices.Clone(a.Recipient), a.Approver) {
		if len(tag) != 16 || strings.Trim(tag, "0123456789abcdef") != "" || slices.Contains(other.Recipient, tag) {
			t.Errorf("tag %d is %q; another database has %v", i, tag, other.Recipient)
		}
	}
}

// TestTheBrakeKnowsARecipientByAnySpelling: who gets the records is not told apart by
// the way it is written.
func TestTheBrakeKnowsARecipientByAnySpelling(t *testing.T) {
	p := &Practice{orders: newRegistry(t)}
	now := time.Now().Unix()
	limits := config.Brake{PerRecipient: 1}
	let := func(ref string, who order.Recipient) bool {
		t.Helper()
		if _, mine, err := p.orders.Admit(t.Context(), ref, "sha", "claim "+ref); err != nil || !mine {
			t.Fatalf("admit %s: %v %v", ref, mine, err)
		}
		over, err := p.orders.LetThrough(t.Context(), ref, p.tagsOf(&order.Order{}, who), limits, registry.UpToLimits, now)
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
