//go:build interop

package dicomfile

import (
	"context"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"chartseal/redact"
)

func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, name := range tools {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is not installed", name)
		}
	}
}

// tool runs a program and gives both of its outputs.
func tool(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// dump is a file as dcmdump tells it.
type dump struct {
	ok    bool
	lines []dumpLine
}

type dumpLine struct {
	tag   Tag
	depth int // 0 in the main data set and the header
	value string
}

var dumpForm = regexp.MustCompile(`^( *)\(([0-9a-f]{4}),([0-9a-f]{4})\) (..) (.*?) +# +[-0-9u/l]+, *[0-9]+ `)

// dumpOf parses the text of dcmdump. Two blanks of indent are one level.
func dumpOf(t *testing.T, name string) dump {
	t.Helper()
	text, err := tool("dcmdump", "-q", "+L", "+R", "4096", name)
	d := dump{ok: err == nil}
	for line := range strings.Lines(text) {
		m := dumpForm.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		n, err := strconv.ParseUint(m[2]+m[3], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		if Tag(n).group() != delimiterGroup {
			d.lines = append(d.lines, dumpLine{Tag(n), len(m[1]) / 4, m[5]})
		}
	}
	return d
}

// first is the value of an element of the main data set, in dcmdump's words:
// "[text]", "=NameOfUID", "(no value available)"; "" if there is none.
func (d *dump) first(t Tag) string {
	for _, l := range d.lines {
		if l.tag == t && l.depth == 0 {
			return l.value
		}
	}
	return ""
}

func (d *dump) has(t Tag) bool {
	return slices.ContainsFunc(d.lines, func(l dumpLine) bool { return l.tag == t && l.depth == 0 })
}

// private counts the private elements at every depth.
func (d *dump) private() int {
	n := 0
	for _, l := range d.lines {
		if l.tag.private() {
			n++
		}
	}
	return n
}

// iodExceptions are errors dciodvfy may newly find after a treatment release,
// and why.
var iodExceptions = []struct{ part, why string }{
	{"<SpecimenPreparationSequence>", "how a specimen was prepared is told in free text, with names"},
}

// conforms demands that a cleaned file breaks no rule of its kind that the
// source kept (dciodvfy, "Error - " lines).
func conforms(t *testing.T, p redact.Profile, tr *trial) {
	t.Helper()
	if p == redact.Deidentified {
		return
	}
	was := tr.before.errors()
	for _, e := range iodErrors(tr.output) {
		if slices.Contains(was, e) {
			continue
		}
		why := ""
		for _, x := range iodExceptions {
			if strings.Contains(e, x.part) {
				why = x.why
			}
		}
		if why == "" {
			t.Errorf("%s: new to dciodvfy: %s", tr.name, e)
			continue
		}
		t.Logf("%s: new to dciodvfy, as it should be: %s (%s)", tr.name, e, why)
	}
}

func iodErrors(name string) []string {
	text, _ := tool("dciodvfy", name) // its exit status says no more than its text
	var out []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "Error - ") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}
