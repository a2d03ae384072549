package picture

import (
	"math"
)

// film is a radiograph while it is drawn: the attenuation of the beam per
// pixel, in arbitrary units. Coordinates are millimetres, x to the right and y
// down, origin in the middle.
type film struct {
	w, h  int
	mm    float64 // edge of a pixel
	att   []float32
	bone  *field
	grain grain
}

func newFilm(seed uint64, w, h int, width float64) *film {
	return &film{w: w, h: h, mm: width / float64(w), att: make([]float32, w*h), bone: newField(seed), grain: newGrain(seed)}
}

func (f *film) x(i int) float64 { return (float64(i)+0.5)*f.mm - float64(f.w)*f.mm/2 }
func (f *film) y(j int) float64 { return (float64(j)+0.5)*f.mm - float64(f.h)*f.mm/2 }

func (f *film) span(lo, hi float64, n int) (from, to int) {
	half := float64(n) * f.mm / 2
	from = int(clamp((lo+half)/f.mm, 0, float64(n)))
	return from, int(clamp((hi+half)/f.mm+1, 0, float64(n)))
}

// each lets change the attenuation of every pixel of a box.
func (f *film) each(x0, y0, x1, y1 float64, change func(x, y, a float64) float64) {
	i0, i1 := f.span(x0, x1, f.w)
	j0, j1 := f.span(y0, y1, f.h)
	for j := j0; j < j1; j++ {
		y := f.y(j)
		for i := i0; i < i1; i++ {
			p := &f.att[j*f.w+i]
			*p = float32(change(f.x(i), y, float64(*p)))
		}
	}
}

func (f *film) all(change func(x, y, a float64) float64) {
	f.each(-1e4, -1e4, 1e4, 1e4, change)
}

// trabeculae is the mesh of bone seen through: bright struts, dark marrow, in
// two sizes. scale is the width of a space in mm.
func (f *film) trabeculae(x, y, scale float64) float64 {
	a := f.bone.smooth(x/scale, y/scale*0.8, 3)
	b := f.bone.smooth(x/scale*1.9+9, y/scale*1.7, 21)
	c := f.bone.smooth(x/scale*0.25, y/scale*0.25, 40)
	return 0.9*(0.32-math.Abs(a)) + 0.55*(0.32-math.Abs(b)) + 0.45*c
}

// develop turns attenuation into grey values of the given depth in bits: dense
// is bright (MONOCHROME2).
func (f *film) develop(bits int, noise float64) []uint16 {
	top := float64(int(1)<<bits - 1)
	out := make([]uint16, len(f.att))
	for j := range f.h {
		tile, shift := f.grain.row(j%grainEdge, j/grainEdge)
		for i := range f.w {
			a := float64(f.att[j*f.w+i])
			v := 1 - math.Exp(-1.15*max(0, a))
			v += noise * float64(tile[(i+shift)&(grainEdge-1)]) * (1.1 - v)
			out[j*f.w+i] = uint16(clamp(0.03+0.95*v, 0, 1) * top)
		}
	}
	return out
}
