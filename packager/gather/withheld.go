package gather

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"chartseal/order"
)

// Withheld is what an order denies (45 CFR 164.524(d)(1): the rest goes): whole kinds,
// and files by their names below the patient's folder. A name may be a glob, and that
// of a folder means all that is in it. What is withheld is not looked at.
type Withheld struct {
	Kinds []string
	Files []string
}

// deniedPart is the rule about what an order denies.
const deniedPart = "R17"

// withholds reports whether a file is among what the order denies.
func (c *collector) withholds(src *source, rel string) bool {
	below := rel
	if src.below != "" && src.below != "." {
		below = strings.TrimPrefix(rel, src.below+"/")
	}
	kept := slices.Contains(c.req.Withheld.Kinds, src.Kind)
	for i, name := range c.req.Withheld.Files {
		name = itemKey(strings.TrimPrefix(strings.TrimSpace(name), "./"))
		if means(name, itemKey(rel)) || means(name, itemKey(below)) || name == itemKey(path.Base(rel)) {
			c.keptBy[i] = append(c.keptBy[i], rel)
			kept = true
		}
	}
	if kept {
		c.keptBack[src.Kind]++
	}
	return kept
}

// means says that a name is that of a file, or of a folder it lies in. The brackets
// and braces of a file's own name are taken as they are, too.
func means(name, file string) bool {
	for at := file; at != "." && at != "/"; at = path.Dir(at) {
		if name == at || strings.TrimSuffix(name, "/") == at {
			return true
		}
		if strings.ContainsAny(name, "*?") && doublestar.MatchUnvalidated(name, at) {
			return true
		}
	}
	return false
}

// checkWithheld holds an order that denies files by names which say nothing, or not
// clearly what: the part that is denied might go.
func (c *collector) checkWithheld() {
	var unknown []string
	for i, name := range c.req.Withheld.Files {
		kept := slices.Clone(c.keptBy[i])
		switch bare := !strings.ContainsAny(name, `*?/\`); {
		case len(kept) == 0 && !c.decided.about(order.ReleaseItem, deniedPart, name):
			unknown = append(unknown, name)
		case bare && len(kept) > 1 && slices.ContainsFunc(kept, func(p string) bool { return itemKey(path.Base(p)) == itemKey(name) }):
			slices.Sort(kept)
			c.out.Problems = append(c.out.Problems, hold(deniedPart,
				strconv.Itoa(len(kept))+" files are called "+name+", which the order denies (denial.files). Nothing was sent. Write the folder before the name, as it is listed here.", kept))
		}
	}
	if len(unknown) == 0 {
		return
	}
	r := hold(deniedPart, "The order denies a file that is not among the records it asks for, so that the denied part might go under another name. Nothing was sent. "+
		"Correct the name under denial.files: it begins below the patient's folder. Or let an approver who made sure that the part does not go decide (a decision on R17).", unknown)
	r.May = []order.RulingChoice{order.ReleaseItem}
	c.out.Problems = append(c.out.Problems, r)
}

// keptBackNotice counts what was withheld, for the receipt.
func (c *collector) keptBackNotice() {
	n := 0
	for _, k := range c.keptBack {
		n += k
	}
	c.notice(n, "1 record was kept back: the order denies it.", "%d records were kept back: the order denies them.")
}
