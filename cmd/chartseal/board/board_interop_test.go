//go:build interop

package board

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestInteropBoard looks at the board in Chromium: two colour schemes, widths down to 320 px, with
// axe-core. SHOTS names a folder that keeps the pictures.
func TestInteropBoard(t *testing.T) {
	web := filepath.Join("..", "..", "..", "transport", "page", "web")
	if _, err := os.Stat(filepath.Join(web, "node_modules", "playwright-core")); err != nil {
		t.Fatal("playwright-core is not there: run `npm ci` in transport/page/web")
	}
	shots := os.Getenv("SHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	now := time.Now()
	b, s, _ := open(t, &office{desk: busy(now)}, &now, []Concern{
		{Text: "1 order is overdue; release k3jf7. The law's date for an answer has passed. DUE-LIST.html in the outbox names the orders: front desk should answer them today.", Bad: true},
		{Text: "3 orders wait: store unavailable (since November 26, 08:30). The store does not answer: check the internet connection, the proxy and the firewall. Orders go on by themselves."},
	}, []Line{
		{At: now, Text: "the ledger was changed outside the program, or is an older copy: nothing is sent. Run 'chartseal ledger verify'", Class: "ledger", Error: true},
		{At: now.Add(-time.Hour), Text: "waiting", Release: "k3jf7.2", Stage: "upload", Class: "store unavailable"},
		{At: now.Add(-200 * time.Hour), Text: "recipient book cannot be read; what goes to somebody in it waits", Stage: "admit", Class: "book"},
	})
	address, _ := b.Address(host(s))
	cmd := exec.CommandContext(t.Context(), "node", "test/board.mjs", address, shots)
	cmd.Dir, cmd.Stderr = web, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var wrong []string
	if err := json.Unmarshal(out, &wrong); err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}
