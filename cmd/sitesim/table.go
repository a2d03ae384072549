//go:build linux

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// write prints the tables as Markdown. Idle figures are per site and second; those of
// orders, and of a look at all ledgers, are what came on top of idling.
func write(w *bytes.Buffer, all []result) {
	fmt.Fprint(w, `Idle, for each site; a second where nothing else is said.

| sites | running | statements | rows read | transactions | WAL, bytes | server's processor, ms | connections | server's memory, MiB | daemon's memory, MiB | statements of a start |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
`)
	for _, r := range all {
		n, t := float64(r.Running), r.Idle.Seconds*float64(r.Running)
		fmt.Fprintf(w, "| %d | %d | %.1f | %.1f | %.1f | %.0f | %.2f | %.1f | %.1f | %.1f | %.0f |\n", r.Sites, r.Running,
			float64(r.Idle.Calls)/t, float64(r.Idle.Rows)/t, float64(r.Idle.Begun)/t, float64(r.Idle.WAL)/t, 1000*r.Idle.Work/t,
			r.Mean/n, float64(r.ServerMemory)/n/(1<<20), float64(r.Memory)/n/(1<<20), float64(r.Start.Calls)/n)
	}
	fmt.Fprint(w, `
Orders, each:

| sites | orders | statements | rows read or changed | rows added | table bytes | WAL, bytes | server's processor, ms | requests to the store | bytes put | connections of a site |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
`)
	for _, r := range all {
		n, share := float64(r.Orders), r.Load.Seconds/r.Idle.Seconds
		calls, rows := sum(r.excess(r.Load))
		fmt.Fprintf(w, "| %d | %d | %.0f | %.0f | %.1f | %.0f | %.0f | %.0f | %.1f | %.0f | %.1f |\n", r.Sites, r.Orders, float64(calls)/n, float64(rows)/n,
			float64(r.Load.Inserted)/n, float64(r.Load.Bytes)/n, (float64(r.Load.WAL)-float64(r.Idle.WAL)*share)/n, 1000*max(0, r.Load.Work-r.Idle.Work*share)/n,
			float64(r.Load.Requests)/n, float64(r.Load.Put)/n, r.MeanLoad/float64(r.Running))
	}
	fmt.Fprint(w, `
A look at all ledgers (ledger verify --all-sites):

| sites | entries | statements | rows read | requests to the store |
|--:|--:|--:|--:|--:|
`)
	for _, r := range all {
		calls, rows := sum(r.excess(r.Verify))
		fmt.Fprintf(w, "| %d | %d | %d | %d | %d |\n", r.Sites, r.Entries, calls, rows, r.Verify.Requests)
	}
	last := all[len(all)-1]
	fmt.Fprintf(w, "\nOf %d orders at %d sites:\n\n| table | rows added by an order | bytes |\n|---|--:|--:|\n", last.Orders, last.Sites)
	for _, name := range slices.Sorted(maps.Keys(last.Load.Tables)) {
		if t := last.Load.Tables[name]; t.Rows != 0 || t.Bytes != 0 {
			fmt.Fprintf(w, "| `%s` | %.1f | %.0f |\n", name, float64(t.Rows)/float64(last.Orders), float64(t.Bytes)/float64(last.Orders))
		}
	}
}

// excess is what came on top of idling, statement by statement.
func (r result) excess(c change) map[string]statement {
	out := map[string]statement{}
	share := c.Seconds / r.Idle.Seconds
	for q, s := range c.Statements {
		idle := r.Idle.Statements[q]
		if calls := s.Calls - int64(share*float64(idle.Calls)); calls > 0 {
			out[q] = statement{calls, max(0, s.Rows-int64(share*float64(idle.Rows))), s.Seconds}
		}
	}
	return out
}

func sum(all map[string]statement) (calls, rows int64) {
	for _, s := range all {
		calls, rows = calls+s.Calls, rows+s.Rows
	}
	return calls, rows
}

// writeTop prints the statements that the server saw most often.
func writeTop(w *bytes.Buffer, r result, top int) {
	if top == 0 {
		return
	}
	for _, part := range []struct {
		name string
		all  map[string]statement
		per  float64
	}{{"idle, per site and second", r.Idle.Statements, r.Idle.Seconds * float64(r.Running)}, {"an order", r.excess(r.Load), float64(r.Orders)}, {"a start", r.Start.Statements, float64(r.Running)}} {
		fmt.Fprintf(w, "\n| %s: calls | rows | ms | statement |\n|--:|--:|--:|---|\n", part.name)
		most := slices.SortedFunc(maps.Keys(part.all), func(a, b string) int { return cmp.Compare(part.all[b].Calls, part.all[a].Calls) })
		for _, q := range most[:min(top, len(most))] {
			s := part.all[q]
			text := strings.Join(strings.Fields(strings.ReplaceAll(q, "|", "\\|")), " ")
			fmt.Fprintf(w, "| %.2f | %.2f | %.3f | `%.300s` |\n", float64(s.Calls)/part.per, float64(s.Rows)/part.per, 1000*s.Seconds/part.per, text)
		}
	}
}
