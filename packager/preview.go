package packager

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"chartseal/order"
	"chartseal/packager/gather"
	"chartseal/redact"
)

// Seen is what Pack would do with an order's records.
type Seen struct {
	Held    []order.Reason
	Records []SeenRecord
	Notices []string
}

// SeenRecord is one record and what its cleaner says. Item is patient data.
type SeenRecord struct {
	Item    gather.Item
	Report  redact.Report
	Refusal *redact.Refusal
}

// Preview gathers and cleans as Pack does and keeps nothing but the reports.
func Preview(ctx context.Context, p *Plan) (*Seen, error) {
	c, err := collect(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("gather records: %w", err)
	}
	defer func() { _ = c.Close() }() // folders that were only read
	s := &Seen{Held: p.open(c), Notices: c.Notices}
	var refused refusals
	for i := range c.Items {
		it := &c.Items[i]
		rec := SeenRecord{Item: *it}
		err := p.try(ctx, c, it, &rec.Report)
		if err != nil && !refused.add(it, err) {
			return nil, fmt.Errorf("clean item %d: %w", it.N, bare(err))
		}
		if r, ok := errors.AsType[*redact.Refusal](err); ok {
			rec.Refusal = r
		}
		s.Records = append(s.Records, rec)
	}
	if p.confirmed {
		s.Notices = slices.DeleteFunc(s.Notices, func(n string) bool { return n == unconfirmed })
	}
	s.Held = append(s.Held, refused.reasons()...)
	return s, nil
}
