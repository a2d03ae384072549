package practice

import (
	"fmt"
	"strings"
	"time"
)

// OrderOptions change what [OrderFor] and [AccessOrderFor] write. Zero fields
// take the defaults named.
type OrderOptions struct {
	Now       time.Time // the day of approval; default 18 November 2026
	Kinds     []string  // default chart, radiograph, cbct (treatment) or all (access)
	From, To  string    // first and last date of the records; default 2019-01-01 and Now
	Sensitive []string  // categories expressly included; default none (treatment) or facial_photo (access)
	Recipient string    // key of the recipient book; default dr-chen (treatment)
	Delivery  string    // default link
	Lifetime  string    // of the link; default 7d
}

// OrderFor writes a release order for treatment: the records go to dr-chen, a
// specialist in the recipient book who unlocks them with a key; dr-lee has
// approved. id is the order's id.
func OrderFor(p Patient, id string, o OrderOptions) []byte {
	o = o.filled([]string{"chart", "radiograph", "cbct"}, nil)
	return o.write(p, id, `requester:
  name: Dr. Chen Endodontics
  relation: provider
  identity: {method: known to the practice, by: J. Ortiz, on: `+o.day(-1)+`}
recipient: `+or(o.Recipient, "dr-chen")+`
basis: treatment
purpose: referral for root canal treatment
`)
}

// AccessOrderFor writes an order of a patient who asks for everything. The
// recipient is written into the order and has no key, so the bundle is sealed
// with a passphrase.
func AccessOrderFor(p Patient, id string, o OrderOptions) []byte {
	o = o.filled([]string{"all"}, []string{"facial_photo"})
	name := strings.TrimSpace(p.First + " " + p.Last)
	person, relation := name, "self"
	if p.minor(o.Now) {
		person, relation = "Emeka "+p.Last, "representative\n  authority: parent\n  minor_asked: true"
	}
	return o.write(p, id, `requester:
  name: `+quote(person)+`
  relation: `+relation+`
  identity: {method: driver's license, by: J. Ortiz, on: `+o.day(-1)+`}
recipient:
  name: `+quote(person)+`
  kind: patient
  address: 2217 Wisteria Terrace, Albany NY
  email: requester@example.org
basis: patient_access
purpose: at the request of the individual
`)
}

func (o OrderOptions) filled(kinds, sensitive []string) OrderOptions {
	if o.Now.IsZero() {
		o.Now = Options{}.withDefaults().Now
	}
	if o.Kinds == nil {
		o.Kinds = kinds
	}
	if o.Sensitive == nil {
		o.Sensitive = sensitive
	}
	o.From = or(o.From, "2019-01-01")
	o.To = or(o.To, o.day(0))
	o.Delivery = or(o.Delivery, "link")
	o.Lifetime = or(o.Lifetime, "7d")
	return o
}

// day is the date some days from Now.
func (o OrderOptions) day(days int) string { return o.Now.AddDate(0, 0, days).Format(time.DateOnly) }

func (o OrderOptions) write(p Patient, id, middle string) []byte {
	kinds := "[" + strings.Join(o.Kinds, ", ") + "]"
	if len(o.Kinds) == 1 && o.Kinds[0] == "all" {
		kinds = "all"
	}
	return fmt.Appendf(nil, `order: %s
decision: release
received: %s
patient: {id: %s, name: %s, birth_date: %s}
%srecords: {kinds: %s, from: %s, to: %s}
sensitive: [%s]
delivery: %s
link: {lifetime: %s}
approved: {by: dr-lee, on: %s}
`, id, o.day(-1), quote(p.ID), quote(p.Name), p.BirthDate, middle, kinds, o.From, o.To,
		strings.Join(o.Sensitive, ", "), o.Delivery, o.Lifetime, o.day(0))
}

// minor reports whether the patient is under 18 on a day.
func (p Patient) minor(on time.Time) bool {
	born, err := time.Parse(time.DateOnly, p.BirthDate)
	return err == nil && on.Before(born.AddDate(18, 0, 0))
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

// quote makes a double-quoted YAML scalar.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
