package notice

import (
	"strings"
	"testing"
	"time"

	"chartseal/order"
)

const held = `order: R-7
received: 2026-11-18
patient: {id: "10432", name: "Alvarez, Maria", birth_date: 1984-03-09}
requester: {name: Maria Alvarez, relation: self, identity: {method: card, by: J. Ortiz, on: 2026-11-18}}
recipient: dr-chen
basis: treatment
records: {kinds: [chart]}
approved: {by: dr-lee, on: 2026-11-18}
`

// TestDecisionsCount: what WHY-HELD offers to copy is exactly what answers the
// hold, once a name and a reason are filled in.
func TestDecisionsCount(t *testing.T) {
	at := time.Date(2026, 11, 19, 9, 0, 0, 0, time.UTC)
	facts := order.Facts{Today: order.DateOf(at), Approvers: []string{"dr-lee"}}
	both := []order.RulingChoice{order.LeaveOut, order.ReleaseItem}
	for _, c := range []struct {
		name   string
		reason order.Reason
		lines  int
		what   string
		counts bool
	}{
		{"no item", order.Reason{Rule: "R12", Outcome: order.Hold, May: both[1:]}, 1, "decision: release", true},
		{"either", order.Reason{Rule: "R20", Outcome: order.Hold, May: both, Items: []string{"10432/a \"b\".pdf", "ü/x.pdf"}}, 2, "decision: leave_out", true},
		{"left out only", order.Reason{Rule: "R18", Outcome: order.Hold, May: both[:1], Items: []string{"n.pdf"}}, 1, "decision: leave_out", true},
		{"released only", order.Reason{Rule: "R27", Outcome: order.Hold, May: both[1:], Items: []string{"photo"}}, 1, "decision: release", true},
		{"nothing", order.Reason{Rule: "R18", Outcome: order.Hold}, 0, "", false},
		{"refused", order.Reason{Rule: "R6", Outcome: order.Refuse}, 0, "", false},
		{"refused item", order.Reason{Rule: "R3", Outcome: order.Refuse, Items: []string{"cbct"}}, 0, "", false},
		{"many", order.Reason{Rule: "R20", Outcome: order.Hold, May: both, Items: strings.Split(strings.Repeat("x ", 29)+"x", " ")}, 25, "# and 6 more", true},
	} {
		c.reason.Message = "It is so."
		h := Hold{Order: "R-7", HeldAt: at, File: "r7.yaml", Reasons: Reasons([]order.Reason{c.reason})}
		lines := h.decisions()
		if len(lines) != c.lines || !strings.Contains(strings.Join(lines, "\n"), c.what) {
			t.Errorf("%s: %q", c.name, lines)
			continue
		}
		text, err := h.Text(Practice{Name: "Lakeside Dental"})
		if err != nil {
			t.Fatal(err)
		}
		_, snippet, offered := strings.Cut(string(text), "\r\ndecisions:")
		if offered != (c.lines > 0) {
			t.Errorf("%s: the note offers decisions: %v", c.name, offered)
		}
		snippet, _, _ = strings.Cut(snippet, "For IT:")
		if !offered {
			continue
		}
		filled := held + "decisions:" + strings.NewReplacer("NAME", "dr-lee", "WHY", "seen").Replace(snippet)
		o, err := order.Parse("r7.yaml", []byte(filled))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		stops := order.Stopping(order.Answer(o, facts, []order.Reason{c.reason}))
		if (len(stops) == 0) != c.counts {
			t.Errorf("%s: after the decisions %+v stops", c.name, stops)
		}
		for _, d := range o.Decisions { // and by nobody else's
			d.By = "NAME"
			o.Decisions = []order.Ruling{d}
			if stops := order.Stopping(order.Answer(o, facts, []order.Reason{c.reason})); len(stops) == 0 {
				t.Errorf("%s: the line counts as it is", c.name)
			}
		}
	}
}
