package main

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A daemon that waits before it can begin shows that, and what it waits for; once that is
// there it shows itself at the same address, to the browsers that were let in.
func TestADaemonThatWaitsShowsIt(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t, `status: {listen: ""}`, `status: {listen: "127.0.0.1:0"}`)
	runUntilIdle(t, cfg, time.Now, nil) // which remembers the outbox
	away := cfg.Outbox + ".away"
	must(t, os.Rename(cfg.Outbox, away))
	must(t, os.MkdirAll(filepath.Join(cfg.Outbox, ".chartseal"), 0o700)) // another one is in its place
	must(t, os.WriteFile(filepath.Join(cfg.Outbox, ".chartseal", "outbox.json"), []byte(`{"id":"another"}`), 0o600))
	a := &app{configFile: cfg.File}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.keepRunning(ctx, false) }()
	defer func() { stop(); must(t, <-done) }()

	var at boardAddress
	comes(t, "the board", func() (ok bool) {
		var err error
		at, err = askBoard(t.Context(), cfg.State)
		return err == nil
	})
	base := at.Address[:strings.Index(at.Address, "/board/")]
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar}
	browse(t, browser, at.Address)
	health := ""
	comes(t, "what is waited for", func() bool {
		code, body := browse(t, http.DefaultClient, base+"/healthz")
		health = body
		return code == http.StatusServiceUnavailable && strings.HasPrefix(body, "starting: ")
	})
	class := strings.TrimSpace(strings.TrimPrefix(health, "starting: "))
	if _, board := browse(t, browser, base+"/board/"); !strings.Contains(board, "chartseal is starting") || !strings.Contains(board, class) || strings.Contains(board, "No order is on hold") {
		t.Errorf("the board says %s", board)
	}
	_, metrics := browse(t, http.DefaultClient, base+"/metrics")
	for _, want := range []string{"chartseal_healthy 0\n", "chartseal_starting 1\n", `chartseal_starting_waits{class="` + class + "\"} 1\n", "chartseal_disk_free_bytes "} {
		if !strings.Contains(metrics, want) {
			t.Errorf("%q is not in %s", want, metrics)
		}
	}
	if strings.Contains(metrics, "chartseal_orders_open") || strings.Contains(metrics, "chartseal_ledger_whole") {
		t.Errorf("it tells what it does not know: %s", metrics)
	}
	if _, err := askDaemon(t.Context(), cfg.State, revokeQuestion, question{ID: "R-1"}); err == nil || !strings.Contains(err.Error(), "starting") {
		t.Errorf("a command is told %v", err)
	}

	must(t, os.RemoveAll(cfg.Outbox))
	must(t, os.Rename(away, cfg.Outbox))
	comes(t, "health", func() bool {
		code, _ := browse(t, http.DefaultClient, base+"/healthz")
		return code == http.StatusOK
	})
	if code, board := browse(t, browser, base+"/board/"); code != http.StatusOK || strings.Contains(board, "chartseal is starting") {
		t.Errorf("the board says %d %s", code, board)
	}
}
