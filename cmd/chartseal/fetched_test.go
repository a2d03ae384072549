package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/testdata/practice"
	"chartseal/watch/notice"
)

// receiptOf reads the receipt of an order that was sent.
func receiptOf(t *testing.T, cfg *config.Config, id string) (r notice.Receipt) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(cfg.Outbox, "sent", id, "receipt.json"))
	must(t, err)
	must(t, json.Unmarshal(b, &r))
	return r
}

// visited asks for an address while the practice's store serves, and tells the status.
func visited(t *testing.T, method, address, span string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	must(t, err)
	if span != "" {
		req.Header.Set("Range", span)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	must(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	must(t, err)
	must(t, res.Body.Close())
	return res.StatusCode
}

// whileOpen keeps the practice open, and with it its store, while visitors come.
func whileOpen(t *testing.T, cfg *config.Config, visits func()) {
	t.Helper()
	p, err := chartseal.Open(context.Background(), cfg, (&app{}).options(nil))
	must(t, err)
	visits()
	must(t, p.Close())
}

// What mail scanners, the page and a look at the size do to a link is no download; the
// first whole one is recorded, once, and is no disclosure of its own. Who it was nobody
// writes down.
func TestTheLedgerSaysWhenABundleWasFirstFetched(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	who, _ := find("20871")
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": practice.OrderFor(who, "R-75", practice.OrderOptions{Now: time.Now()})})
	r := receiptOf(t, cfg, "R-75")
	standing := func() chartseal.Standing {
		t.Helper()
		st, err := chartseal.ReadStatus(t.Context(), cfg)
		if err != nil || len(st.Releases) != 1 {
			t.Fatal(len(st.Releases), err)
		}
		return st.Releases[0]
	}

	whileOpen(t, cfg, func() {
		visited(t, http.MethodHead, r.Link, "")
		visited(t, http.MethodHead, r.Page, "")
		for range 3 {
			visited(t, http.MethodGet, r.Page, "")
			visited(t, http.MethodGet, r.Link, "bytes=0-0")
			visited(t, http.MethodGet, r.Link, "bytes=0-4095")
		}
	})
	runUntilIdle(t, cfg, time.Now, nil)
	if got := ledgerEvents(t, cfg); !slices.Equal(got, []ledger.Event{ledger.Sent}) {
		t.Errorf("after a scanner's visits the ledger says %v", got)
	}
	if s := standing(); s.Download != chartseal.DownloadUnseen || !s.Fetched.IsZero() {
		t.Errorf("after a scanner's visits: %+v", s)
	}

	began := time.Now().Truncate(time.Second)
	whileOpen(t, cfg, func() {
		visited(t, http.MethodGet, r.Link, "")
		visited(t, http.MethodGet, r.Link, "")
		note := filepath.Join(cfg.State, "store", "downloads", r.Bundle.Key)
		comes(t, "the store's note of the download", func() bool {
			b, _ := os.ReadFile(note)
			return strings.Contains(string(b), "whole")
		})
	})
	ended := time.Now()
	ofVisit := func(at time.Time) bool { return !at.Before(began) && !at.After(ended) }
	for range 2 {
		runUntilIdle(t, cfg, time.Now, nil)
	}
	if got := ledgerEvents(t, cfg); !slices.Equal(got, []ledger.Event{ledger.Sent, ledger.Fetched}) {
		t.Fatalf("the ledger says %v", got)
	}
	for e, err := range ledger.Entries(t.Context(), filepath.Join(cfg.State, "ledger")) {
		must(t, err)
		if e.Event != ledger.Fetched {
			continue
		}
		b, _ := json.Marshal(e)
		if e.Order != "R-75" || e.Accountable || !ofVisit(e.FetchedAt) || e.ObjectKey != r.Bundle.Key || strings.Contains(string(b), "127.0.0.1") {
			t.Errorf("the line says %s", b)
		}
	}
	if s := standing(); s.Download != chartseal.DownloadFetched || !ofVisit(s.Fetched) || !strings.Contains(downloadWords(s), "first fetched 20") {
		t.Errorf("%+v", s)
	}
	// A download that the end of the store cut short may leave a note, which the hourly look forgets.
	left, _ := os.ReadDir(filepath.Join(cfg.State, "store", "downloads"))
	for _, f := range left {
		if b, _ := os.ReadFile(filepath.Join(cfg.State, "store", "downloads", f.Name())); strings.Contains(string(b), "whole") {
			t.Errorf("the note of a download that was recorded is left: %s", b)
		}
	}
}
