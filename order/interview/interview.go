// Package interview asks a person for a release order, question by question: only
// what its basis needs, in the words of the order form, each answer checked at
// once with the checks every order meets. It works on any terminal and in a pipe.
//
// Questions and answers are patient data: nothing of this package may be logged.
package interview

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"chartseal/config/strict"
	"chartseal/order"
	"chartseal/order/pdfform"
)

// ErrEnded says that the answers ended before the order was complete.
var ErrEnded = errors.New("the answers ended before the order was complete; nothing was written")

// maxLine bounds an answer, in bytes.
const maxLine = 16 << 10

// Interview asks on Out and reads one line an answer from In.
type Interview struct {
	In       *bufio.Reader
	Out      io.Writer
	Practice pdfform.Practice // whose lists are offered
	Today    order.Date

	fields  map[string]pdfform.Field // by path; a group of boxes by the path of its list
	answers answers
	asked   []string // the paths of answers, in the order of the questions
	err     error    // the first failure to ask or to hear
}

// Run asks for a whole order and returns it as YAML.
func (v *Interview) Run() ([]byte, error) {
	v.fields, v.answers = map[string]pdfform.Field{}, answers{}
	for _, s := range pdfform.Sections(v.Practice) {
		for _, row := range s.Rows {
			for _, f := range row {
				if f.Item != "" {
					list := v.fields[f.Path]
					list.Path, list.Label = f.Path, f.Group
					list.Options = append(list.Options, pdfform.Option{Value: f.Item, Words: f.Label})
					f = list
				}
				v.fields[f.Path] = f
			}
		}
	}
	v.say("A new release order. Enter takes the answer in [brackets] or leaves a question out;\nfrom a list, type the number or the word. Ctrl+C stops, and nothing is written.\n")
	v.common()
	if v.err != nil {
		return nil, v.err
	}
	return v.answers.document(v.asked)
}

// common goes through the order as the form does.
func (v *Interview) common() {
	v.part("The order")
	v.ask(must, "order")
	v.suggest(v.Today.String(), "received")
	v.suggest(string(order.Release), "decision")
	v.part("The patient")
	v.ask(must, "patient.id", "patient.name", "patient.birth_date")
	v.part("Who asks")
	v.ask(must, "requester.relation", "requester.name")
	if v.answers["requester.relation"] == string(order.Representative) {
		v.ask(must, "requester.authority")
	}
	v.ask(must, "requester.identity.method", "requester.identity.by")
	v.suggest(v.Today.String(), "requester.identity.on")
	switch v.answers["decision"] {
	case string(order.Deny):
		v.denial()
	case string(order.Extend):
		v.part("More time")
		v.ask(must, "extension.reason", "extension.until")
		v.ask(may, "extension.notice_sent")
	default:
		v.release()
	}
	v.part("Who writes this order, and who approves it")
	if v.ask(v.Practice.Different, "prepared.by"); v.answers["prepared.by"] != nil {
		v.suggest(v.Today.String(), "prepared.on")
	}
	v.ask(must, "approved.by")
	v.suggest(v.Today.String(), "approved.on")
}

func (v *Interview) denial() {
	v.part("The denial")
	v.ask(must, "denial.ground", "denial.part", "denial.explanation")
	if order.Reviewable(fmt.Sprint(v.answers["denial.ground"])) {
		v.ask(must, "denial.professional", "denial.reviewer", "denial.review")
	}
	if v.answers["denial.ground"] == "not_in_record_set" {
		v.ask(may, "denial.holder")
	}
}

func (v *Interview) release() {
	v.part("Why, and to whom")
	v.ask(must, "basis")
	basis := order.Basis(fmt.Sprint(v.answers["basis"]))
	v.recipient()
	switch basis {
	case order.PatientAccess, order.ByDirective: // a patient is never asked why
	case order.Treatment, order.Deidentified:
		v.ask(may, "purpose")
	default:
		v.ask(must, "purpose")
	}
	v.part("Which records")
	v.ask(must, "records.kinds")
	if basis == order.Payment || basis == order.Operations { // minimum necessary
		v.ask(must, "records.from", "records.to")
	} else {
		v.ask(may, "records.from", "records.to")
	}
	v.files()
	v.ask(may, "sensitive")
	v.papers(basis)
	v.part("How")
	v.suggest(string(order.ByLink), "delivery")
	if v.answers["delivery"] == string(order.ByLink) {
		v.ask(may, "link.lifetime")
	}
}

// files asks for files by name until there are no more, or no room for them.
func (v *Interview) files() {
	if kinds, _ := v.answers["records.kinds"].([]string); slices.Contains(kinds, order.AllKinds) {
		return
	}
	v.say("To send only some files of a kind, name them; else leave the next question out.\n")
	for i := 0; ; i++ {
		at := fmt.Sprintf("records.items[%d]", i)
		if _, room := v.fields[at+".file"]; !room {
			return
		}
		if v.ask(may, at+".file"); v.answers[at+".file"] == nil {
			return
		}
		v.ask(may, at+".pages")
	}
}

// papers asks for what a signed form, a demand or an agreement says.
func (v *Interview) papers(basis order.Basis) {
	if list, _ := v.answers["sensitive"].([]string); slices.Contains(list, "sud") {
		v.part("The substance use consent")
		v.ask(must, under("part2_consent", "patient", "from", "to", "description", "purpose", "signer", "signed_on")...)
		v.ending("part2_consent")
		v.ask(must, "part2_consent.revoke", "part2_consent.redisclosure", "part2_consent.consent_copy")
	}
	switch basis { //nolint:exhaustive // the others have no papers
	case order.Authorized:
		v.part("The signed authorization")
		v.ask(must, "authorization.description", "authorization.scope.kinds")
		v.ask(may, "authorization.scope.from", "authorization.scope.to")
		v.ask(must, under("authorization", "from", "to", "purpose", "signer", "signed_on")...)
		if !order.SameName(fmt.Sprint(v.answers["authorization.signer"]), fmt.Sprint(v.answers["patient.name"])) {
			v.ask(must, "authorization.representative_authority")
		}
		if v.ending("authorization"); v.answers["authorization.expires_on"] == nil {
			v.ask(must, "authorization.event_reached", "authorization.event_by")
		}
		v.ask(must, under("authorization.statements", "revoke", "conditioning", "redisclosure")...)
		v.ask(may, "authorization.sensitive", "authorization.document")
	case order.ByLegal:
		v.part("The court order or subpoena")
		v.ask(must, "legal_process.kind", "legal_process.document", "legal_process.scope.kinds")
		v.ask(may, "legal_process.scope.from", "legal_process.scope.to")
		if v.answers["legal_process.kind"] == string(order.Subpoena) {
			v.ask(must, "legal_process.assurance", "legal_process.assurance_document")
		}
		v.ask(may, "legal_process.approver")
	case order.ByDirective:
		v.part("The patient's directive")
		v.ask(must, under("directive", "signed.by", "signed.on", "recipient", "address", "ehr_copy")...)
	case order.LimitedSet:
		v.part("The data use agreement")
		v.ask(must, under("agreement", "with", "reference", "purpose", "signed_on")...)
		v.ask(may, "agreement.expires_on")
	case order.Deidentified:
		v.part("The expert's determination, if the set tells dates")
		if v.ask(may, "deidentification.expert"); v.answers["deidentification.expert"] != nil {
			v.ask(must, "deidentification.on", "deidentification.document")
		}
	}
}

func under(group string, names ...string) []string {
	for i := range names {
		names[i] = group + "." + names[i]
	}
	return names
}

// ending asks for the day or the event that ends a permission.
func (v *Interview) ending(group string) {
	v.ask(may, group+".expires_on")
	if v.answers[group+".expires_on"] == nil {
		v.ask(must, group+".expires_event")
	}
}

// recipient offers the book first.
func (v *Interview) recipient() {
	if len(v.Practice.Recipients) > 0 {
		v.say("Leave the recipient empty for one who is not in the book.\n")
		v.ask(may, "recipient")
	}
	if v.answers["recipient"] == nil {
		v.ask(must, "recipient.name", "recipient.kind")
		v.ask(may, "recipient.address", "recipient.email", "recipient.phone")
	}
}

// Whether a question can be left out.
const (
	may  = false
	must = true
)

func (v *Interview) ask(needed bool, paths ...string) {
	for _, path := range paths {
		v.question(path, "", needed)
	}
}

func (v *Interview) suggest(answer, path string) { v.question(path, answer, must) }

// question asks until the answer is good.
func (v *Interview) question(path, suggested string, needed bool) {
	f := v.fields[path]
	v.list(f)
	for v.err == nil {
		v.say("%s%s: ", f.Question(), bracketed(suggested))
		text := v.line()
		if v.err != nil {
			return
		}
		if text == "" {
			text = suggested
		}
		if text == "" && !needed {
			return
		}
		wrong := "is needed"
		if text != "" {
			if wrong = v.answer(f, text); wrong == "" {
				return
			}
		}
		v.say("  ! '%s' %s\n", f.Label, sentence(wrong))
	}
}

func sentence(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

func bracketed(suggested string) string {
	if suggested == "" {
		return ""
	}
	return " [" + suggested + "]"
}

// partHint is where on the form the rest is filled in.
var partHint = regexp.MustCompile(` \(fill in [A-Z]\)$`)

// list shows what can be chosen.
func (v *Interview) list(f pdfform.Field) {
	for i, o := range f.Options {
		word := o.Value
		if words := partHint.ReplaceAllString(o.Words, ""); words != o.Value {
			word = fmt.Sprintf("%-20s %s", o.Value, words)
		}
		v.say("  %2d  %s\n", i+1, word)
	}
}

// answer takes a text for a field and says what is wrong with it.
func (v *Interview) answer(f pdfform.Field, text string) string {
	var value any = text
	switch {
	case f.Type == pdfform.Box:
		yes, known := map[string]bool{"y": true, "yes": true, "n": false, "no": false}[strings.ToLower(text)]
		if !known {
			return "must be answered with yes or no"
		}
		value = yes
	case f.Type == pdfform.Choice || f.Type == pdfform.Open:
		value = chosen(f, text)
	case len(f.Options) > 0:
		var all []string
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
			if c := chosen(f, part); !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
		value = all
	}
	if wrong := v.answers.wrong(f.Path, value); wrong != "" {
		return wrong
	}
	if wrong := strange(f, value); wrong != "" {
		return wrong
	}
	v.answers[f.Path], v.asked = value, append(v.asked, f.Path)
	return ""
}

// closed are the lists that the practice keeps and an order cannot add to.
var closed = []string{"recipient", "approved.by", "records.kinds", "authorization.scope.kinds", "legal_process.scope.kinds"}

// strange says what is not in a closed list.
func strange(f pdfform.Field, value any) string {
	if !slices.Contains(closed, f.Path) {
		return ""
	}
	var known []string
	for _, o := range f.Options {
		known = append(known, o.Value)
	}
	given, ok := value.([]string)
	if !ok {
		given = []string{fmt.Sprint(value)}
	}
	for _, g := range given {
		if slices.Contains(known, g) {
			continue
		}
		if meant := strict.Nearest(g, known); meant != "" {
			return fmt.Sprintf("is %q, which is not in the list; did you mean '%s'?", g, meant)
		}
		return fmt.Sprintf("is %q, which is not in the list", g)
	}
	return ""
}

// chosen is the value behind a number, a value or its words.
func chosen(f pdfform.Field, text string) string {
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(f.Options) {
		return f.Options[n-1].Value
	}
	for _, o := range f.Options {
		if strings.EqualFold(text, o.Value) || strings.EqualFold(text, o.Words) {
			return o.Value
		}
	}
	return text
}

func (v *Interview) part(title string) { v.say("\n%s\n", title) }

func (v *Interview) say(format string, args ...any) {
	if v.err == nil {
		_, v.err = fmt.Fprintf(v.Out, format, args...)
	}
}

// line reads an answer without the spaces around it.
func (v *Interview) line() string {
	var line []byte
	for {
		part, more, err := v.In.ReadLine()
		if errors.Is(err, io.EOF) {
			v.err = ErrEnded
			return ""
		}
		if err != nil {
			v.err = fmt.Errorf("read answer: %w", err)
			return ""
		}
		if line = append(line, part...); len(line) > maxLine {
			v.err = errors.New("an answer is too long")
			return ""
		}
		if !more {
			return strings.TrimSpace(strings.ToValidUTF8(string(line), "\ufffd"))
		}
	}
}
