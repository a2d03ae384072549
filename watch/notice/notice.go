// Package notice owns every sentence staff read in the outbox: why an order is
// held, what was sent, and the letters that go to the recipient. Words are
// plain: what happened, whether anything left the practice, what to do. Beside
// each text lies its machine-readable twin.
package notice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"text/template"
	"time"

	"chartseal/order"
)

// Practice is whom staff and recipients can ask.
type Practice struct {
	Name, Address string
	Contact       Contact
}

// Contact is the practice's privacy contact.
type Contact struct{ Name, Phone, Email string }

// String joins what is known of the contact.
func (c Contact) String() string {
	var parts []string
	for _, s := range []string{c.Name, c.Phone, c.Email} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

// Hold is an order that stopped; the yaml-free twin is hold.json of the
// contract (DESIGN, "What staff see").
type Hold struct {
	Order   string    `json:"order"`
	Release string    `json:"release"` // release reference and attempt: what logs call it
	HeldAt  time.Time `json:"held_at"`
	File    string    `json:"file"` // the order's file name as dropped
	Reasons []Reason  `json:"reasons"`

	// Repeat says that the order's number was used before: then there is nothing
	// to correct.
	Repeat bool `json:"-"`
}

// Reason is one reason as hold.json shows it.
type Reason struct {
	Rule     string   `json:"rule"`
	Outcome  string   `json:"outcome"` // refuse or hold
	Message  string   `json:"message"`
	Citation string   `json:"citation,omitempty"`
	Items    []string `json:"items,omitempty"`
	// May is what a named person may decide about it: leave_out, release, or
	// nothing. The order is what counts: see package order, Answer.
	May []string `json:"may,omitempty"`
}

// Reasons turns the findings of rules and stages into what staff read.
func Reasons(rs []order.Reason) []Reason {
	out := make([]Reason, 0, len(rs))
	for _, r := range rs {
		x := Reason{Rule: r.Rule, Outcome: string(r.Outcome), Message: r.Message, Citation: r.Citation, Items: r.Items}
		for _, c := range r.May {
			x.May = append(x.May, string(c))
		}
		out = append(out, x)
	}
	return out
}

// Receipt is a release that was sent; receipt.json of the contract.
type Receipt struct {
	Order       string    `json:"order"`
	Release     string    `json:"release"`
	SentAt      time.Time `json:"sent_at"`
	Delivery    string    `json:"delivery"` // link, folder, inspect or mail
	Link        string    `json:"link,omitempty"`
	LinkExpires time.Time `json:"link_expires,omitzero"` // effective
	Page        string    `json:"page,omitempty"`
	LinkNote    string    `json:"link_note,omitempty"`  // why it ends earlier than asked
	RelinkedAt  time.Time `json:"relinked_at,omitzero"` // when the link was made, if it is not the first

	// EarlierUntil is until when an address of the encrypted file works that came with an
	// earlier link; OldLinkWorks says that the page of that link is not deleted yet.
	EarlierUntil time.Time `json:"earlier_until,omitzero"`
	OldLinkWorks bool      `json:"-"`

	Folder    string    `json:"folder,omitempty"` // where the files for the drive are, and their names
	Files     []string  `json:"files,omitempty"`
	Bundle    Bundle    `json:"bundle,omitzero"`
	Recipient Recipient `json:"recipient"`
	Unlock    string    `json:"unlock,omitempty"` // key or passphrase
	Records   []Record  `json:"records"`
	Removed   int       `json:"removed"`
	Notices   []string  `json:"notices"`
	LedgerSeq uint64    `json:"ledger_seq"`

	Denied bool   `json:"denied_in_part,omitempty"` // a letter says which part was left out, and why
	Part   string `json:"denied_part,omitempty"`    // in the words of the letter
	Named  bool   `json:"denied_named,omitempty"`   // kinds or files say what the part is, so that it was kept back

	// Contents says in words what was sent, as the ledger does.
	Contents string `json:"-"`
}

// Bundle is the encrypted object in the store.
type Bundle struct {
	Key    string `json:"key"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Recipient is who gets the records.
type Recipient struct {
	Name    string `json:"name"`
	Kind    string `json:"kind,omitempty"`
	Address string `json:"address,omitempty"`
	Email   string `json:"email,omitempty"`
}

// Record is one file in the bundle.
type Record struct {
	Path   string `json:"path"`
	Kind   string `json:"kind"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

const stamp = "Monday, January 2, 2006, 15:04 MST"

var words = template.New("").Funcs(template.FuncMap{
	"when": func(t time.Time) string { return t.Format(stamp) },
	"wrap": wrap,
	"size": Size,
	"inc":  func(i int) int { return i + 1 },
	"law":  Reason.law,
	"day":  longDate,
})

// Text returns WHY-HELD.txt.
func (h Hold) Text(p Practice) ([]byte, error) {
	return render("hold", holdText, map[string]any{"H": h, "P": p, "Help": helper(p), "Decisions": h.decisions(), "Form": h.onForm()})
}

// maxExamples bounds the decisions that a note spells out.
const maxExamples = 24

// decisions are the lines of an order that answer what a person may decide, to
// be copied: one for every item, and for every hold without items, exactly where
// a decision counts. Of two choices the line makes the one that sends less.
func (h Hold) decisions() (lines []string) {
	for _, r := range h.Reasons {
		if len(r.May) == 0 {
			continue
		}
		for _, item := range r.Items {
			lines = append(lines, h.decision(r, "item: "+strconv.Quote(item)+", "))
		}
		if len(r.Items) == 0 {
			lines = append(lines, h.decision(r, ""))
		}
	}
	if more := len(lines) - maxExamples; more > 0 {
		lines = append(lines[:maxExamples], fmt.Sprintf("# and %d more in the same form; to release, a folder can stand for all files in it", more))
	}
	return lines
}

// onForm says that the order is the practice's PDF form.
func (h Hold) onForm() bool { return strings.EqualFold(path.Ext(h.File), ".pdf") }

// onFormWords are the decisions as the form's list has them.
var onFormWords = strings.NewReplacer(string(order.LeaveOut), "Leave it out", string(order.ReleaseItem), "Release it")

func (h Hold) decision(r Reason, item string) string {
	if h.onForm() {
		return fmt.Sprintf("rule: %s, %sdecision: %s", r.Rule, item, onFormWords.Replace(strings.Join(r.May, " or ")))
	}
	line := fmt.Sprintf("- {rule: %s, %sdecision: %s, by: NAME, on: %s, reason: \"WHY\"}", r.Rule, item, r.May[0], h.HeldAt.Format("2006-01-02"))
	if len(r.May) > 1 {
		line += "  # or " + strings.Join(r.May[1:], ", ")
	}
	return line
}

// law names the law and the rule behind a reason, and what may be decided.
func (r Reason) law() string {
	text := "rule " + r.Rule + r.can()
	if r.Citation != "" {
		text = r.Citation + ", " + text
	}
	return text
}

// can says what a person may decide about a reason, for the note.
func (r Reason) can() string {
	switch {
	case len(r.May) == 0:
		return ""
	case len(r.May) > 1:
		return ": a named person may release it or leave it out"
	case r.May[0] == string(order.LeaveOut):
		return ": a named person may leave it out, nobody may release it"
	}
	return ": a named person may decide"
}

// JSON returns hold.json.
func (h Hold) JSON() ([]byte, error) { return twin(h) }

// Except says in a receipt which part of a request is denied; nil is none.
func (r *Receipt) Except(d *Denial) {
	if d != nil {
		r.Denied, r.Part, r.Named = true, d.Part, d.Named
	}
}

// Text returns RECEIPT.txt.
func (r Receipt) Text(p Practice) ([]byte, error) {
	text := map[string]string{"folder": driveText, "inspect": handText, "mail": handText}[r.Delivery]
	if text == "" {
		text = receiptText
	}
	return render("receipt", text, map[string]any{"R": r, "P": p})
}

// JSON returns receipt.json.
func (r Receipt) JSON() ([]byte, error) { return twin(r) }

func helper(p Practice) string {
	if c := p.Contact.String(); c != "" {
		return c
	}
	return "the person who looks after privacy in this practice"
}

// render fills a text and gives it the line ends Notepad needs.
func render(name, text string, data any) ([]byte, error) {
	t, err := template.Must(words.Clone()).New(name).Parse(text + deniedInPart + bundleEnd)
	if err != nil {
		return nil, fmt.Errorf("parse notice: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("fill notice: %w", err)
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte("\r\n")), nil
}

func twin(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode notice: %w", err)
	}
	return b.Bytes(), nil
}

// wrap breaks text at 72 columns and indents the following lines.
func wrap(indent int, s string) string {
	const width = 72
	var b strings.Builder
	col := indent
	for i, w := range strings.Fields(s) {
		n := len([]rune(w))
		switch {
		case i == 0:
		case col+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			col = indent
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(w)
		col += n
	}
	return b.String()
}

// Span writes how long a link lives: "7 days", "12 hours" or "90 minutes".
func Span(d time.Duration) string {
	if d%time.Minute != 0 {
		return d.Round(time.Second).String()
	}
	n, unit := int64(d/time.Minute), "minute"
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}} {
		if d >= u.of && d%u.of == 0 {
			n, unit = int64(d/u.of), u.name
			break
		}
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// Size writes a number of bytes as people read it, in powers of 1000.
func Size(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d bytes", n)
	}
	f, u := float64(n)/unit, 0
	for f >= unit {
		f, u = f/unit, u+1
	}
	return fmt.Sprintf("%.1f %cB", f, "kMGTPE"[u])
}

// Handed is what is known of records that staff mail, or let somebody look at.
type Handed struct {
	Delivery string    `json:"delivery"` // mail or inspect
	To       Recipient `json:"to"`
	Contents string    `json:"contents"`
	Notices  []string  `json:"notices,omitempty"` // what staff should know, and put with the records
}

// Kind is the word for several records of a kind.
func Kind(kind string) string {
	_, many := kindWords(kind)
	return many
}

// Kinds counts the records of each kind in the order they came.
func Kinds(rs []Record) []string {
	n := map[string]int{}
	var names []string
	for _, r := range rs {
		if n[r.Kind] == 0 {
			names = append(names, r.Kind)
		}
		n[r.Kind]++
	}
	for i, k := range names {
		names[i] = Count(n[k], k)
	}
	return names
}

// Count says "1 radiograph", "14 radiographs" or "300 CBCT images".
func Count(n int, kind string) string {
	one, many := kindWords(kind)
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func kindWords(kind string) (one, many string) {
	switch kind {
	case "cbct":
		return "CBCT file", "CBCT files"
	case "photo":
		return "photograph", "photographs"
	case "billing":
		return "billing document", "billing documents"
	case "lab":
		return "laboratory document", "laboratory documents"
	case "consent":
		return "consent form", "consent forms"
	}
	one = strings.ReplaceAll(kind, "_", " ")
	return one, one + "s"
}
