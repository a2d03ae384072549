package gather

import (
	"path/filepath"
	"slices"
	"strings"
)

// unasked is a source of a kind that the order does not ask for.
type unasked struct {
	n       int    // 0-based position in the configuration
	root    string // private, with slashes
	pattern []segment
}

// leaveUnasked remembers a source that is not searched. Its files are of its kind also where a
// later source finds them: who asks for charts gets no bills because they lie beside them.
func (c *collector) leaveUnasked(n int, s Source, at layout, v values) {
	if s.Match != "" {
		return // what is of a shared folder, the images tell
	}
	pattern, err := fill(slices.Concat(at.folder, at.rest), v, strings.Contains(s.Path, "{patient.id}"))
	if err == nil {
		c.unasked = append(c.unasked, unasked{n, filepath.ToSlash(at.root), pattern})
	}
}

// ofOtherKind reports whether a file is of an earlier source, whose kind is not asked for.
func (c *collector) ofOtherKind(src *source, rel string) bool {
	whole := filepath.ToSlash(filepath.Join(src.place.name, filepath.FromSlash(rel)))
	return slices.ContainsFunc(c.unasked, func(u unasked) bool {
		below, ok := strings.CutPrefix(whole, strings.TrimSuffix(u.root, "/")+"/")
		if !ok || u.n > src.n {
			return false
		}
		at := reach(u.pattern, positions{0})
		for name := range strings.SplitSeq(below, "/") {
			at = step(u.pattern, at, name)
		}
		return done(u.pattern, at)
	})
}
