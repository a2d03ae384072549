// Package group checks the ledger of a site as the sites' shared database mirrors it:
// number, hash and signed head of every entry, and nothing of what the entries say. So no
// patient's data leaves the site, and still every entry is vouched for by the site's key:
// who has the database and not the key can take rows away, which leaves a gap, and can
// change nothing else unseen.
package group

import (
	"iter"
	"slices"
	"time"

	"aead.dev/minisign"

	"chartseal/ledger"
)

// Row is one entry of a ledger in the mirror.
type Row struct {
	ledger.Head

	Signed []byte // the signed head of this entry, as in docs/ledger.md
}

// Report is what Check saw.
type Report struct {
	Head ledger.Head // the last entry
	At   time.Time   // when it was signed for the mirror
	// Begins is the last entry before the first that has a row: it and those before were
	// purged, as the key signed, before the database was there. 0: the first entry has one.
	Begins uint64
	Lost   []ledger.Loss // where persons went on with an older copy, as the key signed it
	// Unmet are those of the heads asked for that no row has.
	Unmet []ledger.Head
}

// Forgives says that a person went on without the entry of a signed head.
func (r *Report) Forgives(h ledger.SignedHead) bool {
	return slices.ContainsFunc(r.Lost, func(l ledger.Loss) bool { return l.Covers(h) })
}

// Check goes through the rows of one ledger, which come in the order of their numbers, and
// verifies that each is signed by the site's key and that none is missing. Two rows of one
// number are of a ledger that was written anew, unless the key signed that an older copy
// was gone on with. Those before the first one may be missing if the key signed that they were
// purged. The error is a [*ledger.BrokenError] for the first row that does not
// hold. Of the heads asked for it tells which it did not meet.
func Check(rows iter.Seq2[Row, error], site string, by minisign.PublicKey, asked ...ledger.Head) (Report, error) {
	c := checker{site: site, by: by, asked: map[ledger.Head]bool{}}
	for _, h := range asked {
		c.asked[h] = true
	}
	for row, err := range rows {
		if err == nil {
			err = c.row(row)
		}
		if err != nil {
			return c.report, err
		}
	}
	for _, h := range asked {
		if c.asked[h] {
			c.report.Unmet = append(c.report.Unmet, h)
		}
	}
	return c.report, c.settle()
}

type checker struct {
	site   string
	by     minisign.PublicKey
	asked  map[ledger.Head]bool // not met yet
	report Report
	last   ledger.SignedHead
	purged []uint64 // the last entries that were purged, each time
	// From the first number that stands twice on it is open which rows are of the ledger
	// as it is: only a later row can tell.
	doubtful []ledger.SignedHead
}

func (c *checker) row(row Row) error {
	h, err := ledger.ParseHead(row.Signed, c.by)
	if err != nil || h.Head != row.Head || h.Site != c.site {
		return &ledger.BrokenError{Seq: row.Seq, Fault: ledger.Unproved}
	}
	switch {
	case c.last.Seq == 0 && h.Seq > 0:
		c.report.Begins = h.Seq - 1
	case h.Seq > c.last.Seq+1:
		return &ledger.BrokenError{Seq: c.last.Seq + 1, Fault: ledger.Vanished}
	}
	if h.Purged > 0 {
		c.purged = append(c.purged, h.Purged)
	}
	delete(c.asked, h.Head)
	if h.Lost != nil {
		c.report.Lost = append(c.report.Lost, *h.Lost)
	}
	switch {
	case len(c.doubtful) > 0:
		c.doubtful = append(c.doubtful, h)
	case h.Seq == c.last.Seq:
		c.doubtful = append(c.doubtful, c.last, h)
	}
	if len(c.doubtful) == 0 {
		c.report.Head, c.report.At = h.Head, h.At
	}
	c.last = h
	return nil
}

// settle finds among the doubtful rows those of the ledger as it is: what was lost with
// an older copy, and signed before, is not.
func (c *checker) settle() error {
	if c.report.Begins > 0 && !slices.Contains(c.purged, c.report.Begins) {
		return &ledger.BrokenError{Seq: 1, Fault: ledger.Vanished}
	}
	if len(c.doubtful) == 0 {
		return nil
	}
	last := c.doubtful[0].Seq - 1
	for _, h := range c.doubtful {
		if c.report.Forgives(h) {
			continue
		}
		switch {
		case h.Seq == last:
			return &ledger.BrokenError{Seq: h.Seq, Fault: ledger.Forked}
		case h.Seq != last+1:
			return &ledger.BrokenError{Seq: last + 1, Fault: ledger.Vanished}
		}
		last = h.Seq
		c.report.Head, c.report.At = h.Head, h.At
	}
	return nil
}
