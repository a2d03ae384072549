package order

import "testing"

func TestLikeness(t *testing.T) {
	o := load(t, "testdata/valid/treatment.yaml")
	to := lakeside["dr-chen"]
	same := load(t, "testdata/valid/treatment.yaml")
	same.ID, same.Received, same.Approved = "R-99", on(2026, 11, 19), Approval{By: "dr-okafor", On: on(2026, 11, 19)}
	if Likeness(o, to) != Likeness(same, to) || len(Likeness(o, to)) != 64 {
		t.Error("the same order under another id is another")
	}
	for name, change := range map[string]func(*Order){
		"patient": func(o *Order) { o.Patient.ID = "10433" },
		"kinds":   func(o *Order) { o.Records.Kinds = Kinds{"chart"} },
		"days":    func(o *Order) { o.Records.From = on(2020, 1, 1) },
		"files":   func(o *Order) { o.Records.Items = []Item{{File: "a.pdf"}} },
		"pages":   func(o *Order) { o.Records.Items = []Item{{File: "a.pdf", Pages: Pages{{1, 2}}}} },
		"basis":   func(o *Order) { o.Basis = Operations },
	} {
		other := load(t, "testdata/valid/treatment.yaml")
		change(other)
		if Likeness(o, to) == Likeness(other, to) {
			t.Errorf("%s makes no difference", name)
		}
	}
	if Likeness(o, to) == Likeness(o, lakeside["acme-plan"]) {
		t.Error("the recipient makes no difference")
	}
}
