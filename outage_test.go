package chartseal

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"chartseal/transport"
	"chartseal/turns"
)

// outage runs a stage whose store answers with err for so long, in a bubble of
// time, and counts the tries.
func outage(t *testing.T, lasts time.Duration, err error) (tries int, took time.Duration) {
	t.Helper()
	st, oerr := openState(filepath.Join(t.TempDir(), "state"))
	if oerr != nil {
		t.Fatal(oerr)
	}
	defer st.close()
	orders := newRegistry(t)
	const id = "abcdefghijkl"
	if err := st.save(&release{ID: id}); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		p := &Practice{
			log: slog.New(slog.DiscardHandler), state: st, orders: orders, opts: Options{Now: time.Now},
			engine: &engine{slots: turns.New(1), quick: turns.New(1)},
		}
		since := ""
		v, perr := p.persist(t.Context(), id, stage{"upload", func(_ context.Context, r *release) error {
			tries++
			if tries > 1 && (r.Waiting != "store unavailable" || since != "" && r.Since != since) {
				t.Errorf("try %d: waiting for %q since %q, not since %q", tries, r.Waiting, r.Since, since)
			}
			since = r.Since
			if time.Since(began) < lasts {
				return err
			}
			return nil
		}})
		took = time.Since(began)
		r, lerr := p.state.load(id)
		if perr != nil || lerr != nil || v != working || r.Waiting != "" || r.Since != "" {
			t.Errorf("%v, %v, %+v", v, errors.Join(perr, lerr), r)
		}
	})
	return tries, took
}

// A store that is down for days costs a try every five minutes, and the release
// goes on within five minutes of its return.
func TestAnOutageOfDays(t *testing.T) {
	down := &transport.Error{Op: "put object", Class: transport.ErrUnavailable}
	for _, lasts := range []time.Duration{24 * time.Hour, 10 * 24 * time.Hour} {
		tries, took := outage(t, lasts, down)
		if most := int(lasts/maxWait) + 12; tries > most || took > lasts+maxWait {
			t.Errorf("%s: %d tries, gone on after %s", lasts, tries, took)
		}
	}
}

// A store that asks to be left alone is left alone.
func TestTheStoreSaysWhen(t *testing.T) {
	busy := &transport.Error{Op: "put object", Class: transport.ErrUnavailable, RetryAfter: 20 * time.Minute}
	if tries, took := outage(t, time.Hour, busy); tries != 4 || took != time.Hour {
		t.Errorf("%d tries in %s", tries, took)
	}
}
