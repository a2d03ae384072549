package meshfile

import "testing"

// TestNumber: what looks like a number of a person is none of a mesh.
func TestNumber(t *testing.T) {
	for s, want := range map[string]bool{
		"1": true, "-1.5": true, "+.5": true, "1.": true, "1e-7": true, "-1.25E+07": true, "nan": true, "-1.#IND": true,
		"123-45-6789": false, "1.2.3": false, "1e2e3": false, "1e": false, "e5": false, "-": false, ".": false, "1-": false, "1e2.5": false,
	} {
		if number(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}
