// Package turns gives a few slots to many who wait, in the order in which they began.
package turns

import (
	"container/heap"
	"context"
	"sync"
)

// Slots are a few, for many releases. Who has begun first goes first, at
// every stage: of a thousand orders dropped at once the first is answered long
// before the last is looked at, and few sealed files lie about.
type Slots struct {
	mu   sync.Mutex
	free int
	line line
}

// New makes n free slots.
func New(n int) *Slots { return &Slots{free: n} }

// Take waits for a slot. rank is when the release began; smaller goes first. The error is
// that of ctx: then there is nothing to give back.
func (s *Slots) Take(ctx context.Context, rank uint64) error {
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		s.mu.Unlock()
		return nil
	}
	w := &waiter{rank: rank, turn: make(chan struct{})}
	heap.Push(&s.line, w)
	s.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		s.leave(w)
		return ctx.Err()
	}
}

// leave gives up waiting; a slot that came at the same moment goes on.
func (s *Slots) leave(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.at < 0 {
		s.next()
		return
	}
	heap.Remove(&s.line, w.at)
}

// Give hands a slot to the next in line.
func (s *Slots) Give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next()
}

func (s *Slots) next() {
	if len(s.line) == 0 {
		s.free++
		return
	}
	close(heap.Pop(&s.line).(*waiter).turn)
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
