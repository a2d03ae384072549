package picture

import "math"

// Panoramic describes a panoramic radiograph, about 240 by 120 mm.
type Panoramic struct {
	Seed          uint64
	Width, Height int // pixels
	Bits          int
	Teeth         []FilmTooth // exceptions; the others are sound
	Young         bool        // no third molars
}

// panoramicWidth is the width of the field in millimetres.
const panoramicWidth = 230.0

// Spacing is the edge of a pixel in millimetres.
func (o Panoramic) Spacing() float64 { return panoramicWidth / float64(o.Width) }

// Draw makes the radiograph: the patient's right is on the left.
func (o Panoramic) Draw() []uint16 {
	f := newFilm(o.Seed, o.Width, o.Height, panoramicWidth)
	f.headShadow()
	f.midface()
	f.lowerJaw()
	for _, p := range o.dentition() {
		if !p.Missing {
			p.draw(f)
		}
	}
	return f.develop(o.Bits, 0.014)
}

// headShadow is soft tissue and the blurred ghost of the spine.
func (f *film) headShadow() {
	h := float64(f.h) * f.mm / 2
	f.all(func(x, y, _ float64) float64 {
		m := math.Abs(x)
		a := 0.42 + 0.07*f.bone.smooth(x*0.03, y*0.03, 9)
		a -= 0.3 * step(104, 116, m+0.12*y)                                 // air behind the neck
		a += 0.34 * step(26, 4, m) * step(-h, 30, y)                        // ghost of the spine
		a -= 0.16 * step(9, 3, math.Abs(y+16-0.0016*x*x)) * step(84, 66, m) // air over the tongue
		a -= 0.1 * step(14, 6, math.Abs(m-74+0.1*y)) * step(50, 20, y)      // throat
		return a
	})
}

// midface is upper jaw, palate, nose and sinuses.
func (f *film) midface() {
	f.all(func(x, y, a float64) float64 {
		m := math.Abs(x)
		crest := -10.5 - 0.0026*x*x // just above the necks of the upper teeth
		in := step(0.8, -0.4, y-crest) * step(76, 62, m) * step(-62, -50, y)
		a += in * (0.24 + 0.13*f.trabeculae(x, y, 1.7))
		palate := math.Abs(y + 37 - 0.0012*x*x + 2)
		a += 0.4 * step(1.8, 0.5, palate) * step(58, 48, m)
		sinus := inEllipse(m-40, y+46, 21, 12.5)
		a += 0.35*step(1.2, 0.3, math.Abs(sinus)) - 0.24*step(-0.5, 1, sinus)
		nose := inEllipse(m-8, y+52, 6.5, 13)
		a -= 0.26 * step(-0.5, 1.5, nose)
		a += 0.3 * step(2, 0.8, m) * step(-36, -40, y)
		zygoma := math.Abs(y + 52 + 0.16*(m-60) - 3*math.Sin(m*0.06))
		return a + 0.28*step(3.2, 1.6, zygoma)*step(52, 60, m)*step(104, 96, m)
	})
}

// jawLine is the right half of the lower jaw's outline, from the chin round the
// angle, over the joint and back along the ridge.
var jawLine = [][2]float64{
	{0, 45},
	{16, 45.5},
	{34, 43},
	{54, 38},
	{72, 31},
	{82, 24},
	{88, 12},
	{92, -8},
	{96, -28},
	{101, -38},
	{102, -45},
	{97, -50},
	{91, -48},
	{88, -41},
	{84, -33},
	{78, -31},
	{73, -38},
	{70, -45},
	{67, -44},
	{66, -34},
	{66, -18},
	{63, -5},
	{57, 3},
	{44, 8.5},
	{26, 12},
	{12, 13.2},
	{0, 13.5},
}

func (f *film) lowerJaw() {
	distance := sampled(smoothLine(jawLine))
	f.each(-110, -56, 110, 50, func(x, y, a float64) float64 {
		m := math.Abs(x)
		d := distance(m, y)
		if d < -1 {
			return a
		}
		bone := 0.42 + 0.19*f.trabeculae(x, y, 1.6) + 0.2*step(10, 30, y)*step(40, 0, m)
		bone += 0.42 * step(0.1, 1, d) * step(3.6, 1.8, d) * step(14, 26, y+m*0.2) // thick lower cortex
		bone += 0.16 * step(-0.2, 0.6, d) * step(2.0, 1.0, d)
		if m > 21 && m < 80 {
			t := (m - 24) / 54
			canal := math.Abs(y-(29+4*t-34*t*t*t)) / math.Sqrt(1+2.2*t*t*t*t)
			bone += 0.1*step(0.6, 0.2, math.Abs(canal-1.6)) - 0.12*step(1.7, 1.0, canal)
		}
		bone -= 0.25 * step(2.1, 1.2, math.Hypot(m-23, y-28)) // mental foramen
		return a + bone*step(-0.6, 0.4, d)
	})
}

// sampled measures the distance into the outline once per millimetre and
// interpolates.
func sampled(line [][2]float64) func(x, y float64) float64 {
	const w, h, left, top = 114, 112, -1, -58
	var grid [w * h]float64
	for i := range grid {
		grid[i] = inPolygon(float64(i%w+left), float64(i/w+top), line)
	}
	return func(x, y float64) float64 {
		x, y = clamp(x-left, 0, w-2), clamp(y-top, 0, h-2)
		i, j := int(x), int(y)
		u, v := x-float64(i), y-float64(j)
		g := grid[j*w+i:]
		return lerp(lerp(g[0], g[1], u), lerp(g[w], g[w+1], u), v)
	}
}

// smoothLine rounds a polygon by cutting its corners twice (Chaikin).
func smoothLine(line [][2]float64) [][2]float64 {
	for range 2 {
		next := [][2]float64{line[0]}
		for i := 1; i < len(line); i++ {
			a, b := line[i-1], line[i]
			next = append(next,
				[2]float64{lerp(a[0], b[0], 0.25), lerp(a[1], b[1], 0.25)},
				[2]float64{lerp(a[0], b[0], 0.75), lerp(a[1], b[1], 0.75)})
		}
		line = append(next, line[len(line)-1])
	}
	return line
}

// inPolygon is the signed distance into a closed outline; its last edge, along
// the midline, does not count as an edge.
func inPolygon(x, y float64, line [][2]float64) float64 {
	best, inside := math.Inf(1), false
	for i := range line {
		a, b := line[i], line[(i+1)%len(line)]
		if (a[1] > y) != (b[1] > y) && x < (b[0]-a[0])*(y-a[1])/(b[1]-a[1])+a[0] {
			inside = !inside
		}
		if i == len(line)-1 {
			break
		}
		dx, dy := b[0]-a[0], b[1]-a[1]
		t := clamp(((x-a[0])*dx+(y-a[1])*dy)/(dx*dx+dy*dy), 0, 1)
		ex, ey := x-a[0]-t*dx, y-a[1]-t*dy
		best = min(best, ex*ex+ey*ey)
	}
	if inside || x <= 0.01 && y > 13.5 && y < 45 {
		return math.Sqrt(best)
	}
	return -math.Sqrt(best)
}

// dentition places all teeth along the smile curve.
func (o Panoramic) dentition() []projected {
	special := map[int]FilmTooth{}
	for _, t := range o.Teeth {
		special[t.Number] = t
	}
	var out []projected
	for _, q := range []struct {
		quadrant   int
		side, down float64
		set        *[8]anatomy
	}{{1, -1, -1, &upper}, {2, 1, -1, &upper}, {4, -1, 1, &lower}, {3, 1, 1, &lower}} {
		m := 0.0
		for i, an := range q.set {
			n := q.quadrant*10 + i + 1
			wide := an.width * 1.06 // panoramic machines magnify sideways
			if q.down > 0 && i < 3 {
				wide *= 1.12
			}
			t, known := special[n]
			if !known {
				t.Number = n
			}
			if i != 7 || !o.Young {
				out = append(out, laid(t, an, q.side*(m+wide/2), q.down))
			}
			m += wide
		}
	}
	return out
}

// laid puts a tooth on the curve of the bite at distance x from the midline.
func laid(t FilmTooth, an anatomy, x, down float64) projected {
	bite := 2 - 0.0026*x*x
	lean := down * 0.0045 * x * (1 - math.Abs(x)/140)
	if math.Abs(x) > 30 && down > 0 { // lower molars lean forwards at the crown
		lean += 0.004 * (x - math.Copysign(30, x))
	}
	n := math.Hypot(1, lean)
	p := projected{FilmTooth: t, anatomy: an, ax: lean / n, ay: down / n, bend: 0.7 * math.Copysign(1, x)}
	p.width *= 1.05
	p.x, p.y = x+p.ax*an.crown*0.5, bite+down*(an.crown+0.3)
	return p
}
