package identifier

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// The table of rules. Names are stable: manifests cite them.
var rules = []Rule{
	{
		// SSA: area 001-899 but 666, group 01-99, serial 0001-9999; numbers that
		// begin with 9 are taxpayer numbers of those without one (26 CFR 301.6109-1).
		"identifier.ssn", "social security numbers", "not needed for the purpose (45 CFR 164.514(d)); opens accounts in the patient's name",
		socialSecurity,
	},
	{
		"identifier.driver", "driver's licence numbers", "not needed for the purpose (45 CFR 164.514(d)); named by state breach laws with the social security number",
		labelled(driverLabel, licenceNumber, plausibleLicence),
	},
	{
		// ICAO Doc 9303 part 4: up to nine letters and digits; US passports have
		// nine digits or a letter and eight.
		"identifier.passport", "passport numbers", "not needed for the purpose (45 CFR 164.514(d))",
		labelled(`(?i)\bpassport(?:\s+card)?`, passportNumber, plausibleLicence),
	},
	{
		"identifier.bank", "bank accounts", "not needed for the purpose (45 CFR 164.514(d)); account numbers are identifiers (164.514(b)(2)(i)(J))",
		bankAccounts,
	},
	{
		"identifier.card", "payment card numbers", "not needed for the purpose (45 CFR 164.514(d)); PCI DSS 3.4 has them masked wherever they are shown",
		paymentCards,
	},
}

// g is what may stand between two characters of one number: what programs put
// there when letters are drawn one by one, and line ends.
const g = `\x{E000}*`

// run is a row of n digits.
func run(n int) string { return `\d(?:` + g + `\d){` + strconv.Itoa(n-1) + `}` }

// socialLabel is how forms write it, in English and Spanish.
const socialLabel = `(?:\bsocial\s+sec(?:urity|\.)?|\bsoc\.?\s*sec\.?|\bssn|\bss\s?(?:#|:|no\b|num(?:ber|\b))|\bs\.\s?s\.(?:\s?n\.?|\s?#|\s?no\b)|\bseguro\s+social\b)`

var (
	// A letter or two behind it is the old form of a Medicare number: 123-45-6789A.
	hyphened    = regexp.MustCompile(run(3) + `\s?` + g + `-` + g + `\s{0,2}` + run(2) + `\s?` + g + `-` + g + `\s{0,2}` + run(4))
	beneficiary = regexp.MustCompile(`^-?[A-Z][A-Z0-9]?(?:[^A-Za-z0-9]|$)`)
	// spaced is one that is written letter by letter with blanks.
	spaced = regexp.MustCompile(`\d[ ]\d[ ]\d[ ]?-[ ]?\d[ ]\d[ ]?-[ ]?\d[ ]\d[ ]\d[ ]\d`)
	// told is one without hyphens behind words that say what it is. "SSN or TIN" on
	// a claim form is the practice's own (ADA claim form, item 51).
	told = regexp.MustCompile(`(?i)(?:` + socialLabel + `|\bitin\b)([^0-9]{0,60}?)(` +
		run(3) + `[ ./\-]?` + g + run(2) + `[ ./\-]?` + g + run(4) + `)`)
	// row is the line below such words: a table.
	row    = regexp.MustCompile(`(?i)` + socialLabel + `[^\n]*\r?\n([^\n]*)`)
	nine   = regexp.MustCompile(run(3) + `[ .\-]?` + run(2) + `[ .\-]?` + run(4))
	notOwn = regexp.MustCompile(`(?i)\bor\s+(?:tin|ein|tax)\b|\b(?:npi|ein|tin|phone|tel|fax|account|acct|member|group|policy|chart|claim)\b`)
)

func socialSecurity(text string) (spans [][2]int) {
	valid := func(from, to int) bool { return alone(text, from, to) && validSSN(digits(text[from:to])) }
	written := func(from, to int) bool {
		return begins(text, from) && (ends(text, to) || beneficiary.MatchString(text[to:])) && validSSN(digits(text[from:to]))
	}
	spans = append(matches(hyphened, text, 0, written), matches(spaced, text, 0, valid)...)
	for start := 0; ; {
		m := told.FindStringSubmatchIndex(text[start:])
		if m == nil {
			break
		}
		from, to := start+m[4], start+m[5]
		if !notOwn.MatchString(text[start+m[2]:start+m[3]]) && valid(from, to) {
			spans = append(spans, [2]int{from, to})
		}
		start += m[3]
	}
	for _, m := range row.FindAllStringSubmatchIndex(text, -1) {
		if notOwn.MatchString(text[m[0]:m[2]]) && !strings.Contains(strings.ToLower(text[m[0]:m[2]]), "birth") {
			continue // other numbers stand in that line
		}
		for _, s := range matches(nine, text[m[2]:m[3]], 0, func(from, to int) bool { return valid(m[2]+from, m[2]+to) }) {
			spans = append(spans, [2]int{m[2] + s[0], m[2] + s[1]})
		}
	}
	return spans
}

func validSSN(d string) bool {
	return len(d) == 9 && d[:3] != "000" && d[:3] != "666" && d[3:5] != "00" && d[5:] != "0000"
}

const (
	driverLabel = `(?i)(?:\bdriver'?s?[’']?s?\s+(?:licen[cs]e|lic\b\.?)|\bdriver\s+id\b|\bd\.?l\.?\s?(?:#|no\b\.?|num\b\.?|number\b)|\bstate\s+id(?:entification)?(?:\s+card)?\b)`
	// state names stand between the label and the number, in brackets or not.
	afterLabel = `(?:\s*\([A-Za-z. ]{2,20}\))?\s*(?i:(?:card|state|number|num|no|id)\b\.?|#)?\s*(?i:number|num|no|#)?\s*[:.#=\-]?\s*(?:[A-Z]{2}\s+)?`
	// licenceNumber: states use from 1 to 16 letters and digits, some in groups.
	licenceNumber  = `([A-Z]{0,3}[ \-]?\d[A-Z0-9]*(?:[ \-]\d[A-Z0-9]*){0,4})`
	passportNumber = `([A-Z]{0,2}` + `\d{6,9})`
)

// labelled finds numbers right behind words that say what they are.
func labelled(label, number string, valid func(string) bool) func(string) [][2]int {
	re := regexp.MustCompile(`(?:` + label + `)(?:` + afterLabel + `)` + number)
	return func(text string) [][2]int {
		flat := strings.ReplaceAll(text, string(Gap), "")
		if flat == text {
			return matches(re, text, 1, func(from, to int) bool { return valid(text[from:to]) && ends(text, to) })
		}
		return unflat(text, matches(re, flat, 1, func(from, to int) bool { return valid(flat[from:to]) && ends(flat, to) }))
	}
}

// unflat turns spans of a text without its gaps into spans of the text.
func unflat(text string, spans [][2]int) [][2]int {
	var at []int
	for i := 0; i < len(text); {
		if strings.HasPrefix(text[i:], string(Gap)) {
			i += len(string(Gap))
			continue
		}
		at = append(at, i)
		i++
	}
	for i, s := range spans {
		spans[i] = [2]int{at[s[0]], at[s[1]-1] + 1}
	}
	return spans
}

var dateLike = regexp.MustCompile(`^(?:(?:19|20)\d\d[ \-]\d{1,2}[ \-]\d{1,2}|\d{1,2}[ \-]\d{1,2}[ \-](?:19|20)?\d\d)$`)

// plausibleLicence: enough digits, and no date.
func plausibleLicence(s string) bool {
	n := len(digits(s))
	return n >= 4 && n <= 16 && !dateLike.MatchString(strings.TrimSpace(s))
}

var (
	bank = labelled(`(?i)\b(?:bank|checking|savings|routing\s+(?:number|no|#)[^\n]{0,40}?)\s*(?:account|acct\b\.?|a/c)`,
		`(\d[\d \-]{3,20}\d)`, func(s string) bool { n := len(digits(s)); return n >= 5 && n <= 17 && !dateLike.MatchString(s) })
	routing = labelled(`(?i)\b(?:routing|aba|transit|rtn)\b(?:\s*/\s*aba|\s+transit|\s+routing)?`, `(\d{9})`, validRouting)
	iban    = regexp.MustCompile(`\b([A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){11,30})\b`)
)

func bankAccounts(text string) [][2]int {
	spans := append(bank(text), routing(text)...)
	return append(spans, matches(iban, text, 1, func(from, to int) bool { return validIBAN(text[from:to]) })...)
}

// validRouting: ABA routing numbers carry a check digit, weights 3, 7, 1.
func validRouting(s string) bool {
	d, sum := digits(s), 0
	for i := range d {
		sum += int(d[i]-'0') * []int{3, 7, 1}[i%3]
	}
	return len(d) == 9 && sum%10 == 0 && sum > 0
}

// validIBAN: ISO 13616, modulo 97.
func validIBAN(s string) bool {
	s = strings.ReplaceAll(s, " ", "")
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	var n strings.Builder
	for _, c := range s[4:] + s[:4] {
		if c >= 'A' {
			n.WriteString(strconv.Itoa(int(c-'A') + 10))
		} else {
			n.WriteRune(c)
		}
	}
	v, ok := new(big.Int).SetString(n.String(), 10)
	return ok && v.Mod(v, big.NewInt(97)).Int64() == 1
}

var (
	// grouped is a card number as cards print it: 4-4-4-4 or 4-6-5.
	grouped = regexp.MustCompile(run(4) + `[ \-]` + g + run(4) + `[ \-]` + g + run(4) + `[ \-]` + g + run(4) + `|` + run(4) + `[ \-]` + g + run(6) + `[ \-]` + g + run(5))
	solid   = regexp.MustCompile(`\d(?:` + g + `\d){12,18}`)
	card    = regexp.MustCompile(`(?i)\b(?:visa|master\s?card|amex|american express|discover|credit|debit|card|cc)\b|\bcc\s?#`)
)

// nearCard is how many bytes before a row of digits a word about cards may stand.
const nearCard = 80

func paymentCards(text string) [][2]int {
	valid := func(from, to int) bool { return alone(text, from, to) && validCard(digits(text[from:to])) }
	spans := matches(grouped, text, 0, valid)
	return append(spans, matches(solid, text, 0, func(from, to int) bool {
		return valid(from, to) && card.MatchString(text[max(0, from-nearCard):from])
	})...)
}

// validCard: ISO/IEC 7812, the ranges that cards are issued from, and the Luhn
// check digit.
func validCard(d string) bool {
	if len(d) < 13 || len(d) > 19 || d[0] < '2' || d[0] > '6' || strings.Count(d, d[:1]) == len(d) {
		return false
	}
	sum := 0
	for i := range d {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}
