package main

import (
	"encoding/json"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"chartseal"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/watch/notice"
)

// The practice's clock is set forward and back by a day between the stages of a
// release. It is sent once, its link lives as long as ordered from the moment
// it was made, and the ledger stays in its order.
func TestTheClockMayJump(t *testing.T) {
	t.Parallel()
	s := newStock(t)
	for _, day := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		t.Run(day.String(), func(t *testing.T) {
			c := alone(t, s, "a key.yaml")
			text := treatment("20871", "Mueller-1", time.Now().AddDate(0, 0, -2), "radiograph") // approved before either jump
			must(t, os.WriteFile(c.path("outbox", "a key.yaml"), text, 0o600))
			cfg, err := config.Load(c.path("chartseal.yaml"))
			must(t, err)

			var ahead, jumps atomic.Int64
			o := (&app{}).options(nil)
			o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			o.Step = func(_, _, point string) {
				if point == "remembered" || point == "queued" || point == "stored" || point == "recorded" {
					if jumps.Add(1)%2 == 1 {
						ahead.Add(int64(day))
					} else {
						ahead.Add(-int64(day))
					}
				}
			}
			p, err := chartseal.Open(t.Context(), cfg, o)
			must(t, err)
			must(t, p.Run(t.Context(), true))
			must(t, p.Close())

			if jumps.Load() < 6 {
				t.Fatalf("the clock jumped %d times", jumps.Load())
			}
			var r notice.Receipt
			b, err := os.ReadFile(c.path("outbox", "sent", "Mueller-1", "receipt.json"))
			must(t, err)
			must(t, json.Unmarshal(b, &r))
			if life := r.LinkExpires.Sub(r.SentAt); life < 7*24*time.Hour-time.Minute || life > 7*24*time.Hour {
				t.Errorf("the link lives for %s", life)
			}
			rep, err := ledger.Verify(t.Context(), c.path("state", "ledger"))
			if err != nil || rep.Head.Seq != 1 {
				t.Errorf("ledger: %d lines, %v", rep.Head.Seq, err)
			}
		})
	}
}
