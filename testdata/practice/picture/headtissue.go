package picture

import "math"

// front is how far the face reaches in front of the axis (mm), and how much
// further it does so near the midline: chin and lips.
func front(z float64) (reach, middle float64) {
	reach = curve(z, [2]float64{-44, 40}, [2]float64{-38, 66}, [2]float64{-28, 72}, [2]float64{10, 74}, [2]float64{48, 75})
	middle = curve(z, [2]float64{-38, 0}, [2]float64{-29, 5.5}, [2]float64{-17, -0.5}, [2]float64{-7, 5},
		[2]float64{1, 1}, [2]float64{9, 5.5}, [2]float64{20, 1}, [2]float64{30, 0})
	return reach, middle
}

// skinDepth is the depth under the skin in millimetres, negative in the air.
func (s *slice) skinDepth() func(x, y float64) float64 {
	a := curve(s.z, [2]float64{-44, 60}, [2]float64{-20, 68}, [2]float64{10, 71}, [2]float64{48, 76})
	b := curve(s.z, [2]float64{-44, 76}, [2]float64{0, 84}, [2]float64{48, 92})
	reach, middle := front(s.z)
	neck := curve(s.z, [2]float64{-44, 58}, [2]float64{-10, 30}, [2]float64{20, 0})
	return func(x, y float64) float64 {
		m := 1 / (1 + x*x/420)
		d := halfOval(x, y, a, reach+middle*m*m, b)
		if neck > 0 {
			d = max(d, inEllipse(x, y-24, neck, neck*0.85))
		}
		return d
	}
}

// halfOval is the distance into an oval with different reach to front and back.
func halfOval(x, y, a, f, b float64) float64 {
	if y < 0 {
		return inEllipse(x, y, a, f)
	}
	u, v := math.Abs(x)/a, y/b
	q := u*u*u + v*v*v // a fuller back of the head
	if q < 1e-9 {
		return min(a, b)
	}
	r := math.Cbrt(q)
	g := math.Hypot(u*u/a, v*v/b) / (r * r)
	return (1 - r) / g
}

func (s *slice) skin() {
	for i := range s.px {
		s.px[i] = huAir
	}
	depth := s.skinDepth()
	s.paint(-HeadWidth/2, -HeadWidth/2, HeadWidth/2, HeadWidth/2, depth, func(x, y float64) float64 {
		return s.flesh(depth(x, y), x, y)
	})
	s.nose()
}

// flesh is skin, then fat, then muscle with fat between its bellies.
func (s *slice) flesh(d, x, y float64) float64 {
	if d < 1.6 {
		return huSkin
	}
	w := s.h.soft.smooth(x*0.13, y*0.13, s.z*0.1)
	fat := 5 + 4*step(10, 55, math.Abs(x)) + 5*step(20, 70, y) + 3.5*w
	if d < fat {
		return huFat + 30*step(fat-1.2, fat, d)
	}
	septa := s.h.soft.smooth(x*0.22+17, y*0.22, s.z*0.12)
	return lerp(huMuscle+12*w, huFat, 0.85*step(0.35, 0.6, septa)*step(22, 40, math.Hypot(x, y+40)))
}

// nose grows out of the face from the lip to the bridge.
func (s *slice) nose() {
	if s.z < 19 {
		return
	}
	out := curve(s.z, [2]float64{19, 0}, [2]float64{24, 14}, [2]float64{29, 18}, [2]float64{38, 13}, [2]float64{48, 7})
	wide := curve(s.z, [2]float64{19, 5}, [2]float64{25, 16}, [2]float64{31, 14}, [2]float64{40, 9}, [2]float64{48, 8})
	in := ellipse(0, -72, wide, out+6)
	s.paint(-wide, -78-out, wide, -66, in, func(x, y float64) float64 {
		return lerp(huSkin, huMuscle-30, step(1.2, 2.4, in(x, y)))
	})
	for _, side := range []float64{-1, 1} {
		s.ball(side*5.2, -79, 25, 3.6, 6.5, 7, huAir)
		s.ball(side*5.0, -73, 30, 3.4, 8, 7, huAir)
	}
}

// spaces are the airways: throat, mouth, nose and the sinuses of the cheek.
func (s *slice) spaces() {
	w := curve(s.z, [2]float64{-44, 9}, [2]float64{-20, 13}, [2]float64{5, 11}, [2]float64{22, 14}, [2]float64{34, 15})
	d := curve(s.z, [2]float64{-44, 6}, [2]float64{-20, 5}, [2]float64{8, 4.5}, [2]float64{28, 8}, [2]float64{34, 9})
	y := curve(s.z, [2]float64{-44, 4}, [2]float64{0, 8}, [2]float64{30, 6})
	s.paint(-w, y-d, w, y+d, ellipse(0, y, w, d), flat(huAir))
	s.tongue()
	s.nasal()
}

// tongue leaves a thin air gap under the palate and in front of the teeth.
func (s *slice) tongue() {
	gap := (s.z - 13) / 7
	if gap*gap < 1 { // an uneven film of air between tongue and palate
		k := math.Sqrt(1 - gap*gap)
		a, b := 21*k, 31*k
		s.paint(-a-3, -24-b, a+3, 6, func(x, y float64) float64 {
			w := s.h.soft.smooth(x*0.18, y*0.18, s.z*0.3)
			return 0.9 + 1.3*w - math.Abs(inEllipse(x, y+22, a, b)-0.8)
		}, flat(huAir))
	}
	lips := curve(s.z, [2]float64{-12, 0}, [2]float64{-2, 1}, [2]float64{3, 1}, [2]float64{10, 0})
	if lips > 0.05 { // the vestibule between lips and teeth
		s.paint(-34, -72, 34, -30, func(x, y float64) float64 {
			return 0.9*lips - math.Abs(inEllipse(x, y+5, 36.5, 63.5)) - 0.6*step(22, 34, math.Abs(x))
		}, flat(huAir))
	}
}

func (s *slice) nasal() {
	if s.z < 25.5 {
		return
	}
	h := step(25.5, 31, s.z)
	for _, side := range []float64{-1, 1} {
		s.paint(-18, -68, 18, 12, ellipse(side*7.5, -28, 6.5*h, 40*h), flat(huAir))
		s.ball(side*9.5, -28, 33, 3.6, 24, 5.5, huMuscle) // lower turbinate
		s.ball(side*8.5, -22, 46, 2.8, 18, 6, huMuscle)   // middle turbinate
		s.ball(side*9.5, -28, 33, 0.9, 21, 2.5, huSpongy)
		s.sinus(side)
	}
	bend := 1.2 * math.Sin(s.z*0.2)
	s.paint(-4, -64, 4, 8, func(x, y float64) float64 {
		return min(0.9-math.Abs(x-bend*math.Sin(y*0.06)), 64+y, 8-y)
	}, func(_, y float64) float64 { return lerp(700, 180, step(-30, -50, y)) })
}

// sinus is air with thin bony walls and a little mucosa on the floor.
func (s *slice) sinus(side float64) {
	s.ball(side*29, -32, 47, 15.5, 20.5, 19.5, huCortical)
	s.ball(side*29, -32, 47, 14.2, 19.2, 18.2, huMuscle)
	s.ball(side*29, -32, 47.6, 13.6, 18.6, 17.6, huAir)
}
