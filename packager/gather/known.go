package gather

import (
	"context"
	"slices"
	"strings"
)

// maxAsked bounds how many numbers are looked up for one collection.
const maxAsked = 200

// acquaintance tells whose numbers the practice knows: those that have a folder of
// their own, or an image in a shared one that is indexed.
type acquaintance struct {
	index   Index
	limit   int
	sources []*source
	asked   map[string]answer // by FoldID
}

type answer struct{ known, sure bool }

func (c *collector) acquaintance() *acquaintance {
	a := &acquaintance{index: c.req.Index, limit: c.req.Limits.Search, asked: map[string]answer{}}
	for _, s := range c.sources {
		if s.Match == MatchDICOM && c.req.Index != nil || s.Match == "" && len(s.folder) > 0 && byNumberAlone(s.Path) {
			a.sources = append(a.sources, s)
		}
	}
	return a
}

// byNumberAlone reports whether a patient's folder is told by the number alone, in
// a name of its own: a folder of somebody whose name is not known can be found then.
func byNumberAlone(path string) bool {
	folders := splitPattern(path)
	return !slices.ContainsFunc(folders, func(seg string) bool {
		return template.MatchString(seg) && seg != "{patient.id}"
	}) && slices.Contains(folders, "{patient.id}")
}

// Knows reports whether a number is that of some patient of the practice, and
// whether that can be told for sure: where folders are named after people, or
// nothing is indexed, a number that is not found may still be somebody's. It must
// not be called after Close.
func (c *Collection) Knows(ctx context.Context, id string) (known, sure bool) {
	a := c.known
	if a == nil || strings.TrimSpace(id) == "" {
		return false, false
	}
	key := FoldID(id)
	got, ok := a.asked[key]
	if !ok {
		if len(a.asked) >= maxAsked {
			return false, false
		}
		got = a.ask(ctx, strings.TrimSpace(id))
		a.asked[key] = got
	}
	return got.known, got.sure
}

func (a *acquaintance) ask(ctx context.Context, id string) (got answer) {
	for _, s := range a.sources {
		var found int
		var err error
		pulse := PulseOf(ctx)
		pulse.at(s.place.name)
		if s.Match == MatchDICOM {
			var images Found
			answered := pulse.ask()
			images, err = a.index.Find(ctx, &Folder{Name: s.place.name, root: s.place.root, pattern: slices.Concat(s.folder, s.rest), limit: a.limit, pulse: pulse, Glance: true}, id)
			answered()
			found = len(images.Paths)
		} else {
			found, err = a.folders(ctx, s, id)
		}
		switch {
		case err != nil:
			return answer{} // nothing is certain
		case found > 0:
			return answer{true, true}
		}
		got.sure = got.sure || s.Match == ""
	}
	return got
}

// folders counts the folders that a number has.
func (a *acquaintance) folders(ctx context.Context, s *source, id string) (int, error) {
	at, err := parseSource(s.Source)
	if err != nil {
		return 0, err
	}
	segments, err := fill(at.folder, valuesOf(id, ""), true)
	if err != nil {
		return 0, nil // no folder has such a name
	}
	w := walker{left: a.limit, trouble: func(trouble, string) {}}
	homes, err := w.patientFolders(ctx, s.place.root, segments)
	return len(homes), err
}
