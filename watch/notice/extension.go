package notice

import "time"

// Extension is a request whose answer takes longer than the first 30 days: what its
// letter says, and extension.json beside it.
type Extension struct {
	Order      string    `json:"order"`
	Release    string    `json:"release"` // release reference and attempt: what logs call it
	ExtendedAt time.Time `json:"extended_at"`
	File       string    `json:"file"` // the order's file name as dropped
	LedgerSeq  uint64    `json:"ledger_seq,omitempty"`

	To       Recipient `json:"requester"`
	Received string    `json:"received"`              // YYYY-MM-DD
	First    string    `json:"first_due"`             // the end of the first 30 days: the letter must be there before
	Until    string    `json:"until"`                 // the day that the patient is told
	Due      string    `json:"due"`                   // earlier than that where a state's own time stays
	StateLaw string    `json:"state_law,omitempty"`   // that state's rule
	Reason   string    `json:"reason"`                //
	Told     string    `json:"notice_sent,omitempty"` // the practice has told the patient itself: no letter is made
}

// JSON returns extension.json.
func (x Extension) JSON() ([]byte, error) { return twin(x) }

// Text returns EXTENDED.txt, which tells staff what to do.
func (x Extension) Text(p Practice) ([]byte, error) {
	return render("extended", extendedText, map[string]any{"X": x, "P": p})
}

// ExtensionLetter returns EXTENSION-LETTER.pdf: the reasons for the delay and the
// day by which the request is answered (45 CFR 164.524(b)(2)(ii)). The error is
// a *LetterError.
func ExtensionLetter(p Practice, x Extension, reference string) ([]byte, error) {
	l := newLetter(LetterData{Practice: p, Recipient: x.To, Reference: reference, Sent: x.ExtendedAt},
		"Notice of a longer time", "We need more time to answer your request")
	l.sections(x.sections(p))
	return l.bytes()
}

func (x Extension) sections(p Practice) []section {
	return []section{
		{"", "On " + longDate(x.Received) + " you asked us for dental records. We cannot answer your request completely by " + longDate(x.First) + ", within the first 30 days."},
		{"Why it takes longer", capital(sentence(x.Reason))},
		{"When you will have our answer", "We will complete our answer by " + longDate(x.Until) + ". The law lets us take such a longer time only once, so this day will not be moved again."},
		{"Questions", "Please " + LetterData{Practice: p}.callUs() + " and give the reference above."},
	}
}
