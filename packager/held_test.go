package packager

import (
	"errors"
	"testing"

	"chartseal/order"
	"chartseal/packager/bundle"
	"chartseal/packager/gather"
)

// More records than a bundle can hold, or more to say of them than its manifest can, hold the
// order: packing them again would change nothing.
func TestTooManyRecordsHold(t *testing.T) {
	p, _, _, _ := pictureFolder(t, 1)
	many := &gather.Collection{Items: make([]gather.Item, bundle.MaxRecords+1)}
	if held := p.open(many); len(held) != 1 || held[0].Outcome != order.Refuse || len(held[0].May) > 0 {
		t.Errorf("one too many: %+v", held)
	}
	many.Items = many.Items[1:]
	if held := p.open(many); len(held) > 0 {
		t.Errorf("as many as may be: %+v", held)
	}

	c, err := collect(t.Context(), &p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	p.Sign = func([]byte) ([]byte, error) { return nil, bundle.ErrTooMany }
	err = writeAll(t.Context(), t, &p, c)
	if held, ok := errors.AsType[*HeldError](err); !ok || len(held.Reasons) != 1 {
		t.Errorf("what the bundle does not hold: %v", err)
	}
}
