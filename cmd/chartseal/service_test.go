package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"chartseal/config"
)

// TestTheServiceIsGivenWhatTheConfigurationNames: every file that there is, and no other.
func TestTheServiceIsGivenWhatTheConfigurationNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := `
practice: {name: P}
restrictions: restrictions.yaml
documents: forms
export: drive
sources: [{kind: chart, path: "records/{patient.id}/**"}]
approval: {require: name, approvers: {lee: ""}}
database: postgres://u@db/x?sslmode=verify-full&sslrootcert=` + filepath.ToSlash(filepath.Join(dir, "ca.pem")) + `
alerts:
  mail: {server: smtp.example.com, user: u, password_file: mail-password, from: a@example.com, to: [b@example.com]}
  webhook: {url: "https://example.com/", secret_file: webhook-secret}
`
	var want []string
	for _, name := range []string{"chartseal.yaml", "recipients.yaml", "restrictions.yaml", "mail-password", "webhook-secret", "ca.pem"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		want = append(want, file)
	}
	cfg, err := config.Load(want[0])
	if err != nil {
		t.Fatal(err)
	}
	var s servicePlan
	s.places(cfg)
	if !slices.Equal(s.Files, want) {
		t.Errorf("files %v, want %v: the book has no signature yet", s.Files, want)
	}
	if !slices.Equal(s.Read, []string{filepath.Join(dir, "forms"), filepath.Join(dir, "records")}) || !slices.Equal(s.Shared, []string{filepath.Join(dir, "outbox"), filepath.Join(dir, "drive")}) {
		t.Errorf("reads %v, shares %v", s.Read, s.Shared)
	}
	for file, want := range map[string]string{"": "", filepath.Join(cfg.State, "c.log"): "", filepath.Join(dir, "c.log"): dir} {
		s, c := servicePlan{}, *cfg
		c.Log.File = file
		if s.places(&c); s.LogDir != want {
			t.Errorf("a log in %q: %q", file, s.LogDir)
		}
	}
}

// TestRecordsOnAServerKeepItsName: \\server\share is no folder of this computer's disk.
func TestRecordsOnAServerKeepItsName(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"//server/share/{patient.id}/**":      "//server/share",
		"//server/share/x-rays/{patient.id}*": "//server/share/x-rays",
		"//server/share/x-rays/all.csv":       "//server/share/x-rays",
		"C:/records/{patient.id}/**":          "C:/records",
		"/srv/records/P[0-9]*/a":              "/srv/records",
	} {
		if got := beforeTemplates(pattern); got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
}
