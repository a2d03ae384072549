package gather

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// byNumber is the way to the patient's folder by the number alone, where a folder's name
// holds both the number and a name; nil where it does not.
func byNumber(raw []string, v values) []segment {
	named := slices.ContainsFunc(raw, func(seg string) bool {
		return template.MatchString(strings.ReplaceAll(seg, "{patient.id}", ""))
	})
	if !named || v.id == "" || !slices.ContainsFunc(raw, func(seg string) bool { return strings.Contains(seg, "{patient.id}") }) {
		return nil
	}
	out := make([]segment, len(raw))
	for i, seg := range raw {
		if seg == "**" {
			out[i].deep = true
			continue
		}
		seg = strings.ReplaceAll(seg, "{patient.id}", escapeGlob(v.id))
		seg = template.ReplaceAllString(seg, "*")
		for strings.Contains(seg, "**") {
			seg = strings.ReplaceAll(seg, "**", "*")
		}
		out[i].alts = []string{fold(seg)}
	}
	return out
}

// otherNames refuses the folders that have the patient's number in another name than that
// on the order, as after a marriage: what lies there would go unnoticed. Folders of a
// name that cannot be looked into may be anybody's, and say nothing.
func (c *collector) otherNames(ctx context.Context, src *source, homes []string) error {
	if src.numbered == nil {
		return nil
	}
	w := walker{left: c.req.Limits.Search, trouble: func(trouble, string) {}}
	found, err := w.patientFolders(ctx, src.place.root, src.numbered)
	if err != nil {
		return err
	}
	for _, folder := range found {
		if slices.Contains(homes, folder) || !hasNumber(folder, c.req.Patient.ID) {
			continue
		}
		if c.refuse(otherName, folder); !c.leaveOut[itemKey(folder)] {
			c.out.Strangers = append(c.out.Strangers, folder)
		}
	}
	return nil
}

// hasNumber reports whether a number stands in a folder's path as a whole, and not as a
// part of a longer one.
func hasNumber(path, number string) bool {
	path, number = fold(path), fold(number)
	first, _ := utf8.DecodeRuneInString(number)
	last, _ := utf8.DecodeLastRuneInString(number)
	for from := 0; ; {
		at := strings.Index(path[from:], number)
		if at < 0 {
			return false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(path[:at])
		after, _ := utf8.DecodeRuneInString(path[at+len(number):])
		longer := unicode.IsDigit(before) && unicode.IsDigit(first) || unicode.IsDigit(last) && unicode.IsDigit(after)
		if !longer {
			return true
		}
		from = at + 1
	}
}
