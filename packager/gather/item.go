package gather

import (
	"path"
	"slices"
	"strings"

	"chartseal/order"
)

// formatPDF is the Item.Format of files that have pages.
const formatPDF = "pdf"

// meeting is a file that was met, whatever became of it.
type meeting struct {
	kind string
	rel  string // below its source's folder, as Reason.Items shows it
	own  string // below the patient's folder
}

// meet remembers a file when the order names files.
func (c *collector) meet(src *source, rel, name string) {
	if len(c.req.Scope.Items) == 0 {
		return
	}
	whole := path.Join(rel, name)
	own := whole
	if src.below != "" && src.below != "." {
		own = strings.TrimPrefix(whole, src.below+"/")
	}
	c.met = append(c.met, meeting{src.Kind, whole, own})
}

// fits finds the files that a name on the order can mean: by their path, or, if
// there are none, by their name alone.
func (c *collector) fits(file string) []meeting {
	key := itemKey(path.Clean(strings.ReplaceAll(file, `\`, "/")))
	var whole, named []meeting
	for _, m := range c.met {
		switch key {
		case itemKey(m.own), itemKey(m.rel):
			whole = append(whole, m)
		case itemKey(path.Base(m.rel)):
			named = append(named, m)
		}
	}
	if len(whole) > 0 {
		return whole
	}
	return named
}

// keepItems leaves only the files that the order names, of the kinds of which it
// names any. What was refused of the others no longer matters, except that a
// file says it is another patient's.
func (c *collector) keepItems() {
	if len(c.req.Scope.Items) == 0 || c.homeless() || len(c.met) == 0 && c.trouble.any() { // something else says more
		return
	}
	named, narrowed := map[string]order.Pages{}, map[string]bool{}
	for _, it := range c.req.Scope.Items {
		switch found := c.fits(it.File); {
		case len(found) == 0:
			c.trouble.add(itemMissing, it.File)
		case len(found) > 1:
			for _, m := range found {
				c.trouble.add(itemUnclear, m.rel)
				narrowed[m.kind] = true
			}
		default:
			m := found[0]
			if _, twice := named[m.rel]; twice {
				c.trouble.add(itemUnclear, m.rel)
			}
			named[m.rel], narrowed[m.kind] = it.Pages, true
		}
	}
	c.narrowed = narrowed
	c.forgive(named, narrowed)
	c.narrow(named, narrowed)
}

// forgive takes back what was said about files that the order does not ask for.
func (c *collector) forgive(named map[string]order.Pages, narrowed map[string]bool) {
	unasked := map[string]bool{}
	for _, m := range c.met {
		if _, ok := named[m.rel]; !ok && narrowed[m.kind] {
			unasked[show(m.rel)] = true
		}
	}
	c.trouble.forgive(func(path string) bool { return unasked[path] })
}

// narrow drops the files that the order does not name.
func (c *collector) narrow(named map[string]order.Pages, narrowed map[string]bool) {
	others := map[string]int{}
	c.found = slices.DeleteFunc(c.found, func(it *Item) bool {
		pages, ok := named[it.Path]
		switch {
		case !ok && narrowed[it.Kind]:
			others[it.Kind]++
			return true
		case !ok:
			return false
		case len(pages) > 0 && it.Format != formatPDF:
			c.trouble.add(itemPages, it.Path)
		case !c.inScope(it.Date):
			c.trouble.add(itemOutside, it.Path)
		}
		it.Pages = pages
		return false
	})
	kinds := make([]string, 0, len(narrowed))
	for kind := range narrowed {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		c.notice(others[kind], "Of the "+plural(kind)+" only those that the order names go; 1 other was left out.",
			"Of the "+plural(kind)+" only those that the order names go; %d others were left out.")
	}
}

// forgive takes back the findings about some files: that they cannot be read or
// cleaned, not whose they are.
func (f *findings) forgive(unasked func(path string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for t := range troubles {
		if words[t].rule != "R11" && t != unclearPatient || len(f.items[t]) == 0 {
			continue
		}
		f.items[t] = slices.DeleteFunc(f.items[t], unasked)
		f.seen[t] = len(f.items[t]) > 0
	}
}
