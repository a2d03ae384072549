package main

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config"
	"chartseal/watch/notice"
)

func (a *app) look(cmd *cobra.Command, cfg *config.Config, file string) (*chartseal.Preview, error) {
	data, signature, err := readOrder(file)
	if err != nil {
		return nil, usage(err)
	}
	v, err := chartseal.Look(cmd.Context(), cfg, a.options(nil), filepath.Base(file), data, signature)
	if err != nil {
		return nil, err
	}
	if a.json {
		return v, printJSON(cmd.OutOrStdout(), v)
	}
	return v, printPreview(&printer{w: cmd.OutOrStdout()}, v)
}

// outcomeWords are the outcomes of rules as a person says them.
var outcomeWords = map[string]string{
	"pass": "passed", "not_asked": "not asked", "off": "SWITCHED OFF", "warn": "warning", "hold": "HELD", "refuse": "REFUSED", "answered": "decided",
}

var signatureWords = map[string]string{
	"valid": "signature valid", "none": "not signed", "changed": "the order was changed after it was signed", "other": "signed with another key",
}

func printPreview(p *printer, v *chartseal.Preview) error {
	p.f("Release order %s, %s\n", v.Order, v.Practice)
	if v.Terms != nil {
		p.f("\n")
		for _, l := range termLines(v.Terms) {
			p.f("  %-10s %s\n", l[0], l[1])
		}
	}
	printRules(p, v.Rules)
	p.f("\nRecords that would go: %d\n", len(v.Records))
	for _, l := range summaryLines(v) {
		p.f("  %s\n", l)
	}
	printRecords(p, v)
	p.f("\nWould be removed:\n")
	for _, r := range v.Removed {
		p.f("  %11s in %s: %s\n", details(r.Details), plural(r.Records, "record"), r.Reason)
	}
	if len(v.Removed) == 0 {
		p.f("  nothing\n")
	}
	for _, n := range v.Notices {
		p.f("\nPlease note: %s\n", n)
	}
	printEnd(p, v)
	return p.err
}

func printRules(p *printer, rules []chartseal.RuleOutcome) {
	if len(rules) > 0 {
		p.f("\nRules\n")
	}
	for _, r := range rules {
		p.f("  %-4s %-12s %s (%s)\n", r.Rule, outcomeWords[r.Outcome], r.Title, r.Citation)
		for _, m := range r.Messages {
			p.f("       %s\n", m)
		}
	}
}

func printRecords(p *printer, v *chartseal.Preview) {
	for _, r := range gathered(v.Records) {
		p.f("    %-14s %-10s %9s  %11s removed  %s\n", r.Kind, r.Date, r.Size, details(r.Removed), r.Path)
		for _, clause := range r.Refused {
			p.f("         cannot go: %s\n", clause)
		}
	}
}

func details(n int) string { return plural(n, "detail") }

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// line is one record, or the many files of one examination.
type line struct {
	Kind, Date, Size, Path string
	Removed                int
	Refused                []string
}

// many is from how many files of one day in one folder a line stands for all.
const many = 8

// gathered are the records as a person counts them.
func gathered(records []chartseal.RecordPreview) (lines []line) {
	for i := 0; i < len(records); {
		first, n := records[i], i
		for n < len(records) && records[n].Kind == first.Kind && records[n].Date == first.Date && path.Dir(records[n].Path) == path.Dir(first.Path) {
			n++
		}
		if n-i >= many {
			all := lineOf(records[i:n])
			all.Path = fmt.Sprintf("%d files in %s/", n-i, path.Dir(first.Path))
			lines = append(lines, all)
		} else {
			for j := i; j < n; j++ {
				lines = append(lines, lineOf(records[j:j+1]))
			}
		}
		i = n
	}
	return lines
}

func lineOf(records []chartseal.RecordPreview) line {
	l := line{Kind: records[0].Kind, Date: records[0].Date, Path: records[0].Path}
	var bytes int64
	for _, r := range records {
		bytes += r.Bytes
		for _, x := range r.Removed {
			l.Removed += x.Count
		}
		if r.Refused != "" && !slices.Contains(l.Refused, r.Refused) {
			l.Refused = append(l.Refused, r.Refused)
		}
	}
	l.Size = notice.Size(bytes)
	return l
}

// endWords say what would become of an order.
var endWords = map[string]string{
	"sent":     "This order would be sent.",
	"drive":    "This order would be packed for a drive.",
	"recorded": "This order would be recorded; staff carry it out themselves.",
	"denied":   "This request would be denied: nothing is sent, and the letter is made.",
	"extended": "The time of this request would be extended: nothing is sent, and the notice is made.",
	"held":     "This order would be held.",
}

func printEnd(p *printer, v *chartseal.Preview) {
	if len(v.Held) == 0 {
		p.f("\n%s\n", endWords[v.End])
		return
	}
	p.f("\nThis order would be held:\n")
	for i, r := range v.Held {
		p.f("  %d. %s (%s)\n", i+1, r.Message, r.Rule)
		for _, it := range r.Items {
			p.f("       - %s\n", it)
		}
	}
}

// termLines are the order in short: what each line is about, and what it says.
func termLines(t *chartseal.Terms) (lines [][2]string) {
	add := func(what string, says ...string) {
		for i, text := range says {
			if i > 0 {
				what = ""
			}
			if text != "" {
				lines = append(lines, [2]string{what, text})
			}
		}
	}
	add("Patient", t.Patient)
	add("Asked by", t.Requester)
	add("Received", t.Received)
	add("Answer by", t.Due)
	if t.Decision == "release" {
		add("Recipient", recipientWords(t), t.Address)
	}
	if t.Delivery == "link" || t.Delivery == "folder" {
		add("Unlock", unlockWords(t))
	}
	add("Basis", strings.ReplaceAll(t.Basis, "_", " "))
	add("Purpose", t.Purpose)
	add("Asked for", scopeWords(t))
	add("Only", t.Items...)
	add("Sensitive", strings.Join(t.Sensitive, ", "))
	add("Denied", t.Denied...)
	add("Extended", t.Extension)
	if t.Decision == "release" {
		add("Delivery", t.Delivery)
	}
	add("Fee", t.Fee)
	add("Decided", t.Rulings...)
	add("Prepared", t.Prepared)
	approved := "nobody"
	if t.Approved != "" {
		approved = t.Approved
	}
	add("Approved", approved+"; "+signatureWords[t.Signature])
	return lines
}

func recipientWords(t *chartseal.Terms) string {
	to := t.Recipient
	if t.Kind != "" {
		to += " (" + t.Kind + ")"
	}
	if !t.InBook {
		to += ", not in the recipient book"
	}
	return to
}

func unlockWords(t *chartseal.Terms) string {
	switch {
	case t.Decision != "release":
		return ""
	case t.Unlock == "key":
		return "the recipient's own key"
	}
	return "a passphrase, told by another way than the link"
}

func scopeWords(t *chartseal.Terms) string {
	asked := strings.Join(t.Kinds, ", ")
	if t.From != "" {
		asked += ", from " + t.From
	}
	if t.To != "" {
		asked += ", to " + t.To
	}
	return asked
}

// summaryLines are the records of each kind in a line: how many, how large, of
// which days.
func summaryLines(v *chartseal.Preview) (lines []string) {
	for _, k := range v.Summary {
		line := notice.Count(k.Count, k.Kind) + ", " + notice.Size(k.Bytes)
		switch k.First {
		case "":
		case k.Last:
			line += ", " + k.First
		default:
			line += ", " + k.First + " to " + k.Last
		}
		lines = append(lines, line)
	}
	return lines
}

//go:embed checkpage.html
var checkPage string

// writePage writes the page to print and sign; a file that is there is not
// overwritten.
func writePage(file string, v *chartseal.Preview) error {
	t, err := template.New("check").Funcs(template.FuncMap{
		"terms": termLines, "summary": summaryLines, "becomes": func(s string) string { return endWords[s] },
		"details": details, "words": func(kind string) string { return strings.ReplaceAll(kind, "_", " ") }, "records": func(n int) string { return plural(n, "record") },
		"outcome":  func(s string) string { return outcomeWords[s] },
		"gathered": gathered,
	}).Parse(checkPage)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usage(err)
	}
	err = t.Execute(f, map[string]any{"V": v, "On": time.Now().Format("2 January 2006, 15:04")})
	return errors.Join(err, f.Close())
}
