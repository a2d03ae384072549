package pdffile

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
	"chartseal/redact/identifier"
)

// check makes sure that nothing that was found is left in the finished document:
// on no page, in no remark, and in no part of the file in any spelling.
func (t *trimmer) check(doc *document) error {
	unverified := redact.Refuse(redact.Unverified, "a number that must not go is still in the cleaned PDF")
	pages := doc.singles()
	for i, kid := range pages.kids {
		for _, bare := range []bool{false, true} {
			s, err := t.read(pages, i, bare)
			if err != nil {
				return err
			}
			if len(s.hits) > 0 {
				return unverified
			}
		}
		page, _ := doc.at(kid).(types.Dict)
		left := false
		err := eachRemark(doc, page, func(_ types.Dict, text []rune) {
			left = left || len(identifier.Find(t.rules, text)) > 0
		})
		if err != nil || left || t.unplaced(doc.painted(page), sight{}) {
			return unverified
		}
	}
	spellings := spellingsOf(slices.Collect(maps.Keys(t.found)))
	for _, o := range doc.objects {
		if doc.holds(o, spellings) {
			return unverified
		}
	}
	return nil
}

// solid is a number without what stands between its letters and digits.
func solid(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, s)
}

// spellingsOf returns the byte strings that would betray a text.
func spellingsOf(found []string) (out [][]byte) {
	for _, f := range found {
		for _, s := range []string{f, solid(f)} {
			if len(s) < 6 {
				continue // no number that a rule finds is shorter
			}
			big := utf16Bytes(s)
			little := make([]byte, len(big))
			for i := range big {
				little[i] = big[i^1]
			}
			out = append(out, []byte(s), big, little)
		}
	}
	return out
}

// holds reports whether an object holds one of the byte strings, in a name, a
// text or a stream as it is unpacked. The data of pictures is no text.
func (d *document) holds(o types.Object, spellings [][]byte) bool {
	in := func(b []byte) bool {
		return slices.ContainsFunc(spellings, func(s []byte) bool { return bytes.Contains(b, s) })
	}
	switch o := o.(type) {
	case types.Name:
		return in([]byte(o))
	case types.StringLiteral, types.HexLiteral:
		b, err := stringBytes(o)
		return err != nil || in(b)
	case types.Array:
		return slices.ContainsFunc(o, func(e types.Object) bool { return d.holds(e, spellings) })
	case types.Dict:
		for k, v := range o {
			if in([]byte(k)) || d.holds(v, spellings) {
				return true
			}
		}
	case types.StreamDict:
		if d.holds(o.Dict, spellings) {
			return true
		}
		if o.Dict["Subtype"] == types.Name("Image") {
			return false
		}
		if b, err := d.decoded(o); err == nil {
			return in(b)
		}
		return in(o.Raw)
	}
	return false
}
