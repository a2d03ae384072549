package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table is printed as text, or as Markdown.
type table struct {
	title string
	head  []string
	rows  [][]string
	after string // a line below
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// print writes a table as soon as it is known.
func (b *bench) print(t *table) {
	var text strings.Builder
	if b.markdown {
		t.asMarkdown(&text)
	} else {
		t.asText(&text)
	}
	if _, err := io.WriteString(b.out, text.String()); b.failed == nil {
		b.failed = err
	}
}

func (t *table) asText(to *strings.Builder) {
	fmt.Fprintf(to, "\n%s\n", t.title)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, cells := range append([][]string{t.head}, t.rows...) {
		if line := strings.Join(cells, "\t"); strings.TrimSpace(line) != "" {
			_, _ = io.WriteString(w, "  "+line+"\n") // to memory
		}
	}
	_ = w.Flush()
	if t.after != "" {
		fmt.Fprintf(to, "  %s\n", t.after)
	}
}

func (t *table) asMarkdown(to *strings.Builder) {
	fmt.Fprintf(to, "## %s\n\n", t.title)
	for i, cells := range append([][]string{t.head}, t.rows...) {
		to.WriteString("|")
		for _, c := range cells {
			fmt.Fprintf(to, " %s |", strings.ReplaceAll(c, "|", `\|`))
		}
		to.WriteString("\n")
		if i == 0 {
			fmt.Fprintf(to, "|%s\n", strings.Repeat("---|", len(cells)))
		}
	}
	if t.after != "" {
		fmt.Fprintf(to, "\n%s\n", t.after)
	}
	to.WriteString("\n")
}

// want notes a target and what was seen.
func (b *bench) want(what, want, seen string, is bool) {
	word := unmet
	if is {
		word = met
	}
	b.targets = append(b.targets, target{what, want, seen, word})
}

// unseen notes a target about which nothing is known here.
func (b *bench) unseen(what, want, why string) {
	b.targets = append(b.targets, target{what, want, why, unknown})
}

// summary prints the targets of the parts that ran.
func (b *bench) summary() error {
	if len(b.targets) == 0 {
		return b.failed
	}
	t := table{title: "Targets", head: []string{"what", "target", "seen", ""}}
	for _, x := range b.targets {
		t.row(x.what, x.want, x.seen, string(x.verdict))
	}
	b.print(&t)
	return b.failed
}
