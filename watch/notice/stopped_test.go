package notice

import (
	"strings"
	"testing"
)

func TestTheNoteThatNothingIsSent(t *testing.T) {
	b, err := Stopped(letterData().Practice)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"NOTHING IS SENT", "Call your IT contact today", "None is lost", "Privacy Officer", "chartseal ledger verify"} {
		if !strings.Contains(string(b), w) {
			t.Errorf("no %q in\n%s", w, b)
		}
	}
}
