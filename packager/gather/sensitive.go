package gather

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"chartseal/order"

	"github.com/bmatcuk/doublestar/v4"
)

// ErrSensitivePattern says that a pattern for sensitive records is not a valid glob.
var ErrSensitivePattern = errors.New("pattern of a sensitive category is not valid")

// CheckSensitive reports every category whose pattern is not valid, joined.
func CheckSensitive(sensitive []Sensitive) error {
	var errs []error
	for _, s := range sensitive {
		if s.Pattern == "" || !doublestar.ValidatePattern(slashed(s.Pattern)) {
			errs = append(errs, fmt.Errorf("category %s: %w", s.Category, ErrSensitivePattern))
		}
	}
	return errors.Join(errs...)
}

func slashed(pattern string) string {
	if filepath.Separator == '\\' {
		return filepath.ToSlash(pattern)
	}
	return pattern
}

// checkSensitive sets the categories of every item and holds the order for
// those it does not expressly include (rules R18 to R20).
func (c *collector) checkSensitive() {
	held := map[string][]string{}
	c.found = slices.DeleteFunc(c.found, func(it *Item) bool {
		it.Categories = c.categories(it)
		for _, category := range it.Categories {
			rule := order.RuleOf(category)
			switch {
			case c.permits(category), rule == anyCategory && c.decided.about(order.ReleaseItem, rule, it.Path):
			case c.decided.about(order.LeaveOut, rule, ""):
				c.leftOut++
				return true
			default:
				held[category] = append(held[category], show(it.Path))
			}
		}
		return false
	})
	for _, category := range slices.Sorted(maps.Keys(held)) {
		items := held[category]
		slices.Sort(items)
		rule := order.RuleOf(category)
		r := hold(rule, sensitiveSentence(rule, category, len(items)), items)
		r.May = []order.RulingChoice{order.LeaveOut}
		if rule == anyCategory {
			r.May = append(r.May, order.ReleaseItem)
		}
		c.out.Problems = append(c.out.Problems, r)
	}
}

// anyCategory is the rule of the categories without a federal law of their own:
// only of these can a person release a record.
const anyCategory = "R20"

func (c *collector) permits(category string) bool {
	return slices.Contains(c.req.Permitted, category) || c.req.Permits != nil && c.req.Permits(category)
}

func sensitiveSentence(rule, category string, n int) string {
	what := fmt.Sprintf("%d records are marked %s, and the order does not include them.", n, category)
	if n == 1 {
		what = fmt.Sprintf("1 record is marked %s, and the order does not include it.", category)
	}
	need := "If the patient gave permission for it, add " + category + " under \"sensitive\" on the order (under authorization.sensitive, if the signed form names it); otherwise an approver can release or leave out each by a decision on the order."
	switch rule {
	case "R18":
		need = "Psychotherapy notes need a signed form for them alone (basis: authorization, with " + category + " as the only word under authorization.sensitive); otherwise leave them out by a decision on the order."
	case "R19":
		need = "Substance-use records need the patient's special consent (part2_consent on the order); otherwise leave them out by a decision on the order."
	}
	return what + " Nothing was sent. " + need
}

// categories errs on the side of a hold: a pattern counts when it fits the
// file or a folder of it below the patient's own, from wherever it is read. The
// side file of a record adds its own.
func (c *collector) categories(it *Item) []string {
	candidates := c.namesOf(it)
	out := slices.Clone(it.marked)
	for _, s := range c.req.Sensitive {
		pattern := fold(slashed(s.Pattern))
		if slices.ContainsFunc(candidates, func(p string) bool { return doublestar.MatchUnvalidated(pattern, p) }) {
			out = append(out, s.Category)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// namesOf lists the folded paths under which a pattern may mean an item:
// absolute, below the source's folder, below the patient's, its bare name, and
// the folders it lies in.
func (c *collector) namesOf(it *Item) []string {
	whole := strings.TrimSuffix(filepath.ToSlash(it.place.name), "/") + "/" + it.Path // path.Join would take one of the two slashes that begin a server's name
	names := []string{whole, it.Path, it.Name}
	below := it.Path
	if home := c.home(it.source); home != "" && home != "." {
		below = strings.TrimPrefix(it.Path, home+"/")
	}
	for ; below != "."; below = path.Dir(below) {
		names = append(names, below, path.Base(below))
	}
	for i, name := range names {
		names[i] = fold(name)
	}
	return names
}

func (c *collector) home(n int) string {
	for _, src := range c.sources {
		if src.n == n {
			return src.below
		}
	}
	return ""
}
