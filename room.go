package chartseal

import "sync"

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

// many is how many releases under way make a rush, and few how many are left when it is over.
const (
	many = 4
	few  = 1
)

// rush tells Options.Rush when many releases are under way, and when that is over.
type rush struct {
	mu   sync.Mutex
	n    int
	on   bool
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
	if was := r.on; was && r.n > few || !was && r.n < many {
		return
	}
	r.on = !r.on
	if r.tell != nil {
		r.tell(r.on)
	}
}
