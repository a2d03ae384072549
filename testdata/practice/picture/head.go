package picture

import (
	"math"
)

// Head is a synthetic head between chin and nasal cavity, described in
// millimetres in the patient's coordinate system: x to the left, y to the
// back, z to the top (DICOM PS3.3 C.7.6.2.1.1). The occlusal plane is z = 0.
// It can be asked for slices by several goroutines at once.
type Head struct {
	seed  uint64
	bone  *field
	soft  *field
	grain grain
	teeth []tooth
	metal []metal
}

// Hounsfield units, or what a cone-beam scanner gives in their place.
const (
	huAir       = -1000
	huFat       = -95
	huSkin      = 70
	huMuscle    = 50
	huCortical  = 1450
	huSpongy    = 430
	huDentin    = 1750
	huEnamel    = 2750
	huPulp      = 120
	huLigament  = 250
	huCeramic   = 2950
	huMetal     = 3071
	huDisc      = 90
	huSpineBody = 260
)

// Extent is the field of view in millimetres: a square of the width W around
// the axis, and the height between Bottom and Top.
const (
	HeadWidth  = 190.0
	HeadBottom = -42.0
	HeadTop    = 48.0
)

// HeadOptions chooses what is in the mouth.
type HeadOptions struct {
	Missing []int // teeth to leave out, by ISO 3950 number
	Implant []int // teeth replaced by an implant with a crown
	Filled  []int // teeth with an amalgam filling
	Young   bool  // no third molars
}

// NewHead prepares a head. The seed moves noise and small variations.
func NewHead(seed uint64, o HeadOptions) *Head {
	h := &Head{seed: seed, bone: newField(seed), soft: newField(seed + 1), grain: newGrain(seed)}
	h.teeth, h.metal = placeTeeth(seed, o)
	return h
}

// slice is one axial picture while it is drawn. vox is the edge of a pixel in
// millimetres; px holds Hounsfield units, row by row from front to back.
type slice struct {
	h      *Head
	px     []float32
	n      int
	vox, z float64
}

// Slice draws the axial slice at height z (mm) into dst, which holds size by
// size pixels: Hounsfield units plus 1024, clipped to 12 bits. The number of
// the slice chooses its noise.
func (h *Head) Slice(dst []uint16, size int, z float64, number int) {
	h.Expose(dst, h.Draw(size, z), size, number)
}

// Draw makes the slice at height z without noise, in Hounsfield units.
func (h *Head) Draw(size int, z float64) []float32 {
	s := &slice{h: h, px: make([]float32, size*size), n: size, vox: HeadWidth / float64(size), z: z}
	s.skin()
	s.spaces()
	s.spine()
	s.skull()
	s.jaws()
	for i := range h.teeth {
		s.tooth(&h.teeth[i])
	}
	s.streaks()
	return s.px
}

// Expose adds noise to a drawn slice, cuts the scanner's cylinder and converts.
func (h *Head) Expose(dst []uint16, drawn []float32, size, number int) {
	const sigma = 32
	half := float64(size) / 2
	for j := range size {
		tile, shift := h.grain.row(j, number)
		y := float64(j) + 0.5 - half
		reach := math.Sqrt(max(0, (half-0.7)*(half-0.7)-y*y))
		left, right := int(half-reach), int(half+reach)
		for i := range size {
			at := j*size + i
			if i < left || i > right {
				dst[at] = 24
				continue
			}
			v := drawn[at] + sigma*tile[(i+shift)&(grainEdge-1)] + 1024
			dst[at] = uint16(max(0, min(4095, v)))
		}
	}
}

func (s *slice) pos(i int) float64 { return (float64(i)+0.5)*s.vox - HeadWidth/2 }

func (s *slice) index(mm float64) int {
	return int(clamp(math.Floor((mm+HeadWidth/2)/s.vox), 0, float64(s.n)))
}

// paint lays a material over the box: inside tells the signed distance (mm,
// positive inside) and value the density; edges are blended over one voxel.
func (s *slice) paint(x0, y0, x1, y1 float64, inside func(x, y float64) float64, value func(x, y float64) float64) {
	soft := 1 / (s.vox * 1.3)
	i0, i1 := s.index(x0), s.index(x1+s.vox)
	for j := s.index(y0); j < s.index(y1+s.vox); j++ {
		y := s.pos(j)
		for i := i0; i < i1; i++ {
			x := s.pos(i)
			c := inside(x, y)*soft + 0.5
			if c <= 0 {
				continue
			}
			p := &s.px[j*s.n+i]
			if c >= 1 {
				*p = float32(value(x, y))
				continue
			}
			*p += float32(c) * (float32(value(x, y)) - *p)
		}
	}
}

func flat(hu float64) func(x, y float64) float64 {
	return func(float64, float64) float64 { return hu }
}

// ellipse is the signed distance into an ellipse, good near its edge.
func ellipse(cx, cy, a, b float64) func(x, y float64) float64 {
	return func(x, y float64) float64 { return inEllipse(x-cx, y-cy, a, b) }
}

func inEllipse(x, y, a, b float64) float64 {
	u, v := x/a, y/b
	f := math.Sqrt(u*u + v*v)
	g := math.Sqrt(u*u/(a*a) + v*v/(b*b))
	if g < 1e-9 {
		return min(a, b)
	}
	return f * (1 - f) / g
}

// ball paints the cut of an ellipsoid with a given density.
func (s *slice) ball(cx, cy, cz, a, b, c, hu float64) {
	t := (s.z - cz) / c
	if t*t >= 1 {
		return
	}
	k := math.Sqrt(1 - t*t)
	s.paint(cx-a*k, cy-b*k, cx+a*k, cy+b*k, ellipse(cx, cy, a*k, b*k), flat(hu))
}
