package order

import (
	"strings"
	"testing"
)

// outdated are notices of the rules before 2024, which many forms still carry.
var outdated = []string{
	"42 CFR part 2 prohibits unauthorized disclosure of these records.", // 2018
	"The federal rules prohibit you from making any further disclosure", // 2018 and 2020
	"Federal rules prohibit you from making any further disclosure",
	"restrict any use of the information to criminally investigate or prosecute",
}

func TestPart2Text(t *testing.T) {
	o := load(t, "testdata/valid/part2.yaml")
	text := Part2Text(o, facts(o))
	if text[0] != "42 CFR part 2 prohibits unauthorized use or disclosure of these records." {
		t.Errorf("the notice is %q", text[0])
	}
	all := strings.Join(text, "\n")
	for _, want := range []string{"Maria Alvarez", "Lakeside Dental", "sedation history", "Dr. Chen Endodontics", "Purpose: treatment", "31 January 2027", "10 November 2026", "may revoke"} {
		if !strings.Contains(all, want) {
			t.Errorf("the scope of the consent lacks %q", want)
		}
	}
	for _, old := range outdated {
		if strings.Contains(strings.ToLower(all), strings.ToLower(old)) {
			t.Errorf("the text has the outdated words %q", old)
		}
	}
	o.Part2Consent = nil
	if text := Part2Text(o, facts(o)); len(text) != 1 || text[0] != Part2Notice {
		t.Errorf("without a consent: %q", text)
	}
	own := load(t, "testdata/valid/patient_access.yaml")
	if text := Part2Text(own, facts(own)); text != nil {
		t.Errorf("the patient's own copy has %q", text)
	}
}
