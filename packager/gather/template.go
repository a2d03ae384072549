package gather

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// errBlank: a template's value is empty or cannot be part of a file name.
var errBlank = errors.New("value cannot stand in a file name")

// values are what the templates of a path stand for.
type values struct{ id, last, first string }

// valuesOf reads the patient of an order. The id is taken whole or not at all:
// cleaning 104/32 to 10432 would be another patient. Names are cleaned of what
// a file name cannot hold.
func valuesOf(id, name string) values {
	last, first := splitName(name)
	v := values{last: cleanName(last), first: cleanName(first)}
	if id == strings.TrimSpace(id) && id == cleanName(id) {
		v.id = id
	}
	return v
}

// splitName takes "Alvarez, Maria" apart; without a comma the last word is the
// family name.
func splitName(name string) (last, first string) {
	if last, first, ok := strings.Cut(name, ","); ok {
		return strings.TrimSpace(last), strings.TrimSpace(first)
	}
	words := strings.Fields(name)
	if len(words) == 0 {
		return "", ""
	}
	return words[len(words)-1], strings.Join(words[:len(words)-1], " ")
}

// cleanName removes what Windows or Unix do not allow in a file name, and
// returns "" for what is left of dots or is a reserved device name. Source:
// Microsoft, "Naming Files, Paths, and Namespaces".
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`<>:"/\|?*`, r) {
			return -1
		}
		return r
	}, s)
	s = strings.TrimRight(strings.TrimLeft(s, " "), " .")
	if strings.Trim(s, ". ") == "" || reservedName(s) {
		return ""
	}
	return s
}

func reservedName(s string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(s), ".")
	switch base = strings.TrimRight(base, " "); base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	for _, device := range []string{"COM", "LPT"} {
		if n, ok := strings.CutPrefix(base, device); ok && utf8.RuneCountInString(n) == 1 && strings.Contains("0123456789¹²³", n) {
			return true
		}
	}
	return false
}

// spellings lists the ways a practice's software may have written the patient
// into folder names: as on the order; letters only, as Open Dental names its
// folders (O'Brien becomes OBrien); and, where the id is in the path as well,
// the first of several given names.
func (v values) spellings(withID bool) []values {
	all := []values{v, {v.id, lettersOnly(v.last), lettersOnly(v.first)}}
	if given := strings.Fields(v.first); withID && len(given) > 1 {
		all = append(all, values{v.id, v.last, given[0]}, values{v.id, lettersOnly(v.last), lettersOnly(given[0])})
	}
	return all
}

func lettersOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, s)
}

// fill makes the segments of a source ready for one patient.
func fill(raw []string, v values, withID bool) ([]segment, error) {
	out := make([]segment, len(raw))
	for i, seg := range raw {
		if seg == "**" {
			out[i].deep = true
			continue
		}
		for _, spelling := range v.spellings(withID) {
			alt, err := spelling.fill(seg)
			if err != nil {
				return nil, err
			}
			out[i].alts = append(out[i].alts, fold(alt))
		}
	}
	return out, nil
}

func (v values) fill(seg string) (string, error) {
	var err error
	filled := template.ReplaceAllStringFunc(seg, func(t string) string {
		value := v.value(t)
		if value == "" {
			err = errBlank
		}
		return escapeGlob(value)
	})
	return filled, err
}

func (v values) value(t string) string {
	switch t {
	case "{patient.id}":
		return v.id
	case "{patient.last}":
		return v.last
	case "{patient.first}":
		return v.first
	case "{patient.initial}":
		_, n := utf8.DecodeRuneInString(v.last)
		return v.last[:n]
	}
	return ""
}

func escapeGlob(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`*?[]{}\`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
