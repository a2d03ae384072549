package picture

import "math"

// front is the soft profile in the midline: distance in front of the axis (mm).
func front(z float64) float64 {
	return curve(z, [2]float64{-44, 30}, [2]float64{-39, 66}, [2]float64{-30, 77}, [2]float64{-17, 72},
		[2]float64{-7, 79}, [2]float64{1, 75}, [2]float64{9, 80}, [2]float64{20, 75}, [2]float64{48, 76})
}

// skinDepth is the depth under the skin in millimetres, negative in the air.
func (s *slice) skinDepth() func(x, y float64) float64 {
	a := curve(s.z, [2]float64{-44, 60}, [2]float64{-20, 68}, [2]float64{10, 71}, [2]float64{48, 76})
	f, b := front(s.z), curve(s.z, [2]float64{-44, 76}, [2]float64{0, 84}, [2]float64{48, 92})
	neck := curve(s.z, [2]float64{-44, 58}, [2]float64{-10, 30}, [2]float64{20, 0})
	return func(x, y float64) float64 {
		d := halfOval(x, y, a, f, b)
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

func (s *slice) nose() {
	s.ball(0, -77, 33, 12, 15, 13, huSkin)
	s.ball(0, -74, 33, 9, 14, 10, huMuscle)
	s.ball(-11, -70, 30, 8, 10, 8, huMuscle)
	s.ball(11, -70, 30, 8, 10, 8, huMuscle)
	s.ball(-5.5, -76, 27, 3.4, 7, 7, huAir)
	s.ball(5.5, -76, 27, 3.4, 7, 7, huAir)
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
	gap := (s.z - 12) / 5
	if gap*gap < 1 {
		k := math.Sqrt(1 - gap*gap)
		s.paint(-21*k, -48*k-4, 21*k, 4, ellipse(0, -22, 20*k, 28*k), flat(huAir))
		s.paint(-20*k, -46*k-4, 20*k, 3, ellipse(0, -21, 18*k-2*gap, 25*k), flat(huMuscle))
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
