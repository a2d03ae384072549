package ledger

import (
	"slices"
	"strconv"
	"testing"
)

// Keys are found however many came since the ledger was opened, and forgotten with their
// segment.
func TestKeysAreFound(t *testing.T) {
	var x keyIndex
	key := func(n int) string { return "ref" + strconv.Itoa(n) + "/sent" }
	const opened, all = 500, 500 + 3*freshKeys
	for n := range opened {
		x.add([]byte(key(n)), place{0, int64(n)})
	}
	x.sort()
	for n := opened; n < all; n++ {
		x.insert([]byte(key(n)), place{n % 2, int64(n)})
	}
	for n := range all {
		want := place{0, int64(n)}
		if n >= opened {
			want.segment = n % 2
		}
		if got := x.find(key(n)); !slices.Equal(got, []place{want}) {
			t.Fatalf("key %d: %v", n, got)
		}
	}
	if !slices.IsSortedFunc(x.refs, compareRefs) {
		t.Error("the keys are not in order")
	}
	if got := x.find("ref/sent"); got != nil {
		t.Errorf("%v", got)
	}
	x.dropSegment()
	for n := range all {
		var want []place
		if n >= opened && n%2 == 1 {
			want = []place{{0, int64(n)}}
		}
		if got := x.find(key(n)); !slices.Equal(got, want) {
			t.Fatalf("key %d after its segment went: %v", n, got)
		}
	}
}

// A file of any size costs no more memory than its lines need, or little.
func TestExpectationsAreBounded(t *testing.T) {
	var x keyIndex
	x.expect(1 << 60)
	if cap(x.refs) < mostExpected || cap(x.refs) > 2*mostExpected {
		t.Errorf("room for %d keys", cap(x.refs))
	}
}
