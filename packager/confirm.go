package packager

import (
	"context"
	"fmt"
	"slices"

	"chartseal/order"
	"chartseal/packager/gather"
)

// unconfirmed is what the receipt says when nothing but the patient's number
// led to the records: no image, and not the text of a chart that goes.
const unconfirmed = "Nothing in this patient's folder says whose it is, so only the patient's number on the order led to these records. Compare them with the chart."

// identified reports whether a record that goes was matched on two identifiers.
func identified(c *gather.Collection) bool {
	for i := range c.Items {
		if c.Items[i].Identity != nil {
			return true
		}
	}
	return false
}

// confirm makes sure of the patient when none of the records that go carries
// an identity: one wrong digit in the number would release another patient's
// charts. The images that lie in the same patient's folder, asked for or not,
// must agree with the order (DESIGN invariant 3); one that only says too little does not
// speak against it.
func (p *Plan) confirm(ctx context.Context, c *gather.Collection) error {
	req := p.request()
	req.Scope = order.Records{Kinds: order.Kinds{order.AllKinds}}
	req.Permitted, req.Sensitive = nil, nil
	all, err := gather.Collect(ctx, req)
	if err != nil {
		// A source that this order does not need may be away; what could not be
		// looked at confirms nothing.
		c.Notices = append(c.Notices, unconfirmed)
		return ctx.Err()
	}
	for _, problem := range all.Problems {
		if slices.ContainsFunc(problem.Items, func(item string) bool { return slices.Contains(all.Strangers, item) }) {
			c.Problems = append(c.Problems, problem)
		}
	}
	if len(all.Doubtful) > 0 {
		c.Problems = append(c.Problems, gather.UnclearImages(all.Doubtful))
	}
	if len(c.Problems) == 0 && !identified(all) {
		c.Notices = append(c.Notices, unconfirmed)
	}
	if err := all.Close(); err != nil {
		return fmt.Errorf("confirm patient: %w", err)
	}
	return nil
}
