package picture

import (
	"math"
	"math/rand/v2"
	"sync"
)

// noiseEdge is the edge of the periodic noise fields, a power of two.
const noiseEdge = 64

// field is smooth periodic noise in three dimensions, roughly -1 to 1. All
// fields share their cells and differ in where they begin.
type field struct {
	cells   *cells
	x, y, z float64
}

type cells [noiseEdge * noiseEdge * noiseEdge]float32

var sharedCells = sync.OnceValue(func() *cells {
	r := rand.New(rand.NewPCG(1, 0x6e6f697365))
	raw := new(cells)
	for i := range raw {
		raw[i] = r.Float32()*2 - 1
	}
	f := raw.blur(1).blur(noiseEdge).blur(noiseEdge * noiseEdge)
	for i := range f {
		f[i] *= 2.2 // three passes of a triangle kernel damp the amplitude
	}
	return f
})

func newField(seed uint64) *field {
	r := rand.New(rand.NewPCG(seed, 0x6669656c64))
	return &field{sharedCells(), r.Float64() * noiseEdge, r.Float64() * noiseEdge, float64(r.IntN(noiseEdge))}
}

// blur applies the kernel 1-2-1 along one axis, periodic.
func (f *cells) blur(stride int) *cells {
	out := new(cells)
	span := stride * noiseEdge
	for i := range f {
		in := i % span
		base := i - in
		prev, next := base+(in+span-stride)%span, base+(in+stride)%span
		out[i] = (f[prev] + 2*f[i] + f[next]) / 4
	}
	return out
}

// smooth samples the field with bilinear interpolation in x and y.
func (f *field) smooth(x, y, z float64) float64 {
	x, y, z = x+f.x+4096, y+f.y+4096, z+f.z+4096
	xi, yi := math.Floor(x), math.Floor(y)
	u, v := x-xi, y-yi
	i0, j0, k := int(xi)&(noiseEdge-1), int(yi)&(noiseEdge-1), int(z)&(noiseEdge-1)
	i1, j1 := (i0+1)&(noiseEdge-1), (j0+1)&(noiseEdge-1)
	k *= noiseEdge * noiseEdge
	a := float64(f.cells[i0+noiseEdge*j0+k])*(1-u) + float64(f.cells[i1+noiseEdge*j0+k])*u
	b := float64(f.cells[i0+noiseEdge*j1+k])*(1-u) + float64(f.cells[i1+noiseEdge*j1+k])*u
	return a*(1-v) + b*v
}

// grain is a tile of detector noise with unit standard deviation.
type grain []float32

const grainEdge = 256

// newGrain makes noise correlated over about one pixel, as reconstruction and
// scintillators leave it.
func newGrain(seed uint64) grain {
	r := rand.New(rand.NewPCG(seed, 0x677261696e))
	white := make(grain, grainEdge*grainEdge)
	for i := range white {
		white[i] = float32(r.NormFloat64())
	}
	out := make(grain, len(white))
	for i := range out {
		x, y := i%grainEdge, i/grainEdge
		right, below := (x+1)%grainEdge, (y+1)%grainEdge
		sum := white[i] + 0.5*white[y*grainEdge+right] + 0.5*white[below*grainEdge+x]
		out[i] = sum / 1.2247
	}
	return out
}

// row returns one row of the tile, moved by an amount that depends on slice.
func (g grain) row(y, slice int) (tile []float32, shift int) {
	y = (y + slice*97) % grainEdge
	return g[y*grainEdge : (y+1)*grainEdge], (slice*151 + y*13) % grainEdge
}

func clamp(v, lo, hi float64) float64 { return max(lo, min(hi, v)) }

func lerp(a, b, t float64) float64 { return a + (b-a)*t }

// step rises smoothly from 0 at lo to 1 at hi.
func step(lo, hi, v float64) float64 {
	t := clamp((v-lo)/(hi-lo), 0, 1)
	return t * t * (3 - 2*t)
}

// curve interpolates a table of (x, y) pairs, x ascending.
func curve(x float64, table ...[2]float64) float64 {
	if x <= table[0][0] {
		return table[0][1]
	}
	for i := 1; i < len(table); i++ {
		if x <= table[i][0] {
			a, b := table[i-1], table[i]
			return lerp(a[1], b[1], step(a[0], b[0], x))
		}
	}
	return table[len(table)-1][1]
}
