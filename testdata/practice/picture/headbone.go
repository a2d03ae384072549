package picture

import "math"

// marrow is cancellous bone: struts and gaps around a mean density.
func (s *slice) marrow(mean, swing float64) func(x, y float64) float64 {
	return func(x, y float64) float64 {
		return mean + swing*s.h.bone.smooth(x*1.05, y*1.05, s.z*1.05)
	}
}

// bony paints a shell of cortical bone around marrow.
func (s *slice) bony(x0, y0, x1, y1 float64, inside func(x, y float64) float64, shell, mean float64) {
	core := s.marrow(mean, mean*0.55)
	s.paint(x0, y0, x1, y1, inside, func(x, y float64) float64 {
		d := inside(x, y)
		t := step(shell, shell+0.7, d)
		return lerp(huCortical, core(x, y), t)
	})
}

// rod paints a bony capsule between two points of the plane.
func (s *slice) rod(x0, y0, x1, y1, r, shell, mean float64) {
	dx, dy := x1-x0, y1-y0
	l2 := dx*dx + dy*dy
	in := func(x, y float64) float64 {
		t := clamp(((x-x0)*dx+(y-y0)*dy)/l2, 0, 1)
		return r - math.Hypot(x-x0-t*dx, y-y0-t*dy)
	}
	s.bony(min(x0, x1)-r, min(y0, y1)-r, max(x0, x1)+r, max(y0, y1)+r, in, shell, mean)
}

// spine is the neck between the third vertebra and the skull: bodies with
// discs between them, the canal, arches, and the ring of the atlas around the
// dens.
func (s *slice) spine() {
	s.neckMuscles()
	const y = 34.0
	if s.z < 16 {
		s.vertebra(y)
		return
	}
	if s.z < 31 {
		s.atlas(y)
	}
	if s.z < 35 {
		k := math.Sqrt(clamp((35-s.z)/6, 0.05, 1))
		s.bony(-7, y-7, 7, y+7, ellipse(0, y, 5.2*k, 5.6*k), 1.2, 420)
	}
	s.cord(y + 20)
}

// neckMuscles are bellies with fat between them.
func (s *slice) neckMuscles() {
	depth := s.skinDepth()
	under := func(d float64, in func(x, y float64) float64) func(x, y float64) float64 {
		return func(x, y float64) float64 {
			v := in(x, y)
			if v > -1 {
				v = min(v, depth(x, y)-d)
			}
			return v
		}
	}
	for _, m := range [][4]float64{
		{14, 24, 9, 5}, {13, 66, 9, 9}, {28, 58, 9, 12}, {15, 80, 13, 5}, {38, 66, 6, 14}, {50, 32, 7, 13}, {36, 32, 6, 8},
	} {
		for _, side := range []float64{-1, 1} {
			x := side * m[0]
			s.paint(x-m[2]-2, m[1]-m[3]-2, x+m[2]+2, m[1]+m[3]+2, under(4, ellipse(x, m[1], m[2]+1.3, m[3]+1.3)), flat(huFat+35))
			s.paint(x-m[2], m[1]-m[3], x+m[2], m[1]+m[3], under(5.5, ellipse(x, m[1], m[2], m[3])), flat(huMuscle+12))
		}
	}
}

func (s *slice) cord(y float64) {
	s.paint(-11, y-9, 11, y+9, ellipse(0, y, 10, 8), flat(20))
	s.paint(-7, y-6, 7, y+6, ellipse(0, y, 6, 4.5), flat(45))
}

func (s *slice) vertebra(y float64) {
	const pitch = 19.0
	phase := math.Mod(s.z+200-7, pitch) // discs at z = 7-19, 7-38, …
	disc := phase < 3.6 && s.z < 5
	if disc {
		s.paint(-12, y-10, 12, y+10, ellipse(0, y, 9.5, 8), flat(huDisc))
	} else {
		waist := 1 - 0.06*math.Sin(math.Pi*(phase-3.6)/(pitch-3.6))
		s.bony(-12, y-10, 12, y+10, ellipse(0, y, 10.5*waist, 8.6*waist), 1.1, huSpineBody)
	}
	s.cord(y + 17)
	for _, side := range []float64{-1, 1} {
		s.bony(side*16-9, y-2, side*16+9, y+16, ellipse(side*15.5, y+7, 6.5, 6), 1.2, 330)
		if phase > 5 && phase < 16 {
			s.rod(side*15, y+13, side*4, y+29, 2.4, 1.2, 380)
			s.rod(side*18, y+2, side*24, y, 2.2, 1, 300)
			s.ball(side*19.5, y+1, s.z, 2.4, 2.4, 5, 60) // vertebral artery
		}
	}
	if phase > 6 && phase < 14 {
		s.rod(0, y+29, 0, y+40, 2.8, 1.2, 350)
	}
}

func (s *slice) atlas(y float64) {
	for _, side := range []float64{-1, 1} {
		s.bony(side*17-9, y-8, side*17+9, y+14, ellipse(side*16.5, y+3, 7, 9), 1.3, 380)
		s.rod(side*22, y+4, side*34, y+6, 3, 1.2, 320)
		if s.z > 19 && s.z < 28 {
			s.rod(side*13, y-6, 0, y-10, 2.6, 1.3, 380)
			s.rod(side*18, y+11, side*7, y+31, 2.6, 1.3, 380)
			s.rod(side*7, y+31, 0, y+33, 2.6, 1.3, 380)
		}
	}
}

// skull is what of the upper face and of the skull's base reaches into view.
func (s *slice) skull() {
	for _, side := range []float64{-1, 1} {
		if s.z > 12 && s.z < 48 { // plates behind the upper jaw
			s.rod(side*16, -2, side*13, 10, 1.3, 0.8, 600)
			s.rod(side*17, -2, side*22, 8, 1.2, 0.8, 600)
		}
		if s.z > 27 {
			t := step(27, 40, s.z)
			s.rod(side*40, -46, side*(44+6*t), -38+10*t, 3+2*t, 1.6, 420) // cheekbone
		}
		if s.z > 40 {
			s.rod(side*50, -28, side*60, 4, 2.6, 1.3, 420) // its arch
		}
		s.mastoid(side)
	}
	if s.z > 30 {
		s.occiput()
	}
}

// mastoid is bone full of air cells behind the ear.
func (s *slice) mastoid(side float64) {
	t := (s.z - 48) / 30
	if t < -1 {
		return
	}
	k := math.Sqrt(1 - min(1, t*t))
	in := ellipse(side*53, 36, 9*k, 14*k)
	s.paint(side*53-10, 20, side*53+10, 52, in, func(x, y float64) float64 {
		if in(x, y) < 1.3 {
			return 1200
		}
		return lerp(-750, 700, step(-0.15, 0.2, s.h.bone.smooth(x*0.55, y*0.55, s.z*0.5)))
	})
}

func (s *slice) occiput() {
	r := step(30, 48, s.z)
	a, b := 34+24*r, 26+18*r
	s.paint(-64, 36, 64, 90, func(x, y float64) float64 {
		return min(3.2-math.Abs(inEllipse(x, y-40, a, b)+3), y-52+14*r)
	}, s.marrow(1050, 350))
}

// jaws are lower and upper jaw and the branches of the lower one.
func (s *slice) jaws() {
	if s.z < -8.5 {
		s.mandible()
	}
	if s.z > 8.5 && s.z < 30 {
		s.maxilla()
	}
	s.ramus()
}

// mandible follows the arch of the teeth and widens towards its base.
func (s *slice) mandible() {
	d := clamp((-8.5-s.z)/30, 0, 1)
	a, b := lowerA+9*d, lowerB+2.5*d
	half := curve(d, [2]float64{0, 4}, [2]float64{0.25, 5.6}, [2]float64{0.7, 6.3}, [2]float64{1, 5.2})
	if s.z < -37 {
		s.rod(-15, -8, 0, -21, 2.2, 1, 300) // tongue bone
		s.rod(15, -8, 0, -21, 2.2, 1, 300)
	}
	rise := func(y float64) float64 { return -38.5 + 9*step(-45, 8, y) } // lower border
	in := func(x, y float64) float64 {
		back := 2.5 * step(-22, 4, y) // broader where it meets its branch
		return min(half+back-math.Abs(alongArch(x, y, a, b)-back), (s.z-rise(y))*0.8+0.2, (10-y)*0.7)
	}
	s.bony(-52, -70, 52, 12, in, 1.9, huSpongy)
	if s.z > -31 && s.z < -26 { // canal of the nerve
		s.paint(-46, -44, 46, 4, func(x, y float64) float64 {
			return 1.5 - math.Hypot(alongArch(x, y, a, b)+0.5, s.z+28.5)
		}, flat(80))
	}
}

// alongArch is the distance outside the arch curve (negative inside), with the
// branches running straight on behind it.
func alongArch(x, y, a, b float64) float64 {
	if y > archBack {
		return (math.Abs(x) - a - 0.5*(y-archBack)) * 0.9
	}
	return -inEllipse(x, y-archBack, a, b)
}

func (s *slice) maxilla() {
	a, b := upperA-0.05*(s.z-8), upperB-0.12*(s.z-8)
	half := curve(s.z, [2]float64{8.5, 4.2}, [2]float64{14, 6}, [2]float64{24, 6.6}, [2]float64{30, 4.5})
	in := func(x, y float64) float64 {
		return min(half-math.Abs(alongArch(x, y, a, b)), -3-y, 30-s.z)
	}
	s.bony(-45, -68, 45, 0, in, 1.5, huSpongy*0.85)
	if s.z > 13 && s.z < 28 {
		s.palate(a, b)
	}
}

// palate is a thin vault between the rows of teeth, with its mucosa.
func (s *slice) palate(a, b float64) {
	height := func(x, y float64) float64 {
		d := max(0, -alongArch(x, y, a, b)-4)
		return 25.5 - 9.5*math.Exp(-d/5.5)
	}
	s.paint(-34, -62, 34, 2, func(x, y float64) float64 {
		return min(-alongArch(x, y, a, b)-2, 2.4-math.Abs(s.z-height(x, y)+2.4), 2-y)
	}, flat(huMuscle+15))
	s.paint(-34, -62, 34, 0, func(x, y float64) float64 {
		return min(-alongArch(x, y, a, b), 1.25-math.Abs(s.z-height(x, y)), -y)
	}, s.marrow(1050, 300))
}

// ramus is the branch of the lower jaw, with the muscle over it.
func (s *slice) ramus() {
	if s.z < -32 {
		return
	}
	back := curve(s.z, [2]float64{-32, 8}, [2]float64{-18, 17}, [2]float64{10, 20}, [2]float64{48, 23})
	fwd := curve(s.z, [2]float64{-32, -4}, [2]float64{-8, -6}, [2]float64{12, -10}, [2]float64{30, -6}, [2]float64{48, 2})
	out := curve(s.z, [2]float64{-32, 40}, [2]float64{0, 45}, [2]float64{48, 50})
	for _, side := range []float64{-1, 1} {
		s.ball(side*(out+8), 2, -2, 8, 20.5, 36, huFat)
		s.ball(side*(out+8), 2, -2, 6.5, 19, 34, huMuscle+15)
		s.ball(side*(out-8), 4, 0, 6.5, 15.5, 30, huFat)
		s.ball(side*(out-8), 4, 0, 5, 14, 28, huMuscle+15)
		s.rod(side*(out-4), fwd, side*out, back, 3.9, 1.9, huSpongy)
	}
}
