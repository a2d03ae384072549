package heading

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"chartseal/redact"
)

// dateForm is how birth dates are written: with digits in three parts, eight
// digits, or the month in words.
var dateForm = regexp.MustCompile(`(?i)\b(\d{1,2}\s?[/.-]\s?\d{1,2}\s?[/.-]\s?(?:\d{4}|\d{2})|\d{4}\s?[/.-]\s?\d{1,2}\s?[/.-]\s?\d{1,2}|(?:19|20)\d{6}|` +
	months + `\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{1,2}[ -]?` + months + `\.?,?[ -]?\d{4})\b`)

const months = `(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)`

// dateIn finds the date a value begins with, a few signs before it at most.
func dateIn(s string) string {
	at := dateForm.FindStringIndex(s)
	if at == nil || at[0] > 4 {
		return ""
	}
	return strings.ReplaceAll(s[at[0]:at[1]], "  ", " ")
}

// idForm is how numbers of patients are written; at least one digit is in them.
var idForm = regexp.MustCompile(`^#?\s*([A-Za-z]{0,6}[-. ]?\d[A-Za-z0-9.-]{0,23})\b`)

// idIn finds the number a value begins with.
func idIn(s string) string {
	if d := dateIn(s); d != "" {
		return ""
	}
	m := idForm.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return strings.TrimRight(m[1], ".-")
}

// particles are parts of names that are written small.
var particles = words(`de del della der den di da das do dos du des la las le los van von vom zu zur ten ter af av bin ibn al el y e i
	jr sr ii iii iv`)

// noNames are words that stand behind "Patient:" and are no names: what a patient
// does, has, says or is, and what forms have in their place.
var noNames = words(`
	a an and or not no none na nil is was are were be been has had have having did does do with without of on in at by for from to the this that these
	his her their our your my he she they we you it who whose which when where what why how if as so but than then there here
	reports reported states stated denies denied presents presented complains complained says said feels felt wants wanted requests requested
	tolerated tolerates understands understood agrees agreed declined declines refused refuses accepts accepted advised informed instructed educated
	returned returns came comes seen arrived left dismissed scheduled rescheduled cancelled canceled called calls consented signed given received taking takes takes
	pain painful sensitivity swelling bleeding discomfort cooperative uncooperative anxious nervous calm happy well fine good fair poor excellent stable asymptomatic
	healthy pleasant alert oriented minor adult child pediatric male female yes new existing active inactive unknown same self other
	exam examination treatment procedure consultation consult recall prophy cleaning visit appointment history medical dental chart record records note notes
	information info data form consent agreement policy portion balance estimate insurance plan benefit benefits payment payments responsibility statement
	signature sign date time name number address phone email account ledger type status total amount due paid code tooth teeth surface upper lower right left
	mandibular maxillary anterior posterior crown filling extraction implant root canal bridge denture whitening x-ray xray xrays radiograph radiographs bitewing
	pano panoramic anesthesia lidocaine local premedication medication medications allergies allergy reaction blood pressure pulse oxygen
	please see attached above below also using under over after before during today tomorrow yesterday next last first mr mrs
	your our claim request referral results result summary report letter copy copies update reminder confirmation education instructions care
	services service department center centre clinic office practice associates group dentistry orthodontics endodontics periodontics company inc llc pllc pc
	street avenue road suite state city
	patient patients option options progress update therapy evaluation assessment clearance restoration restorations composite onlay
	veneer veneers invisalign aligner aligners retainer retainers appliance apnea braces sealants fluoride biopsy preauthorization predetermination
	appeal denial coverage transfer follow-up followup post-op postop pre-op`)

// surnames are words of noNames that are names of families, too: in front of a
// comma they count.
var surnames = words(`child street bridge good fine poor fair root well post crown self an do to so he you may will has`)

func words(s string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		set[w] = true
	}
	return set
}

// credential marks a clinician.
var credential = regexp.MustCompile(`(?:^|[ ,.])(?i:d\.?d\.?s|d\.?m\.?d|m\.?d|r\.?d\.?h|ph\.?d|r\.?n|cda|dr)\.?(?:$|[ ,.)])|[ ,.](?:D\.?O|d\.o)\.?(?:$|[ ,.)])`) // Do is a family name, too

var (
	bracketed = regexp.MustCompile(`\s*[(\[][^)\]]*[\d/][^)\]]*[)\]]|\s*[(\[](?i:m|f|male|female|minor|adult|self|patient|he/him|she/her|they/them)[)\]]`)
	nameEnd   = regexp.MustCompile(` [-–—|•·]+ |[|;•·\d#]|,\s*(?i:age|aged|a|an|the|who|born|dob|d\.o\.b|m|f|male|female)\b| (?i:aged?|born|dob|is|was|has)\b`)
	titles    = regexp.MustCompile(`^(?i:mr|mrs|ms|miss|mx|master)\.? +`)
)

// style is how strictly a value must look like a name.
type style int

const (
	strict style = iota // in running text: a comma, or words written as names are
	usual               // in a heading
	single              // in a table or a heading one word will do
)

// nameIn finds the name a value begins with.
func nameIn(s string, how style) string {
	s = bracketed.ReplaceAllString(s, "")
	if at := nameEnd.FindStringIndex(s); at != nil {
		s = s[:at[0]]
	}
	s = strings.Trim(titles.ReplaceAllString(strings.TrimSpace(s), ""), " ,.:-_/*([")
	if len(s) < 2 || len(s) > redact.MaxClaim || credential.MatchString(s) {
		return ""
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
	if len(parts) > 6 || len(parts) == 1 && how != single {
		return ""
	}
	comma := strings.Count(s, ",") == 1
	long := 0
	for i, w := range parts {
		if !nameWord(w) && (i > 0 || !comma || !surnames[strings.ToLower(w)]) {
			return ""
		}
		if utf8.RuneCountInString(strings.Trim(w, ".()\"'“”")) > 1 {
			long++
		}
	}
	if long == 0 || how == strict && !comma && (long < 2 || s == strings.ToUpper(s)) {
		return ""
	}
	return s
}

// nameWord reports whether a word can be part of a name.
func nameWord(w string) bool {
	w = strings.Trim(w, ".()\"“”")
	folded := strings.ToLower(w)
	first, size := utf8.DecodeRuneInString(w)
	initial := w != "" && size == len(w) && unicode.IsUpper(first)
	if w == "" || noNames[folded] && !initial {
		return false
	}
	for _, r := range w {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && r != '\'' && r != '’' && r != '-' && r != '.' && r != '`' {
			return false
		}
	}
	return !unicode.IsLower(first) || particles[folded]
}

// clipped bounds a value.
func clipped(s string) string {
	for len(s) > redact.MaxClaim {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}
