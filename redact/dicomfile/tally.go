package dicomfile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"chartseal/redact"
)

// maxItems bounds the number of different items in a report; a hostile file
// can hold millions of different tags.
const maxItems = 2000

// tally counts what was removed.
type tally struct {
	byTag  map[Tag]*redact.Removal // private groups under their group's tag
	byName map[string]*redact.Removal
	kept   map[Tag]string
}

// stay notes an element that is kept, whatever its depth.
func (t *tally) stay(tag Tag, keyword string) {
	if t.kept == nil {
		t.kept = make(map[Tag]string)
	}
	if _, known := t.kept[tag]; known || len(t.kept) >= maxItems {
		return
	}
	t.kept[tag] = keyword
}

// stayed lists the kept elements by tag.
func (t *tally) stayed() []string {
	out := make([]string, 0, len(t.kept))
	for _, tag := range slices.Sorted(maps.Keys(t.kept)) {
		out = append(out, strings.TrimSpace(tag.String()+" "+t.kept[tag]))
	}
	return out
}

// count notes one removed or changed element, whatever its depth.
func (t *tally) count(e *element, d decision) {
	key := e.tag
	switch d.class.name {
	case "private", "unknown", "curve":
		key = Tag(e.tag.group()) << 16
	case "group-length":
		t.add("group lengths", d.class)
		return
	}
	if r := t.byTag[key]; r != nil && r.Rule == d.class.name {
		r.Count++
		return
	}
	if len(t.byTag) >= maxItems {
		t.add("other elements", d.class)
		return
	}
	if t.byTag == nil {
		t.byTag = make(map[Tag]*redact.Removal)
	}
	if t.byTag[key] != nil { // the same tag under another rule: at depth, and not
		t.add(itemName(e.tag, d), d.class)
		return
	}
	t.byTag[key] = &redact.Removal{Item: itemName(e.tag, d), Rule: d.class.name, Reason: reasonOf(d), Count: 1}
}

// add counts under a name.
func (t *tally) add(item string, c *class) {
	key := item + "\x00" + c.name
	r := t.byName[key]
	if r == nil {
		if t.byName == nil {
			t.byName = make(map[string]*redact.Removal)
		}
		r = &redact.Removal{Item: item, Rule: c.name, Reason: c.reason}
		t.byName[key] = r
	}
	r.Count++
}

func itemName(t Tag, d decision) string {
	switch d.class.name {
	case "private", "unknown", "curve":
		return fmt.Sprintf("%s (%04X,xxxx)", d.class.name, t.group())
	}
	if d.keyword == "" {
		return t.String()
	}
	return t.String() + " " + d.keyword
}

func reasonOf(d decision) string {
	switch d.action {
	case empty:
		return d.class.reason + "; left without a value"
	case newUID, dummy:
		return d.class.reason + "; replaced"
	case shift:
		return d.class.reason + "; moved by a number of days"
	case keep, review, remove:
	}
	return d.class.reason
}

// removals is the sorted report.
func (t *tally) removals() []redact.Removal {
	out := make([]redact.Removal, 0, len(t.byTag)+len(t.byName))
	for _, r := range t.byTag {
		out = append(out, *r)
	}
	for _, r := range t.byName {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b redact.Removal) int {
		return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.Rule, b.Rule))
	})
	return out
}
