package chartseal

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
