package gather

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"chartseal/order"

	"golang.org/x/sync/errgroup"
)

// source is a configured source that the order asks for, ready to search.
type source struct {
	Source
	n      int // 0-based position in the configuration
	place  *place
	folder []segment
	rest   []segment
	below  string // the patient's folder, once found

	numbered []segment // the way to it by the number alone, see byNumber
	others   []unasked // earlier sources, whose files are not of this one
}

// collector gathers for one request.
type collector struct {
	req     Request
	out     *Collection
	birth   string
	zone    *time.Location
	sources []*source
	unasked []unasked

	mu          sync.Mutex
	found       []*Item
	trouble     findings
	seen        map[string]bool // private: absolute paths looked at
	decided     decisions
	leaveOut    map[string]bool   // by itemKey
	met         []meeting         // every file met, if the order names files
	narrowed    map[string]bool   // kinds of which the order names the files that go
	meant       []map[*place]bool // by decision: the folders of the files it names
	leftOut     int
	keptBack    map[string]int   // what the order denies, by kind
	keptBy      map[int][]string // private: files by the name of Withheld.Files that means them
	discIndexes int
	unreadable  int // in shared folders
	unseen      time.Duration
	entries     int // still allowed in the patient's folders
	homes       int // sources whose patient's folder exists
}

func newCollector(req Request) *collector {
	req.Limits.Entries = cmp.Or(req.Limits.Entries, 200_000)
	req.Limits.Search = cmp.Or(req.Limits.Search, 20_000_000)
	req.Limits.Workers = cmp.Or(req.Limits.Workers, 4)
	c := &collector{
		req: req, out: &Collection{}, birth: req.Patient.BirthDate.String(),
		zone: cmp.Or(req.Zone, time.Local), entries: req.Limits.Entries,
		keptBack: map[string]int{}, keptBy: map[int][]string{},
		seen: map[string]bool{}, decided: req.Decisions, leaveOut: decisions(req.Decisions).leftOut(req.LeaveOut),
		meant: make([]map[*place]bool, len(req.Decisions)),
	}
	return c
}

func (c *collector) count(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

// openSources opens the folder of every source that the order asks for.
func (c *collector) openSources(ctx context.Context) error {
	v := valuesOf(c.req.Patient.ID, c.req.Patient.Name)
	for i, s := range c.req.Sources {
		at, err := parseSource(s)
		if err != nil {
			return &SourceError{i + 1, s.Kind, err}
		}
		if !asksFor(c.req.Scope.Kinds, s.Kind) && !slices.Contains(c.req.Withheld.Kinds, s.Kind) { // whose files another source may find, too
			c.leaveUnasked(s, at, v)
			continue
		}
		src := &source{Source: s, n: i}
		withID := strings.Contains(s.Path, "{patient.id}")
		folder, err1 := fill(at.folder, v, withID)
		rest, err2 := fill(at.rest, v, withID)
		if err1 != nil || err2 != nil {
			c.trouble.add(noValue, "")
			continue
		}
		src.folder, src.rest, src.numbered = folder, rest, byNumber(at.folder, v)
		if src.place, err = c.open(ctx, at.root); err != nil {
			return &SourceError{i + 1, s.Kind, err}
		}
		src.others = c.others(src)
		c.sources = append(c.sources, src)
	}
	return nil
}

func (c *collector) open(ctx context.Context, folder string) (*place, error) {
	for _, p := range c.out.places {
		if p.name == folder {
			return p, nil
		}
	}
	pulse := PulseOf(ctx)
	pulse.at(folder)
	end := pulse.begin()
	root, err := os.OpenRoot(folder)
	end()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrSourceMissing
	}
	if err != nil {
		return nil, bare(err)
	}
	p := &place{root: root, name: folder}
	c.out.places = append(c.out.places, p)
	return p, nil
}

// asksFor reports whether an order's kinds include one. "all" is every kind
// that the configuration has.
func asksFor(kinds []string, kind string) bool {
	return slices.Contains(kinds, order.AllKinds) || slices.Contains(kinds, kind)
}

// gather looks at the files of one source.
func (c *collector) gather(ctx context.Context, src *source) error {
	PulseOf(ctx).at(src.place.name)
	if src.Match == MatchDICOM {
		return c.gatherShared(ctx, src)
	}
	homes, err := c.search().patientFolders(ctx, src.place.root, src.folder)
	if err == nil {
		err = c.otherNames(ctx, src, homes)
	}
	switch {
	case err != nil:
		return c.searched(ctx, src, err)
	case len(homes) > 1:
		for _, home := range homes {
			c.trouble.add(manyFolders, home)
		}
		return nil
	case len(homes) == 0:
		return nil
	}
	src.below = homes[0]
	return c.gatherHome(ctx, src)
}

// search is a walker on the way to the patient's folder.
func (c *collector) search() walker {
	return walker{left: c.req.Limits.Search, trouble: c.refuse}
}

func (c *collector) refuse(t trouble, rel string) {
	if c.leaveOut[itemKey(rel)] {
		c.count(&c.leftOut)
		return
	}
	c.trouble.add(t, rel)
}

// gatherHome looks at the files in the patient's folder.
func (c *collector) gatherHome(ctx context.Context, src *source) error {
	if len(src.folder) > 0 {
		c.homes++
	}
	dir, err := enterPath(ctx, src.place.root, src.below)
	if err != nil {
		c.refuse(unreadableFolder, src.below)
		return nil // already reported as trouble of this folder
	}
	defer dir.Close() //nolint:errcheck // a folder that was only read
	w := walker{left: c.entries, trouble: c.refuse}
	w.files = func(dir *os.Root, rel string, names []string) error {
		return c.inspectAll(ctx, src, dir, rel, names)
	}
	rel := src.below
	if rel == "." {
		rel = ""
	}
	err = w.walk(ctx, dir, rel, src.rest, reach(src.rest, positions{0}), 0)
	c.entries = max(0, w.left)
	return c.searched(ctx, src, err)
}

// searched sorts out how a search ended.
func (c *collector) searched(ctx context.Context, src *source, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrTooMany):
		c.trouble.add(tooMany, "")
		return nil
	}
	return &SourceError{src.n + 1, src.Kind, bare(err)}
}

// gatherShared looks at this patient's files in a folder of many patients.
func (c *collector) gatherShared(ctx context.Context, src *source) error {
	index := c.req.Index
	if index == nil {
		index = Scan{Identify: c.req.Identify, SniffDICOM: c.req.SniffDICOM, Workers: max(c.req.Limits.Workers, runtime.GOMAXPROCS(0))}
	}
	answered := PulseOf(ctx).ask()
	found, err := index.Find(ctx, c.shared(ctx, src), c.req.Patient.ID)
	answered()
	if err != nil {
		return c.searched(ctx, src, err)
	}
	c.unreadable += found.Unreadable
	c.unseen = max(c.unseen, found.Unseen)
	for _, rel := range found.Closed {
		c.refuse(unreadableFolder, rel) // this patient's images may lie there
	}
	slices.Sort(found.Paths)
	for len(found.Paths) > 0 {
		rel := path.Dir(found.Paths[0])
		n := slices.IndexFunc(found.Paths, func(p string) bool { return path.Dir(p) != rel })
		if n < 0 {
			n = len(found.Paths)
		}
		if err := c.inspectShared(ctx, src, rel, found.Paths[:n]); err != nil {
			return err
		}
		found.Paths = found.Paths[n:]
	}
	return nil
}

// shared is the folder of a source that holds the images of many patients.
func (c *collector) shared(ctx context.Context, src *source) *Folder {
	return &Folder{Name: src.place.name, root: src.place.root, pattern: slices.Concat(src.folder, src.rest), limit: c.req.Limits.Search, pulse: PulseOf(ctx)}
}

func (c *collector) inspectShared(ctx context.Context, src *source, rel string, paths []string) error {
	dir, err := enterPath(ctx, src.place.root, rel)
	if err != nil {
		c.refuse(unreadableFolder, rel)
		return nil // already reported as trouble of this folder
	}
	defer dir.Close() //nolint:errcheck // a folder that was only read
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = path.Base(p)
	}
	return c.inspectAll(ctx, src, dir, rel, names)
}

// inspectAll looks at some files of one folder, several at a time.
func (c *collector) inspectAll(ctx context.Context, src *source, dir *os.Root, rel string, names []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.req.Limits.Workers)
	for _, name := range names {
		if !c.first(src, dir, rel, name) {
			continue
		}
		group.Go(func() error {
			it, err := c.inspect(ctx, src, dir, rel, name)
			return c.settle(ctx, it, err, path.Join(rel, name))
		})
	}
	return group.Wait()
}

// first reports whether a file is to be looked at: not seen with an earlier
// source, not denied by the order, not left out by a decision, not the side file of another.
func (c *collector) first(src *source, dir *os.Root, rel, name string) bool {
	whole := filepath.Join(src.place.name, filepath.FromSlash(rel), name)
	if c.seen[whole] {
		return false
	}
	c.seen[whole] = true
	if src.ofOtherKind(path.Join(rel, name)) {
		return false
	}
	c.meet(src, rel, name)
	c.mean(src, path.Join(rel, name))
	if !isSideFile(name) && c.withholds(src, path.Join(rel, name)) {
		return false
	}
	if c.leaveOut[itemKey(path.Join(rel, name))] {
		c.leftOut++
		return false
	}
	if isSideFile(name) {
		return !c.passesOver(dir, rel, name)
	}
	return true
}

// passesOver reports whether a side file has its record, which reads it. One whose name
// ends in other letters is read only where the file system takes them for the same:
// elsewhere what it says would go unnoticed.
func (c *collector) passesOver(dir *os.Root, rel, name string) bool {
	record := name[:len(name)-len(sideSuffix)]
	if _, err := dir.Lstat(record); err != nil {
		return false
	}
	read, err := dir.Lstat(record + sideSuffix)
	this, thisErr := dir.Lstat(name)
	if err != nil || thisErr != nil || !os.SameFile(read, this) {
		c.refuse(badSideFile, path.Join(rel, name))
	}
	return true
}

// stillThere is an error where files could not be read because their share has gone away
// meanwhile: that is waited for, and nobody can do anything about the files.
func (c *collector) stillThere(ctx context.Context) error {
	if !c.trouble.has(unreadableFile, unreadableFolder, changing) {
		return nil
	}
	for _, src := range c.sources {
		pulse := PulseOf(ctx)
		pulse.at(src.place.name)
		end := pulse.begin()
		now, err := os.Stat(src.place.name)
		then, gone := src.place.root.Stat(".")
		end()
		switch {
		case errors.Is(err, fs.ErrNotExist) || err == nil && gone == nil && !os.SameFile(now, then):
			return &SourceError{src.n + 1, src.Kind, ErrSourceMissing}
		case err != nil || gone != nil:
			return &SourceError{src.n + 1, src.Kind, bare(cmp.Or(err, gone))}
		}
	}
	return nil
}

// settle files the outcome of looking at one file.
func (c *collector) settle(ctx context.Context, it *Item, err error, rel string) error {
	var refused troubleError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &refused):
		c.trouble.add(refused.t, rel)
	case errors.Is(err, ErrChanged):
		c.trouble.add(changing, rel)
	case err != nil:
		c.trouble.add(unreadableFile, rel)
	case it != nil:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.found = append(c.found, it)
	}
	return nil
}
