package packager

import (
	"context"
	"slices"

	"chartseal/order"
	"chartseal/packager/gather"
	"chartseal/redact"
)

// whose tells whether a number is that of another patient of the practice: known,
// if a folder or an image of that patient exists; sure, if one could be told.
type whose func(id string) (known, sure bool)

// textMatch compares what the text of a record says about whose it is with the
// order's patient: every page that goes has to agree, each by what stands on it or,
// if there is nothing, on the nearest page before it. said is false if nothing
// stands anywhere.
func textMatch(p order.Patient, claims []redact.Claim, pages order.Pages, other whose) (m order.Match, said bool) {
	byPage := map[int][]redact.Claim{}
	last := 0
	for _, c := range claims {
		byPage[c.Page] = append(byPage[c.Page], c)
		last = max(last, c.Page)
	}
	m = order.Matching
	judge := func(page int) {
		got, ok := pageMatch(p, byPage[page], other)
		if ok {
			said, m = true, worse(m, got)
		}
	}
	if len(pages) == 0 {
		for page := 1; page <= last; page++ {
			judge(page)
		}
		return m, said
	}
	for _, r := range pages {
		from := r.First
		for from > 1 && len(byPage[from]) == 0 {
			from--
		}
		judge(from)
		for page := r.First; page <= min(r.Last, last); page++ {
			judge(page)
		}
	}
	return m, said
}

// worse is what counts of two results: a mismatch, then what is not clear.
func worse(a, b order.Match) order.Match {
	for _, m := range []order.Match{order.Mismatch, order.Insufficient} {
		if a == m || b == m {
			return m
		}
	}
	return order.Matching
}

// pageMatch judges everybody whom a page speaks of as the patient.
func pageMatch(p order.Patient, claims []redact.Claim, other whose) (m order.Match, said bool) {
	people, loose := people(claims)
	m = order.Matching
	own, beside := false, false
	for _, s := range people {
		if s.Another, s.Foreign = others(p, s.IDs, other); s.Empty() {
			continue
		}
		said = true
		got := order.MatchStated(p, s)
		own = own || got == order.Matching
		if got == order.Mismatch && len(s.Births)+len(s.IDs) == 0 {
			beside = true // a name and no more: also a parent who signs, on a page that is the patient's
			continue
		}
		m = worse(m, got)
	}
	switch {
	case beside && own:
		m = worse(m, order.Insufficient) // a person can tell
	case beside:
		m = order.Mismatch
	}
	if own || said && m != order.Matching {
		return m, said
	}
	for _, id := range loose { // nothing else says whose page it is
		if known, _ := other(id); known && !order.SameID(p.ID, id) {
			return order.Mismatch, true
		}
	}
	return m, said
}

// others asks about the numbers that are not the patient's.
func others(p order.Patient, ids []string, other whose) (another, foreign bool) {
	foreign = len(ids) > 0
	for _, id := range ids {
		if order.SameID(p.ID, id) {
			continue
		}
		known, sure := other(id)
		another, foreign = another || known, foreign && sure && !known
	}
	return another, foreign
}

// people puts the claims of a page together by person: a name begins one, unless it
// is the same again; what stands before the first name belongs to it.
func people(claims []redact.Claim) (all []order.Stated, loose []string) {
	var now order.Stated
	for _, c := range claims {
		switch c.What {
		case redact.ClaimName:
			if now.Name != "" && !order.SameName(now.Name, c.Value) {
				all, now = append(all, now), order.Stated{}
			}
			if len(c.Value) > len(now.Name) {
				now.Name = c.Value
			}
		case redact.ClaimBirth:
			now.Births = append(now.Births, c.Value)
		case redact.ClaimID:
			now.IDs = append(now.IDs, c.Value)
		case redact.ClaimLoose:
			loose = append(loose, c.Value)
		}
	}
	return append(all, now), loose
}

// textError says that the text of a record does not agree with the order about
// whose it is.
type textError struct{ match order.Match }

func (*textError) Error() string { return "the text of a record is not the patient's for certain" }

// The classes of records that say, or may say, that they are another patient's.
const (
	otherPatient   redact.Class = "other_patient"
	unclearPatient redact.Class = "unclear_patient"
)

func (e *textError) class() redact.Class {
	if e.match == order.Mismatch {
		return otherPatient
	}
	return unclearPatient
}

// ofPatients are the reasons of records whose text is not the patient's for certain.
func (rs refusals) ofPatients() (out []order.Reason) {
	of := func(class redact.Class) (items []string) {
		for _, r := range rs {
			if r.class == class {
				items = append(items, r.item)
			}
		}
		return items
	}
	others, unclear := of(otherPatient), of(unclearPatient)
	if len(others) > 0 {
		out = append(out, gather.OtherPatient(others))
	}
	if len(unclear) > 0 {
		out = append(out, gather.UnclearText(unclear))
	}
	return out
}

// checkText compares the text of a cleaned record with the order. What does not
// agree well enough can be released by a person; another patient's cannot.
func (p *Plan) checkText(ctx context.Context, c *gather.Collection, it *gather.Item, out *redact.Output) error {
	m, said := textMatch(p.Order.Patient, out.Claims, it.Pages, func(id string) (bool, bool) { return c.Knows(ctx, id) })
	if said && m == order.Matching && slices.ContainsFunc(out.Claims, func(c redact.Claim) bool { return c.What == redact.ClaimName || c.What == redact.ClaimBirth }) {
		p.confirmed = true // the number led here, so it is no second identifier
	}
	if !said || m == order.Matching || m == order.Insufficient && p.releases(it.Path, rulePatient) {
		return nil
	}
	if m == order.Mismatch {
		c.Strangers = append(c.Strangers, it.Path)
	}
	return &textError{m}
}
