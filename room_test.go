package chartseal

import (
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
