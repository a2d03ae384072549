package picture

import (
	"math"
	"math/rand/v2"
	"slices"
)

// The arches are half ellipses, opening backwards at y = archBack (mm).
const (
	archBack       = -5.0
	lowerA, lowerB = 30.0, 56.5
	upperA, upperB = 31.5, 59.0
)

// anatomy is the size of one tooth in millimetres; averages as textbooks of
// dental anatomy give them, rounded.
type anatomy struct {
	width, depth, crown, root float64
	roots, cusps              int
}

// upper and lower are the teeth 1 to 8 of a quadrant, from the midline.
var (
	upper = [8]anatomy{
		{8.5, 7, 10.5, 13, 1, 0},
		{6.6, 6, 9, 13, 1, 0},
		{7.6, 8, 10, 17, 1, 1},
		{7, 9, 8.5, 14, 2, 2},
		{6.8, 9, 8.5, 14, 1, 2},
		{10.3, 11, 7.5, 12.5, 3, 4},
		{9.8, 11, 7, 11.5, 3, 4},
		{8.8, 10, 6.5, 11, 3, 3},
	}
	lower = [8]anatomy{
		{5.3, 6, 9, 12.5, 1, 0},
		{5.9, 6.5, 9.5, 14, 1, 0},
		{6.9, 7.7, 11, 16, 1, 1},
		{7, 7.7, 8.8, 14, 1, 2},
		{7.2, 8, 8, 14.5, 1, 2},
		{11.2, 10.5, 7.5, 14, 2, 5},
		{10.6, 10.2, 7, 13, 2, 4},
		{10, 9.5, 7, 11, 2, 4},
	}
)

// tooth is one tooth in place: neck at (x, y, neck), axis along z, turned so
// that its width follows the arch.
type tooth struct {
	anatomy
	number   int
	x, y     float64
	cos, sin float64 // direction of the width
	neck     float64 // height of the neck (mm)
	up       float64 // 1 if the crown points up (lower jaw), else -1
	tilt     float64 // how far the root leans outwards per mm
	implant  bool
	filled   bool
	phase    float64
}

// metal is a source of streaks: a vertical rod.
type metal struct {
	x, y, lo, hi, strength float64
	rays                   [256]float32
}

func placeTeeth(seed uint64, o HeadOptions) (teeth []tooth, metals []metal) {
	r := rand.New(rand.NewPCG(seed, 0x7465657468))
	for _, jaw := range []struct {
		quadrants [2]int
		a, b, up  float64
		set       *[8]anatomy
	}{{[2]int{1, 2}, upperA, upperB, -1, &upper}, {[2]int{4, 3}, lowerA, lowerB, 1, &lower}} {
		for q, quadrant := range jaw.quadrants {
			side := float64(2*q - 1) // the patient's right is negative x
			at := 0.0
			for i, an := range jaw.set {
				angle := arcAngle(jaw.a, jaw.b, at+an.width/2)
				at += an.width + 0.15
				t := tooth{anatomy: an, number: quadrant*10 + i + 1, up: jaw.up, phase: r.Float64()}
				t.place(angle, side, jaw.a, jaw.b, r)
				if i == 7 && o.Young || slices.Contains(o.Missing, t.number) {
					continue
				}
				t.implant = slices.Contains(o.Implant, t.number)
				t.filled = slices.Contains(o.Filled, t.number)
				teeth = append(teeth, t)
				if t.implant || t.filled {
					metals = append(metals, t.streaks(r))
				}
			}
		}
	}
	return teeth, metals
}

// arcAngle finds the angle from the midline at which the arch has the length.
func arcAngle(a, b, length float64) float64 {
	const dt = 0.002
	sum, t := 0.0, 0.0
	for sum < length && t < 2 {
		sum += math.Hypot(a*math.Cos(t), b*math.Sin(t)) * dt
		t += dt
	}
	return t
}

func (t *tooth) place(angle, side, a, b float64, r *rand.Rand) {
	sin, cos := math.Sin(angle), math.Cos(angle)
	if angle > math.Pi/2 { // behind the ellipse: straight on
		sin, cos = 1, 0
		t.y = (angle - math.Pi/2) * b * 0.9
	}
	t.x, t.y = side*a*sin, t.y+archBack-b*cos
	dx, dy := side*a*cos, b*sin
	n := math.Hypot(dx, dy)
	wobble := (r.Float64() - 0.5) * 0.12
	c, s := dx/n, dy/n
	t.cos, t.sin = c-s*wobble, s+c*wobble
	t.neck = -t.up * (t.crown - 0.8 + 0.6*(r.Float64()-0.5))
	t.tilt = 0.10
	if t.cusps > 2 {
		t.tilt = 0.04
	}
}

func (t *tooth) streaks(r *rand.Rand) metal {
	m := metal{x: t.x, y: t.y, strength: 150, lo: -1, hi: 7}
	if t.up > 0 {
		m.lo, m.hi = -7, 1
	}
	if t.implant {
		m.strength = 240
		m.lo, m.hi = min(0, -t.up*20), max(0, -t.up*20)
	}
	for range 9 { // a few broad rays and many fine ones
		at, width, amp := r.Float64()*256, 1.5+3*r.Float64(), r.NormFloat64()
		for i := range m.rays {
			d := math.Abs(math.Mod(float64(i)-at+384, 256) - 128)
			m.rays[i] += float32(amp * math.Exp(-d*d/(2*width*width)))
		}
	}
	for i := range m.rays {
		m.rays[i] += float32(0.25 * r.NormFloat64())
	}
	return m
}

// streaks lays the rays of metal over the slice, as mild beam hardening does.
func (s *slice) streaks() {
	for k := range s.h.metal {
		m := &s.h.metal[k]
		fade := step(m.lo-2, m.lo, s.z) * (1 - step(m.hi, m.hi+2, s.z))
		if fade == 0 {
			continue
		}
		for j := s.index(m.y - 60); j < s.index(m.y+60); j++ {
			dy := s.pos(j) - m.y
			for i := s.index(m.x - 60); i < s.index(m.x+60); i++ {
				dx := s.pos(i) - m.x
				r := math.Sqrt(dx*dx + dy*dy)
				if r > 60 || s.px[j*s.n+i] < -900 && r > 25 {
					continue
				}
				ray := m.rays[int(math.Atan2(dy, dx)*(128/math.Pi)+128)&255]
				s.px[j*s.n+i] += ray * float32(fade*m.strength*(1-r/60)/(1+r/9))
			}
		}
	}
}
