package picture

import "math"

// FilmTooth is one tooth on a radiograph, by ISO 3950 number, and what was
// done to it or is wrong with it.
type FilmTooth struct {
	Number  int
	Filled  bool // amalgam
	Crowned bool // metal-ceramic crown
	Endo    bool // root canals filled
	Caries  bool // dark spot under the contact
	Lesion  bool // dark halo round the apex
	Implant bool
	Missing bool // a gap
}

func (t FilmTooth) anatomy() anatomy {
	set := &lower
	if t.Number < 30 {
		set = &upper
	}
	return set[t.Number%10-1]
}

// projected is a tooth laid on the film: its neck at (x, y); v runs from the
// neck towards the apex along (ax, ay), u across.
type projected struct {
	FilmTooth
	anatomy
	x, y, ax, ay float64
	bend         float64 // mm the apex is moved along u
}

func (p *projected) local(x, y float64) (u, v float64) {
	dx, dy := x-p.x, y-p.y
	return dx*p.ay - dy*p.ax, dx*p.ax + dy*p.ay
}

// draw lays tooth, ligament and lamina dura on the film.
func (p *projected) draw(f *film) {
	r := max(p.crown, p.root) + 6
	f.each(p.x-r, p.y-r, p.x+r, p.y+r, func(x, y, a float64) float64 {
		u, v := p.local(x, y)
		if p.Implant {
			return a + p.screw(u, v)
		}
		return p.over(a, u, v)
	})
}

func (p *projected) over(a, u, v float64) float64 {
	if p.Lesion {
		d := math.Hypot(u-p.apexU(), (v-p.root)*0.9) - 3.2
		a *= 1 - 0.55*step(1.2, -1.2, d)
	}
	d := p.outline(u, v)
	if d < -1.2 {
		return a
	}
	if v > 1.5 { // in the socket
		a += 0.16 * step(0.75, 0.45, math.Abs(d+0.75)) * step(1.5, 4, v)
		a *= 1 - 0.30*step(-0.5, -0.3, d)*step(0.15, -0.05, d)
	}
	if d < -0.1 {
		return a
	}
	return lerp(a, 0.5*a+p.hard(u, v), step(-0.1, 0.15, d))
}

func (p *projected) apexU() float64 {
	if p.roots > 1 {
		return p.bend + p.width*0.27
	}
	return p.bend
}

// outline is the signed distance (mm) into crown or roots.
func (p *projected) outline(u, v float64) float64 {
	if v <= 0 {
		return p.crownAt(u, v)
	}
	best := -9.0
	for _, r := range p.rootsAt(v) {
		best = max(best, min(r.half-math.Abs(u-r.u), (p.root*r.long-v)*1.2))
	}
	return best
}

func (p *projected) crownAt(u, v float64) float64 {
	k := -v / p.crown
	bulge := curve(k, [2]float64{0, 0.82}, [2]float64{0.6, 1}, [2]float64{1, 0.9}, [2]float64{1.1, 0.86})
	if p.cusps == 0 {
		bulge = curve(k, [2]float64{0, 0.72}, [2]float64{0.85, 1}, [2]float64{1, 0.97})
	}
	half := p.width / 2 * bulge
	return min(half-math.Abs(u), v+p.edge(u/(p.width/2)))
}

// edge is the height of the biting edge over the neck (mm) at u from -1 to 1.
func (p *projected) edge(u float64) float64 {
	round := 1.6 * math.Pow(math.Abs(u), 6)
	switch p.cusps {
	case 0:
		return p.crown - round
	case 1:
		return p.crown - 2.4*math.Abs(u) - 0.3*round
	case 2:
		return p.crown - 1.5*u*u - round*0.5
	}
	return p.crown - 1.1*math.Pow(math.Cos(u*2.9), 2) - round
}

type root struct{ u, half, long float64 }

// rootsAt are the roots cut at depth v: position, half width, relative length.
func (p *projected) rootsAt(v float64) []root {
	k := clamp(v/p.root, 0, 1.2)
	neck := p.width / 2 * 0.82
	lean := p.bend * k * k
	taper := math.Sqrt(max(0, 1-math.Pow(k, 2.4)))
	if p.roots < 2 || p.cusps == 2 {
		return []root{{lean, neck * lerp(0.3, 1, taper*taper*0.6+0.4*taper), 1}}
	}
	part := step(0.16, 0.42, k)
	away := p.width * (0.24 + 0.05*k) * part
	half := lerp(neck, p.width*0.19, part) * lerp(0.35, 1, taper)
	out := []root{{lean - away, half, 1}, {lean + away*0.95, half * 0.95, 0.96}}
	if p.roots == 3 {
		out = append(out, root{lean, half * 0.9, 1.02})
	}
	return out
}

// hard is the attenuation of the tooth itself.
func (p *projected) hard(u, v float64) float64 {
	if v > 0 {
		return p.rootBody(u, v)
	}
	return p.crownBody(u, v)
}

func chord(d, half float64) float64 {
	t := 1 - d/half
	return math.Sqrt(max(0, 1-t*t))
}

func (p *projected) crownBody(u, v float64) float64 {
	k := -v / p.crown
	d := p.crownAt(u, v)
	half := p.width / 2
	body := 1.25 * chord(clamp(d, 0, half), half)
	shell := curve(k, [2]float64{0, 0.05}, [2]float64{0.35, 0.9}, [2]float64{1, 1.5})
	enamel := 0.75 * step(shell+0.25, shell-0.15, d) * step(0, 0.2, k)
	out := body + enamel + 0.3*step(0.1, 0.6, k)
	pulp := p.width * 0.17 * step(0.75, 0.3, k)
	if p.roots == 1 && p.cusps < 2 {
		pulp = p.width * 0.1 * step(0.8, 0.1, k)
	}
	horns := 0.9 + 0.35*math.Cos(u/p.width*9)
	out -= 0.5 * step(-0.25, 0.25, pulp*horns-math.Abs(u))
	if p.Caries {
		out -= 1.1 * step(1.5, 0.1, math.Hypot((u-half*0.86)*1.1, v+p.crown*0.45))
	}
	switch {
	case p.Crowned && k > 0.05:
		return out + 2.4
	case p.Filled:
		out += 3 * p.filling(u, v, half)
	}
	return out
}

// filling is a box with a step, cut into the biting surface and one side.
func (p *projected) filling(u, v, half float64) float64 {
	top := v + p.edge(u/half)
	pit := min(half*0.62-math.Abs(u+0.2), 3.1-top+0.25*math.Sin(u*2))
	box := min(u-half*0.35, 5-top)
	return step(-0.12, 0.12, min(max(pit, box), top+0.3))
}

func (p *projected) rootBody(u, v float64) float64 {
	sum, canal := 0.0, 0.0
	for i, r := range p.rootsAt(v) {
		d := min(r.half-math.Abs(u-r.u), (p.root*r.long-v)*1.2)
		if d <= 0 {
			continue
		}
		weight := 1.0
		if i == 2 { // the palatal root lies behind the others
			weight = 0.45
		}
		sum = max(sum, weight*(0.35+0.95*chord(d, max(r.half, 0.3))))
		wide := lerp(0.62, 0.2, v/p.root)
		canal = max(canal, weight*step(wide+0.12, wide-0.12, math.Abs(u-r.u))*step(p.root*r.long-0.6, p.root*r.long-1.6, v))
	}
	if p.Endo {
		return sum + 2.2*canal
	}
	return sum - 0.33*canal
}

// screw is an implant with abutment and crown.
func (p *projected) screw(u, v float64) float64 {
	out := 0.0
	if v > 0 && v < 11.5 {
		half := 2.05 + 0.28*math.Abs(math.Mod(v+50, 1.1)/0.55-1) - 0.05*v
		out += 3.6 * step(-0.08, 0.08, min(half-math.Abs(u), 11.2-v))
	}
	if v <= 0 && v > -p.crown {
		out += 3.4 * step(-0.1, 0.1, min(1.6-math.Abs(u), v+p.crown*0.6))
		q := *p
		q.Crowned = true
		if d := q.crownAt(u, v-0.01); d > -0.1 && v < -1 {
			out += 2.6 * step(-0.1, 0.1, d)
		}
	}
	return out
}
