package chartseal

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
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
	synctest.Test(t, func(t *testing.T) {
		var told []bool
		r := rush{tell: func(on bool) { told = append(told, on) }}
		heard := func() []bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return slices.Clone(told)
		}
		r.add(many)
		for range 3 { // few are left for a moment only
			r.add(few - many)
			time.Sleep(calm - 1)
			r.add(many - few)
			time.Sleep(calm + 1)
		}
		if told := heard(); !slices.Equal(told, []bool{true}) {
			t.Fatalf("while it lasts: %v", told)
		}
		r.add(few - many)
		r.end(r.ebb - 1) // a timer that went off when others had come already
		if len(heard()) > 1 {
			t.Error("it ends by an earlier timer")
		}
		r.add(-few)
		time.Sleep(calm - 1)
		if len(heard()) > 1 {
			t.Error("it ends at once")
		}
		time.Sleep(2 * time.Nanosecond)
		if told := heard(); !slices.Equal(told, []bool{true, false}) {
			t.Errorf("at its end: %v", told)
		}
		r.add(2 * many)
		r.add(-many)
		r.close()
		r.add(-many)
		time.Sleep(2 * calm)
		if told := heard(); !slices.Equal(told, []bool{true, false, true}) {
			t.Errorf("after it was closed: %v", told)
		}
	})
	(&rush{}).add(many) // nobody listens
}
