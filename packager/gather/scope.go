package gather

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"chartseal/order"
)

// checkPatient compares the identity inside every file with the order,
// whatever its date: a misfiled image means that the folder is not to be
// trusted.
func (c *collector) checkPatient() {
	c.found = slices.DeleteFunc(c.found, func(it *Item) bool {
		if it.Identity == nil {
			return false
		}
		t := whose(c.req.Patient, it.Identity)
		if t == unclearPatient && (!c.inScope(it.Date) || c.decided.about(order.ReleaseItem, "R35", it.Path)) {
			t = noTrouble
		}
		if t != noTrouble {
			c.trouble.add(t, it.Path)
		}
		switch id := it.Identity; {
		case t == otherPatient:
			c.out.Strangers = append(c.out.Strangers, it.Path)
		case t == unclearPatient && order.Contradicts(c.req.Patient, id.PatientName, id.BirthDate):
			c.out.Doubtful = append(c.out.Doubtful, it.Path)
		}
		return t != noTrouble
	})
}

func (c *collector) inScope(day string) bool {
	from, to := c.req.Scope.From.String(), c.req.Scope.To.String()
	return (from == "" || day >= from) && (to == "" || day <= to)
}

// keepScope leaves out what lies outside the dates of the order.
func (c *collector) keepScope() {
	outside, guessed := 0, 0
	c.found = slices.DeleteFunc(c.found, func(it *Item) bool {
		if c.inScope(it.Date) {
			return false
		}
		outside++
		if it.DateSource == DateModified {
			guessed++
		}
		return true
	})
	c.notice(outside, "1 record outside the dates asked for was left out.", "%d records outside the dates asked for were left out.")
	c.notice(guessed, "1 of them carries no date; the day its file was last changed was taken.", "%d of them carry no date; the day their file was last changed was taken.")
}

func (c *collector) notice(n int, one, many string) {
	switch {
	case n == 1:
		c.out.Notices = append(c.out.Notices, one)
	case n > 1:
		c.out.Notices = append(c.out.Notices, fmt.Sprintf(many, n))
	}
}

// checkKinds holds an order that asks for a kind of which there is nothing.
// Where files were refused, their own reasons say more.
func (c *collector) checkKinds() {
	if c.decided.waives("R11") {
		return
	}
	kinds := slices.Compact(slices.Sorted(slices.Values(c.req.Scope.Kinds)))
	for _, kind := range kinds {
		switch {
		case kind != order.AllKinds && !c.configured(kind):
			c.problem("R11", fmt.Sprintf("The order asks for %s, and the configuration names no folder for them. Nothing was sent. Take them off the order, or ask IT to add their folder.", plural(kind)))
		case c.trouble.any() || c.has(kind) || c.homeless(): // something else says more
		case c.keptBack[kind] > 0 && len(c.found) > 0: // it is what the order denies
		case c.leftOut > 0:
			c.problem("R11", fmt.Sprintf("The order asks for %s; none were found%s beside what a named person decided to leave out. Nothing was sent. Take them off the order, or check the patient, the dates and the decisions on it.", plural(kind), c.period()))
		default:
			c.problem("R11", fmt.Sprintf("The order asks for %s; none were found%s. Nothing was sent. Check the patient and the dates on the order, or take them off it.", plural(kind), c.period()))
		}
	}
}

func (c *collector) problem(rule, message string) {
	r := hold(rule, message, nil)
	r.May = []order.RulingChoice{order.ReleaseItem} // the rest goes without
	c.out.Problems = append(c.out.Problems, r)
}

func (c *collector) configured(kind string) bool {
	return slices.ContainsFunc(c.req.Sources, func(s Source) bool { return s.Kind == kind })
}

func (c *collector) has(kind string) bool {
	return slices.ContainsFunc(c.found, func(it *Item) bool { return kind == order.AllKinds || it.Kind == kind })
}

func (c *collector) period() string {
	var b strings.Builder
	if from := c.req.Scope.From; !from.IsZero() {
		b.WriteString(" from " + from.Words())
	}
	if to := c.req.Scope.To; !to.IsZero() {
		b.WriteString(" to " + to.Words())
	}
	return b.String()
}

// plural is a kind of records in words (DESIGN §1).
func plural(kind string) string {
	names := map[string]string{
		order.AllKinds: "records", "chart": "charts", "treatment_plan": "treatment plans",
		"consent": "consent forms", "billing": "billing records", "lab": "lab records",
		"implant": "implant records", "radiograph": "radiographs", "cbct": "CBCT volumes",
		"scan": "scans", "photo": "photographs", "model": "models",
	}
	return cmp.Or(names[kind], strings.ReplaceAll(kind, "_", " ")+" records")
}

// countStrays tells of files in the patient's folder that no source covers,
// when the order asks for everything.
func (c *collector) countStrays(ctx context.Context) error {
	if !slices.Contains(c.req.Scope.Kinds, order.AllKinds) {
		return nil
	}
	strays := 0
	visited := map[string]bool{}
	for _, src := range c.sources {
		home := path.Join(src.place.name, src.below)
		if src.below == "" || src.below == "." || visited[home] {
			continue
		}
		visited[home] = true
		n, err := c.straysOf(ctx, src)
		if err != nil {
			return err
		}
		strays += n
	}
	c.notice(strays, "1 file in the patient's folder belongs to no source in the configuration and was not looked at.",
		"%d files in the patient's folder belong to no source in the configuration and were not looked at.")
	return nil
}

func (c *collector) straysOf(ctx context.Context, src *source) (int, error) {
	dir, err := enterPath(ctx, src.place.root, src.below)
	if err != nil {
		return 0, nil // already reported as trouble of this folder
	}
	defer dir.Close() //nolint:errcheck // a folder that was only read
	strays := 0
	w := walker{left: c.req.Limits.Entries, trouble: func(trouble, string) {}}
	w.files = func(_ *os.Root, rel string, names []string) error {
		for _, name := range names {
			if !c.seen[filepath.Join(src.place.name, filepath.FromSlash(rel), name)] {
				strays++
			}
		}
		return nil
	}
	all := []segment{{deep: true}}
	err = w.walk(ctx, dir, src.below, all, reach(all, positions{0}), 0)
	if errors.Is(err, ErrTooMany) {
		c.trouble.add(tooMany, "")
		return 0, nil
	}
	return strays, err
}

// finish puts everything in its final order and numbers the items.
func (c *collector) finish() {
	if c.homeless() {
		c.trouble.add(noFolder, "")
	}
	reasons, waived := c.trouble.reasons(c.decided)
	c.leftOut += waived
	c.out.Problems = append(reasons, c.out.Problems...)
	slices.SortFunc(c.found, func(a, b *Item) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.Path, b.Path))
	})
	undated := 0
	for i, it := range c.found {
		it.N = i + 1
		if it.DateSource == DateModified {
			undated++
		}
		c.out.Items = append(c.out.Items, *it)
	}
	c.notice(undated, "1 record carries no date; the day its file was last changed was taken.", "%d records carry no date; the day their file was last changed was taken.")
	c.keptBackNotice()
	c.notice(c.leftOut, "1 record was left out by a person's decision.", "%d records were left out by a person's decision.")
	c.notice(c.discIndexes, "1 disc index (DICOMDIR) was left out; the bundle has its own.", "%d disc indexes (DICOMDIR) were left out; the bundle has its own.")
	minutes := int((c.unseen + time.Minute - 1) / time.Minute)
	c.notice(minutes, "A shared image folder is too large to be looked through for every order: an image in it that was changed in place within the last minute may be missing.",
		"A shared image folder is too large to be looked through for every order: an image in it that was changed in place within the last %d minutes may be missing.")
	c.notice(c.unreadable, "1 file in a shared image folder could not be tied to any patient and was passed over.", "%d files in a shared image folder could not be tied to any patient and were passed over.")
}

// homeless reports whether the practice does not seem to know the patient.
func (c *collector) homeless() bool {
	searched := slices.ContainsFunc(c.sources, func(s *source) bool { return s.Match == "" && len(s.folder) > 0 })
	return searched && c.homes == 0 && len(c.found) == 0 && !c.trouble.any()
}
