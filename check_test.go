package chartseal

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/config/strict"
	"chartseal/order"
	"chartseal/registry"
	"chartseal/transport"
)

// inPractice is a practice's files with the modes that they should have.
func inPractice(t *testing.T) *config.Config {
	t.Helper()
	dir := t.TempDir()
	cfg := &config.Config{
		File: filepath.Join(dir, "chartseal.yaml"), Recipients: filepath.Join(dir, "recipients.yaml"), Outbox: filepath.Join(dir, "outbox"), State: filepath.Join(dir, "state"),
		Site: "main", Watch: config.Watch{Scan: strict.Duration(time.Second)},
	}
	cfg.Alerts.Mail.PasswordFile = filepath.Join(dir, "mail-password")
	for _, d := range []string{"outbox", "state", "state/keys"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"chartseal.yaml", "recipients.yaml", "mail-password", "state/keys/practice.key", "state/keys/practice.pub"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

func TestCheckFindsWhatThePracticeLacks(t *testing.T) {
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	for on, want := range map[string]transport.Level{"": transport.Warning, "2026-11-27": transport.Problem, "2026-11-26": transport.OK} {
		var f transport.Findings
		examineAgreement(&config.Config{Store: config.Store{Kind: config.StoreS3, BAAOn: on}}, now, f.Add)
		if len(f) != 1 || f[0].Level != want {
			t.Errorf("agreement of %q: %+v", on, f)
		}
	}
	var f transport.Findings
	examineAgreement(&config.Config{Store: config.Store{Kind: config.StoreLocal}}, now, f.Add)
	examineRecipients(order.Book{"a": {Keys: []string{"age1"}}}, f.Add)
	if len(f) > 0 {
		t.Errorf("%+v", f)
	}
	examineRecipients(order.Book{"a": {Keys: []string{"age1"}}, "b": {}}, f.Add)
	examineRecipients(nil, f.Add)
	examineApproval(&config.Config{Approval: config.Approval{Require: config.RequireName}}, f.Add)
	if !f.Has("recipients", transport.Notice, "1 of 2 recipients") || !f.Has("recipients", transport.Notice, "empty") || !f.Has("approval", transport.Notice, "approval.require: signature") {
		t.Errorf("%+v", f)
	}
}

func TestCheckFindsADamagedEngine(t *testing.T) {
	cfg := inPractice(t)
	file := filepath.Join(cfg.State, "engine.db")
	examined := func() (f transport.Findings) {
		examineEngine(t.Context(), cfg, f.Add)
		return f
	}
	if f := examined(); !f.Has("engine", transport.OK, "no database yet") {
		t.Errorf("%+v", f)
	}
	db, err := registry.OpenSQLite(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := examined(); !f.Has("engine", transport.OK, "whole") { // beside the daemon
		t.Errorf("%+v", f)
	}
	if _, err := db.SQL().ExecContext(t.Context(), `UPDATE chartseal_version SET version=version+1`); err != nil {
		t.Fatal(err)
	}
	if f := examined(); !f.Has("engine", transport.Problem, "newer chartseal") {
		t.Errorf("%+v", f)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(b); i += 7 { // but for the first page
		b[i] ^= 0x55
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := examined(); !f.Has("engine", transport.Problem, "restore engine.db") {
		t.Errorf("%+v", f)
	}
	if err := os.WriteFile(file, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f := examined(); !f.Has("engine", transport.Problem, "restore engine.db") {
		t.Errorf("%+v", f)
	}
}

func TestCheckTellsWhetherTheDaemonRuns(t *testing.T) {
	cfg := inPractice(t)
	examined := func() (f transport.Findings) {
		examineDaemon(cfg, time.Now(), f.Add)
		return f
	}
	if f := examined(); !f.Has("daemon", transport.Notice, "none has run here yet") {
		t.Errorf("%+v", f)
	}
	if err := os.Remove(filepath.Join(cfg.State, "keys", "practice.key")); err != nil { // a real one is made
		t.Fatal(err)
	}
	s, err := openState(cfg.State)
	if err != nil {
		t.Fatal(err)
	}
	p := &Practice{cfg: cfg, state: s, opts: Options{Now: time.Now, Version: "1"}, log: slog.New(slog.DiscardHandler)}
	p.live()
	if f := examined(); !f.Has("daemon", transport.OK, "runs since") {
		t.Errorf("%+v", f)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(s.path(lifeFile), old, old); err != nil {
		t.Fatal(err)
	}
	if f := examined(); !f.Has("daemon", transport.Warning, "NOT BEEN HEARD OF") {
		t.Errorf("%+v", f)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if f := examined(); !f.Has("daemon", transport.Warning, "NO DAEMON IS RUNNING") {
		t.Errorf("%+v", f)
	}
}

// Examine asks for all of it, and goes on where a part fails.
func TestExamineAsksForEverything(t *testing.T) {
	cfg := inPractice(t)
	cfg.Store = config.Store{Kind: config.StoreS3, Bucket: "b", Region: "us-east-1", Endpoint: "http://127.0.0.1:1"}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "geheim")
	cfg.Sources = []config.Source{{Kind: "chart", Path: "/nowhere/{patient.id}/**"}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	seen := map[string]bool{}
	for _, f := range Examine(ctx, cfg, Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)}) {
		seen[f.Check] = true
		if strings.Contains(f.Message, "geheim") {
			t.Errorf("%s shows a secret", f.Check)
		}
	}
	for _, check := range []string{"daemon", "outbox", "state", "sources", "keys", "disk", "approval", "recipients", "ledger", "engine", "agreement", "credentials", "reachable"} {
		if !seen[check] {
			t.Errorf("nothing about %s", check)
		}
	}
	if err := ctx.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
