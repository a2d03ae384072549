package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestManual: every command that people use has its page, and no text of it is read as
// a request of the typesetter.
func TestManual(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, writePages(newRoot(), dir))
	for _, name := range []string{"chartseal", "chartseal-run", "chartseal-service-install", "chartseal-ledger-verify"} {
		b, err := os.ReadFile(filepath.Join(dir, name+".1"))
		must(t, err)
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !strings.HasPrefix(line, ".TH ") && !strings.HasPrefix(line, ".SH ") &&
				!strings.HasPrefix(line, ".B") && !strings.HasPrefix(line, ".TP") && !strings.HasPrefix(line, ".PP") {
				t.Errorf("%s has the line %q", name, line)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "chartseal-worker.1")); err == nil {
		t.Error("a hidden command has a page")
	}
	if got, want := roff(".a-b\\c\n'd"), "\\&.a\\-b\\ec\n\\&'d"; got != want {
		t.Errorf("roff gives %q, not %q", got, want)
	}
}

// TestBillOfMaterials: the program knows what it was built from.
func TestBillOfMaterials(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	must(t, printBOM(&out, ""))
	var b bom
	must(t, json.Unmarshal(out.Bytes(), &b))
	for _, c := range b.Components {
		if c.Name == "filippo.io/age" && c.PURL == "pkg:golang/filippo.io/age@"+c.Version {
			return
		}
	}
	t.Errorf("no age in %s", out.String())
}
