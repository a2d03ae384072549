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
// orders are what came on top of idling.
func write(w *bytes.Buffer, all []result) {
	fmt.Fprint(w, `Idle, for each site; a second where nothing else is said.

| sites | running at a time | statements | transactions | rows given | rows gone through | rows changed | WAL, bytes | requests to the store | server's processor, ms | connections | server's memory, MiB |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
`)
	for _, r := range all {
		c, t := r.Idle, r.Idle.SiteSeconds
		calls, rows := c.asked()
		fmt.Fprintf(w, "| %d | %d | %.1f | %.1f | %.1f | %.1f | %.2f | %.0f | %.2f | %.2f | %.1f | %.1f |\n", r.Sites, r.Running,
			float64(calls)/t, float64(c.Begun)/t, float64(rows)/t, float64(c.held().Read)/t, float64(c.held().Changed)/t, float64(c.WAL)/t, float64(c.Requests)/t,
			1000*c.Work/t, c.Connected/t, float64(r.ServerMemory)/float64(r.Running)/(1<<20))
	}
	fmt.Fprint(w, `
Orders, each, on top of idling:

| sites | orders | statements | transactions | rows given or changed | rows gone through | rows changed | rows added | table bytes | WAL, bytes | requests to the store | bytes put | connections of a site |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
`)
	for _, r := range all {
		n, c := float64(r.Orders), r.Load.beyond(r.Idle)
		calls, rows := c.asked()
		fmt.Fprintf(w, "| %d | %d | %.0f | %s | %.0f | %s | %.1f | %.1f | %.0f | %.0f | %.1f | %.0f | %.1f |\n", r.Sites, r.Orders, float64(calls)/n, seen(c.Begun, n),
			float64(rows)/n, seen(c.held().Read, n), float64(c.held().Changed)/n, float64(c.held().Rows)/n, float64(c.held().Bytes)/n, float64(c.WAL)/n,
			float64(c.Requests)/n, float64(c.Put)/n, c.Connected/c.SiteSeconds)
	}
	fmt.Fprint(w, `
A start and an end of a site:

| sites | statements | transactions | rows given or changed | rows gone through | requests to the store |
|--:|--:|--:|--:|--:|--:|
`)
	for _, r := range all {
		n := float64(r.Sites)
		calls, rows := r.Start.asked()
		fmt.Fprintf(w, "| %d | %.0f | %.0f | %.0f | %.0f | %.1f |\n", r.Sites, float64(calls)/n, float64(r.Start.Begun)/n, float64(rows)/n, float64(r.Start.held().Read)/n, float64(r.Start.Requests)/n)
	}
	fmt.Fprint(w, `
`+"`ledger verify --all-sites`"+`, while no site runs:

| sites | entries | statements | rows given | requests to the store |
|--:|--:|--:|--:|--:|
`)
	for _, r := range all {
		calls, rows := r.Verify.asked()
		fmt.Fprintf(w, "| %d | %d | %d | %d | %d |\n", r.Sites, r.Entries, calls, rows, r.Verify.Requests)
	}
	last := all[len(all)-1]
	fmt.Fprintf(w, "\nThe tables at %d sites; gone through are rows, idle by a site in a second:\n\n| table | gone through, idle | by an order | at a start | added by an order | bytes |\n|---|--:|--:|--:|--:|--:|\n", last.Sites)
	order, n := last.Load.beyond(last.Idle), float64(last.Orders)
	for _, name := range slices.Sorted(maps.Keys(order.Tables)) {
		t, idle, start := order.Tables[name], last.Idle.Tables[name], last.Start.Tables[name]
		if t != (table{}) || idle.Read+start.Read > 0 {
			fmt.Fprintf(w, "| `%s` | %.2f | %.1f | %.1f | %.1f | %.0f |\n", name, float64(idle.Read)/last.Idle.SiteSeconds, float64(t.Read)/n,
				float64(start.Read)/float64(last.Sites), float64(t.Rows)/n, float64(t.Bytes)/n)
		}
	}
}

// seen is a count of each order. Sites that send ask less often than idle ones on a busy
// computer: then there may be nothing on top of idling, and nothing is known.
func seen(n int64, orders float64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", float64(n)/orders)
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
	}{
		{"idle, per site and second", r.Idle.Statements, r.Idle.SiteSeconds},
		{"an order", r.Load.beyond(r.Idle).Statements, float64(r.Orders)},
		{"a start", r.Start.Statements, float64(r.Sites)},
	} {
		fmt.Fprintf(w, "\n| %s: calls | rows | ms | statement |\n|--:|--:|--:|---|\n", part.name)
		most := slices.SortedFunc(maps.Keys(part.all), func(a, b string) int { return cmp.Compare(part.all[b].Calls, part.all[a].Calls) })
		for _, q := range most[:min(top, len(most))] {
			s := part.all[q]
			text := strings.Join(strings.Fields(strings.ReplaceAll(q, "|", "\\|")), " ")
			fmt.Fprintf(w, "| %.2f | %.2f | %.3f | `%.300s` |\n", float64(s.Calls)/part.per, float64(s.Rows)/part.per, 1000*s.Seconds/part.per, text)
		}
	}
}
