package gather

import (
	"path/filepath"
	"slices"
	"strings"
)

// unasked is a source of a kind that the order does not ask for.
type unasked struct {
	root    string // private, with slashes
	pattern []segment
}

// leaveUnasked remembers a source that is not searched. Its files are of its kind also where a
// later source finds them: who asks for charts gets no bills because they lie beside them.
func (c *collector) leaveUnasked(s Source, at layout, v values) {
	if s.Match != "" {
		return // what is of a shared folder, the images tell
	}
	pattern, err := fill(slices.Concat(at.folder, at.rest), v, strings.Contains(s.Path, "{patient.id}"))
	if err == nil {
		c.unasked = append(c.unasked, unasked{filepath.ToSlash(at.root), pattern})
	}
}

// others are the earlier sources whose files are not of this one. A source that finds all
// that this one can is none: nothing would be left of a kind that is asked for, and nobody
// would know.
func (c *collector) others(src *source) []unasked {
	return slices.DeleteFunc(slices.Clone(c.unasked), func(u unasked) bool {
		return u.has(src.example(0)) && u.has(src.example(2))
	})
}

// ofOtherKind reports whether a file is of an earlier source, whose kind is not asked for.
func (s *source) ofOtherKind(rel string) bool {
	whole := filepath.ToSlash(filepath.Join(s.place.name, filepath.FromSlash(rel)))
	return slices.ContainsFunc(s.others, func(u unasked) bool { return u.has(whole) })
}

// has reports whether the source would find a file.
func (u unasked) has(whole string) bool {
	below, ok := strings.CutPrefix(whole, strings.TrimSuffix(u.root, "/")+"/")
	if !ok {
		return false
	}
	at := reach(u.pattern, positions{0})
	for name := range strings.SplitSeq(below, "/") {
		at = step(u.pattern, at, name)
	}
	return done(u.pattern, at)
}

// anyName stands in a name for what only a wildcard matches.
const anyName = "\x01"

// example is the path of a file that the source finds, with so many folders for every **.
func (s *source) example(deep int) string {
	path := []string{strings.TrimSuffix(filepath.ToSlash(s.place.name), "/")}
	for _, seg := range slices.Concat(s.folder, s.rest) {
		if !seg.deep {
			path = append(path, strings.NewReplacer("*", anyName, "?", anyName).Replace(seg.alts[0]))
			continue
		}
		path = append(path, slices.Repeat([]string{anyName}, deep)...)
	}
	if n := len(s.rest); n > 0 && s.rest[n-1].deep { // what lies there has a name
		path = append(path, anyName)
	}
	return strings.Join(path, "/")
}
