package gather

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"chartseal/redact"
	"chartseal/redact/dicomfile"
)

// TestAShareThatGoesAway: an order waits for the share, rather than be held for files that
// could not be read.
func TestAShareThatGoesAway(t *testing.T) {
	for _, away := range []bool{false, true} {
		p := newPractice(t)
		for _, name := range []string{"a.dcm", "b.dcm", "c.dcm"} {
			p.put("records/10432/"+name, maria.bytes())
		}
		req := p.request(p.source("radiograph", "records/{patient.id}/**"))
		req.Limits.Workers = 1
		first := true
		req.Identify = func(ctx context.Context, src redact.Source) (*dicomfile.Identity, error) {
			if first { // the others are gone, and with them the share
				first = false
				files, err := filepath.Glob(p.path("records/10432/[bc].dcm"))
				for _, f := range append(files, p.path("records/10432/a.dcm")) {
					err = errors.Join(err, os.Rename(f, f+"-gone"))
				}
				if away {
					err = errors.Join(err, os.Rename(p.path("records"), p.path("elsewhere")))
				}
				if err != nil {
					t.Error(err)
				}
			}
			return dicomfile.Identify(ctx, src)
		}
		c, err := Collect(t.Context(), req)
		if away {
			if !errors.Is(err, ErrSourceMissing) {
				t.Errorf("away: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, c, "R11", "being changed", "10432/a.dcm", "10432/b.dcm", "10432/c.dcm")
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
