package main

import (
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"

	"chartseal/redact"
)

// redacted is what `chartseal redact` reports. It holds no value of the record.
type redacted struct {
	Basis       string   `json:"basis"`
	Profile     string   `json:"profile"`
	Rules       string   `json:"rules,omitempty"`        // version of the table of profiles; DICOM only
	RulesDigest string   `json:"rules_digest,omitempty"` // SHA-256 of table and own rules, as in a manifest
	Source      int64    `json:"source_bytes,omitempty"`
	Bytes       int64    `json:"bytes,omitempty"`
	SHA256      string   `json:"sha256,omitempty"` // of the cleaned file
	Refused     *refusal `json:"refused,omitempty"`
	redact.Report
}

type refusal struct {
	Class  string `json:"class"`
	Reason string `json:"reason"`
}

func (r *redacted) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, r)
	}
	if r.Refused != nil {
		return nil
	}
	p := &printer{w: w}
	p.f("%s file, cleaned for the basis %s\n", r.Format, r.Basis)
	p.f("  profile  %s\n", r.Profile)
	if r.Rules != "" {
		p.f("  rules    %s, SHA-256 %s\n", r.Rules, r.RulesDigest)
	}
	p.f("  size     %d bytes, from %d\n  SHA-256  %s\n", r.Bytes, r.Source, r.SHA256)
	r.printRemoved(p)
	if len(r.Kept) > 0 {
		p.f("\nStayed (%d):\n", len(r.Kept))
	}
	for _, k := range r.Kept {
		p.f("  %s\n", k)
	}
	if len(r.Notices) > 0 {
		p.f("\nNotes:\n")
	}
	for _, n := range r.Notices {
		p.f("  - %s\n", n)
	}
	return p.err
}

// printRemoved puts what went for the same reason together: the reason for all
// readers, the rule and its elements for auditors.
func (r *redacted) printRemoved(p *printer) {
	if len(r.Removed) == 0 {
		p.f("\nNothing was removed.\n")
		return
	}
	list := slices.Clone(r.Removed)
	slices.SortStableFunc(list, func(a, b redact.Removal) int {
		return cmp.Or(cmp.Compare(kindOf(a), kindOf(b)), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Rule, b.Rule))
	})
	for i, x := range list {
		if i == 0 || kindOf(x) != kindOf(list[i-1]) {
			p.f("\n%s:\n", changes[kindOf(x)].title)
		}
		if i == 0 || x.Reason != list[i-1].Reason || x.Rule != list[i-1].Rule {
			p.f("  %s [rule %s]\n", strings.TrimSuffix(x.Reason, changes[kindOf(x)].mark), x.Rule)
		}
		times := ""
		if x.Count > 1 {
			times = " (" + strconv.Itoa(x.Count) + " times)"
		}
		p.f("      %s%s\n", x.Item, times)
	}
}

// changes are the kinds of change, by what ends the reason the cleaner gives.
var changes = []struct{ mark, title string }{
	{"", "Removed"},
	{"; left without a value", "Left without a value"},
	{"; replaced", "Replaced"},
	{"; moved by a number of days", "Dates moved"},
	{"; blacked out", "Blacked out"},
}

func kindOf(x redact.Removal) int {
	for i, c := range changes {
		if c.mark != "" && strings.HasSuffix(x.Reason, c.mark) {
			return i
		}
	}
	return 0
}
