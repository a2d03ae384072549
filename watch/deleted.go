package watch

import "context"

// Place puts an answer in its place although the claim it belongs to was deleted:
// what left the practice gets its receipt. Like Claim.Answer it may be repeated.
func (o *Outbox) Place(ctx context.Context, a Answer) error {
	c := o.newClaim("order") // no such file: there is no order to go with the answer
	defer o.forget(c.ID)
	if c.answered(a) != "" {
		return nil
	}
	err := c.begin(record{ID: c.ID, File: c.File, Owner: o.opts.Owner})
	if err == nil {
		err = c.Answer(ctx, a)
	}
	if err != nil {
		_ = c.discard() // an empty claim is removed later
	}
	return err
}
