package chartseal

import (
	"path/filepath"
	"testing"

	"chartseal/config"
	"chartseal/order"
)

// A denial that follows an extension is due when the patient was told, and not on the
// day that the extension moved; a state's own time for copies stays.
func TestADenialIsDueAfterTheExtension(t *testing.T) {
	cfg := &config.Config{Recipients: filepath.Join(t.TempDir(), "none.yaml")}
	p := &Practice{cfg: cfg}
	o := &order.Order{
		Decision: order.Deny, Basis: order.PatientAccess, Received: order.Date{Year: 2026, Month: 11, Day: 18},
		Denial: &order.Denial{Ground: "inmate", Part: "all"},
	}
	until := order.Date{Year: 2027, Month: 1, Day: 10}
	for _, c := range []struct {
		state string
		until order.Date
		want  string
	}{{"", order.Date{}, "2026-12-18"}, {"", until, "2027-01-10"}, {"NY", order.Date{}, "2026-11-28"}, {"NY", until, "2027-01-10"}, {"CA", until, "2026-12-03"}} {
		cfg.Practice.State = c.state
		if got := p.denial(o, c.until).Due; got != c.want {
			t.Errorf("in %q, told of %q: due %s, want %s", c.state, c.until, got, c.want)
		}
	}
}
