package main

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/cmd/chartseal/board"
	"chartseal/cmd/chartseal/control"
	"chartseal/cmd/chartseal/monitor"
	"chartseal/config"
)

// quiet is a practice without an order.
type quiet struct{ state string }

func (q quiet) State() string { return q.state }

func (quiet) Desk(context.Context) (*chartseal.Desk, error) {
	return &chartseal.Desk{Vitals: &chartseal.Vitals{At: time.Now()}}, nil
}

// TestStaffOpenTheBoardByAShortcut: the command asks the daemon for the page, and a
// browser that opens it sees the board, again and again.
func TestStaffOpenTheBoardByAShortcut(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	must(t, os.Mkdir(filepath.Join(state, "keys"), 0o700))
	b, err := board.Open(quiet{state}, board.Options{
		Now: time.Now, Concerns: func(*chartseal.Vitals) []board.Concern { return nil }, Recent: func() []board.Line { return nil },
	})
	must(t, err)
	f := &front{board: b, listen: "127.0.0.1:7421"}
	f.server, err = monitor.Serve(t.Context(), "127.0.0.1:0", nil, b.Pages())
	must(t, err)
	defer func() { must(t, f.server.Close()) }()
	daemon, err := control.Serve(t.Context(), state, map[string]control.Handler{shortcutQuestion: f.shortcut})
	must(t, err)
	defer func() { must(t, daemon.Close()) }()

	file := filepath.Join(t.TempDir(), "Board.html")
	c := boardCmd(&app{})
	var said strings.Builder
	c.SetOut(&said)
	c.SetContext(t.Context())
	cfg := &config.Config{State: state, Outbox: filepath.ToSlash(filepath.Dir(file))}
	if err := (&app{}).writeShortcut(c, cfg, file); err == nil || !strings.Contains(err.Error(), "taken for an order") {
		t.Errorf("in the outbox: %v", err)
	}
	cfg.Outbox = filepath.Join(state, "OUTBOX") // under another name
	must(t, os.Symlink(filepath.Dir(file), cfg.Outbox))
	if err := (&app{}).writeShortcut(c, cfg, file); err == nil || !strings.Contains(err.Error(), "taken for an order") {
		t.Errorf("in the outbox under another name: %v", err)
	}
	cfg.Outbox = state
	must(t, (&app{}).writeShortcut(c, cfg, file))
	page, err := os.ReadFile(file)
	must(t, err)
	m := regexp.MustCompile(`url=([^"]+)"`).FindSubmatch(page)
	if m == nil || strings.Contains(said.String(), string(m[1])) {
		t.Fatalf("said %q, and wrote\n%s", said.String(), page)
	}
	for range 2 {
		jar, err := cookiejar.New(nil)
		must(t, err)
		if code, body := browse(t, &http.Client{Jar: jar}, string(m[1])); code != http.StatusOK || !strings.Contains(body, "<h1>Records going out</h1>") {
			t.Errorf("the board: %d", code)
		}
	}
}
