package order

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"chartseal/config/strict"
)

// MaxLinkLifetime is the longest a presigned S3 link lives (AWS Signature
// Version 4).
const MaxLinkLifetime = strict.Duration(7 * 24 * time.Hour)

// Problem is one thing wrong with an order, in words for staff, with its line.
// It may quote the order: never log it.
type Problem = strict.Problem

// ParseError says everything that keeps an order from being read. Its text is
// for staff and may hold patient data: never log it.
type ParseError struct {
	ID       string // the order's id if it could be read and is valid, else ""
	Received Date   // and when the request arrived, and its basis: the deadline runs all the same
	Basis    Basis
	Problems []Problem
}

// Error lists the problems, one a line.
func (e *ParseError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Parse reads an order. The name tells JSON (*.json) from YAML. The error is a
// [*ParseError] with every problem at once.
func Parse(name string, data []byte) (*Order, error) {
	if bytes.HasPrefix(bytes.TrimLeft(data, "\ufeff \t\r\n"), []byte("%PDF")) {
		return nil, &ParseError{Problems: []Problem{{Message: "This is a PDF file. Orders are read as YAML or JSON text; copy what it says into a blank order form."}}}
	}
	o := &Order{Decision: Release, Delivery: ByLink}
	doc, problems := strict.Decode(name, data, o)
	if doc == nil {
		return nil, &ParseError{ID: guessID(data), Problems: problems}
	}
	v := validator{doc: doc, problems: problems}
	v.order(o)
	if len(v.problems) > 0 {
		return nil, &ParseError{ID: validID(doc.Text("order")), Received: o.Received, Basis: o.Basis, Problems: strict.Sorted(v.problems)}
	}
	return o, nil
}

var idLine = regexp.MustCompile(`(?m)^[\s{"']*order["']?\s*:\s*["']?([A-Za-z0-9._-]+)["']?\s*[,}]?\s*(?:#.*)?$`)

// guessID finds the id of a document that cannot be read, so that its answer has
// a name staff know. Two different ids are no id.
func guessID(data []byte) string {
	if len(data) > strict.MaxBytes {
		return ""
	}
	found := idLine.FindAllSubmatch(data, 2)
	if len(found) != 1 {
		return ""
	}
	return validID(string(found[0][1]))
}

func validID(id string) string {
	if CheckID(id) != "" {
		return ""
	}
	return id
}

type validator struct {
	doc      *strict.Document
	problems []Problem
}

func (v *validator) report(field, format string, args ...any) {
	v.problems = append(v.problems, v.doc.Problem(field, "'%s' %s", field, fmt.Sprintf(format, args...)))
}

func (v *validator) order(o *Order) {
	if wrong := CheckID(o.ID); o.ID != "" && wrong != "" {
		v.report("order", "%s", wrong)
	}
	switch o.Decision {
	case Release:
		v.release(o)
	case Deny:
		v.missing("denial", o.Denial == nil)
	case Extend:
		v.missing("extension", o.Extension == nil)
	}
	v.scope("records", o.Records.Scope())
	v.items(o.Records)
	if o.Authorization != nil {
		v.scope("authorization.scope", o.Authorization.Scope)
	}
	if o.LegalProcess != nil {
		v.scope("legal_process.scope", o.LegalProcess.Scope)
	}
	if o.Denial != nil {
		v.scope("denial", Scope{Kinds: o.Denial.Kinds})
	}
	v.words("sensitive", o.Sensitive)
	v.lifetime(o)
}

// release checks the fields without which nothing can be gathered or sent. What
// else a release needs depends on its basis and is a rule.
func (v *validator) release(o *Order) {
	v.missing("basis", o.Basis == "")
	v.missing("recipient", o.Recipient.IsZero())
	v.missing("records.kinds", len(o.Records.Kinds) == 0)
}

// missing reports a field unless something was already said about it.
func (v *validator) missing(field string, missing bool) {
	if !missing {
		return
	}
	for _, p := range v.problems {
		if p.Field == field || strings.HasPrefix(p.Field, field+".") || strings.HasPrefix(field, p.Field+".") {
			return
		}
	}
	v.report(field, "is missing")
}

func (v *validator) scope(field string, s Scope) {
	if !s.From.IsZero() && !s.To.IsZero() && s.To.Before(s.From) {
		v.report(field+".to", "is %s, before 'from' (%s)", s.To, s.From)
	}
	for _, k := range s.Kinds {
		if k == AllKinds && len(s.Kinds) > 1 {
			v.report(field+".kinds", "says 'all' beside other kinds; write all alone, or the kinds")
		}
	}
	v.words(field+".kinds", s.Kinds)
}

var wordForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

func (v *validator) words(field string, words []string) {
	for i, w := range words {
		if !wordForm.MatchString(w) && w != "" {
			v.report(fmt.Sprintf("%s[%d]", field, i), "is %q; such words have only small letters, digits and _", w)
		}
	}
}

func (v *validator) lifetime(o *Order) {
	at := o.Link.Lifetime
	if v.doc.Line("link.lifetime") == 0 {
		return
	}
	if at > MaxLinkLifetime {
		v.report("link.lifetime", "is %s; a link lives at most 7d. A new link can be made later", at)
	} else if at < strict.Duration(time.Second) && at != 0 {
		v.report("link.lifetime", "is %s; a link lives at least 1s", at)
	}
}
