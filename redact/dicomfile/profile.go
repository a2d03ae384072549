package dicomfile

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"chartseal/redact"
)

// action is what happens to an element.
type action uint8

const (
	remove action = iota // the zero value: what is not listed goes
	keep
	review // keep, and name it in the report: free text
	empty  // keep without a value
	newUID // replace UIDs
	dummy  // replace by a made-up value
	shift  // move by the release's days; a policy's, not the table's
)

var actionNames = map[string]action{
	"remove": remove, "keep": keep, "review": review, "empty": empty, "uid": newUID, "dummy": dummy,
}

// stays reports whether the bytes of the element are kept as they are.
func (a action) stays() bool { return a == keep || a == review }

// class is a row of the first part of the table.
type class struct {
	name    string
	actions [7]action // in the order of redact.Profiles
	reason  string
}

// entry is a row of the second part.
type entry struct {
	class    *class
	keyword  string
	sequence bool
	mainOnly bool // identity and pixels: nowhere but in the main data set
}

// table is the parsed profile table.
type table struct {
	version string
	digest  string
	classes map[string]*class
	entries map[Tag]entry
	groups  map[uint16]*class // for elements the dictionary knows and the table does not list
}

//go:embed profiles/profiles.tsv
var profileText string

var profiles = sync.OnceValue(func() *table {
	t, err := parseTable(profileText)
	if err != nil {
		panic("dicomfile: embedded profiles: " + err.Error()) // a test reads them
	}
	return t
})

// ProfileVersion is the version of the embedded table of profiles.
func ProfileVersion() string { return profiles().version }

// ProfileDigest is the SHA-256 of the embedded table, in lower-case hex. The
// manifest names it, so that a release says by which rules it was made.
func ProfileDigest() string { return profiles().digest }

func parseTable(text string) (*table, error) {
	sum := sha256.Sum256([]byte(text))
	t := &table{
		digest:  hex.EncodeToString(sum[:]),
		classes: make(map[string]*class),
		entries: make(map[Tag]entry),
		groups:  make(map[uint16]*class),
	}
	section := ""
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			section = line
			continue
		}
		if err := t.line(section, strings.Split(line, "\t")); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	return t, nil
}

func (t *table) line(section string, f []string) error {
	switch {
	case section == "" && len(f) == 2 && f[0] == "version":
		t.version = f[1]
		return nil
	case section == "[classes]" && len(f) == 9:
		return t.classLine(f)
	case section == "[elements]" && len(f) == 6:
		return t.elementLine(f)
	}
	return fmt.Errorf("wrong number of columns in section %q", section)
}

func (t *table) classLine(f []string) error {
	c := &class{name: f[0], reason: f[8]}
	for i, name := range f[1:8] {
		a, ok := actionNames[name]
		if !ok {
			return fmt.Errorf("unknown action %q", name)
		}
		c.actions[i] = a
	}
	if t.classes[c.name] != nil {
		return fmt.Errorf("class %q twice", c.name)
	}
	t.classes[c.name] = c
	return nil
}

func (t *table) elementLine(f []string) error {
	c := t.classes[f[4]]
	if c == nil {
		return fmt.Errorf("unknown class %q", f[4])
	}
	if f[3] != "any" && f[3] != "main" {
		return fmt.Errorf("unknown place %q", f[3])
	}
	g, e, ok := strings.Cut(f[0], ",")
	group, err := strconv.ParseUint(strings.Replace(g, "xx", "00", 1), 16, 16)
	if err != nil || !ok {
		return fmt.Errorf("tag %q", f[0])
	}
	if e == "xxxx" {
		t.groups[uint16(group)] = c
		return nil
	}
	elem, err := strconv.ParseUint(e, 16, 16)
	if err != nil {
		return fmt.Errorf("tag %q", f[0])
	}
	tag := Tag(group)<<16 | Tag(elem)
	if _, twice := t.entries[tag]; twice {
		return fmt.Errorf("tag %q twice", f[0])
	}
	t.entries[tag] = entry{class: c, keyword: f[2], sequence: f[1] == "SQ", mainOnly: f[3] == "main"}
	return nil
}

// rules is the table seen by one profile.
type rules struct {
	*table
	profile   redact.Profile
	column    int
	dates     DatePolicy
	overrides *Overrides // nil: none
	content   bool       // a report, drawing, waveform or plan that a person looked at: its content stays
}

func rulesFor(p redact.Profile, dates DatePolicy) (*rules, error) {
	for i, q := range redact.Profiles() {
		if p == q {
			return &rules{table: profiles(), profile: p, column: i, dates: dates}, nil
		}
	}
	return nil, fmt.Errorf("clean record: unknown profile %q", string(p))
}

// decision is the verdict over one element.
type decision struct {
	action  action
	class   *class
	keyword string
	known   bool // sequence says whether the standard makes it a sequence
	seq     bool
}

// decide applies the practice's own rules and the table to an element at a
// depth (0: main data set). Private elements have more to it, see blocks.
func (r *rules) decide(t Tag, depth int) decision {
	d := r.byTable(t, depth)
	if r.content && (d.class.name == "unlisted" || t >= contentFrom && t <= contentTo) {
		d.action = d.class.actions[0] // as for the patient
	}
	if r.overrides == nil || d.class.name == "nested" {
		return d
	}
	own, ok := r.overrides.public[r.profile][t.folded()]
	if !ok || own.action == d.action || own.action == keep && (d.action.stays() || r.deidentifies()) {
		return d // in limited and de-identified sets nothing is kept against the table or the policy on dates
	}
	d.action, d.class = own.action, own.class
	return d
}

func (r *rules) byTable(t Tag, depth int) decision {
	switch {
	case t == tagTrailingPad:
		return r.as("padding", "")
	case t.private():
		return r.as("private", "")
	case t.element() == 0:
		return r.as("group-length", "")
	case t.group() < 0x0008: // commands, file meta, directories: never in a data set (PS3.5 section 7.1)
		return r.as("meta", dictionaryKeyword(t))
	}
	f := t.folded()
	if e, ok := r.entries[f]; ok {
		d := decision{action: r.actionOf(e.class), class: e.class, keyword: e.keyword, known: true, seq: e.sequence}
		if e.mainOnly && depth > 0 {
			d.class = r.classes["nested"]
			d.action = d.class.actions[r.column]
		}
		return d
	}
	keyword := dictionaryKeyword(t)
	if keyword == "" {
		return r.as("unknown", "")
	}
	d := r.as("unlisted", keyword)
	if c := r.groups[f.group()]; c != nil {
		d = decision{action: r.actionOf(c), class: c, keyword: keyword}
	}
	d.known, d.seq = true, dictionaryVR(t) == vrSQ
	return d
}

// contentFrom is where in group 0040 the content of reports begins, up to the end
// of the group; the elements before it are of requests and scheduling (PS3.6).
const contentFrom, contentTo = 0x0040A000, 0x0040FFFF

func (r *rules) as(name, keyword string) decision {
	c := r.classes[name]
	return decision{action: r.actionOf(c), class: c, keyword: keyword}
}

func (r *rules) actionOf(c *class) action {
	if r.deidentifies() && dated(c) {
		return r.datesOf(c)
	}
	return c.actions[r.column]
}

// deidentifies reports a profile that replaces identity.
func (r *rules) deidentifies() bool {
	return r.profile == redact.LimitedSet || r.profile == redact.Deidentified
}
