package notice

import (
	"strings"
	"testing"
	"time"
)

func TestTheNoteThatALinkWasWithdrawn(t *testing.T) {
	at := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
	b, err := Withdrawn(letterData().Practice, "R-1", at, "the patient withdrew the permission on 2026-11-17", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"Order R-1: on Wednesday, November 18, 2026", "withdrew the permission on 2026-11-17.", "Do not send LINK-LETTER.pdf", "Privacy Officer"} {
		if !strings.Contains(strings.Join(strings.Fields(string(b)), " "), w) {
			t.Errorf("no %q in\n%s", w, b)
		}
	}
}
