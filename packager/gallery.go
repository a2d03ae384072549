package packager

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"chartseal/packager/bundle"
	"chartseal/packager/bundle/dicomdir"
	"chartseal/packager/gather"
	"chartseal/packager/thumbnail"
	"chartseal/redact"
	"chartseal/redact/dicomfile"
)

// Bounds of the thumbnails in START-HERE.html. The newest go first; the others
// are listed without one.
const (
	maxRadiographs = 60
	maxVolumes     = 20
	maxPainters    = 2                // at a time: each may hold a decoded picture
	drawingTime    = 3 * time.Second  // for one
	galleryTime    = 20 * time.Second // for all
)

// gallery remembers the pictures among the DICOM files that were packed, to
// choose those of which START-HERE.html shows a thumbnail.
type gallery struct {
	item     int // that is being packed
	kind     string
	date     string
	pictures []picture
}

// picture is what one packed file says of its picture, after cleaning.
type picture struct {
	item     int
	date     string
	volume   bool   // a slice of one, or all of it
	series   string // of a slice; "" for a picture of its own
	of       int    // slices in that series
	position []float64
	normal   []float64 // of the slice's plane
	number   int
}

// packing says which record comes next.
func (g *gallery) packing(i int, it *gather.Item) { g.item, g.kind, g.date = i, it.Kind, it.Date }

// identify tells the bundle's index what a cleaned file says about itself.
func (g *gallery) identify(ctx context.Context, head redact.Source) (dicomdir.Instance, error) {
	id, err := dicomfile.IdentifyHead(ctx, head)
	if err != nil {
		return dicomdir.Instance{}, err
	}
	if id.Rows > 0 && id.Columns > 0 {
		g.pictures = append(g.pictures, g.picture(id))
	}
	return instanceOf(id), nil
}

func (g *gallery) picture(id *dicomfile.Identity) picture {
	p := picture{item: g.item, date: g.date}
	p.number, _ = strconv.Atoi(strings.TrimSpace(id.InstanceNumber)) // 0 if it is no number
	placed := id.Position != "" && id.Orientation != ""
	p.volume = placed || g.kind == "cbct" || slices.Contains(tomographic, id.Modality)
	if id.Frames > 1 || !p.volume {
		return p
	}
	p.series = id.StudyUID + "\x00" + id.SeriesUID
	p.position = numbers(id.Position, 3)
	if o := numbers(id.Orientation, 6); o != nil {
		p.normal = []float64{o[1]*o[5] - o[2]*o[4], o[2]*o[3] - o[0]*o[5], o[0]*o[4] - o[1]*o[3]}
	}
	return p
}

// tomographic are the modalities whose files are slices or volumes (PS3.3 section
// C.7.3.1.1.1).
var tomographic = []string{"CT", "MR", "PT", "NM"}

// numbers reads n values of a decimal string (PS3.5 section 6.2); nil if they are
// not there.
func numbers(s string, n int) []float64 {
	parts := strings.Split(s, `\`)
	if len(parts) != n {
		return nil
	}
	out := make([]float64, n)
	for i, part := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		out[i] = v
	}
	return out
}

// chosen are the pictures of which there is a thumbnail: every one that stands
// for itself, and the middle slice of every series, the newest first.
func (g *gallery) chosen() []picture {
	var single, middle []picture
	stacks := map[string][]picture{}
	var order []string
	for _, p := range g.pictures {
		switch {
		case p.series == "" && p.volume:
			middle = append(middle, p)
			continue
		case p.series == "":
			single = append(single, p)
			continue
		case stacks[p.series] == nil:
			order = append(order, p.series)
		}
		stacks[p.series] = append(stacks[p.series], p)
	}
	for _, series := range order {
		middle = append(middle, middleOf(stacks[series]))
	}
	return append(newest(single, maxRadiographs), newest(middle, maxVolumes)...)
}

func newest(list []picture, n int) []picture {
	slices.SortStableFunc(list, func(a, b picture) int { return cmp.Compare(b.date, a.date) })
	return list[:min(n, len(list))]
}

// middleOf gives the slice in the middle of a series: by where it lies along the
// normal of the first one's plane (PS3.3 section C.7.6.2.1.1), else by instance
// number.
func middleOf(stack []picture) picture {
	normal := stack[0].normal
	placed := normal != nil && !slices.ContainsFunc(stack, func(p picture) bool { return p.position == nil })
	along := func(p picture) float64 {
		return p.position[0]*normal[0] + p.position[1]*normal[1] + p.position[2]*normal[2]
	}
	slices.SortStableFunc(stack, func(a, b picture) int {
		if placed {
			return cmp.Or(cmp.Compare(along(a), along(b)), cmp.Compare(a.number, b.number))
		}
		return cmp.Compare(a.number, b.number)
	})
	middle := stack[len(stack)/2]
	middle.of = len(stack)
	return middle
}

// show has thumbnails drawn of the pictures that were packed. The records are
// opened and cleaned once more, as the middle slice of a series is known only at
// its end. Whatever cannot be drawn, or not in time, has no thumbnail.
func (p *Plan) show(ctx context.Context, c *gather.Collection, b *bundle.Writer, g *gallery) error {
	within, stop := context.WithTimeout(ctx, cmp.Or(p.gallery, galleryTime))
	defer stop()
	list := g.chosen()
	drawn := make([]*thumbnail.Image, len(list))
	var painters errgroup.Group
	painters.SetLimit(maxPainters)
	for i, one := range list {
		painters.Go(func() error {
			if within.Err() == nil {
				drawn[i] = p.drawn(within, &c.Items[one.item])
			}
			return nil
		})
	}
	_ = painters.Wait() // what fails has no thumbnail
	for i, one := range list {
		if t := drawn[i]; t != nil {
			b.Show(one.item, bundle.Thumbnail{
				JPEG: t.JPEG, Width: t.Width, Height: t.Height,
				Slice: one.volume && one.of != 1, Series: one.of > 1,
			})
		}
	}
	return ctx.Err()
}

// drawn cleans a record again and draws it; nil if that does not work, or if the file
// is not the one that was packed: it may be somebody else's by now.
func (p *Plan) drawn(ctx context.Context, it *gather.Item) *thumbnail.Image {
	ctx, stop := context.WithTimeout(ctx, cmp.Or(p.drawing, drawingTime))
	defer stop()
	f, err := it.Open(ctx)
	if err != nil {
		return nil
	}
	t := p.draw(ctx, it, f)
	if f.Close() != nil {
		return nil
	}
	return t
}

func (p *Plan) draw(ctx context.Context, it *gather.Item, f *gather.File) *thumbnail.Image {
	out, err := p.cleanAs(ctx, it, f)
	if err != nil {
		return nil
	}
	defer func() { _ = out.Body.Close() }() // only read
	src, ok := out.Body.(redact.Source)
	if !ok {
		return nil
	}
	t, err := thumbnail.Draw(ctx, src)
	if err != nil {
		return nil
	}
	return t
}
