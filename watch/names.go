package watch

import (
	"path"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// SignatureSuffix marks the minisign signature beside an order.
const SignatureSuffix = ".minisig"

// ours reports the names chartseal itself keeps in the outbox.
func ours(name string) bool {
	switch strings.ToLower(name) {
	case workingDir, heldDir, sentDir, deniedDir, extendedDir, accountingsDir, strings.ToLower(DueList), strings.ToLower(Stopped), markDir:
		return true
	}
	return false
}

// safeSave is macOS's temporary name for a file that is saved in place
// (NSDocument's safe save), vimTest what vim creates to try a folder
// (4913, then steps of 123; vim's fileio.c).
var (
	safeSave = regexp.MustCompile(`\.sb-[0-9a-f]{8}-[0-9a-z]{6}$`)
	vimTest  = regexp.MustCompile(`^(4913|5036|5159|5282|5405)$`)
)

// ignored reports names that systems, editors and copy programs leave behind.
func ignored(name string) bool {
	lower := strings.ToLower(name)
	switch lower {
	case "thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r":
		return true
	}
	for _, p := range []string{".", "~", "#"} { // .name.XXXXXX of rsync, ~$ of Office, ~syncthing~
		if strings.HasPrefix(lower, p) {
			return true
		}
	}
	for _, s := range []string{
		"~", ".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload",
		".swp", ".swo", ".swx", ".bak", ".lock", ".lck", ".lnk", ".url",
	} {
		if strings.HasSuffix(lower, s) {
			return true
		}
	}
	return safeSave.MatchString(lower) || vimTest.MatchString(lower)
}

// Droppable reports whether a file of this name is taken for an order.
func Droppable(name string) bool { return !ours(name) && !ignored(name) && fit(name) == name }

// fold makes two names equal that a share may take for one: of other case, or
// with accents composed (Windows, Linux) and decomposed (macOS).
func fold(name string) string { return norm.NFC.String(strings.ToLower(norm.NFC.String(name))) }

// cutSignature takes the suffix off a signature's name.
func cutSignature(name string) (order string, ok bool) {
	n := len(name) - len(SignatureSuffix)
	if n <= 0 || !strings.EqualFold(name[n:], SignatureSuffix) {
		return name, false
	}
	return name[:n], true
}

// maxName leaves room for what is appended to an order's name, in bytes.
const maxName = 180

// fit shortens a name that is too long, keeping its ending.
func fit(name string) string { return fitTo(name, maxName) }

func fitTo(name string, most int) string {
	if len(name) <= most {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 16 {
		ext = ""
	}
	return strings.ToValidUTF8(name[:most-len(ext)], "") + ext
}

// maxFolder keeps a path below an answer folder short enough for Explorer,
// which opens none longer than 260 characters.
const maxFolder = 100

// deviceName matches the names Windows keeps for devices, with any ending
// (Microsoft, "Naming Files, Paths, and Namespaces").
var deviceName = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)`)

// FolderName is the name of an order's answer folder: the order's id, changed
// only where it would be no folder name on every system that opens the share.
// Order ids that the rules accept stay as they are.
func FolderName(order string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`<>:"/\|?*`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(order, "_"))
	name = fitTo(name, maxFolder)
	if trimmed := strings.TrimRight(name, ". "); trimmed != name { // Windows drops them
		name = trimmed + "_"
	}
	if name == "" || name[0] == '.' || name[0] == ' ' || deviceName.MatchString(name) {
		name = "_" + name
	}
	return name
}
