package dicomfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"chartseal/redact"
)

// Override is a practice's own rule for one element, instead of the table's.
type Override struct {
	// Tag is "(gggg,eeee)" in hexadecimal; "(60xx,eeee)" stands for the whole
	// repeating group (PS3.5 section 7.6), and "(gggg,xxee)", with Creator, for
	// a private element (PS3.5 section 7.8.1).
	Tag      string
	Creator  string           // of a private element, exactly as the maker writes it; else ""
	Profiles []redact.Profile // one or more
	Action   string           // "keep", "remove" or "empty"
	Reason   string           // for the report; no patient data
}

// OverrideError says why an override cannot stand.
type OverrideError struct {
	Index   int    // of the override, from 0
	Tag     string // as it was given
	Problem string // a clause: "removes who the patient is"
}

func (e *OverrideError) Error() string {
	return fmt.Sprintf("override %d for %s: %s", e.Index+1, e.Tag, e.Problem)
}

// Overrides are a practice's rules, checked.
type Overrides struct {
	public  map[redact.Profile]map[Tag]decision
	private map[redact.Profile]map[privateTag]decision
	text    string // canonical, for the digest
}

// privateTag names a private element whatever block a file gives it.
type privateTag struct {
	group   uint16
	element byte
	creator string
}

const maxOverrides = 1000

// ParseOverrides checks a practice's rules. Its error joins one *OverrideError
// for each that cannot stand: what removes identity, unique identifiers,
// geometry or the image, what thins out a patient's own copy (45 CFR
// 164.524(a)(1)), what keeps more in a limited or de-identified set than the
// table does (164.514), and what keeps elements that no release may carry.
func ParseOverrides(list []Override) (*Overrides, error) {
	if len(list) > maxOverrides {
		return nil, fmt.Errorf("parse overrides: more than %d", maxOverrides)
	}
	o := &Overrides{
		public:  make(map[redact.Profile]map[Tag]decision),
		private: make(map[redact.Profile]map[privateTag]decision),
	}
	var errs []error
	var lines []string
	for i, ov := range list {
		if problem := o.add(ov); problem != "" {
			errs = append(errs, &OverrideError{i, ov.Tag, problem})
		}
		lines = append(lines, ov.line())
	}
	slices.Sort(lines)
	o.text = strings.Join(lines, "")
	return o, errors.Join(errs...)
}

// line is the override in one form, however it was written.
func (ov *Override) line() string {
	var names []string
	for _, p := range ov.Profiles {
		names = append(names, string(p))
	}
	slices.Sort(names)
	return fmt.Sprintf("override\t%s\t%q\t%s\t%s\t%q\n",
		strings.ToUpper(ov.Tag), ov.Creator, strings.Join(names, ","), ov.Action, ov.Reason)
}

func (o *Overrides) add(ov Override) string {
	act, known := actionNames[ov.Action]
	switch {
	case !known || act != keep && act != remove && act != empty:
		return "the action is not keep, remove or empty"
	case len(ov.Profiles) == 0:
		return "it names no profile"
	case strings.TrimSpace(ov.Reason) == "":
		return "it gives no reason"
	}
	d := decision{action: act, class: &class{name: "practice", reason: "the practice's own rule: " + strings.TrimSpace(ov.Reason)}}
	if strings.Contains(strings.ToLower(ov.Tag), ",xx") || ov.Creator != "" {
		return o.addPrivate(ov, d)
	}
	tag, ok := parseTag(ov.Tag)
	if !ok {
		return "the tag is not written like (0010,1010)"
	}
	for _, p := range ov.Profiles {
		r, err := rulesFor(p, DatesByTable)
		if err != nil {
			return "there is no such profile: " + strconv.Quote(string(p))
		}
		if problem := r.objection(tag, act); problem != "" {
			return problem
		}
		if put(o.public, p, tag, d) {
			return "it is there twice for the same profile"
		}
	}
	return ""
}

// put adds a decision and reports that there was one already.
func put[K comparable](m map[redact.Profile]map[K]decision, p redact.Profile, k K, d decision) bool {
	if m[p] == nil {
		m[p] = make(map[K]decision)
	}
	_, twice := m[p][k]
	m[p][k] = d
	return twice
}

// essential are the classes without which a file is not the patient's, not
// readable, or not to be measured.
var essential = map[string]string{
	"patient-name": "removes who the patient is", "patient-id": "removes who the patient is",
	"birth-date": "removes who the patient is", "sex": "removes who the patient is",
	"document": "removes the document, which is all that the file holds", "position-reference": "removes the geometry of the image",
	"uid": "removes unique identifiers", "class-uid": "removes unique identifiers",
	"geometry": "removes the geometry of the image", "frame-kind": "removes the geometry of the image",
	"pixel": "removes the image or its description", "display": "removes how the image is shown",
	"character-set": "makes the text unreadable", "kind": "removes the kind of image", "number": "removes the order of the images",
	"anatomy": "removes which tooth or which side the image shows", "code": "leaves coded findings without their meaning",
	"marker": "hides whether the image shows text or a face", "segment": "removes what is marked in the image",
}

// objection says why an override may not be, or "".
func (r *rules) objection(t Tag, act action) string {
	d := r.decide(t, 0)
	if t.group() < 0x0008 || t.group() == delimiterGroup || t.element() == 0 {
		return "it is part of the file's form, not of the record; no release may carry it otherwise than it is written anew"
	}
	if act != keep {
		if why := essential[d.class.name]; why != "" {
			return "it " + why
		}
		if r.profile == redact.PatientAccess {
			return "a patient's own copy is complete"
		}
		if act == empty && d.seq {
			return "a sequence cannot be emptied; remove it"
		}
		return ""
	}
	widest := *r
	widest.column, widest.profile = 0, redact.PatientAccess
	switch {
	case widest.decide(t, 0).action == remove:
		return "no release may carry it"
	case r.deidentifies() && !d.action.stays():
		return "a limited or de-identified set may not carry it"
	}
	return ""
}

func (o *Overrides) addPrivate(ov Override, d decision) string {
	key, ok := parsePrivate(ov.Tag)
	key.creator = strings.TrimSpace(ov.Creator)
	switch {
	case !ok:
		return "the tag of a private element is not written like (0029,xx10)"
	case key.creator == "" || len(key.creator) > 64:
		return "a private element needs its creator"
	case d.action != keep:
		return "private elements go unless they are kept; there is nothing to remove"
	}
	d.keyword = "kept private element"
	for _, p := range ov.Profiles {
		r, err := rulesFor(p, DatesByTable)
		switch {
		case err != nil:
			return "there is no such profile: " + strconv.Quote(string(p))
		case r.deidentifies():
			return "a limited or de-identified set may not carry it"
		case put(o.private, p, key, d):
			return "it is there twice for the same profile"
		}
	}
	return ""
}

// parseTag reads "(gggg,eeee)" and "(60xx,eeee)".
func parseTag(s string) (Tag, bool) {
	s = strings.ToLower(s)
	if len(s) != len("(gggg,eeee)") || s[0] != '(' || s[5] != ',' || s[10] != ')' {
		return 0, false
	}
	group := s[1:5]
	if group == "60xx" || group == "50xx" {
		group = group[:2] + "00"
	}
	n, err := strconv.ParseUint(group+s[6:10], 16, 32)
	t := Tag(n)
	return t.folded(), err == nil && !t.private()
}

// parsePrivate reads "(gggg,xxee)".
func parsePrivate(s string) (privateTag, bool) {
	s = strings.ToLower(s)
	if len(s) != len("(gggg,xxee)") || s[0] != '(' || s[5:8] != ",xx" || s[10] != ')' {
		return privateTag{}, false
	}
	n, err := strconv.ParseUint(s[1:5]+s[8:10], 16, 24)
	group := uint16(n >> 8)
	return privateTag{group: group, element: byte(n)}, err == nil && group%2 == 1 && group > 0x0008
}

// ProfileDigest is the SHA-256 of all that decides what this cleaner keeps:
// the embedded table, and the practice's policy on dates, its overrides and its
// masks, if there are any. In lower-case hex.
func (c *Cleaner) ProfileDigest() string {
	own := c.Dates.line()
	if c.Overrides != nil {
		own += c.Overrides.text
	}
	if c.Masks != nil {
		own += c.Masks.text
	}
	if own == "" {
		return ProfileDigest()
	}
	sum := sha256.Sum256([]byte(ProfileDigest() + "\n" + own))
	return hex.EncodeToString(sum[:])
}
