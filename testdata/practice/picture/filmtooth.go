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
	tall, wide := max(p.crown, p.root)+3, p.width*0.8+2.2+math.Abs(p.bend)
	if p.Lesion {
		tall, wide = tall+3, wide+3
	}
	rx := wide*math.Abs(p.ay) + tall*math.Abs(p.ax)
	ry := wide*math.Abs(p.ax) + tall*math.Abs(p.ay)
	f.each(p.x-rx, p.y-ry, p.x+rx, p.y+ry, func(x, y, a float64) float64 {
		u, v := p.local(x, y)
		switch {
		case math.Abs(u) > wide || v < -p.crown-0.5 || v > p.root+7:
			return a
		case p.Implant:
			return a + p.screw(u, v)
		}
		return p.over(a, u, v)
	})
}

func (p *projected) over(a, u, v float64) float64 {
	if p.Lesion && v > p.root-8 {
		d := math.Hypot(u-p.apexU(), (v-p.root)*0.9) - 3
		a *= 1 - 0.5*step(1.4, -1.4, d)
	}
	d := p.outline(u, v)
	if d < -1.2 {
		return a
	}
	if v > 1.5 { // in the socket: lamina dura, then the dark line of the ligament
		deep := step(1.5, 4, v)
		a += 0.20 * step(0.45, 0.1, math.Abs(d+0.55)) * deep
		a *= 1 - 0.36*step(-0.42, -0.26, d)*step(0.1, -0.05, d)*deep
	}
	if d < -0.12 {
		return a
	}
	return lerp(a, 0.45*a+p.hard(u, v, d), step(-0.12, 0.14, d))
}

func (p *projected) apexU() float64 {
	r := p.rootsAt(p.root)
	return r.list[r.n/2].u
}

// outline is the signed distance (mm) into crown or roots.
func (p *projected) outline(u, v float64) float64 {
	if v <= 0 {
		return p.crownAt(u, v)
	}
	best := -9.0
	r := p.rootsAt(v)
	for _, one := range r.list[:r.n] {
		best = max(best, one.depth(u, v, p.root))
	}
	return best
}

func (p *projected) crownAt(u, v float64) float64 {
	half := p.width / 2 * p.bulge(-v/p.crown)
	return min(half-math.Abs(u), v+p.edge(u/(p.width/2)))
}

// bulge is the width of the crown at relative height k, against its widest.
func (p *projected) bulge(k float64) float64 {
	if p.cusps == 0 {
		return 0.74 + 0.26*step(0, 0.85, k) - 0.05*step(0.85, 1, k)
	}
	return 0.82 + 0.18*step(0, 0.62, k) - 0.16*step(0.62, 1.1, k)
}

// edge is the height of the biting edge over the neck (mm) at u from -1 to 1.
func (p *projected) edge(u float64) float64 {
	u2 := u * u
	round := 1.6 * u2 * u2 * u2
	switch p.cusps {
	case 0:
		return p.crown - round
	case 1:
		return p.crown - 2.4*math.Abs(u) - 0.3*round
	case 2:
		return p.crown - 1.5*u2 - round*0.5
	}
	c := math.Cos(u * 2.9)
	return p.crown - 1.1*c*c - round
}

// root is one root cut at some depth: its middle, half width, how steeply that
// narrows, and its length against the tooth's.
type root struct{ u, half, slope, long float64 }

func (r root) depth(u, v, length float64) float64 {
	if past := v - length*r.long; past > 0 {
		return -math.Hypot((u-r.u)*r.slope, past)
	}
	return (r.half - math.Abs(u-r.u)) * r.slope
}

type roots struct {
	list [3]root
	n    int
}

// rootsAt are the roots cut at depth v.
func (p *projected) rootsAt(v float64) roots {
	k := clamp(v/p.root, 0, 1)
	neck := p.width / 2 * p.bulge(0)
	lean := p.bend * k * k
	if p.roots < 2 || p.cusps == 2 {
		return roots{n: 1, list: [3]root{taper(lean, neck, k, 1)}}
	}
	part := step(0.16, 0.42, k)
	away := p.width * (0.24 + 0.05*k) * part
	half := lerp(neck, p.width*0.2, part)
	out := roots{n: 2, list: [3]root{taper(lean-away, half, k, 1), taper(lean+away*0.95, half*0.95, k/0.96, 0.96)}}
	if p.roots == 3 {
		out.n = 3
		out.list[2] = taper(lean, half*0.95, k/1.04, 1.04)
	}
	return out
}

// taper narrows a root towards a round apex.
func taper(u, half, k, long float64) root {
	k = min(k, 1)
	k2 := k * k
	w := math.Sqrt(1-k2*k2) * (1 - 0.42*k)
	return root{u, half * w, lerp(1, 0.55, k2*k2*k2), long}
}

func chord(d, half float64) float64 {
	t := 1 - clamp(d, 0, half)/half
	return math.Sqrt(1 - t*t)
}

// hard is the attenuation of the tooth itself, d millimetres inside its edge.
func (p *projected) hard(u, v, d float64) float64 {
	half := p.width / 2 * p.bulge(-v/p.crown)
	if v > 0 {
		half = p.width / 2 * lerp(0.82, 0.4, v/p.root)
	}
	sum := 0.30 + 0.95*chord(d, half)
	sum -= 0.34 * p.pulp(u, v)
	if v > 0 {
		if p.Endo {
			sum += 2.4 * p.pulp(u, v) * step(0, 0.8, v)
		}
		return sum
	}
	return p.crownParts(sum, u, v, d)
}

func (p *projected) crownParts(sum, u, v, d float64) float64 {
	k := -v / p.crown
	shell := curve(k, [2]float64{0, -0.3}, [2]float64{0.35, 0.85}, [2]float64{1, 1.5})
	sum += 0.62*step(shell+0.35, shell-0.25, d) + 0.28*step(0.05, 0.6, k)
	half := p.width / 2
	if p.Caries {
		sum -= 1.0 * step(1.7, 0.1, math.Hypot((u-half*0.88)*1.0, v+p.crown*0.42))
	}
	switch {
	case p.Crowned:
		return sum + 2.4*step(0.04, 0.1, k)
	case p.Filled:
		return sum + 3*p.filling(u, v, half)
	}
	return sum
}

// pulp is how much of chamber and canals lies under a point, 0 to 1.
func (p *projected) pulp(u, v float64) float64 {
	chamber := p.width * 0.15
	if p.roots < 2 || p.cusps == 2 {
		if p.cusps < 2 {
			chamber = p.width * 0.11
		}
		k := v / p.root
		wide := lerp(chamber, 0.16, clamp(math.Sqrt(max(0, k)), 0, 1)) * step(-p.crown*0.72, -p.crown*0.2, v)
		return step(0.3, -0.15, math.Abs(u-p.bend*k*max(0, k))-wide) * step(p.root-0.4, p.root-1.5, v)
	}
	horns := 0.85 + 0.3*math.Cos(u/p.width*13)
	room := step(0.35, -0.2, math.Abs(u)-chamber*horns-0.12*max(0, v)) * step(-p.crown*0.6, -p.crown*0.42, v) * step(3.6, 2.2, v)
	if v < 1 {
		return room
	}
	r := p.rootsAt(v)
	for _, one := range r.list[:2] {
		wide := lerp(0.5, 0.18, v/p.root)
		line := step(0.25, -0.12, math.Abs(u-one.u)-wide) * step(p.root*one.long-0.6, p.root*one.long-1.6, v) * step(1, 3, v)
		room = max(room, 0.8*line)
	}
	return room
}

// filling is a box with a step, cut into the biting surface and one side.
func (p *projected) filling(u, v, half float64) float64 {
	top := v + p.edge(u/half)
	pit := min(half*0.6-math.Abs(u+0.2), 2.8-top+0.2*math.Sin(u*2.3))
	box := min(u-half*0.38, half*0.93-u, 4.6-top)
	return step(-0.25, 0.2, max(pit, box)) * step(-0.3, 0, top)
}

// screw is an implant with abutment and crown.
func (p *projected) screw(u, v float64) float64 {
	if v > 0 {
		half := 2.05 + 0.28*math.Abs(math.Mod(v+50, 1.1)/0.55-1) - 0.05*v
		return 3.6 * step(-0.08, 0.08, min(half-math.Abs(u), 11.2-v))
	}
	post := 3.4 * step(-0.1, 0.1, min(1.6-math.Abs(u), v+p.crown*0.6))
	if v > -1 {
		return post
	}
	return post + 2.6*step(-0.1, 0.1, p.crownAt(u, v))
}
