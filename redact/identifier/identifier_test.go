package identifier

import (
	"strings"
	"testing"

	"chartseal/redact"
)

func found(text string) (out []string) {
	r := []rune(text)
	for _, h := range Find(For(redact.Payment), r) {
		out = append(out, strings.TrimPrefix(h.Rule, "identifier.")+":"+strings.ReplaceAll(string(r[h.From:h.To]), string(Gap), "~"))
	}
	return out
}

func TestFound(t *testing.T) {
	for text, want := range map[string]string{
		"SSN 123-45-6789.":          "ssn:123-45-6789",
		"patient 123-45-6789, seen": "ssn:123-45-6789",
		"123–45–6789":               "ssn:123–45–6789",
		"123‑45‑6789":               "ssn:123‑45‑6789",
		"123 - 45 - 6789":           "ssn:123 - 45 - 6789",
		"123-45-\x026789 x":         "",
		"123-45\x02\r\n6789":        "ssn:123-45\x02\r\n6789",
		"123-45\x026789":            "ssn:123-45\x026789",
		"1\uE0002\uE0003\uE000-\uE0004\uE0005\uE000-6789":           "ssn:1~2~3~-~4~5~-6789",
		"1 2 3 - 4 5 - 6 7 8 9":                                     "ssn:1 2 3 - 4 5 - 6 7 8 9",
		"1 2 3-4 5-6 7 8 9":                                         "ssn:1 2 3-4 5-6 7 8 9",
		"１２３-４５-６７８９":                                               "ssn:１２３-４５-６７８９",
		"١٢٣-٤٥-٦٧٨٩":                                               "ssn:١٢٣-٤٥-٦٧٨٩",
		"123\u200b-45-6789":                                         "ssn:123\u200b-45-6789",
		"ITIN 912-70-1234":                                          "ssn:912-70-1234",
		"Social Security Number: 123456789":                         "ssn:123456789",
		"Soc. Sec. No. 123 45 6789":                                 "ssn:123 45 6789",
		"SS# 123.45.6789":                                           "ssn:123.45.6789",
		"SSN123-45-6789, SSN123456789":                              "ssn:123-45-6789 ssn:123456789",
		"Medicare 123-45-6789A since, 223-45-6789B1.":               "ssn:123-45-6789 ssn:223-45-6789",
		"SSN: ____123-45-6789____":                                  "ssn:123-45-6789",
		"SS: 123456789; SS Number 223456789":                        "ssn:123456789 ssn:223456789",
		"Número de Seguro Social 123 45 6789":                       "ssn:123 45 6789",
		"SSN 123/45/6789":                                           "ssn:123/45/6789",
		"SSN:\n123456789":                                           "ssn:123456789",
		"Name  SSN  Birth date\nMaria Alvarez 123456789 1984-03-09": "ssn:123456789",
		"SSN 123-45-6789 and 234-56-7890":                           "ssn:123-45-6789 ssn:234-56-7890",
		"Driver's License: D1234567":                                "driver:D1234567",
		"driver’s licence (NY) No. 123 456 789, issued":             "driver:123 456 789",
		"DL# CA D1234567":                                           "driver:D1234567",
		"Driver License NY 123456789":                               "driver:123456789",
		"State ID card no. 99-123-4567":                             "driver:99-123-4567",
		"Passport No. C01234567":                                    "passport:C01234567",
		"passport: 123456789":                                       "passport:123456789",
		"Checking account 000123456789":                             "bank:000123456789",
		"Bank acct. no.: 1234-5678-90":                              "bank:1234-5678-90",
		"Routing number 021000021":                                  "bank:021000021",
		"ABA: 021000021":                                            "bank:021000021",
		"IBAN DE89 3704 0044 0532 0130 00 ok":                       "bank:DE89 3704 0044 0532 0130 00",
		"GB29NWBK60161331926819":                                    "bank:GB29NWBK60161331926819",
		"Visa 4111 1111 1111 1111 exp 12/27":                        "card:4111 1111 1111 1111",
		"4111-1111-1111-1111":                                       "card:4111-1111-1111-1111",
		"Amex 3782 822463 10005":                                    "card:3782 822463 10005",
		"card on file 4111111111111111":                             "card:4111111111111111",
	} {
		if got := strings.Join(found(text), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestNotFound: what charts are full of.
func TestNotFound(t *testing.T) {
	for _, text := range []string{
		"Teeth 1, 2, 3-14, 15-19 extracted 2024-05-06",
		"D0120 D0274 D1110 D2740 $1,250.00",
		"Phone (518) 555-0100, +1 518 555 0100, 518-555-0100, 518.555.0100",
		"NPI 1234567893  License 051234  EIN 12-3456789  Tax ID 123456789",
		"51. SSN or TIN 123456789",
		"SSN or TIN: 12-3456789   NPI 1234567893",
		"DOB 03/09/1984, seen 11-18-2026, 2026-11-18",
		"Chart no. 10432, account number 104321234, Account # 000123456789",
		"Member ID 123456789 Group 000123456 Claim 20261118000123456",
		"ZIP 12207-1234", "K08.1 123-45", "323 323 222 323 - 323 222", "3 2 3  2 2 3  3 2 4",
		"UID 1.2.840.113619.2.55.3.604688119.4111111111111111.5",
		"(01)00844868013456 (10)123-45-6789012", "lot 12-345-6789 ref 1234-56-789",
		"order R-2026-0113 and 2026-0113-0042",
		"000-12-3456 666-12-3456 123-00-4567 123-45-0000",
		"A123-45-6789B", "123-45-6789ABC", "ISSN 1234-5678", "9123-45-67890", "123-45-6789-01",
		"identity: driver's license, by J. Ortiz, on 2026-11-18",
		"Driver's license shown on 2026-11-18", "passport photo 35 x 45 mm", "Driver's License: 11-18-2026",
		"4111 1111 1111 1112", "1234 5678 9012 3456", "GB29NWBK60161331926818", "ABA 021000022",
		"SS crown on #19, 123456789", "XXX-XX-6789", "NY", "", "\x00", "Gauze 2x2 123 45 6789",
	} {
		if got := found(text); got != nil {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

func TestProfiles(t *testing.T) {
	for _, p := range redact.Profiles() {
		want := p == redact.Payment || p == redact.Operations || p == redact.Authorization
		if got := len(For(p)) > 0; got != want {
			t.Errorf("%s: %v", p, got)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{"SSN 123-45-6789", "١٢٣-٤٥-٦٧٨٩", "Driver's License: D1\uE00023\uE0004567 \uE000", "IBAN DE89 3704 0044 0532 0130 00", "\xff SSN\n1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, last := []rune(s), 0
		for _, h := range Find(For(redact.Operations), text) {
			if h.From < last || h.To <= h.From || h.To > len(text) || h.Rule == "" {
				t.Fatalf("%q: %+v", s, h)
			}
			last = h.To
		}
	})
}
