package strict

import "testing"

func TestDays(t *testing.T) {
	for text, want := range map[string]Days{
		"10": {N: 10}, "10 days": {N: 10}, "1 day": {N: 1}, "15 business days": {N: 15, Business: true},
		"5 working days": {N: 5, Business: true}, "14 calendar days": {N: 14},
	} {
		var d Days
		if err := d.UnmarshalText([]byte(text)); err != nil || d != want {
			t.Errorf("%q is read as %+v, %v", text, d, err)
		}
	}
	for _, bad := range []string{"", "ten", "-3", "10d", "1000", "10 weeks", "10 days "} {
		var d Days
		if err := d.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is read as %+v", bad, d)
		}
	}
	for want, d := range map[string]Days{"1 day": {N: 1}, "15 business days": {N: 15, Business: true}} {
		if d.String() != want {
			t.Errorf("%+v is written %q", d, d.String())
		}
	}
}
