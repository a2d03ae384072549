package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/order"
)

// showForm shows what a PDF form says, for what is signed is what is read and not
// what a viewer draws. A form that cannot be read is not signed. Without a
// configuration it cannot be read here.
func (a *app) showForm(cmd *cobra.Command, file string, data []byte) error {
	if !chartseal.IsForm(data) {
		return nil
	}
	p := &printer{w: cmd.OutOrStdout()}
	cfg, err := a.load()
	if err != nil {
		p.f("What the form says cannot be shown without the practice's configuration (--config).\n")
		return p.err
	}
	o, err := chartseal.ReadOrder(cmd.Context(), cfg, a.options(nil), file, data)
	if bad, ok := errors.AsType[*order.ParseError](err); ok {
		return &exitError{exitHeld, fmt.Errorf("this form would be held, and was not signed:\n%w", bad)}
	}
	if err != nil {
		return err
	}
	to := o.Recipient.Key
	if to == "" {
		to = o.Recipient.Name + ", " + strings.Join(strings.Fields(o.Recipient.Address+" "+o.Recipient.Email), " ")
	}
	p.f("The form says:\n")
	for _, l := range [][2]string{
		{"order", o.ID},
		{"decision", string(o.Decision)},
		{"patient", o.Patient.ID + ", " + o.Patient.Name + ", born " + o.Patient.BirthDate.String()},
		{"asked by", o.Requester.Name + " (" + string(o.Requester.Relation) + ")"},
		{"send to", to},
		{"basis", string(o.Basis)},
		{"purpose", o.Purpose},
		{"records", strings.Join(o.Records.Kinds, ", ")},
		{"from", o.Records.From.String()},
		{"to", o.Records.To.String()},
		{"only", onlyItems(o.Records.Items)},
		{"sensitive", strings.Join(o.Sensitive, ", ")},
		{"delivery", string(o.Delivery)},
		{"approved", o.Approved.By + " on " + o.Approved.On.String()},
	} {
		if strings.Trim(l[1], ", ()") != "" {
			p.f("  %-10s %s\n", l[0], oneLine(l[1]))
		}
	}
	for _, d := range o.Decisions {
		p.f("  %-10s %s\n", "answer", oneLine(fmt.Sprintf("%s %s: %s (%s, %s)", d.Rule, d.Item, d.Decision, d.By, d.Reason)))
	}
	return p.err
}

// oneLine keeps a text from looking like another line, or like another text:
// characters that only turn or hide what is around them are shown as signs.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Cc, unicode.Zl, unicode.Zp) {
			return '\ufffd'
		}
		return r
	}, strings.Join(strings.Fields(s), " "))
}

func onlyItems(items []order.Item) string {
	var all []string
	for _, it := range items {
		text := it.File
		if len(it.Pages) > 0 {
			text += " " + it.Pages.Words()
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}
