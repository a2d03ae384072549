package order

import (
	"fmt"
	"slices"
	"strings"
)

// Rule is one rule for releasing records, small enough to be tested alone.
type Rule struct {
	ID       string
	Title    string  // what it asks, for lists of rules
	Citation string  // law and paragraph; "practice policy" where there is none
	Reads    string  // the fields of the order it looks at, as orders name them
	Knows    string  // the fields of [Facts] it looks at
	Outcome  Outcome // of a finding that does not say otherwise
	Mildest  Outcome // of its findings; "": that one
	// Fixed rules cannot be switched off: they keep the program's own promises.
	Fixed bool
	// LeaveOutOnly holds can be answered by leaving the item out, never by releasing it.
	LeaveOutOnly bool

	on    []Decision        // orders it is asked about; nil: releases
	bases []Basis           // bases it is asked about; nil: all
	asks  func(*Facts) bool // whether the practice wants it; nil: always
	check func(*Order, *Facts) []finding
}

// finding is one thing a rule found.
type finding struct {
	outcome Outcome // "": the rule's
	message string
	items   []string
	only    RulingChoice // what alone a person may decide; "": as the rule says
}

func say(format string, args ...any) []finding {
	return []finding{{message: fmt.Sprintf(format, args...)}}
}

func sayAs(outcome Outcome, format string, args ...any) []finding {
	return []finding{{outcome: outcome, message: fmt.Sprintf(format, args...)}}
}

// of names what a person may release, where one rule can hold for several causes: the
// decision about one must not answer another that comes up later.
func of(item string, found []finding) []finding {
	for i := range found {
		found[i].items, found[i].only = []string{item}, ReleaseItem
	}
	return found
}

// Rules lists the rules in the order in which they are asked.
func Rules() []Rule { return slices.Clone(rules) }

// Evaluate asks every rule at once and returns what they say, answers in the
// order's decisions taken into account. The order may go on if
// [Stopping] of the result is empty.
func Evaluate(o *Order, f Facts) []Reason {
	var reasons []Reason
	for _, v := range Review(o, f) {
		reasons = append(reasons, v.Reasons...)
	}
	return reasons
}

// Verdict is what one rule says about an order.
type Verdict struct {
	Rule    Rule
	Asked   bool // false: switched off, or not about an order of this kind
	Off     bool // the practice has switched it off
	Reasons []Reason
}

// Review asks every rule at once and returns what each says, in their order.
func Review(o *Order, f Facts) []Verdict {
	verdicts := make([]Verdict, 0, len(rules))
	for _, r := range rules {
		v := Verdict{Rule: r, Off: r.isOff(f)}
		if v.Asked = !v.Off && r.appliesTo(o) && (r.asks == nil || r.asks(&f)); v.Asked {
			for _, found := range r.check(o, &f) {
				v.Reasons = append(v.Reasons, r.reason(found))
			}
			v.Reasons = Answer(o, f, v.Reasons)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

func (r Rule) appliesTo(o *Order) bool {
	if r.bases != nil && !slices.Contains(r.bases, o.Basis) {
		return false
	}
	if r.on == nil {
		return o.Decision == Release
	}
	return slices.Contains(r.on, o.Decision)
}

func (r Rule) isOff(f Facts) bool { return !r.Fixed && slices.Contains(f.Off, r.ID) }

func (r Rule) reason(found finding) Reason {
	out := Reason{Rule: r.ID, Outcome: r.Outcome, Message: found.message, Citation: r.Citation, Items: found.items}
	if found.outcome != "" {
		out.Outcome = found.outcome
	}
	only := found.only
	if r.LeaveOutOnly {
		only = LeaveOut
	}
	if out.Outcome == Hold {
		out.May = choices(len(out.Items) > 0, only)
	}
	return out
}

// choices is what a person may decide about a hold. What names no item cannot be
// left out: the order must change instead.
func choices(items bool, only RulingChoice) []RulingChoice {
	switch {
	case !items && only == LeaveOut:
		return nil
	case !items:
		return []RulingChoice{ReleaseItem}
	case only != "":
		return []RulingChoice{only}
	}
	return []RulingChoice{LeaveOut, ReleaseItem}
}

// Answer applies the order's decisions to reasons, also to those that gathering
// and packing found: a hold that a named approver has answered, with what may be
// decided about it, is returned with the answer. Of a hold about several items
// each is answered by itself; what is left stays a hold. Refusals cannot be
// answered. What the practice has tightened is stricter from here on.
func Answer(o *Order, f Facts, reasons []Reason) []Reason {
	var out []Reason
	for _, r := range reasons {
		r = f.tightened(r)
		if r.Outcome != Hold || len(r.Answered) > 0 {
			out = append(out, r)
			continue
		}
		out = append(out, answer(o, &f, r)...)
	}
	return out
}

func answer(o *Order, f *Facts, r Reason) []Reason {
	if len(r.Items) == 0 {
		if a := answerTo(o, f, r, ""); a != nil && a.Decision == ReleaseItem {
			r.Answered = []Ruling{*a}
		}
		return []Reason{r}
	}
	open, closed := r, r
	open.Items, closed.Items = nil, nil
	for _, item := range r.Items {
		if a := answerTo(o, f, r, item); a != nil {
			closed.Items, closed.Answered = append(closed.Items, item), append(closed.Answered, *a)
		} else {
			open.Items = append(open.Items, item)
		}
	}
	switch {
	case len(closed.Items) == 0:
		return []Reason{open}
	case len(open.Items) == 0:
		return []Reason{closed}
	}
	return []Reason{open, closed}
}

// answerTo finds the valid decision on an item, nil if there is none.
func answerTo(o *Order, f *Facts, r Reason, item string) *Ruling {
	for i := range o.Decisions {
		d := &o.Decisions[i]
		if d.Rule == r.Rule && d.Item == item && slices.Contains(r.May, d.Decision) && f.valid(o, *d) {
			return d
		}
	}
	return nil
}

// valid says that a decision was made by an approver, with a reason, not in the future
// and not before the request arrived.
func (f *Facts) valid(o *Order, d Ruling) bool {
	return f.isApprover(d.By) && strings.TrimSpace(d.Reason) != "" && !d.On.IsZero() && !d.On.After(f.Today) && !d.On.Before(o.Received)
}

func (f *Facts) isApprover(name string) bool {
	return slices.ContainsFunc(f.Approvers, func(a string) bool { return strings.EqualFold(a, name) })
}

func (f *Facts) approvers() string { return strings.Join(f.Approvers, ", ") }

// Valid are the order's decisions that count: made by an approver, with a reason, since
// the request arrived, not in the future, and not releasing what nobody may release.
func Valid(o *Order, f Facts) []Ruling {
	return slices.DeleteFunc(slices.Clone(o.Decisions), func(d Ruling) bool {
		return !f.valid(o, d) || d.Decision == ReleaseItem && f.neverReleases(d.Rule)
	})
}

// neverReleases says that no decision releases what a rule holds.
func (f *Facts) neverReleases(rule string) bool {
	rule = strings.ToUpper(rule)
	return f.Tighten[rule] == Refuse || slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == rule && r.LeaveOutOnly })
}
