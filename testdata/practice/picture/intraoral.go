package picture

import "math"

// Intraoral describes a periapical or bitewing radiograph. The teeth are given
// from left to right as the film is read.
type Intraoral struct {
	Seed          uint64
	Width, Height int // pixels
	Bits          int // grey values use this many bits
	Upper, Lower  []FilmTooth
	Millimetres   float64 // width of the field; 0 means 40
}

// Spacing is the edge of a pixel in millimetres.
func (o Intraoral) Spacing() float64 { return o.field() / float64(o.Width) }

func (o Intraoral) field() float64 {
	if o.Millimetres == 0 {
		return 40
	}
	return o.Millimetres
}

// Draw makes the radiograph, row by row from the top.
func (o Intraoral) Draw() []uint16 {
	f := newFilm(o.Seed, o.Width, o.Height, o.field())
	half := float64(o.Height) * f.mm / 2
	switch {
	case len(o.Upper) > 0 && len(o.Lower) > 0: // bitewing
		f.jaw(o.Upper, -1, -7.8)
		f.jaw(o.Lower, 1, 7.8)
	case len(o.Upper) > 0:
		f.jaw(o.Upper, -1, half-11.5)
	default:
		f.jaw(o.Lower, 1, 11.5-half)
	}
	f.vignette()
	return f.develop(o.Bits, 0.012)
}

// jaw draws bone, gum and teeth; side is -1 for the upper jaw, neck is the
// height of the necks on the film.
func (f *film) jaw(teeth []FilmTooth, side, neck float64) {
	placed := f.row(teeth, side, neck)
	f.gum(side, neck)
	f.alveolus(side, neck, placed)
	for i := range placed {
		if !placed[i].Missing {
			placed[i].draw(f)
		}
	}
	f.cheek()
}

// row sets the teeth side by side around the middle of the film.
func (f *film) row(teeth []FilmTooth, side, neck float64) []projected {
	total := 0.0
	for _, t := range teeth {
		total += t.anatomy().width
	}
	x := -total / 2
	out := make([]projected, 0, len(teeth))
	for i, t := range teeth {
		an := t.anatomy()
		lean := 0.05*(x+an.width/2)/10 + 0.04*math.Sin(float64(t.Number)*1.7)
		out = append(out, projected{
			FilmTooth: t, anatomy: an,
			x: x + an.width/2, y: neck + 0.5*math.Sin(float64(i)*2.1),
			ax: lean, ay: side * math.Sqrt(1-lean*lean),
			bend: 0.8 * math.Sin(float64(t.Number)),
		})
		x += an.width - 0.12
	}
	return out
}

// gum is the soft tissue that just shows above the bone.
func (f *film) gum(side, neck float64) {
	f.all(func(x, y, a float64) float64 {
		depth := (y - neck) * side
		return a + 0.2*step(-2.2, 0.5, depth+0.5*math.Cos(x*0.8))
	})
}

// alveolus is the bone, with its crest, thicker and denser towards the base.
func (f *film) alveolus(side, neck float64, placed []projected) {
	f.all(func(x, y, a float64) float64 {
		depth := (y-neck)*side - 1.9 - crest(x, placed)
		if depth < -0.6 {
			return a
		}
		bone := 0.32 + 0.62*step(0, 24, depth) + (0.30+0.12*step(0, 15, depth))*f.trabeculae(x, y, 0.62)
		bone += 0.22 * step(0.9, 0.2, math.Abs(depth-0.2)) // the crest's own cortex
		return a + bone*step(-0.5, 0.3, depth)
	})
}

// crest lowers the bone a little next to each tooth.
func crest(x float64, placed []projected) float64 {
	low := 0.0
	for _, p := range placed {
		low = max(low, 0.9*step(p.width*0.5, p.width*0.25, math.Abs(x-p.x)))
	}
	return low
}

// cheek is the faint shadow of cheek and lip.
func (f *film) cheek() {
	f.all(func(x, y, a float64) float64 {
		return a + 0.05 + 0.03*f.bone.smooth(x*0.08, y*0.08, 50)
	})
}

// vignette is the fall-off of the sensor and its rounded corners.
func (f *film) vignette() {
	w, h := float64(f.w)*f.mm/2, float64(f.h)*f.mm/2
	const r = 2.5
	f.all(func(x, y, a float64) float64 {
		dx, dy := max(0, math.Abs(x)-w+r), max(0, math.Abs(y)-h+r)
		return a * step(r+0.1, r-0.1, math.Hypot(dx, dy))
	})
}
