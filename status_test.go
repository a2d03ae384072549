package chartseal

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/watch"
)

// Status names what waits, for what, where and since when; also while the outbox
// is away, when it is needed most.
func TestStatusSaysWhatWaits(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.Config{Outbox: filepath.Join(dir, "outbox"), State: filepath.Join(dir, "state")}
	if err := os.Mkdir(cfg.Outbox, 0o700); err != nil {
		t.Fatal(err)
	}
	st, err := openState(cfg.State)
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	box, err := watch.Open(cfg.Outbox, watch.Options{Owner: "here-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	c, err := box.Accept("a.yaml", []byte("order: R-1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Note(briefNote, brief{ID: "R-1"}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*release{
		{ID: "ref", Claim: c.ID, Waiting: "store unavailable", Stage: "upload", Since: "2026-11-18T12:00:00Z"},
		{ID: "ref2", Outcome: hold, Links: &links{Expires: time.Now().Add(time.Hour)}}, // taken back after its link was made
	} {
		if err := st.save(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, away := range []bool{false, true} {
		want := "R-1"
		if away {
			want = ""
			if err := os.Rename(cfg.Outbox, cfg.Outbox+"-away"); err != nil {
				t.Fatal(err)
			}
		}
		s, err := ReadStatus(t.Context(), cfg)
		if err != nil || len(s.Releases) != 2 || (s.Outbox != "") != away {
			t.Fatalf("away %v: %+v, %v", away, s, err)
		}
		if r := s.Releases[0]; r.Order != want || r.Stage != "upload" || r.Waiting != "store unavailable" || r.Since != "2026-11-18T12:00:00Z" {
			t.Errorf("away %v: %+v", away, r)
		}
		if !s.Releases[1].Expires.IsZero() {
			t.Error("a held order shows a link")
		}
	}
}
