package gather

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"

	"chartseal/order"
)

// Arrivals looks through the patient's folders once more, after everything in them has
// been read. What came meanwhile, such as the rest of a volume that is being exported,
// would be missing without anybody knowing: the reasons hold the order. The error is as of
// [Collect]. It must not be called after Close.
func (c *Collection) Arrivals(ctx context.Context) ([]order.Reason, error) {
	if c.again == nil {
		return nil, nil
	}
	return c.again(ctx)
}

func (c *collector) arrivals(ctx context.Context) ([]order.Reason, error) {
	var late findings
	for _, src := range c.sources {
		if c.narrowed[src.Kind] || slices.Contains(c.req.Withheld.Kinds, src.Kind) { // nothing else of it goes
			continue
		}
		err := c.lookAgain(ctx, src, &late)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, ErrTooMany):
			late.add(tooMany, "")
		default:
			return nil, &SourceError{src.n + 1, src.Kind, bare(err)}
		}
	}
	reasons, _ := late.reasons(c.decided)
	return reasons, nil
}

func (c *collector) lookAgain(ctx context.Context, src *source, late *findings) error {
	refuse := func(t trouble, rel string) {
		if !c.leaveOut[itemKey(rel)] {
			late.add(t, rel)
		}
	}
	PulseOf(ctx).at(src.place.name)
	if src.Match == MatchDICOM {
		return c.searchAgain(ctx, src, refuse)
	}
	search := walker{left: c.req.Limits.Search, trouble: refuse}
	homes, err := search.patientFolders(ctx, src.place.root, src.folder)
	if err != nil {
		return err
	}
	for _, home := range homes {
		if home != src.below {
			refuse(arrived, home)
		}
	}
	if src.below == "" {
		return nil
	}
	dir, err := enterPath(ctx, src.place.root, src.below)
	if err != nil {
		refuse(unreadableFolder, src.below)
		return nil // reported as trouble of this folder
	}
	defer dir.Close() //nolint:errcheck // a folder that was only read
	w := walker{left: c.req.Limits.Entries, trouble: refuse}
	w.files = func(_ *os.Root, rel string, names []string) error {
		for _, name := range names {
			c.arrive(src, path.Join(rel, name), refuse)
		}
		return nil
	}
	rel := src.below
	if rel == "." {
		rel = ""
	}
	return w.walk(ctx, dir, rel, src.rest, reach(src.rest, positions{0}), 0)
}

func (c *collector) arrive(src *source, rel string, refuse func(trouble, string)) {
	if !c.seen[filepath.Join(src.place.name, filepath.FromSlash(rel))] && !src.ofOtherKind(rel) {
		refuse(arrived, rel)
	}
}

// searchAgain asks the index of a shared folder; without one every header would be read
// once more.
func (c *collector) searchAgain(ctx context.Context, src *source, refuse func(trouble, string)) error {
	if c.req.Index == nil {
		return nil
	}
	answered := PulseOf(ctx).ask()
	found, err := c.req.Index.Find(ctx, c.shared(ctx, src), c.req.Patient.ID)
	answered()
	for _, rel := range found.Paths {
		c.arrive(src, rel, refuse)
	}
	return err
}
