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
	Outcome  Outcome // of a finding that does not say otherwise
	// Fixed rules cannot be switched off: they keep the program's own promises.
	Fixed bool
	// LeaveOutOnly holds can be answered by leaving the item out, never by releasing it.
	LeaveOutOnly bool

	on    []Decision // orders it is asked about; nil: releases
	check func(*Order, *Facts) []finding
}

// finding is one thing a rule found.
type finding struct {
	outcome Outcome // "": the rule's
	message string
	items   []string
}

func say(format string, args ...any) []finding {
	return []finding{{message: fmt.Sprintf(format, args...)}}
}

func sayAs(outcome Outcome, format string, args ...any) []finding {
	return []finding{{outcome: outcome, message: fmt.Sprintf(format, args...)}}
}

// Rules lists the rules in the order in which they are asked.
func Rules() []Rule { return slices.Clone(rules) }

// Evaluate asks every rule at once and returns what they say, answers in the
// order's decisions taken into account. The order may go on if
// [Stopping] of the result is empty.
func Evaluate(o *Order, f Facts) []Reason {
	var reasons []Reason
	for _, r := range rules {
		if !r.appliesTo(o) || r.isOff(f) {
			continue
		}
		for _, found := range r.check(o, &f) {
			reasons = append(reasons, r.reason(found))
		}
	}
	return Answer(o, f, reasons)
}

func (r Rule) appliesTo(o *Order) bool {
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
	return out
}

// Answer applies the order's decisions to reasons, also to those that gathering
// and packing found: a hold that a named approver has answered is returned with
// the answer. Of a hold about several items each is answered by itself; what is
// left stays a hold. Refusals cannot be answered.
func Answer(o *Order, f Facts, reasons []Reason) []Reason {
	var out []Reason
	for _, r := range reasons {
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
		if a := answerTo(o, f, r.Rule, ""); a != nil && a.Decision == ReleaseItem {
			r.Answered = []Ruling{*a}
		}
		return []Reason{r}
	}
	open, closed := r, r
	open.Items, closed.Items = nil, nil
	for _, item := range r.Items {
		if a := answerTo(o, f, r.Rule, item); a != nil {
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
func answerTo(o *Order, f *Facts, rule, item string) *Ruling {
	for i := range o.Decisions {
		d := &o.Decisions[i]
		releasable := d.Decision == LeaveOut || !leaveOutOnly(rule)
		if d.Rule == rule && d.Item == item && releasable && f.valid(*d) {
			return d
		}
	}
	return nil
}

func leaveOutOnly(rule string) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == rule && r.LeaveOutOnly })
}

// valid says that a decision was made by an approver, with a reason, and not in
// the future.
func (f *Facts) valid(d Ruling) bool {
	return f.isApprover(d.By) && strings.TrimSpace(d.Reason) != "" && !d.On.IsZero() && !d.On.After(f.Today)
}

func (f *Facts) isApprover(name string) bool {
	return slices.ContainsFunc(f.Approvers, func(a string) bool { return strings.EqualFold(a, name) })
}

func (f *Facts) approvers() string { return strings.Join(f.Approvers, ", ") }

// Valid are the order's decisions that count: made by an approver, with a reason,
// not in the future.
func Valid(o *Order, f Facts) []Ruling {
	return slices.DeleteFunc(slices.Clone(o.Decisions), func(d Ruling) bool { return !f.valid(d) })
}
