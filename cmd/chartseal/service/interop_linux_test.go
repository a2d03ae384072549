//go:build interop

package service

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// mostExposed is how exposed the service may be by systemd's own measure, of 10.
const mostExposed = 1.5

// TestInteropExposure: systemd reads the unit with what a practice adds to it without
// a complaint, and finds little exposed.
func TestInteropExposure(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]Plan{
		"elsewhere": samplePlan(),
		"in a home": {
			Program: "/usr/bin/chartseal", Config: "/home/lee/p/chartseal.yaml", Account: "chartseal", State: "/home/lee/p/state",
			Shared: []string{"/home/lee/p/outbox"}, Files: []string{"/home/lee/p/chartseal.yaml"}, Read: []string{"/home/lee/p/records"}, Silent: samplePlan().Silent,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			unit := filepath.Join(dir, unitName)
			write(t, unit, Unit)
			write(t, filepath.Join(unit+".d", "practice.conf"), plan.DropIn())
			out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", unit).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
			if m == nil {
				t.Fatalf("no exposure in\n%s", out)
			}
			if level, err := strconv.ParseFloat(string(m[1]), 64); err != nil || level >= mostExposed {
				t.Errorf("exposure %s, want less than %g\n%s", m[1], mostExposed, out)
			}
			if complaint := regexp.MustCompile(`(?m)^.*(Unknown|Failed to parse|ignoring).*$`).Find(out); complaint != nil {
				t.Errorf("systemd says: %s", complaint)
			}
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
