package main

import (
	"testing"
	"time"

	"chartseal/testdata/practice"
)

// A clock that has jumped ahead by years must not delete what is still needed:
// the store's clock disagrees.
func TestAClockThatJumpsAheadDeletesNothing(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	who, _ := find("20871")
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": practice.OrderFor(who, "R-70", practice.OrderOptions{Now: time.Now()})})
	before := stored(t, cfg)
	if len(before) != 2 {
		t.Fatalf("%d objects in the store, want the bundle and its page", len(before))
	}
	runUntilIdle(t, cfg, func() time.Time { return time.Now().AddDate(3, 0, 0) }, nil)
	if after := stored(t, cfg); len(after) != 2 {
		t.Fatalf("%d objects are left of 2", len(after))
	}
}
