package config

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/bmatcuk/doublestar/v4"

	"chartseal/config/strict"
)

// Templates are what a source's path may hold; each is filled in from the
// order's patient, cleaned of separators and dots.
func Templates() []string {
	return []string{"{patient.id}", "{patient.last}", "{patient.first}", "{patient.initial}"}
}

var (
	braces      = regexp.MustCompile(`\{[^{}]*\}`)
	drivePath   = regexp.MustCompile(`^[A-Za-z]:[\\/]`)
	driveOnly   = regexp.MustCompile(`^[A-Za-z]:`)
	escapeTyped = "holds a tab, a line break or the like; in double quotes \\t, \\n and \\f mean these. Write the path in single quotes or with / between folders"
)

// mistyped reports what double quotes make of a backslash and a letter (YAML 1.2, 5.7): of
// the path "**\face*" a pattern that would never match.
func mistyped(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' })
}

// place is where a configuration stands, which relative paths start from.
type place struct {
	dir     string
	windows bool
}

// absolute resolves a path as it is written on the system. The second result
// says in words what is wrong.
func (p place) absolute(name string) (string, string) {
	if mistyped(name) {
		return name, escapeTyped
	}
	slashed := name
	if p.windows {
		slashed = strings.ReplaceAll(name, `\`, "/")
	}
	unc := strings.HasPrefix(name, `\\`) || p.windows && strings.HasPrefix(slashed, "//")
	switch {
	case !p.windows && (unc || drivePath.MatchString(name)):
		return name, "is a Windows path, and this computer does not run Windows"
	case unc:
		return cleanUNC(slashed)
	case p.windows && drivePath.MatchString(name):
		return path.Clean(slashed), ""
	case p.windows && driveOnly.MatchString(name):
		return name, `lacks a \ after the drive letter; write it as C:\folder`
	case p.windows && strings.HasPrefix(slashed, "/"):
		return name, `lacks a drive letter; write it as C:\folder or \\server\share\folder`
	case path.IsAbs(slashed):
		return path.Clean(slashed), ""
	}
	return p.join(slashed)
}

func (p place) join(relative string) (string, string) {
	dir := p.dir
	if p.windows {
		dir = strings.ReplaceAll(dir, `\`, "/")
	}
	if p.windows && strings.HasPrefix(dir, "//") {
		return "/" + path.Join(dir, relative), ""
	}
	return path.Join(dir, relative), ""
}

// cleanUNC keeps the two slashes that path.Clean would fold into one.
func cleanUNC(slashed string) (string, string) {
	parts := strings.SplitN(strings.TrimLeft(slashed, "/"), "/", 3)
	if len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return slashed, `names a server without a share; write it as \\server\share\folder`
	}
	return "/" + path.Clean("/"+strings.Join(parts, "/")), ""
}

// native writes a slashed path as the system does.
func (p place) native(slashed string) string {
	if p.windows {
		return strings.ReplaceAll(slashed, "/", `\`)
	}
	return filepath.FromSlash(slashed)
}

// pattern checks a source's path and makes it absolute, with slashes.
func (p place) pattern(s Source) (string, string) {
	written := s.Path
	if p.windows {
		written = strings.ReplaceAll(written, `\`, "/")
	}
	if wrong := templateProblem(written, s.Match); wrong != "" {
		return written, wrong
	}
	absolute, wrong := p.absolute(s.Path)
	if wrong != "" {
		return absolute, wrong
	}
	return absolute, patternProblem(absolute)
}

func templateProblem(pattern string, match Match) string {
	named := false
	for _, found := range braces.FindAllString(pattern, -1) {
		switch known := knownTemplate(found); {
		case known:
			named = named || found == "{patient.id}" || found == "{patient.last}"
		case strings.Contains(found, ","): // {jpg,png}: alternatives
		default:
			if meant := strict.Nearest(found, append(Templates(), "{id}", "{last}", "{first}", "{initial}")); meant != "" {
				return "holds " + found + ", which is not known; did you mean {patient." + strings.TrimPrefix(strings.Trim(meant, "{}"), "patient.") + "}?"
			}
			return "holds " + found + ", which is not known; known are " + strings.Join(Templates(), ", ")
		}
	}
	if after := afterTemplate(pattern); strings.Contains("/"+after+"/", "/../") {
		return "goes up with .. after a template; write the folder itself"
	}
	if !named && match == MatchPath {
		return "is the same for every patient. Put {patient.id} into it, or add match: dicom to find files by the patient number inside them"
	}
	return ""
}

func knownTemplate(s string) bool {
	return slices.Contains(Templates(), s)
}

// afterTemplate is what follows the first template.
func afterTemplate(pattern string) string {
	i := strings.Index(pattern, "{patient.")
	if i < 0 {
		return ""
	}
	return pattern[i:]
}

func patternProblem(pattern string) string {
	if mistyped(pattern) {
		return escapeTyped
	}
	plain := pattern
	for _, t := range Templates() {
		plain = strings.ReplaceAll(plain, t, "x")
	}
	if !doublestar.ValidatePattern(plain) {
		return "is not a valid pattern; check its brackets and wildcards (* within a folder, ** across folders)"
	}
	return ""
}
