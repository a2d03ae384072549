package dicomfile

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Mask are the regions in which a device writes text into its pictures. It
// holds for uncompressed pictures of exactly this size from this device, in
// every frame.
type Mask struct {
	Manufacturer, Model string // (0008,0070) and (0008,1090), compared without case
	Rows, Columns       int    // of the picture, in pixels
	Regions             []Region
}

// Region is a rectangle in pixels; Left and Top count from 0 at the upper left.
type Region struct{ Left, Top, Width, Height int }

// Masks are a practice's masks, checked.
type Masks struct {
	list []Mask
	text string // canonical, for the digest
}

// Bounds of masks. A picture's sides are 16-bit numbers (PS3.3 section
// C.7.6.3).
const (
	maxMasks   = 1000
	maxRegions = 64
	maxSide    = 0xFFFF
)

// MaskError says why a mask cannot stand.
type MaskError struct {
	Index   int    // of the mask, from 0
	Problem string // a clause
}

func (e *MaskError) Error() string { return fmt.Sprintf("mask %d: %s", e.Index+1, e.Problem) }

// ParseMasks checks a practice's masks; its error is a *MaskError.
func ParseMasks(list []Mask) (*Masks, error) {
	if len(list) > maxMasks {
		return nil, fmt.Errorf("parse masks: more than %d", maxMasks)
	}
	m := &Masks{}
	var lines []string
	for i, mask := range list {
		if problem := mask.problem(); problem != "" {
			return nil, &MaskError{i, problem}
		}
		if m.find(mask.Manufacturer, mask.Model, mask.Rows, mask.Columns) != nil {
			return nil, &MaskError{i, "the same device and size are there twice"}
		}
		mask.Regions = slices.Clone(mask.Regions)
		m.list = append(m.list, mask)
		lines = append(lines, fmt.Sprintf("mask\t%q\t%q\t%d\t%d\t%v\n",
			fold(mask.Manufacturer), fold(mask.Model), mask.Rows, mask.Columns, mask.Regions))
	}
	slices.Sort(lines)
	m.text = strings.Join(lines, "")
	return m, nil
}

func (m *Mask) problem() string {
	switch {
	case fold(m.Manufacturer) == "" || fold(m.Model) == "":
		return "it names no maker or no model"
	case m.Rows < 1 || m.Rows > maxSide || m.Columns < 1 || m.Columns > maxSide:
		return "the size of the picture is missing or impossible"
	case len(m.Regions) == 0 || len(m.Regions) > maxRegions:
		return fmt.Sprintf("it needs 1 to %d regions", maxRegions)
	}
	for _, r := range m.Regions {
		if r.Left < 0 || r.Top < 0 || r.Width < 1 || r.Height < 1 || r.Left > m.Columns-r.Width || r.Top > m.Rows-r.Height {
			return "a region is empty or does not lie within the picture"
		}
	}
	return ""
}

func fold(s string) string { return strings.ToLower(strings.Trim(s, " \x00")) }

func (m *Masks) find(maker, model string, rows, columns int) *Mask {
	if m == nil {
		return nil
	}
	for i := range m.list {
		x := &m.list[i]
		if x.Rows == rows && x.Columns == columns && fold(x.Manufacturer) == fold(maker) && fold(x.Model) == fold(model) {
			return x
		}
	}
	return nil
}

// device reports masks for any size of a device's pictures.
func (m *Masks) device(maker, model string) bool {
	return slices.ContainsFunc(m.list, func(x Mask) bool {
		return fold(x.Manufacturer) == fold(maker) && fold(x.Model) == fold(model)
	})
}

var maskClass = &class{name: "mask", reason: "regions in which the device writes text into the picture; blacked out"}

// maskAdds are the elements that tell of a mask (PS3.15 section E.3.1, Clean
// Pixel Data Option).
var maskAdds = insertion{0x00280301, vrCS, "NO"}

// findMask looks for the mask of a file. What is in a header decides what is
// written before the picture, so the header is walked once more first.
func (p *plan) findMask(ctx context.Context, m *Masks) error {
	if m == nil || len(m.list) == 0 || !p.rules.deidentifies() {
		return nil
	}
	w := newWalker(ctx, p.file.src)
	defer w.close()
	s := &survey{w: w}
	if _, err := w.root(s, p.file.start, p.file.syn); err != nil {
		return err
	}
	if !m.device(s.f.manufacturer, s.f.model) {
		return nil
	}
	p.maskable = true
	mask := m.find(s.f.manufacturer, s.f.model, s.f.rows, s.f.columns)
	if mask == nil {
		return nil
	}
	if p.mask = newPaint(mask, &s.f, p.file); p.mask == nil {
		return nil
	}
	p.added = slices.Clone(p.added)
	for i := range p.added {
		if p.added[i].tag == 0x00120063 { // DeidentificationMethod, LO, one or more
			p.added[i].value += `\chartseal pixel mask`
		}
		if p.added[i].tag == tagMethodCodes {
			p.added[i].value += `\113101`
		}
	}
	p.added = append(p.added, maskAdds)
	slices.SortFunc(p.added, func(a, b insertion) int { return int(a.tag) - int(b.tag) })
	return nil
}

// survey reads the facts of a file and nothing else.
type survey struct {
	nothing
	w *walker
	f facts
}

func (s *survey) leaf(e *element) error {
	if e.depth > 0 {
		return nil
	}
	return s.f.observe(s.w, e)
}

func (s *survey) enter(*element) (bool, error) { return false, nil }

// maskedFrames says how many frames a picture has, 0 if that is unclear.
func maskedFrames(f *facts) int {
	if f.framesGiven {
		return max(f.frames, 0)
	}
	return 1
}
