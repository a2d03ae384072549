//go:build interop

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestInteropApprover: a key that chartseal made signs an order, and minisign
// itself finds the signature good; a wrong passphrase signs nothing.
func TestInteropApprover(t *testing.T) {
	t.Parallel()
	need(t, "minisign")
	dir := t.TempDir()
	order := filepath.Join(dir, "order.yaml")
	check(t, os.WriteFile(order, []byte("order: R-1\n"), 0o600))
	chartseal := func(passphrase string, args ...string) (string, error) {
		cmd := exec.Command(os.Args[0], args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "CHARTSEAL_TEST_CHILD=1", "CHARTSEAL_PASSPHRASE="+passphrase)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := chartseal("correct horse", "key", "approver", "-o", "lee.key")
	check(t, err)
	if out, err := chartseal("correct house", "approve", "-k", "lee.key", order); err == nil || !strings.Contains(out, "passphrase is wrong") {
		t.Errorf("a wrong passphrase: %v, %s", err, out)
	}
	_, err = chartseal("correct horse", "approve", "-k", "lee.key", order)
	check(t, err)
	pub := regexp.MustCompile(`RW[A-Za-z0-9+/=]+`).FindString(out)
	tool(t, dir, "minisign", "-V", "-P", pub, "-m", "order.yaml")
}
