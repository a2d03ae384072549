//go:build linux

package main

// change is what happened between two looks, or between several pairs of them.
type change struct {
	Seconds, Work float64 // Work: of the server's processors
	SiteSeconds   float64 // of each site that ran, together
	Connected     float64 // of each connection, together
	Begun, WAL    int64
	Requests      int
	Put           int64
	Statements    map[string]statement
	Tables        map[string]table
}

// between is what happened while so many sites ran.
func between(a, b figures, running int) change {
	c := change{
		Seconds: b.at.Sub(a.at).Seconds(), Work: b.work - a.work, Begun: b.begun - a.begun, WAL: b.wal - a.wal,
		Requests: b.requests - a.requests, Put: b.put - a.put, Statements: map[string]statement{}, Tables: map[string]table{},
	}
	c.SiteSeconds = c.Seconds * float64(running)
	for q, s := range b.statements {
		was := a.statements[q]
		if s.Calls > was.Calls {
			c.Statements[q] = statement{s.Calls - was.Calls, s.Rows - was.Rows, s.Seconds - was.Seconds}
		}
	}
	for name, t := range b.tables {
		c.Tables[name] = t.plus(a.tables[name], -1)
	}
	return c
}

// plus adds what happened another time.
func (c change) plus(d change) change {
	c.Seconds, c.Work, c.SiteSeconds, c.Connected = c.Seconds+d.Seconds, c.Work+d.Work, c.SiteSeconds+d.SiteSeconds, c.Connected+d.Connected
	c.Begun, c.WAL, c.Requests, c.Put = c.Begun+d.Begun, c.WAL+d.WAL, c.Requests+d.Requests, c.Put+d.Put
	statements, tables := map[string]statement{}, map[string]table{}
	for _, all := range []change{c, d} {
		for q, s := range all.Statements {
			was := statements[q]
			statements[q] = statement{was.Calls + s.Calls, was.Rows + s.Rows, was.Seconds + s.Seconds}
		}
		for name, t := range all.Tables {
			tables[name] = tables[name].plus(t, 1)
		}
	}
	c.Statements, c.Tables = statements, tables
	return c
}

// beyond is what came on top of idling.
func (c change) beyond(idle change) change {
	share := c.SiteSeconds / idle.SiteSeconds
	top := func(n, of int64) int64 { return max(0, n-int64(share*float64(of))) }
	out := c
	out.Begun, out.WAL = top(c.Begun, idle.Begun), top(c.WAL, idle.WAL)
	out.Requests = int(top(int64(c.Requests), int64(idle.Requests)))
	out.Statements, out.Tables = map[string]statement{}, map[string]table{}
	for name, t := range c.Tables { // idling adds no rows
		t.Read, t.Changed = top(t.Read, idle.Tables[name].Read), top(t.Changed, idle.Tables[name].Changed)
		out.Tables[name] = t
	}
	for q, s := range c.Statements {
		was := idle.Statements[q]
		if calls := top(s.Calls, was.Calls); calls > 0 {
			out.Statements[q] = statement{calls, top(s.Rows, was.Rows), s.Seconds}
		}
	}
	return out
}

// asked are the statements, and the rows that they gave or changed.
func (c change) asked() (calls, rows int64) {
	for _, s := range c.Statements {
		calls, rows = calls+s.Calls, rows+s.Rows
	}
	return calls, rows
}

// held is the change of all tables together.
func (c change) held() (sum table) {
	for _, t := range c.Tables {
		sum = sum.plus(t, 1)
	}
	return sum
}
