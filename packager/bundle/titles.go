package bundle

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"chartseal/packager/bundle/dicomdir"
)

// kindTitles name a record of each kind.
var kindTitles = map[string]string{
	"chart":          "Chart",
	"treatment_plan": "Treatment plan",
	"consent":        "Consent",
	"billing":        "Billing record",
	"lab":            "Lab record",
	"implant":        "Implant record",
	"radiograph":     "Radiograph",
	"cbct":           "CBCT volume",
	"scan":           "Scan",
	"photo":          "Photograph",
	"model":          "Model",
}

// modalityTitles name a DICOM file by its modality (PS3.3 C.7.3.1.1.1).
var modalityTitles = map[string]string{
	"PX": "Panoramic radiograph",
	"IO": "Intraoral radiograph",
	"CT": "CT volume",
	"XC": "Photograph",
	"ES": "Endoscopic picture",
	"MR": "MR images",
	"US": "Ultrasound images",
}

// title is what a person calls a record: by modality where that says more than
// the kind, with the description of a DICOM series where that adds a word.
func title(kind string, x *dicomdir.Instance) string {
	if x == nil {
		return kindTitle(kind)
	}
	t := modalityTitles[strings.ToUpper(x.Modality)]
	if t == "" || kind == "cbct" && x.Modality == "CT" {
		t = kindTitle(kind)
	}
	if words := shorten(x.SeriesDescription, 64); words != "" && !strings.Contains(letters(t), letters(words)) {
		t += ": " + words
	}
	return t
}

// plainTitles are the words of the recipient page for titles that patients may not
// know.
var plainTitles = map[string]string{
	"Radiograph":           "X-ray",
	"Panoramic radiograph": "Panoramic X-ray",
	"Intraoral radiograph": "Intraoral X-ray",
	"CBCT volume":          "3D scan (CBCT)",
	"CT volume":            "3D scan (CT)",
}

// technical finds what imaging programs write for themselves: sizes in fractions,
// units, names with underscores.
var technical = regexp.MustCompile(`\d[.,]\d|(?i:\d ?(mm|cm|um|kv|kvp|ma|mas|mgy|s)\b)|_|=`)

// plainTitle is a title for people. What the imaging program calls the series stays
// in it where it is words, and else stands apart.
func plainTitle(title string) (plain, called string) {
	base, name, named := strings.Cut(title, ": ")
	if plain = plainTitles[base]; plain == "" {
		plain = base
	}
	switch {
	case !named:
		return plain, ""
	case technical.MatchString(name):
		return plain, name
	}
	return plain + ": " + name, ""
}

func kindTitle(kind string) string {
	if t := kindTitles[kind]; t != "" {
		return t
	}
	word := oneLine(strings.ReplaceAll(kind, "_", " "))
	if word == "" {
		return "Record"
	}
	first, n := utf8.DecodeRuneInString(word)
	return string(unicode.ToUpper(first)) + word[n:]
}

// shorten makes one printable line of at most n characters.
func shorten(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsGraphic(r) && r != utf8.RuneError {
			return r
		}
		return ' '
	}, s)
	r := []rune(oneLine(s))
	return strings.TrimSpace(string(r[:min(len(r), n)]))
}

// letters reduces a text to what counts when two are compared.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}
