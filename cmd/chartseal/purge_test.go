package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"chartseal"
	"chartseal/config"
)

// told runs a command in the test's own process; the exit code must be as wanted.
func told(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	command := newRoot()
	command.SetOut(&out)
	command.SetErr(&out)
	command.SetArgs(args)
	got := exitOK
	if err := command.ExecuteContext(t.Context()); err != nil {
		got = codeOf(err)
		out.WriteString(err.Error())
	}
	if got != code {
		t.Errorf("%q: exit code %d, want %d: %s", args, got, code, &out)
	}
	return out.String()
}

// A year of the ledger goes on an approver's signed word when its time is over, and what is
// left says so and verifies.
func TestPurgeAYearOfTheLedger(t *testing.T) {
	t.Parallel()
	pub, key, err := minisign.GenerateKey(rand.Reader)
	must(t, err)
	cfg := ownPractice(t, "require: name", "require: signature", `"dr-lee": ""`, `"dr-lee": `+pub.String())
	if cfg.Approval.Require != config.RequireSignature {
		t.Fatal("the practice does not approve by signature")
	}
	runUntilIdle(t, cfg, time.Now, nil) // makes the outbox
	secret := filepath.Join(t.TempDir(), "lee.key")
	text, err := key.MarshalText()
	must(t, err)
	must(t, os.WriteFile(secret, text, 0o600))
	old, lately := time.Now().AddDate(-8, 0, 0), time.Now().AddDate(-2, 0, 0)
	for _, at := range []time.Time{old, lately} {
		opts := (&app{}).options(nil)
		opts.Now = func() time.Time { return at }
		must(t, chartseal.RecordAccounting(t.Context(), cfg, opts, chartseal.GivenAccounting{
			AccountingRequest: chartseal.AccountingRequest{Patient: "20871", On: at}, By: "J. Ortiz", List: []byte("list"),
		}))
	}
	year, kept := strconv.Itoa(old.UTC().Year()), strconv.Itoa(lately.UTC().Year())
	purge := func(code int, args ...string) string {
		t.Helper()
		return told(t, code, append([]string{"ledger", "purge", "-c", cfg.File}, args...)...)
	}
	for _, c := range []struct {
		code int
		args []string
		want string
	}{
		{exitHeld, []string{"--ledger", kept}, "The ledger's year " + kept + " must be kept"},
		{exitUsage, []string{"--ledger", year, "R-1"}, "name orders, or"},
		{exitUsage, []string{"--ended", "R-1=tomorrow", "--by", "dr-lee"}, "ORDER=YYYY-MM-DD"},
		{exitUsage, []string{"--ended", "R-1=2026-01-02", "--by", "dr-lee", "--key", secret}, "no order of this number"},
		{exitOK, []string{"--ledger", year, "--by", "dr-lee", "--key", secret}, year + ", entries 1 to 1: removed"},
	} {
		if said := purge(c.code, c.args...); !strings.Contains(said, c.want) {
			t.Errorf("%q: %q lacks %q", c.args, said, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(cfg.State, "ledger", year+".jsonl")); err == nil {
		t.Error("the year is still there")
	}
	if said := told(t, exitOK, "ledger", "verify", "-c", cfg.File); !strings.Contains(said, "it verifies from entry 2 on") {
		t.Errorf("verify: %s", said)
	}
	if said := told(t, exitOK, "ledger", "show", "--json", "-c", cfg.File); !strings.Contains(said, "Entries 1 to 1 were purged") || !strings.Contains(said, `"segments":[{"file":"`+year+`.jsonl"`) || !strings.Contains(said, "by: dr-lee") {
		t.Errorf("show: %s", said)
	}
}
