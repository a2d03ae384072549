package chartseal

import (
	"container/heap"
	"context"
	"sync"
)

// turns are a few slots for many releases. Who has begun first goes first, at
// every stage: of a thousand orders dropped at once the first is answered long
// before the last is looked at, and few sealed files lie about.
type turns struct {
	mu   sync.Mutex
	free int
	line line
}

func newTurns(n int) *turns { return &turns{free: n} }

// take waits for a slot. rank is when the release began; smaller goes first.
func (t *turns) take(ctx context.Context, rank uint64) error {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	w := &waiter{rank: rank, turn: make(chan struct{})}
	heap.Push(&t.line, w)
	t.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		t.leave(w)
		return ctx.Err()
	}
}

// leave gives up waiting; a slot that came at the same moment goes on.
func (t *turns) leave(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.at < 0 {
		t.next()
		return
	}
	heap.Remove(&t.line, w.at)
}

// give hands a slot to the next in line.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

func (t *turns) next() {
	if len(t.line) == 0 {
		t.free++
		return
	}
	close(heap.Pop(&t.line).(*waiter).turn)
}

type waiter struct {
	rank uint64
	turn chan struct{}
	at   int // place in the heap, -1 outside of it
}

// line is a heap of who waits, the lowest rank on top (container/heap).
type line []*waiter

// Len implements heap.Interface.
func (l line) Len() int { return len(l) }

// Less implements heap.Interface.
func (l line) Less(i, j int) bool { return l[i].rank < l[j].rank }

// Swap implements heap.Interface.
func (l line) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].at, l[j].at = i, j
}

// Push implements heap.Interface.
func (l *line) Push(x any) {
	w := x.(*waiter)
	w.at = len(*l)
	*l = append(*l, w)
}

// Pop implements heap.Interface.
func (l *line) Pop() any {
	last := len(*l) - 1
	w := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	w.at = -1
	return w
}
