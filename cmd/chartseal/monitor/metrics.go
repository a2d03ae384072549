// Package monitor tells programs how the daemon is: /metrics in the text format of
// Prometheus and /healthz. Nothing in either is of a patient: counts, times, classes of
// trouble.
package monitor

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"chartseal"
)

// ContentType is that of /metrics (Prometheus, "Exposition formats", text format 0.0.4).
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// page is a page of metrics as it grows.
type page struct{ bytes.Buffer }

// label is one name and value beside a number.
type label struct{ name, value string }

func (p *page) family(name, kind, help string) {
	_, _ = fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) // into memory
}

// escaped are the characters that a label's value cannot hold as they are.
var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (p *page) sample(name string, value float64, labels ...label) {
	p.WriteString(name)
	for i, l := range labels {
		p.WriteString([]string{"{", ","}[min(i, 1)])
		p.WriteString(l.name + `="` + escaped.Replace(l.value) + `"`)
	}
	if len(labels) > 0 {
		p.WriteByte('}')
	}
	p.WriteString(" " + number(value) + "\n")
}

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func (p *page) gauge(name, help string, value float64) {
	p.family(name, "gauge", help)
	p.sample(name, value)
}

func (p *page) yes(name, help string, is bool) {
	value := 0.0
	if is {
		value = 1
	}
	p.gauge(name, help, value)
}

// Metrics is the page of /metrics. What is unknown is left out.
func Metrics(v *chartseal.Vitals) []byte {
	p := &page{}
	p.family("chartseal_build_info", "gauge", "Always 1; what runs here, and where.")
	p.sample("chartseal_build_info", 1, label{"version", v.Version}, label{"goversion", v.GoLang}, label{"site", v.Site})
	p.gauge("chartseal_start_time_seconds", "When the daemon started, in seconds since 1970.", unix(v.Started))
	p.yes("chartseal_healthy", "1 if the scheduler turns and the ledger holds, as /healthz says.", v.Ill() == "")
	p.starting(v)
	if v.Opening {
		return p.Bytes()
	}
	if !v.Turned.IsZero() {
		p.gauge("chartseal_scheduler_turned_seconds", "Time since the last scan of the outbox ended.", since(v.At, v.Turned))
		p.yes("chartseal_outbox_ok", "1 if the last scan of the outbox succeeded.", v.Outbox.Class == "")
		p.gauge("chartseal_outbox_delayed", "Files in the outbox that take unusually long to be picked up.", float64(v.Unpicked.Orders))
	}
	p.orders(v)
	p.gauge("chartseal_oldest_waiting_seconds", "How long the order or file that waits longest has waited.", since(v.At, v.Oldest()))
	if !v.Listed.IsZero() {
		p.gauge("chartseal_orders_open", "Orders without a final answer.", float64(v.Open))
		p.gauge("chartseal_deadlines_at_risk", "Of them, those near their legal date or past it, or old.", float64(v.Urgent))
		p.gauge("chartseal_deadlines_overdue", "Of them, those past their legal date.", float64(v.Overdue))
		p.gauge("chartseal_orders_braked", "Orders that the brake holds.", float64(v.Braked))
	}
	if !v.Answered.IsZero() {
		p.gauge("chartseal_last_answer_time_seconds", "When an order was answered last since the start, in seconds since 1970.", unix(v.Answered))
	}
	p.family("chartseal_uploaded_bytes_total", "counter", "Bytes of sealed bundles that the store took since the start.")
	p.sample("chartseal_uploaded_bytes_total", float64(v.Uploaded))
	p.yes("chartseal_ledger_whole", "1 if the ledger's chain and its signed heads hold.", v.Ledger == "")
	p.yes("chartseal_ledger_copied", "1 if the ledger's signed head could be copied to the store.", v.HeadCopy.Class == "")
	p.yes("chartseal_database_ok", "1 if the table of orders can be read.", v.Database == "")
	p.credentials(v)
	return p.Bytes()
}

// starting is what is known also before the practice is open.
func (p *page) starting(v *chartseal.Vitals) {
	p.yes("chartseal_starting", "1 while the daemon has not begun to look into the outbox.", v.Opening || v.Turned.IsZero())
	p.family("chartseal_starting_waits", "gauge", "Always 1; what the start waits for, by its class.")
	if v.Awaits.Class != "" {
		p.sample("chartseal_starting_waits", 1, label{"class", v.Awaits.Class})
	}
	if v.DiskFree >= 0 {
		p.gauge("chartseal_disk_free_bytes", "Room for the state folder.", float64(v.DiskFree))
	}
}

func (p *page) orders(v *chartseal.Vitals) {
	if v.Database != "" {
		return
	}
	p.family("chartseal_orders", "gauge", "Orders of this site by state.")
	counts := map[string]int{"working": 0, "sent": 0, "held": 0} // always there, so that rules can be written
	maps.Copy(counts, v.Orders)
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		p.sample("chartseal_orders", float64(counts[state]), label{"state", state})
	}
	p.gauge("chartseal_orders_held_today", "Orders that were stopped since midnight and still are.", float64(v.HeldToday))
	p.family("chartseal_orders_waiting", "gauge", "Orders in work that wait out some trouble, by its class.")
	for _, t := range v.Troubles {
		p.sample("chartseal_orders_waiting", float64(t.Orders), label{"class", t.Class})
	}
}

func (p *page) credentials(v *chartseal.Vitals) {
	p.yes("chartseal_credentials_ok", "1 if credentials for the store are there.", v.CredTrouble == "")
	if v.CredTrouble != "" || v.Credentials.Unknown {
		return
	}
	left := math.Inf(1)
	if !v.Credentials.Ends.IsZero() {
		left = v.Credentials.Ends.Sub(v.At).Seconds()
	}
	p.gauge("chartseal_credentials_life_seconds", "How long the store's credentials last; +Inf if they do not end.", left)
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// since is a time span in seconds, 0 if nothing began.
func since(now, begin time.Time) float64 {
	if begin.IsZero() {
		return 0
	}
	return max(now.Sub(begin).Seconds(), 0)
}
