package gather

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// MatchDICOM is the value of [Source.Match] for one big folder that holds the
// images of many patients: files are found by the patient id in their header.
const MatchDICOM = "dicom"

// Source is one place where the practice keeps records of one kind.
type Source struct {
	Kind  string // radiograph, chart, …; see DESIGN §1
	Path  string // absolute; {patient.*} templates and globs, ** for any depth
	Match string // "" for files of the patient's folder, or MatchDICOM
}

// The ways a source can be wrong. They come wrapped in a [*SourceError].
var (
	ErrSourceMissing  = errors.New("folder is missing")
	ErrSourceRelative = errors.New("path is not absolute")
	ErrSourcePattern  = errors.New("path is not a valid pattern")
	ErrSourceOpen     = errors.New("path names no patient; use {patient.id}, or both {patient.last} and {patient.first}")
	ErrSourceTemplate = errors.New("path has an unknown template; known are {patient.id}, {patient.last}, {patient.first}, {patient.initial}")
	ErrSourceTouching = errors.New("a wildcard or brace must not touch a template: 15* also finds patient 150")
	ErrSourceNoFile   = errors.New("path names a folder; end it with /**")
	ErrSourceOfOne    = errors.New("path names a patient, so there is no folder of many")
	ErrSourceMatch    = errors.New("match is neither empty nor dicom")
)

// SourceError says which source of the configuration cannot be used. Its text
// holds no path and may be logged.
type SourceError struct {
	Source int // 1-based position in the configuration
	Kind   string
	Err    error
}

func (e *SourceError) Error() string {
	return fmt.Sprintf("source %d (%s): %v", e.Source, e.Kind, e.Err)
}

func (e *SourceError) Unwrap() error { return e.Err }

// CheckSources reports every source whose path or match is wrong, joined. It
// does not touch the file system; a missing folder is found by [Collect].
func CheckSources(sources []Source) error {
	var errs []error
	for i, s := range sources {
		if _, err := parseSource(s); err != nil {
			errs = append(errs, &SourceError{Source: i + 1, Kind: s.Kind, Err: err})
		}
	}
	return errors.Join(errs...)
}

// layout is a source's path taken apart.
type layout struct {
	root   string   // absolute folder in front of the first template or glob
	folder []string // segments from root to the patient's folder; empty when match is dicom or only file names carry the patient
	rest   []string // segments below the patient's folder; never empty
}

var (
	template     = regexp.MustCompile(`\{patient\.[^{}/]*\}`)
	goodTemplate = regexp.MustCompile(`^\{patient\.(id|last|first|initial)\}$`)
)

func parseSource(s Source) (layout, error) {
	if s.Match != "" && s.Match != MatchDICOM {
		return layout{}, ErrSourceMatch
	}
	if !filepath.IsAbs(s.Path) {
		return layout{}, ErrSourceRelative
	}
	volume := filepath.VolumeName(s.Path)
	segments := splitPattern(strings.TrimPrefix(s.Path, volume))
	for _, seg := range segments {
		if err := checkSegment(seg); err != nil {
			return layout{}, err
		}
	}
	if s.Match == "" && !namesPatient(s.Path) {
		return layout{}, ErrSourceOpen
	}
	return divide(volume, segments)
}

func splitPattern(p string) []string {
	if filepath.Separator == '\\' {
		p = filepath.ToSlash(p)
	}
	var segments []string
	for seg := range strings.SplitSeq(p, "/") {
		if seg != "" && seg != "." {
			segments = append(segments, seg)
		}
	}
	return segments
}

func checkSegment(seg string) error {
	if seg == ".." {
		return ErrSourcePattern
	}
	for _, t := range template.FindAllString(seg, -1) {
		if !goodTemplate.MatchString(t) {
			return ErrSourceTemplate
		}
	}
	if touchesWildcard(seg) {
		return ErrSourceTouching
	}
	if !doublestar.ValidatePattern(template.ReplaceAllString(seg, "x")) {
		return ErrSourcePattern
	}
	return nil
}

// touchesWildcard reports whether a template sits beside a wildcard, where the
// id of one patient could be the beginning or the end of another's.
func touchesWildcard(seg string) bool {
	spots := template.FindAllStringIndex(seg, -1)
	if len(spots) == 0 {
		return false
	}
	if strings.ContainsAny(template.ReplaceAllString(seg, ""), "{}") {
		return true
	}
	for _, at := range spots {
		if at[0] > 0 && strings.ContainsRune("*?]", rune(seg[at[0]-1])) {
			return true
		}
		if at[1] < len(seg) && strings.ContainsRune("*?[", rune(seg[at[1]])) {
			return true
		}
	}
	return false
}

func namesPatient(path string) bool {
	return strings.Contains(path, "{patient.id}") ||
		strings.Contains(path, "{patient.last}") && strings.Contains(path, "{patient.first}")
}

func divide(volume string, segments []string) (layout, error) {
	static := 0
	for static < len(segments) && !strings.ContainsAny(segments[static], `*?[{\`) {
		static++
	}
	if static == len(segments) {
		return layout{}, ErrSourceNoFile
	}
	root := volume + "/" + strings.Join(segments[:static], "/")
	deepest := static // one past the last folder that carries a template
	for i, seg := range segments[:len(segments)-1] {
		if template.MatchString(seg) {
			deepest = i + 1
		}
	}
	return layout{
		root:   filepath.FromSlash(root),
		folder: segments[static:deepest],
		rest:   segments[deepest:],
	}, nil
}
