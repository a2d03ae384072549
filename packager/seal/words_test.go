package seal

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The recipient page knows the same words, and no word begins another one: letters in
// a row are cut in one way at most.
func TestThePageKnowsTheSameWords(t *testing.T) {
	b, err := os.ReadFile("../../transport/page/web/src/wordlist.js")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "`")
	packed, _, _ := strings.Cut(rest, "`")
	on := map[string]bool{}
	last := ""
	for _, m := range regexp.MustCompile(`([0-9A-F])([a-z]+)`).FindAllStringSubmatch(strings.ReplaceAll(packed, "\n", ""), -1) {
		n, err := strconv.ParseInt(m[1], 16, 0)
		if err != nil || int(n) > len(last) {
			t.Fatalf("%q after %q", m[0], last)
		}
		last = last[:n] + m[2]
		on[last] = true
	}
	for w := range wordSet() {
		if !on[w] {
			t.Errorf("the page does not know %q", w)
		}
		if len(w) > longestWord {
			t.Errorf("%q is longer than any word should be", w)
		}
		for n := 1; n < len(w); n++ {
			if wordSet()[w[:n]] {
				t.Errorf("%q begins %q", w[:n], w)
			}
		}
	}
	if len(on) != len(wordSet()) || len(on) != 7772 {
		t.Errorf("the page knows %d words, and there are %d", len(on), len(wordSet()))
	}
}
