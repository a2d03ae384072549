package gather

import (
	"strings"

	"chartseal/order"
	"chartseal/redact/dicomfile"
)

// whose compares the identity inside a file with the patient of the order.
func whose(p order.Patient, id *dicomfile.Identity) trouble {
	switch order.MatchPatient(p, id.PatientID, id.PatientName, id.BirthDate) {
	case order.Matching:
		return noTrouble
	case order.Mismatch:
		return otherPatient
	case order.Insufficient:
	}
	return unclearPatient
}

// decisions are a person's answers on the order to earlier holds.
type decisions []order.Ruling

// itemKey makes items comparable as staff may write them.
func itemKey(item string) string { return fold(strings.ReplaceAll(show(item), `\`, "/")) }

// about finds a decision of a kind on an item. A decision to leave out that names no
// item is about all that its rule holds; to release, it must name the item, or a
// folder below the patient's: who decides has looked at what is there.
func (d decisions) about(choice order.RulingChoice, rule, item string) bool {
	for _, r := range d {
		if r.Decision == choice && strings.EqualFold(r.Rule, rule) && decides(r, itemKey(item)) {
			return true
		}
	}
	return false
}

// decides says that a decision is about an item.
func decides(r order.Ruling, key string) bool {
	named := strings.TrimSuffix(itemKey(r.Item), "/")
	switch {
	case r.Item == "":
		return r.Decision == order.LeaveOut || key == ""
	case named == key:
		return true
	}
	return r.Decision == order.ReleaseItem && strings.Contains(named, "/") && strings.HasPrefix(key, named+"/")
}

// mean remembers in which of the sources' folders a file lies that a decision names: two
// files of one name in two of them are two files.
func (c *collector) mean(src *source, rel string) {
	key := itemKey(rel)
	for i, r := range c.decided {
		if r.Item == "" || !decides(r, key) {
			continue
		}
		if c.meant[i] == nil {
			c.meant[i] = map[*place]bool{}
		}
		if c.meant[i][src.place] = true; len(c.meant[i]) > 1 {
			c.trouble.add(decidedTwice, rel)
		}
	}
}

// waives reports whether a person accepts that what a rule holds is missing.
// Where nothing was found there is nothing to release, so both choices say so.
func (d decisions) waives(rule string) bool {
	return d.about(order.LeaveOut, rule, "") || d.about(order.ReleaseItem, rule, "")
}

// leftOut is every item that is not even to be looked at.
func (d decisions) leftOut(more []string) map[string]bool {
	out := map[string]bool{}
	for _, item := range more {
		out[itemKey(item)] = true
	}
	for _, r := range d {
		if r.Decision == order.LeaveOut && r.Item != "" {
			out[itemKey(r.Item)] = true
		}
	}
	return out
}
