package notice

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Denial is a request that is refused, in full or in part: what its letter says,
// and denial.json beside it. It names no patient but the requester.
type Denial struct {
	Order     string    `json:"order"`
	Release   string    `json:"release"` // release reference and attempt: what logs call it
	DeniedAt  time.Time `json:"denied_at"`
	File      string    `json:"file"` // the order's file name as dropped
	LedgerSeq uint64    `json:"ledger_seq,omitempty"`

	To       Recipient `json:"requester"`
	Received string    `json:"received"` // YYYY-MM-DD
	Own      bool      `json:"own_request"`
	Partial  bool      `json:"partial"`
	Named    bool      `json:"named,omitempty"` // kinds or files say what is denied, and not only words

	Ground       string  `json:"ground"`
	GroundWords  string  `json:"ground_words,omitempty"`
	Part         string  `json:"part"`
	Explanation  string  `json:"explanation"`
	Professional string  `json:"professional,omitempty"`
	Reviewable   bool    `json:"reviewable"`
	Reviewer     string  `json:"reviewer,omitempty"`
	Review       string  `json:"review,omitempty"`
	Contact      Contact `json:"complaints_to"`
	Holder       string  `json:"holder,omitempty"`
	State        string  `json:"state,omitempty"`

	// Due is by when the letter must have reached the requester; "" if no law says.
	Due string `json:"due,omitempty"`
}

// JSON returns denial.json.
func (d Denial) JSON() ([]byte, error) { return twin(d) }

// Text returns DENIED.txt, which tells staff what to do with the letter.
func (d Denial) Text(p Practice) ([]byte, error) {
	return render("denied", deniedText, map[string]any{"D": d, "P": p})
}

// section is a part of a letter under its own heading; without one it opens or
// ends the letter.
type section struct{ head, text string }

// DenialLetter returns DENIAL-LETTER.pdf, with every element that 45 CFR
// 164.524(d)(2) asks for when the request is the patient's own. The error is a
// *LetterError.
func DenialLetter(p Practice, d Denial, reference string) ([]byte, error) {
	subject := "We cannot give you the records you asked for"
	if d.Partial {
		subject = "A part of your records is left out"
	}
	l := newLetter(LetterData{Practice: p, Recipient: d.To, Reference: reference, Sent: d.DeniedAt}, "Decision on a request for records", subject)
	l.sections(d.sections(p))
	return l.bytes()
}

// sections are the letter's text, in plain language (164.524(d)(2)).
func (d Denial) sections(p Practice) []section {
	out := append([]section{
		{"", "On " + longDate(d.Received) + " you asked us for dental records. This letter tells you what we decided, why, and what you can do about it."},
		{"What we decided", d.decided()},
		{"Why", d.why()},
	}, d.elsewhere()...)
	if !d.Own {
		return append(out, section{"Questions", "Please " + LetterData{Practice: d.asks(p)}.callUs() + "."})
	}
	return append(out, d.rights(p)...)
}

func (d Denial) decided() string {
	if d.Partial {
		return "You get the records you asked for, except for this part: " + sentence(d.Part) +
			" Everything else is released to you; how it reaches you is described in a letter of its own."
	}
	return "We do not give access to the records you asked for."
}

func (d Denial) why() string {
	var parts []string
	if d.GroundWords != "" {
		parts = append(parts, "The reason is that "+sentence(d.GroundWords))
	}
	if d.Explanation != "" {
		parts = append(parts, capital(sentence(d.Explanation)))
	}
	if d.Professional != "" {
		parts = append(parts, "The decision was made by "+plain(d.Professional)+", a licensed health care professional.")
	}
	if len(parts) == 0 {
		return "The law does not let us release them to you on this request."
	}
	return strings.Join(parts, " ")
}

// elsewhere says who has the records if the practice has not (164.524(d)(3)).
func (d Denial) elsewhere() []section {
	if d.Holder == "" {
		return nil
	}
	return []section{{"Where the records are", "As far as we know, the records you asked for are kept by " + sentence(d.Holder) + " Please ask there."}}
}

// rights are review and complaints (164.524(d)(2)(ii), (iii); 164.524(a)(4), (d)(4);
// 45 CFR 160.306(b) for the form and the time of a complaint).
func (d Denial) rights(p Practice) []section {
	review := "Federal law gives no right to have a decision for this reason reviewed. You can complain about it, as the next paragraphs say."
	if d.Reviewable {
		review = "You have the right to have this decision reviewed. The reviewer is " + plain(d.Reviewer) +
			", a licensed health care professional who took no part in our decision. To ask for the review: " + sentence(d.Review) +
			" We pass your request on promptly. We will tell you in writing what the reviewer decides, and do what it says."
	}
	who := d.asks(p)
	out := []section{{"Your right to a review", review}}
	if d.State == "NY" {
		out = append(out, section{"Your right to appeal in New York", "You can also appeal to the Medical Record Access Review Committee of the New York State " +
			"Department of Health (Public Health Law, section 18). To learn how, " + LetterData{Practice: who}.callUs() + "."})
	}
	return append(out,
		section{"How to complain to us", "Contact " + strings.Join(filled(who.Contact.Name, phone(who.Contact.Phone)), ", ") + at(p) +
			". You can do so by telephone or in writing. Nobody will treat you worse because you complain."},
		section{"How to complain to the government", complainHHS})
}

// complainHHS is how to complain to the Secretary: in writing, on paper or
// electronically, naming the practice and what was done, within 180 days (45 CFR
// 160.306(b)); the addresses are those of hhs.gov, "Filing a complaint".
const complainHHS = "You can also complain to the Secretary of the U.S. Department of Health and Human Services, Office for Civil Rights. " +
	"The complaint must be in writing, on paper or electronically. It names this practice and says what you believe we did or failed to do against the law. " +
	"Send it within 180 days of the day you learned of this decision:\n" +
	"Online: https://ocrportal.hhs.gov\n" +
	"By e-mail: OCRComplaint@hhs.gov\n" +
	"By post: Centralized Case Management Operations, U.S. Department of Health and Human Services, 200 Independence Avenue, S.W., Room 509F HHH Bldg., Washington, D.C. 20201"

// asks is the practice with the contact that the denial names.
func (d Denial) asks(p Practice) Practice {
	if d.Contact.Name != "" || d.Contact.Phone != "" {
		p.Contact = d.Contact
	}
	return p
}

func at(p Practice) string {
	where := filled(plain(p.Name), plain(strings.ReplaceAll(p.Address, "\n", ", ")))
	if len(where) == 0 {
		return ""
	}
	return ", at " + strings.Join(where, ", ")
}

func phone(number string) string {
	if number == "" {
		return ""
	}
	return "telephone " + strings.ReplaceAll(plain(number), " ", "\u00A0")
}

// filled leaves out empty parts.
func filled(parts ...string) (out []string) {
	for _, s := range parts {
		if s = plain(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// sentence ends a text that staff wrote.
func sentence(s string) string {
	s = plain(s)
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}

// capital begins a sentence that staff wrote.
func capital(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}

// longDate writes a day as letters do; what is no date stays.
func longDate(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return plain(day)
	}
	return t.Format("January 2, 2006")
}

// Lost is an outcome whose order's file was deleted after it had been recorded.
type Lost struct {
	Order     string    `json:"order"`
	Release   string    `json:"release"`
	At        time.Time `json:"at"`
	Outcome   string    `json:"outcome"` // denied, extended or delivered
	LedgerSeq uint64    `json:"ledger_seq"`
}

// JSON returns the twin of the answer.
func (l Lost) JSON() ([]byte, error) { return twin(l) }

// Text tells staff what is missing.
func (l Lost) Text(p Practice) ([]byte, error) {
	return render("lost", lostText, map[string]any{"L": l, "P": p, "Help": helper(p)})
}
