package picture

import "math"

// tooth paints the cut through one tooth: ligament, dentine, enamel, pulp.
func (s *slice) tooth(t *tooth) {
	v := (s.z - t.neck) * t.up // mm above the neck, towards the biting edge
	if v > t.crown+1 || v < -t.root-1 {
		return
	}
	if t.implant {
		s.implant(t, v)
		return
	}
	if v >= 0 {
		s.crown(t, v)
		return
	}
	s.roots(t, -v)
}

// local turns a point into the tooth's own axes: along the arch and across it.
func (t *tooth) local(lean float64) func(x, y float64) (u, w float64) {
	// The root leans outwards, away from the middle of the mouth.
	nx, ny := t.sin, -t.cos
	if nx*t.x+ny*(t.y-archBack) < 0 {
		nx, ny = -nx, -ny
	}
	cx, cy := t.x-nx*lean, t.y-ny*lean
	return func(x, y float64) (float64, float64) {
		x, y = x-cx, y-cy
		return x*t.cos + y*t.sin, x*nx + y*ny
	}
}

func (s *slice) around(t *tooth, r float64, in, value func(x, y float64) float64) {
	s.paint(t.x-r, t.y-r, t.x+r, t.y+r, in, value)
}

func (s *slice) crown(t *tooth, v float64) {
	k := v / t.crown
	bulge := curve(k, [2]float64{0, 0.82}, [2]float64{0.45, 1}, [2]float64{0.8, 0.93}, [2]float64{1.1, 0.6})
	a, b := t.width/2*bulge, t.depth/2*bulge
	if t.cusps < 2 { // front teeth: a blade at the edge
		b *= curve(k, [2]float64{0, 1}, [2]float64{0.4, 0.85}, [2]float64{1, 0.28})
		a *= curve(k, [2]float64{0, 0.9}, [2]float64{0.8, 1.05}, [2]float64{1, 1})
	}
	local := t.local(0)
	in := func(x, y float64) float64 {
		u, w := local(x, y)
		return min(squircle(u, w, a, b), (t.surface(u/a, w/b)-v)*0.8)
	}
	side := curve(k, [2]float64{0, 0.1}, [2]float64{0.3, 0.9}, [2]float64{1, 1.5})
	top := 1.7
	horn := t.crown * 0.55
	s.around(t, max(t.width, t.depth)*0.75+1, in, func(x, y float64) float64 {
		u, w := local(x, y)
		shell := squircle(u, w, a, b)
		below := t.surface(u/a, w/b) - v
		if t.filled && k > 0.5 && math.Abs(u) < a*0.5 && math.Abs(w) < b*0.42 {
			return huMetal
		}
		if shell < side || below < top {
			return huEnamel
		}
		if v < horn && inEllipse(u, w, a*0.42*(1.1-v/horn*0.6), b*0.4*(1.1-v/horn*0.6)) > 0 {
			return huPulp
		}
		return huDentin
	})
}

// surface is the height of the biting surface over the neck (mm): cusps with a
// groove between them, or an edge.
func (t *tooth) surface(u, w float64) float64 {
	switch t.cusps {
	case 0:
		return t.crown - 0.4*u*u
	case 1:
		return t.crown - 2.2*math.Abs(u)
	case 2:
		return t.crown - 1.9*(1-math.Abs(math.Sin(w*1.9))) - 0.8*u*u
	}
	groove := math.Abs(math.Sin(u*1.9+0.2*t.phase)) * math.Abs(math.Sin(w*1.9))
	return t.crown - 1.9*(1-groove)
}

// squircle is the distance into a rounded box, as crowns are from above.
func squircle(u, w, a, b float64) float64 {
	u, w = u/a, w/b
	q := math.Sqrt(math.Sqrt(u*u*u*u*0.6 + w*w*w*w*0.6 + 0.4*(u*u+w*w)*(u*u+w*w)))
	return (1 - q) * min(a, b)
}

// roots paints one to three tapering roots with their canals, the ligament
// around them and the lamina dura.
func (s *slice) roots(t *tooth, depth float64) {
	k := depth / t.root
	if k > 1 {
		return
	}
	local := t.local(t.tilt * depth)
	for _, c := range t.canals(k) {
		taper := math.Sqrt(max(0.02, 1-math.Pow(k, 2.2)))
		a, b := c.a*taper, c.b*taper
		in := func(x, y float64) float64 {
			u, w := local(x, y)
			return inEllipse(u-c.u, w-c.w, a, b)
		}
		reach := max(t.width, t.depth)*0.75 + t.tilt*depth + 2
		s.around(t, reach, func(x, y float64) float64 { return in(x, y) + 0.9 }, flat(huCortical*0.8))
		s.around(t, reach, func(x, y float64) float64 { return in(x, y) + 0.4 }, flat(huLigament))
		s.around(t, reach, in, flat(huDentin))
		r := 0.28 + 0.5*(1-k)
		s.around(t, reach, func(x, y float64) float64 {
			u, w := local(x, y)
			return inEllipse(u-c.u, w-c.w, r, r*c.b/c.a)
		}, flat(huPulp))
	}
}

type canal struct{ u, w, a, b float64 }

// canals are the centres and half axes of the roots at relative depth k.
func (t *tooth) canals(k float64) []canal {
	trunk := step(0.05, 0.35, k) // roots part below the trunk
	a, b := t.width/2*0.8, t.depth/2*0.82
	switch t.roots {
	case 2:
		if t.cusps == 2 { // upper first premolar: cheek and palate
			return []canal{{0, b * 0.5 * trunk, a * 0.75, b * 0.55}, {0, -b * 0.5 * trunk, a * 0.75, b * 0.55}}
		}
		return []canal{{a * 0.62 * trunk, 0, lerp(a, a*0.42, trunk), b * 0.85}, {-a * 0.62 * trunk, 0, lerp(a, a*0.42, trunk), b * 0.85}}
	case 3:
		r := lerp(1, 0.45, trunk)
		return []canal{
			{a * 0.6 * trunk, b * 0.5 * trunk, a * r, b * r * 0.9},
			{-a * 0.6 * trunk, b * 0.5 * trunk, a * r, b * r * 0.9},
			{0, -b * 0.75 * trunk, a * r * 1.1, b * r * 0.9},
		}
	}
	return []canal{{0, 0, a * 0.85, b * 0.95}}
}

// implant is a titanium screw with an abutment and a ceramic crown.
func (s *slice) implant(t *tooth, v float64) {
	local := t.local(0)
	round := func(r float64) func(x, y float64) float64 {
		return func(x, y float64) float64 {
			u, w := local(x, y)
			return r - math.Hypot(u, w)
		}
	}
	if v > 1 {
		k := (v - 1) / t.crown
		a := t.width / 2 * curve(k, [2]float64{0, 0.6}, [2]float64{0.5, 0.95}, [2]float64{1, 0.85})
		in := func(x, y float64) float64 {
			u, w := local(x, y)
			return min(squircle(u, w, a, a*0.95), (t.surface(u/a, w/a)-v)*0.8)
		}
		s.around(t, t.width, in, flat(huCeramic))
	}
	thread := 0.22 * math.Sin(v*2*math.Pi/1.1)
	switch {
	case v > t.crown*0.6 || v < -11.5:
	case v > 0:
		s.around(t, 5, round(1.7), flat(huMetal))
	default:
		s.around(t, 5, round(2.1+thread+0.06*v), flat(huMetal))
	}
}
