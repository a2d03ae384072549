package chartseal

import (
	"path/filepath"
	"testing"

	"chartseal/config"
	"chartseal/order"
	"chartseal/watch"
)

// judged is a practice with an order on its way, as it was taken in.
func judged(t *testing.T, text string) (*Practice, *watch.Claim, *release) {
	t.Helper()
	p, c, _ := claimed(t)
	p.cfg = &config.Config{
		Practice: config.Practice{Name: "Lakeside Dental"}, State: p.state.dir,
		Recipients: filepath.Join(t.TempDir(), "recipients.yaml"),
		Approval:   config.Approval{Require: "name", Approvers: map[string]string{"dr-lee": ""}},
		Store:      config.Store{Kind: "local"},
	}
	p.readings = newReadings()
	c, err := p.box.Accept("order.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := order.Parse("order.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	sha := digest([]byte(text))
	e, _, err := p.orders.admit(t.Context(), order.Reference(o.ID), sha, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	r := &release{ID: e.id(), Claim: c.ID, OrderSHA: sha}
	if err := p.state.save(r); err != nil {
		t.Fatal(err)
	}
	return p, c, r
}
