package bundle

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxBase bounds a member's own name in UTF-16 units: 64, what a Joliet disc
// holds, so that data/ can be burned as it is.
const maxBase = 64

// folders sorts the records by kind. A kind the practice made up itself goes
// to OTHER.
var folders = map[string]string{
	"chart":          "CHARTS",
	"treatment_plan": "PLANS",
	"consent":        "CONSENTS",
	"billing":        "BILLING",
	"lab":            "LAB",
	"implant":        "IMPLANTS",
	"radiograph":     "IMAGES",
	"cbct":           "IMAGES",
	"scan":           "SCANS",
	"photo":          "PHOTOS",
	"model":          "MODELS",
}

// extensions are those of the formats, so that a double click opens the right
// program whatever the practice called the file.
var extensions = map[string]string{
	"JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "PDF": ".pdf",
	"STL": ".stl", "PLY": ".ply", "OBJ": ".obj", "MTL": ".mtl", "3MF": ".3mf",
}

// memberPath makes the path of the nth record: folder by kind, then date, kind,
// number and what is left of the original name. The number alone keeps paths
// apart, in any letter case; the leading date keeps Windows' device names
// (CON, NUL, …) out. original is "" where names must not be used.
func memberPath(rec Record, format, original string, n int) string {
	kind := strings.ToLower(strings.Map(asciiWord, rec.Kind))
	kind = kind[:min(len(kind), 16)]
	if kind == "" {
		kind = "record"
	}
	folder := folders[kind]
	if folder == "" {
		folder = "OTHER"
	}
	date := cmp.Or(rec.Date, "undated")
	ext := extensions[strings.ToUpper(format)]
	if ext == "" {
		ext = ".bin"
	}
	base := fmt.Sprintf("%s_%s_%03d", date, kind, n)
	if word := cleanName(withoutDate(original, date), maxBase-utf16Len(base)-len(ext)-1); word != "" {
		base += "_" + word
	}
	return "data/" + folder + "/" + base + ext
}

// withoutDate takes the record's date off the front of a name, which begins
// with it anyway: 2025-05-03, 20250503 and the like.
func withoutDate(name, date string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	rest := name
	for part := range strings.SplitSeq(date, "-") {
		var ok bool
		if rest, ok = strings.CutPrefix(strings.TrimLeft(rest, "-_. "), part); !ok {
			return name
		}
	}
	return rest
}

func asciiWord(r rune) rune {
	if r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

func plainDate(s string) bool {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return false
	}
	return strings.Trim(s[:4]+s[5:7]+s[8:], "0123456789") == ""
}

// cleanName keeps the letters and digits of an original file name, of any
// script, composed (NFC), and joins them with hyphens; at most n UTF-16 units.
// Its extension and folders go. Letters outside the basic plane go, too: a
// Joliet disc cannot name them.
func cleanName(original string, n int) string {
	original = original[strings.LastIndexAny(original, `/\`)+1:]
	if ext := path.Ext(original); len(ext) <= 6 {
		original = strings.TrimSuffix(original, ext)
	}
	var b strings.Builder
	units, gap := 0, false
	for _, r := range norm.NFC.String(original) {
		if !nameRune(r) {
			gap = b.Len() > 0
			continue
		}
		need := 1
		if gap {
			need = 2
		}
		if units+need > n {
			break
		}
		if gap {
			b.WriteByte('-')
		}
		b.WriteRune(r)
		units, gap = units+need, false
	}
	return norm.NFC.String(b.String())
}

func nameRune(r rune) bool {
	if r == utf8.RuneError || r > 0xFFFF {
		return false
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r)
}

func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// maxPath bounds the path of a member in bytes; those of Writer have at most
// 64 characters of at most 3 bytes and a folder.
const maxPath = 240

// SafePath reports whether a member's path can be unpacked on every system: a
// relative path with slashes whose parts are names that Windows takes as they
// are, without control, formatting or bidirectional characters.
func SafePath(p string) bool {
	if p == "" || len(p) > maxPath || !utf8.ValidString(p) || !norm.NFC.IsNormalString(p) {
		return false
	}
	for part := range strings.SplitSeq(p, "/") {
		if !safeName(part) {
			return false
		}
	}
	return true
}

func safeName(s string) bool {
	if s == "" || s[0] == ' ' || strings.HasSuffix(s, ".") || strings.HasSuffix(s, " ") || deviceName(s) {
		return false
	}
	for _, r := range s {
		if r > 0xFFFF || strings.ContainsRune(`<>:"\|?*`, r) || !unicode.IsGraphic(r) {
			return false
		}
	}
	return true
}

// deviceName reports names that Windows gives to devices, with any extension
// (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
func deviceName(s string) bool {
	stem, _, _ := strings.Cut(s, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	r := []rune(stem)
	return len(r) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) &&
		strings.ContainsRune("0123456789¹²³", r[3])
}
