package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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

// TestEveryCommandIsDocumented: no command and no flag that people use lacks its line in the
// manual or is left out when a shell completes.
func TestEveryCommandIsDocumented(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := newRoot()
	must(t, writePages(root, dir))
	complete := func(words ...string) string {
		var out bytes.Buffer
		c := newRoot()
		c.SetOut(&out)
		c.SetErr(io.Discard)
		c.SetArgs(append([]string{cobra.ShellCompRequestCmd}, words...))
		must(t, c.Execute())
		return "\n" + out.String()
	}
	seen := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		seen++
		words := strings.Fields(c.CommandPath())[1:]
		b, err := os.ReadFile(filepath.Join(dir, pageName(c)+".1"))
		must(t, err)
		if c.Short == "" {
			t.Errorf("%s says nothing of itself", c.CommandPath())
		}
		flags := complete(append(words, "--")...)
		look := func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" {
				return
			}
			if f.Usage == "" {
				t.Errorf("%s --%s says nothing of itself", c.CommandPath(), f.Name)
			}
			if !strings.Contains(string(b), roff("--"+f.Name)+" ") && !strings.Contains(string(b), roff("--"+f.Name)+"\n") {
				t.Errorf("the page of %s lacks --%s", c.CommandPath(), f.Name)
			}
			offers := func(all string) bool { return strings.Contains(all, "\n--"+f.Name+"\t") }
			if !offers(flags) && !offers(complete(append(words, "--"+f.Name)...)) { // at first those that must be given
				t.Errorf("a shell does not complete %s --%s", c.CommandPath(), f.Name)
			}
		}
		c.NonInheritedFlags().VisitAll(look)
		c.InheritedFlags().VisitAll(look)
		names := complete(append(words, "")...)
		for _, sub := range c.Commands() {
			if !sub.IsAvailableCommand() {
				continue
			}
			if !strings.Contains(names, "\n"+sub.Name()+"\t") {
				t.Errorf("a shell does not complete %s", sub.CommandPath())
			}
			if !strings.Contains(string(b), roff(pageName(sub))+" (1)") {
				t.Errorf("the page of %s does not lead to %s", c.CommandPath(), sub.Name())
			}
			walk(sub)
		}
	}
	walk(root)
	if seen < 40 {
		t.Errorf("only %d commands were looked at", seen)
	}
}
