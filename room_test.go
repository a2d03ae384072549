package chartseal

import (
	"slices"
	"strconv"
	"testing"
)

// Orders that wait out some trouble keep no others out.
func TestTroubledOrdersTakeNoRoom(t *testing.T) {
	p := &Practice{due: &dueList{}}
	if p.crowded(enough-1) || !p.crowded(enough) {
		t.Error("not enough, or too many")
	}
	for i := range 3 {
		p.due.waiting(strconv.Itoa(i), "store unavailable")
		p.due.waiting(strconv.Itoa(i)+".2", "disk full") // the same order, again
	}
	if p.crowded(enough+2) || !p.crowded(enough+3) {
		t.Error("orders in trouble count")
	}
	p.due.waiting("0.2", "")
	if p.crowded(enough+1) || !p.crowded(enough+2) {
		t.Error("one goes on")
	}
}

func TestARushBeginsAndEndsOnce(t *testing.T) {
	var told []bool
	r := rush{tell: func(on bool) { told = append(told, on) }}
	var leave []func()
	for range 2 * many {
		leave = append(leave, r.enter())
	}
	for _, end := range leave[few+1:] {
		end()
	}
	leave[1] = r.enter() // in the middle of it
	if !slices.Equal(told, []bool{true}) {
		t.Fatalf("while it lasts: %v", told)
	}
	for r.n > 0 {
		r.add(-1)
	}
	(&rush{}).add(many) // nobody listens
	if !slices.Equal(told, []bool{true, false}) {
		t.Fatalf("at its end: %v", told)
	}
}
