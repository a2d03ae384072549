package interview

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"

	"chartseal/order"
	"chartseal/order/pdfform"
)

func talk(lines ...string) (*Interview, *bytes.Buffer) {
	var out bytes.Buffer
	return &Interview{
		In: bufio.NewReader(strings.NewReader(strings.Join(lines, "\n") + "\n")), Out: &out,
		Today: order.Date{Year: 2026, Month: 11, Day: 18},
		Practice: pdfform.Practice{
			Recipients: []pdfform.Option{pdfform.Recipient("dr-chen", "Dr. Chen Endodontics"), pdfform.Recipient("acme", "Acme Insurance")},
			Approvers:  []string{"dr-lee"}, Kinds: order.StandardKinds(), Categories: pdfform.StandardCategories(),
		},
	}, &out
}

// opening are the answers up to the basis, by a relation.
func opening(relation string) []string {
	return []string{"R-1", "", "", "010432", "Müller, Jörg", "1984-03-09", relation, "王 Łukasz", "call back", "J. Ortiz", ""}
}

func TestWholeOrder(t *testing.T) {
	v, _ := talk(append(opening("provider"), "treatment", "1", "", "charts, 8 photo", "", "2026-01-31", `charts\2024.pdf`, "7, 1-3", "face.jpg", "", "", "", "", "3d", "", "dr-lee", "")...)
	text, err := v.Run()
	if err != nil {
		t.Fatal(err)
	}
	const want = `order: R-1
decision: release
received: "2026-11-18"
patient:
  id: "010432"
  name: Müller, Jörg
  birth_date: "1984-03-09"
requester:
  relation: provider
  name: 王 Łukasz
  identity:
    method: call back
    by: J. Ortiz
    "on": "2026-11-18"
recipient: dr-chen
basis: treatment
records:
  kinds:
  - chart
  - radiograph
  - photo
  to: "2026-01-31"
  items:
  - file: "charts\\2024.pdf"
    pages: 7, 1-3
  - file: face.jpg
delivery: link
link:
  lifetime: 3d
approved:
  by: dr-lee
  "on": "2026-11-18"
`
	if string(text) != want {
		t.Errorf("got\n%s", text)
	}
}

// Only what the basis needs is asked.
func TestQuestionsFollowTheBasis(t *testing.T) {
	for name, tt := range map[string]struct {
		answers     []string
		asked, left string
	}{
		"patient access": {append(opening("self"), "patient_access", "", "Jörg Müller", "patient", "", "", "", "all", "", "", "", "", "", "", "dr-lee", ""), "Or someone else: name", "Purpose"},
		"payment":        {append(opening("insurer"), "payment", "acme", "claim 4711", "radiograph", "2026-01-01", "2026-02-01", "", "", "", "", "", "dr-lee", ""), "Purpose", "Authorization"},
		"directive": {
			append(opening("self"), "directive", "dr-chen", "all", "", "", "", "Jörg Müller", "2026-11-17", "Dr. Chen", "22 Elm Street", "yes", "", "", "", "dr-lee", ""),
			"It names the recipient", "Purpose",
		},
		"deny": {
			append(append([]string{"R-1", "", "deny"}, opening("self")[3:]...), "endangers_life", "all", "It is \"so\": yes", "Dr. A", "Dr. B", "Write to us", "", "dr-lee", ""),
			"Another one, for a review", "Basis",
		},
		"subpoena":      {append(opening("attorney"), "legal_process", "dr-chen", "case 1", "chart", "", "", "", "", "subpoena", "no 7", "chart", "", "", "1", "file 3", "", "", "", "", "dr-lee", ""), "A subpoena came with", "Directive signed by"},
		"substance use": {append(opening("self"), "patient_access", "dr-chen", "all", "", "", "sud", "Jörg", "us", "them", "all", "care", "Jörg", "2026-11-01", "", "end of care", "y", "y", "box 3", "", "", "", "dr-lee", ""), "Or consent ends with this event", "Authorization"},
	} {
		t.Run(name, func(t *testing.T) {
			v, out := talk(tt.answers...)
			text, err := v.Run()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if _, err := order.Parse("o.yaml", text); err != nil {
				t.Error(err)
			}
			if !strings.Contains(out.String(), tt.asked) || strings.Contains(out.String(), tt.left) {
				t.Errorf("should ask %q and not %q:\n%s", tt.asked, tt.left, out)
			}
		})
	}
}

// A wrong answer is explained in the words an order would be held with, and asked
// again.
func TestWrongAnswers(t *testing.T) {
	v, out := talk("R 1", "", "R-1", "18.11.2026", "", "", "010432", "Müller, Jörg", "1984-03-09", "provider", "X", "call back", "J", "",
		"treatmnet", "treatment", "dr-chn", "dr-chen", "", "chart, radiografs", "chart", "2026-02-01", "2026-01-01", "2026-03-01", "../x.pdf", "x.pdf", "3-1", "3", "", "", "", "9d", "", "", "nobody", "dr-lee", "")
	if _, err := v.Run(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"'Order number' may hold only letters A-Z, digits and the signs . _ -.",
		"'Order number' is needed.",
		`'Request received on' must be a date written year-month-day, like 2026-11-18; "18.11.2026" is not.`,
		`'Basis' is "treatmnet", which is not known; did you mean 'treatment'?`,
		`'From the recipient book' is "dr-chn", which is not in the list; did you mean 'dr-chen'?`,
		`'Kinds of records' is "radiografs", which is not in the list; did you mean 'radiograph'?`,
		"'To (last day)' is 2026-01-01, before 'from' (2026-02-01).",
		"'File 1' must be a path below the patient's folder, such as charts/2024.pdf.",
		"'File 1: pages' must be pages like 1-3, 7; 3-1 runs backwards.",
		"'Link lives' is 9d; a link lives at most 7d. A new link can be made later.",
		`'Approved by' is "nobody", which is not in the list.`,
	} {
		if !strings.Contains(out.String(), "  ! "+want+"\n") {
			t.Errorf("not said: %s", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestAnswersEnd(t *testing.T) {
	v, _ := talk("R-1")
	if _, err := v.Run(); !errors.Is(err, ErrEnded) {
		t.Errorf("got %v", err)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add("R-1\n\n\n7\nA, B\n1984-03-09\nself\nX\n: - #\n& *\n\npatient_access\n1\nall\n\n\n\n\n\n1\n\n")
	f.Fuzz(func(t *testing.T, all string) {
		v, _ := talk(strings.Split(all, "\n")...)
		text, err := v.Run()
		if err != nil {
			return
		}
		if _, err := order.Parse("o.yaml", text); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	})
}
