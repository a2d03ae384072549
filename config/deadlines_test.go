package config

import (
	"strings"
	"testing"

	"chartseal/config/strict"
)

const someConfig = `practice: {name: Lakeside Dental, state: NY}
sources: [{kind: chart, path: "records/{patient.id}/**"}]
approval: {require: name, approvers: {dr-lee: ""}}
`

func TestDeadlines(t *testing.T) {
	c, err := Parse("/practice/chartseal.yaml", []byte(someConfig+`deadlines: {warn: 5, states: {NY: {inspect: 10, copies: 14}, OR: {copies: 20 business days, extends: true}}, closed: [2026-11-27]}
`))
	if err != nil {
		t.Fatal(err)
	}
	d := c.Deadlines
	if d.Warn != 5 || d.Remind != 14 || d.States["NY"].Copies != (strict.Days{N: 14}) || d.States["OR"].Copies != (strict.Days{N: 20, Business: true}) || !d.States["OR"].Extends || d.Closed[0] != "2026-11-27" {
		t.Errorf("%+v", d)
	}
	for text, want := range map[string]string{
		"deadlines: {warn: 0}":                       "between 1 and 60",
		"deadlines: {states: {XX: {copies: 3}}}":     "'deadlines.states.XX' is no state",
		"deadlines: {states: {NY: {}}}":              "sets no time",
		"deadlines: {states: {NY: {copies: 90}}}":    "longer than the federal time",
		"deadlines: {states: {NY: {copies: soon}}}":  "must be a number of days",
		"deadlines: {states: {NY: {copy: 3}}}":       "copies",
		"deadlines: {closed: [27.11.2026]}":          "must be a date",
		"deadlines: {closed: [2026-11-27], open: 3}": "open",
	} {
		_, err := Parse("/practice/chartseal.yaml", []byte(someConfig+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Line 4") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
