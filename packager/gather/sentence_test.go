package gather

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestEverySentence pins what staff read about files that gathering refuses, word for
// word: of one file and of several, and of marked records under each of their rules.
// messages.tsv holds rule, number of files and message.
func TestEverySentence(t *testing.T) {
	var all []string
	for tr := range troubles {
		if tr == noTrouble {
			continue
		}
		for _, n := range []int{1, 3} {
			all = append(all, fmt.Sprintf("%s\t%d\t%s\n", words[tr].rule, n, tr.sentence(n)))
		}
	}
	for rule, category := range map[string]string{"R18": "psychotherapy_notes", "R19": "sud", "R20": "hiv_sti"} {
		for _, n := range []int{1, 3} {
			all = append(all, fmt.Sprintf("%s\t%d\t%s\n", rule, n, sensitiveSentence(rule, category, n)))
		}
	}
	want, err := os.ReadFile("testdata/messages.tsv")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(want)) {
		known[line] = true
	}
	for _, line := range all {
		if !known[line] {
			t.Errorf("not in messages.tsv: %s", line)
		}
		delete(known, line)
	}
	for line := range known {
		t.Errorf("nothing says: %s", line)
	}
}
