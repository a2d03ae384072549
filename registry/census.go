package registry

import (
	"context"
	"errors"
	"time"
)

// Tally is one line of a census.
type Tally struct {
	State   State
	Waiting string // class of the trouble that these wait out; "" for those that wait for nothing
	Orders  int
	Since   time.Time // of the oldest; zero if nobody knows
	Oldest  string    // its reference
}

// Census counts this site's orders by state and by what they wait for, and those that
// were stopped since a moment.
func (r *Orders) Census(ctx context.Context, since time.Time) (all []Tally, held int, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	defer func() { err = wrap("count orders", r.Scrub(err)) }()
	from := since.UTC().Format(time.RFC3339)
	if err = r.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM chartseal_orders WHERE executor=$1 AND state='held' AND since>=$2`, r.executor, from).Scan(&held); err != nil {
		return nil, 0, err
	}
	// RFC 3339 in UTC sorts as text, and has a fixed length.
	rows, err := r.db.QueryContext(ctx, `SELECT state, waiting, COUNT(*), MIN(since || ref) FROM chartseal_orders
		WHERE executor=$1 GROUP BY state, waiting ORDER BY state, waiting`, r.executor)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	const stamp = len("2006-01-02T15:04:05Z")
	for rows.Next() {
		var t Tally
		var oldest string
		if err := rows.Scan(&t.State, &t.Waiting, &t.Orders, &oldest); err != nil {
			return nil, 0, err
		}
		if len(oldest) > stamp {
			t.Since, _ = time.Parse(time.RFC3339, oldest[:stamp]) // zero for rows of the first versions
			t.Oldest = oldest[stamp:]
		}
		all = append(all, t)
	}
	return all, held, rows.Err()
}
