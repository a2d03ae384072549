package computer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chartseal/config"
	"chartseal/transport"
)

// inPractice is a practice's files with the modes that they should have.
func inPractice(t *testing.T) *config.Config {
	t.Helper()
	dir := t.TempDir()
	cfg := &config.Config{
		File: filepath.Join(dir, "chartseal.yaml"), Recipients: filepath.Join(dir, "recipients.yaml"),
		Outbox: filepath.Join(dir, "outbox"), State: filepath.Join(dir, "state"),
	}
	cfg.Alerts.Mail.PasswordFile = filepath.Join(dir, "mail-password")
	if err := os.MkdirAll(filepath.Join(cfg.State, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(cfg.Outbox, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"chartseal.yaml", "recipients.yaml", "mail-password", "state/keys/practice.key", "state/keys/practice.pub"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

// Each folder is tried, and left as it was; the state folder is passed over where it is closed.
func TestExamine(t *testing.T) {
	cfg := inPractice(t)
	cfg.Export = filepath.Join(t.TempDir(), "away")
	cfg.Sources = []config.Source{{Kind: "chart", Path: "/nowhere/{patient.id}/**"}}
	all := Examine(cfg, false)
	if !all.Has("outbox", transport.OK, "can be written") || !all.Has("state", transport.OK, "can be written") || !all.Has("export", transport.Problem, "cannot be written") ||
		!all.Has("sources", transport.Problem, "The records cannot be found") {
		t.Errorf("%+v", all)
	}
	seen := map[string]bool{}
	for _, f := range all {
		seen[f.Check] = true
	}
	if !seen["keys"] || !seen["disk"] {
		t.Errorf("nothing about rights, or room: %+v", all)
	}
	if left, err := os.ReadDir(cfg.Outbox); err != nil || len(left) > 0 {
		t.Errorf("left in the outbox: %v, %v", left, err)
	}
	if all := Examine(cfg, true); all.Has("state", transport.OK, "can be written") || !all.Has("outbox", transport.OK, "can be written") {
		t.Errorf("closed: %+v", all)
	}
}

func TestCheckFindsWhereFoldersLieWrong(t *testing.T) {
	cfg := &config.Config{Outbox: `O:\outbox`, State: `S:\state`, Export: `C:\export`, Sources: []config.Source{{Kind: "chart", Path: "X:/charts/{patient.id}/**"}}}
	lie := map[string]drive{`O:\outbox`: onLetter, `S:\state`: onShare, "X:/charts/": noLetter}
	var f transport.Findings
	examinePlaces(cfg, func(p string) drive { return lie[p] }, f.Add)
	if len(f) != 3 || !f.Has("drives", transport.Problem, `outbox (O:\outbox) is a network drive`) || !f.Has("drives", transport.Problem, `\\server\share\folder`) ||
		!f.Has("drives", transport.Warning, "state folder lies on a network drive") || !f.Has("drives", transport.Problem, "source 1 (X:/charts/) is not there") {
		t.Errorf("%+v", f)
	}
}

func TestCheckFindsALackOfRoom(t *testing.T) {
	cfg := &config.Config{Alerts: config.Alerts{Disk: 2}}
	for free, want := range map[int64]transport.Level{-1: transport.Notice, 0: transport.Problem, leastDisk: transport.Warning, 2<<30 - 1: transport.Warning, 2 << 30: transport.OK} {
		var f transport.Findings
		examineDisk(cfg, func(string) int64 { return free }, f.Add)
		if len(f) != 1 || f[0].Level != want || want != transport.OK && want != transport.Notice && !strings.Contains(f[0].Message, "Make room") {
			t.Errorf("%d bytes: %+v", free, f)
		}
	}
}

func TestTheDiskHasRoom(t *testing.T) {
	if n := DiskFree(t.TempDir()); n <= 0 {
		t.Errorf("%d bytes", n)
	}
	if n := DiskFree(filepath.Join(t.TempDir(), "missing")); n != -1 {
		t.Errorf("a folder that is not there has %d bytes", n)
	}
}
