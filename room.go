package chartseal

import (
	"sync"
	"time"
)

// enough is how many orders are taken out of the outbox before the first of them are
// answered, besides those that wait out some trouble. Each is a stack that the garbage
// collector looks through, and a few files in the outbox and under state: what an order
// costs must not grow with how many wait.
const enough = 100

// crowded says that the orders at work are enough for now.
func (p *Practice) crowded(atWork int) bool { return atWork-p.due.inTrouble() >= enough }

// inTrouble counts the releases that wait for something to come back.
func (l *dueList) inTrouble() (n int) {
	if l == nil {
		return 0
	}
	l.waits.Range(func(any, any) bool { n++; return true })
	return n
}

// many is how many releases under way make a rush, few how many are left when it may be over,
// and calm for how long it must be so: what is quickly answered comes and goes, and memory
// that is given back between two orders costs more than it saves.
const (
	many = 4
	few  = 1
	calm = 5 * time.Second
)

// rush tells Options.Rush when many releases are under way, and when that is over.
type rush struct {
	mu   sync.Mutex
	n    int
	on   bool
	over *time.Timer   // runs while few are left
	ebb  int           // how often few were left: the timer of an earlier time may still come
	done bool          // nobody is told any more
	tell func(on bool) // may be nil
}

// enter counts a release until what it returns is called.
func (r *rush) enter() (leave func()) {
	r.add(1)
	return func() { r.add(-1) }
}

// busy reports whether any release is under way.
func (r *rush) busy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n > 0
}

func (r *rush) add(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n += n
	switch {
	case r.done:
	case !r.on && r.n >= many:
		r.turn(true)
	case r.on && r.n <= few && r.over == nil:
		r.ebb++
		ebb := r.ebb
		r.over = time.AfterFunc(calm, func() { r.end(ebb) })
	case r.n > few:
		r.goOn()
	}
}

// goOn means that it is not over yet.
func (r *rush) goOn() {
	if r.over != nil {
		r.over.Stop()
		r.over = nil
	}
}

// end is told once few were left for a while, for the ebbth time.
func (r *rush) end(ebb int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over != nil && r.ebb == ebb { // else more came in the same instant
		r.over = nil
		r.turn(false)
	}
}

func (r *rush) turn(on bool) {
	r.on = on
	if r.tell != nil {
		r.tell(on)
	}
}

// close has nothing follow from what is still under way, which ends later.
func (r *rush) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = true
	r.goOn()
}
