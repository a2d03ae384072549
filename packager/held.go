package packager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"chartseal/order"
	"chartseal/packager/bundle"
	"chartseal/packager/gather"
	"chartseal/redact"
)

// ruleComplete is the rule behind a record that cannot be made ready: complete
// or held (rules table R11).
const ruleComplete = "R11"

// ruleScope is the rule behind pages that a record does not have.
const ruleScope = "S1"

// rulePatient is the rule behind a record that may be another patient's.
const rulePatient = "R35"

// open are the problems of a collection that no decision on the order answers.
func (p *Plan) open(c *gather.Collection) []order.Reason {
	if len(c.Items) == 0 && len(c.Problems) == 0 {
		return []order.Reason{{
			Rule: ruleComplete, Outcome: order.Refuse,
			Message: "No record fits what the order asks for. Nothing was sent. Check the kinds of records and the dates on the order.",
		}}
	}
	stopping := order.Stopping(order.Answer(p.Order, p.Facts, c.Problems))
	if len(c.Items) > bundle.MaxRecords {
		stopping = append(stopping, tooManyRecords)
	}
	return stopping
}

// tooManyRecords holds an order whose records do not fit into one bundle: packing them again
// would change nothing.
var tooManyRecords = order.Reason{
	Rule: ruleComplete, Outcome: order.Refuse, Citation: order.Citation(ruleComplete),
	Message: "These are more records than one bundle can hold. Nothing was sent. Write several orders, each for fewer kinds of records or for a shorter time.",
}

// allProblems holds an order whose records are not in order. What the cleaners
// would refuse besides is found as well, so that staff see everything at once.
func (p *Plan) allProblems(ctx context.Context, c *gather.Collection, problems []order.Reason) error {
	refused, err := p.dryRun(ctx, c, 0)
	if err != nil {
		return err
	}
	return &HeldError{append(problems, refused.reasons()...)}
}

// heldBy turns the failure of item i into a hold that also names what the
// items after it would fail with; nil if the failure is the machine's.
func (p *Plan) heldBy(ctx context.Context, c *gather.Collection, i int, err error) error {
	var refused refusals
	if !refused.add(&c.Items[i], err) {
		return nil
	}
	more, err := p.dryRun(ctx, c, i+1)
	if err != nil {
		return err
	}
	return &HeldError{append(refused, more...).reasons()}
}

// dryRun cleans the items from the given one on and throws the result away.
func (p *Plan) dryRun(ctx context.Context, c *gather.Collection, from int) (refusals, error) {
	var all refusals
	for i := from; i < len(c.Items); i++ {
		it := &c.Items[i]
		err := p.try(ctx, c, it, nil)
		if err != nil && !all.add(it, err) {
			return nil, fmt.Errorf("clean item %d: %w", it.N, bare(err))
		}
	}
	return all, nil
}

// try cleans one record, throws it away and keeps its report.
func (p *Plan) try(ctx context.Context, c *gather.Collection, it *gather.Item, report *redact.Report) error {
	f, err := it.Open(ctx)
	if err != nil {
		return err
	}
	out, err := p.clean(ctx, c, it, f)
	if err == nil {
		if report != nil {
			*report = out.Report
		}
		err = out.Body.Close()
	}
	return errors.Join(err, f.Close())
}

// refusal is one record that must not leave as it is.
type refusal struct {
	item   string // private: what hold.json shows
	class  redact.Class
	clause string
}

// refusalOf sorts a cleaner's refusal. Only of a DICOM file and a PDF can a person
// say that it goes; what the other cleaners cannot decide nobody decides here.
func refusalOf(it *gather.Item, r *redact.Refusal) refusal {
	class := r.Class
	if class == redact.Undecided && it.Format != gather.FormatDICOM && it.Format != formatPDF {
		class = redact.Unfit
	}
	return refusal{it.Path, class, r.Reason}
}

type refusals []refusal

// add notes a failure that is the record's own; it reports false for others.
func (rs *refusals) add(it *gather.Item, err error) bool {
	if errors.Is(err, gather.ErrChanged) {
		*rs = append(*rs, refusal{it.Path, "changed", "it was changed while it was being read"})
		return true
	}
	if r, ok := errors.AsType[*redact.Refusal](err); ok {
		*rs = append(*rs, refusalOf(it, r))
		return true
	}
	if t, ok := errors.AsType[*textError](err); ok {
		*rs = append(*rs, refusal{it.Path, t.class(), ""})
		return true
	}
	return false
}

// reasons groups the refusals by what is wrong.
func (rs refusals) reasons() []order.Reason {
	var out []order.Reason
	at := map[string]int{}
	out = append(out, rs.ofPatients()...)
	for _, r := range rs {
		if r.class == otherPatient || r.class == unclearPatient {
			continue
		}
		rule, may := ruleComplete, mayDecide(r.class)
		if r.class == redact.Absent {
			rule, may = ruleScope, nil
		}
		key := string(r.class) + r.clause
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, order.Reason{
				Rule: rule, Outcome: outcomeOf(r.class), May: may, Citation: order.Citation(rule),
				Message: fmt.Sprintf("This record cannot be sent as it is: %s. Nothing was sent. %s", r.clause, todo[r.class]),
			})
		}
		out[i].Items = append(out[i].Items, r.item)
	}
	return out
}

// outcomeOf: what a person may decide about is a hold; a record that cannot be
// read or verified can only be left out.
func outcomeOf(c redact.Class) order.Outcome {
	if c == redact.Undecided {
		return order.Hold
	}
	return order.Refuse
}

func mayDecide(c redact.Class) []order.RulingChoice {
	if c == redact.Undecided {
		return []order.RulingChoice{order.LeaveOut, order.ReleaseItem}
	}
	return []order.RulingChoice{order.LeaveOut}
}

// todo says what staff can do about a class of refusal.
var todo = map[redact.Class]string{
	redact.Unsupported: "Save it in another format (PDF, JPEG, PNG, DICOM, STL or PLY), or leave it out by a decision on the order.",
	redact.Malformed:   "Export it again from the program it came from, or leave it out by a decision on the order.",
	redact.Truncated:   "Export it again from the program it came from, or leave it out by a decision on the order.",
	redact.Encrypted:   "Save it again without a password, or leave it out by a decision on the order.",
	redact.Undecided:   "Somebody has to look at it and then release it or leave it out by a decision on the order.",
	redact.Unfit: "No decision can release it as it is. Save what it holds in a plainer form, if there is one " +
		"(a PDF without layers and forms, JPEG, PNG, STL or PLY), or leave it out by a decision on the order.",
	redact.Absent:     "Correct the pages on the order (records.items).",
	redact.TooLarge:   "Ask your IT contact, or leave it out by a decision on the order.",
	redact.Unverified: "Ask your IT contact, or leave it out by a decision on the order.",
	"changed":         "Wait until the program that writes it is done, then drop the order again.",
}

// leftOut are the records that a person decided to leave out.
func (p *Plan) leftOut() (items []string) {
	for _, d := range order.Valid(p.Order, p.Facts) {
		if d.Decision == order.LeaveOut && d.Item != "" {
			items = append(items, d.Item)
		}
	}
	return items
}

// reviewed reports whether a person has looked at the record and released it:
// in answer to this rule, as a release that answers another (a restriction, a
// sensitive category) says nothing about what the picture shows.
func (p *Plan) reviewed(item string) bool { return p.releases(item, ruleComplete) }

// releases reports whether a person has released the record in answer to a rule.
func (p *Plan) releases(item, rule string) bool {
	return slices.ContainsFunc(order.Valid(p.Order, p.Facts), func(d order.Ruling) bool {
		return d.Decision == order.ReleaseItem && strings.EqualFold(d.Rule, rule) &&
			strings.ReplaceAll(d.Item, `\`, "/") == item
	})
}

// bare takes the path out of a file system error.
func bare(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s: %w", le.Op, le.Err)
	}
	return err
}
