package order

import (
	"slices"
	"strings"

	"golang.org/x/text/cases"
)

// Marks tell who a recipient is however it is written: one for the name, and one for
// the e-mail address if there is one. Case, accents, punctuation and the order of
// words say nothing about a name; nor do case, dots and what follows a plus sign
// about the mailbox that an address means. Two recipients with a mark in common are
// one to whoever counts releases, which is the cautious reading.
func (r Recipient) Marks() []string {
	var marks []string
	if name := strings.Fields(phrase(r.Name)); len(name) > 0 {
		slices.Sort(name)
		marks = append(marks, "name "+strings.Join(name, " "))
	}
	if box := mailbox(r.Email); box != "" {
		marks = append(marks, "mail "+box)
	}
	return marks
}

// mailbox is an e-mail address without what most providers ignore; "" if none is
// given.
func mailbox(address string) string {
	address = cases.Fold().String(address)
	if i := strings.LastIndexByte(address, '<'); i >= 0 { // Maria Alvarez <maria@example.org>
		address, _, _ = strings.Cut(address[i+1:], ">")
	}
	address = strings.Join(strings.Fields(address), "")
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	local, _, _ := strings.Cut(address[:at], "+")
	return strings.ReplaceAll(local, ".", "") + strings.TrimRight(address[at:], ".")
}
