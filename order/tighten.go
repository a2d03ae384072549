package order

import (
	"fmt"
	"slices"
)

// severity orders outcomes.
var severity = map[Outcome]int{Warn: 1, Hold: 2, Refuse: 3}

// Choices lists the outcomes.
func (Outcome) Choices() []string { return []string{string(Warn), string(Hold), string(Refuse)} }

// CheckOff says why a rule cannot be switched off; nil if it can.
func CheckOff(id string) error {
	r, err := find(id)
	if err == nil && r.Fixed {
		return fmt.Errorf("rule %s keeps what the program itself promises and cannot be switched off; remove the line", id)
	}
	return err
}

// CheckTighten says why a rule cannot be given an outcome; nil if it can. An
// outcome can only become stricter: what a rule demands may grow, never shrink.
func CheckTighten(id string, to Outcome) error {
	r, err := find(id)
	switch {
	case err != nil:
		return err
	case severity[to] == 0:
		return fmt.Errorf("an outcome is hold or refuse, not '%s'", to)
	case severity[to] <= severity[r.mildest()]:
		return fmt.Errorf("rule %s says '%s' already, and an outcome can only become stricter", id, r.mildest())
	}
	return nil
}

// mildest is the least that a rule says when it says anything.
func (r Rule) mildest() Outcome {
	if r.Mildest != "" {
		return r.Mildest
	}
	return r.Outcome
}

// Citation is the law behind a rule; "" if there is no such rule.
func Citation(id string) string {
	r, _ := find(id)
	return r.Citation
}

func find(id string) (Rule, error) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, fmt.Errorf("there is no rule %s here; `chartseal check ORDER` lists them", id)
	}
	return rules[i], nil
}

// tightened is a reason with the outcome that the practice has made stricter.
// What is refused can still be left out, since then it does not go.
func (f *Facts) tightened(r Reason) Reason {
	to := f.Tighten[r.Rule]
	if severity[to] <= severity[r.Outcome] {
		return r
	}
	r.Outcome, r.Answered = to, nil
	switch to {
	case Hold:
		r.May = choices(len(r.Items) > 0, "")
	case Refuse:
		r.Message += " This practice allows no exception."
		r.May = slices.DeleteFunc(slices.Clone(r.May), func(c RulingChoice) bool { return c == ReleaseItem })
	case Warn:
	}
	return r
}
