package heading

import (
	"regexp"
	"strings"
	"sync"
)

// kind is what a label announces.
type kind int

const (
	patient   kind = iota // a name: the patient's, whatever stands around it
	plainName             // a name: whose, the heading above says
	family
	given
	birth // of whoever is spoken of
	number
	person   // somebody else with a name and a birth date: guarantor, subscriber, …
	business // somebody or something else with a name: a doctor, an office, a plan
	other    // no name: it only ends what stands before it
	kinds
)

// forms are how labels are written, without case, the colon left out. Longer ones
// come first where one begins like another.
var forms = [kinds]string{
	patient:   `(?:name of (?:the )?patient|(?:nombre (?:completo )?del? )?(?:la )?paciente|patient'?s? ?(?:full |legal )?name|patient(?: is)?|pt\.? ?name|pt\.?|pat\.? ?name|re|regarding|client(?: name)?)`,
	plainName: `(?:full name|nombre(?: completo|s? y apellidos?)?|legal name|name(?: \(last,? ?first(?:,? ?m\.?i\.?| middle)?\))?)`,
	family:    `(?:(?:patient'?s? )?(?:last|family) ?name|surname|last|apellidos?)`,
	given:     `(?:(?:patient'?s? )?(?:first|given) ?name|first|nombres)`,
	birth:     `(?:(?:patient'?s? |pt\.? )?(?:date of birth|fecha de nac(?:imiento|\.)?|birth ?-?date|birthday|d\.? ?o\.? ?b\.?|born(?: on)?))`,
	number:    `(?:(?:patient|pt\.?|pat\.?)(?:'s)? ?(?:id|i\.d\.|no|num(?:ber)?|#|chart)(?: ?(?:no|num(?:ber)?|#))?|(?:n[uú]m(?:ero|\.)?|no\.?|n\.?[º°]) (?:de|del) (?:paciente|expediente)|expediente(?: (?:#|no|n[uú]m))?|chart ?(?:#|no|num(?:ber)?|id)|m\.?r\.?n\.?|med(?:ical)?\.? rec(?:ord)?\.? ?(?:#|no|num(?:ber)?)?|(?:dental )?record ?(?:#|no|num(?:ber)?))`,
	person:    `(?:guarantor|(?:persona )?responsable|asegurad[oa]|titular(?: de la p[oó]liza)?|suscriptora?|tutora?|madre|padre|espos[oa]|c[oó]nyuge|contacto de emergencia|(?:financially )?responsible (?:party|person)|resp\.? ?party|(?:policy|card|account) ?holder|(?:primary |secondary )?(?:subscriber|insured|policyholder)|head of (?:household|house)|spouse|husband|wife|partner|parent(?:/guardian| or guardian)?|legal guardian|guardian|mother|father|(?:in case of )?emergency(?: contact)?|next of kin|employee|bill to|statement to|mail to|insured party|payer|caregiver|escort|companion|sibling|son|daughter|child)(?:'s)?(?: (?:full |legal )?name)?`,
	business:  `(?:(?:treating |attending |rendering |billing |primary |general |prescribing |referring |referred |supervising |preferred )?(?:provider|doctor|dentist|physician|hygienist|dentista|doctora?|assistant|practitioner|surgeon|endodontist|orthodontist|periodontist|clinician|specialist)|dr|dds|dmd|referr(?:ed|al)(?: (?:by|to|from|source))?|referring|employer|insurance(?: (?:company|carrier|plan|co))?|carrier|plan|group|practice|office|clinic|facility|pharmacy|lab(?:oratory)?|school|location|contact|from|to|cc|attn|attention|prepared (?:by|for)|printed by|entered by|signed(?: by)?|signature|witness|interpreter|user|operator|author|reviewed by|taken by|technician|staff|seen by|recorded by|scribe)(?:'s)?(?: name)?`,
	other:     `(?:sexo|edad|fecha|tel[eé]fono|direcci[oó]n|sex|gender|age|ssn|s\.s\.n\.|social security(?: (?:no|number|#))?|phone|tel(?:ephone)?|home|work|cell|mobile|fax|e-?mail|address|street|city|state|zip|date|time|visit(?: date)?|exam(?: date)?|printed|print date|page|status|marital status|race|ethnicity|language|title|suffix|preferred(?: name)?|nickname|middle(?: (?:name|initial))?|m\.?i\.?|account ?(?:#|no|num(?:ber)?)?|(?:patient(?:'s)? )?acct\.?(?: ?(?:#|no|num(?:ber)?))?|policy(?: ?(?:#|no|num(?:ber)?))?|member(?: ?(?:id|#|no|number))?|subscriber (?:id|#|no|number)|group (?:#|no|num(?:ber)?)|claim(?: ?(?:#|no|num(?:ber)?))?|case(?: ?(?:#|no|num(?:ber)?))?|invoice(?: ?(?:#|no))?|balance|amount|total|procedure|code|tooth|surface|description|notes?|diagnosis|allerg(?:y|ies)|medications?|medical alerts?|alerts?|height|weight|relation(?:ship)?(?: to (?:insured|subscriber|guarantor|patient|policy holder))?|patient(?:'s)? (?:signature|address|phone|since|type|status|relation(?:ship)?(?: to [a-z ]{3,20})?|age|sex|balance|portion|portal|history|notes?|alerts?|initials|complaint|consent|education|instructions?|rights|ledger|account|visits?|responsibility|representative|email|e-mail|insurance|employer|photo|of record)|rx|subject|type|ref(?:erence)?|license|lic|npi|tin)`,
}

// hint is what forms ask for behind a label: block letters, the last name first.
const hint = `(?: ?\((?:(?:please )?print(?:ed)?(?: (?:full )?name| clearly)?|last(?: name)?,? ?first(?: name)?(?:,? ?m\.?i\.?|,? ?middle(?: initial| name)?)?|first,? (?:m\.?i\.?,? |middle,? |and )?last)\))?`

// order is the order in which forms are tried: what is more to the point first.
var tried = []kind{other, number, birth, family, given, person, business, patient, plainName}

// ended is what must follow a label. What needs no colon is told by its own form.
var ended = map[bool]string{
	false: `\s*(?:[:：]|#\s*:?)\s*`,
	true:  `\s*(?:[:：#.=-]+|\s|$)\s*`,
}

// maxLabel is longer than any label.
const maxLabel = 60

// bare are the kinds that need no colon: nothing else is written like them.
var (
	bare      = map[kind]bool{birth: true, number: true}
	bareKinds = []kind{number, birth}
)

// expressions are those of all kinds. They take 2 MB and longer to make than all else at the
// start of the program, of which most runs look at no heading.
type expressions struct {
	colons [kinds]*regexp.Regexp // with what must follow
	wholes [kinds]*regexp.Regexp // as all of a cell
}

var compiled = sync.OnceValue(func() *expressions {
	var e expressions
	for k := range kinds {
		e.colons[k] = regexp.MustCompile(`^(?i:` + forms[k] + hint + ended[bare[k]] + `)`)
		e.wholes[k] = regexp.MustCompile(`^(?i:` + forms[k] + `(?: (?:information|info|details|data|name|is))?` + hint + `\s*[:：.#]*)$`)
	}
	return &e
})

// part is a label and what stands beside it in its cell.
type part struct {
	kind  kind
	label string
	value string
	whole bool // the label is all of the cell: its value stands beside or below
	found bool // false: text without a label
}

// parts takes the text of a cell apart at its labels.
func parts(text string) []part {
	text = strings.TrimSpace(text)
	if len(text) <= maxLabel {
		for _, k := range tried {
			if compiled().wholes[k].MatchString(text) {
				return []part{{kind: k, label: text, whole: true, found: true}}
			}
		}
	}
	kinds := tried
	if !strings.ContainsAny(text, ":：#") {
		kinds = bareKinds
	}
	var out []part
	begin := 0 // of the value of the last label
	for i := 0; i < len(text); {
		k, n := labelAt(kinds, text[i:], i == 0)
		if n == 0 {
			i = nextWord(text, i)
			continue
		}
		out = endValue(out, text[begin:i])
		out = append(out, part{kind: k, label: strings.TrimSpace(text[i : i+n]), found: true})
		i += n
		begin = i
	}
	return endValue(out, text[begin:])
}

func endValue(out []part, value string) []part {
	value = strings.TrimSpace(value)
	switch {
	case len(out) > 0:
		out[len(out)-1].value = value
	case value != "":
		out = append(out, part{value: value})
	}
	return out
}

// labelAt finds a label at the beginning of s and how long it is with what
// follows it.
func labelAt(among []kind, s string, first bool) (kind, int) {
	for _, k := range among {
		if at := compiled().colons[k].FindStringIndex(s); at != nil && (first || !bare[k] || !strings.HasPrefix(strings.ToLower(s), "born")) {
			return k, at[1]
		}
	}
	return 0, 0
}

// nextWord is where the next word begins.
func nextWord(s string, i int) int {
	at := strings.IndexAny(s[i:], " ([,;|/")
	if at < 0 {
		return len(s)
	}
	i += at
	for i < len(s) && strings.IndexByte(" ([,;|/", s[i]) >= 0 {
		i++
	}
	return i
}
