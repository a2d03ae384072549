package picture

import (
	"image"
	"math"
)

var (
	skinTone = rgb{0.72, 0.45, 0.33}
	lipTone  = rgb{0.56, 0.17, 0.16}
	gumTone  = rgb{0.70, 0.28, 0.28}
	ivory    = rgb{0.90, 0.83, 0.66}
)

// Smile draws a close-up of lips and front teeth.
func Smile(seed uint64, w, h int) *image.RGBA {
	c := newCanvas(w, h)
	f := newField(seed)
	c.blob(-1, -1, 1, 1, 0.01, func(float64, float64) float64 { return 1 }, func(x, y, _ float64) rgb {
		shade := 1.05 - 0.35*math.Abs(x) - 0.2*y
		return skinTone.lit(shade + 0.05*f.smooth(x*60, y*60, 2))
	})
	lips := func(x, y float64) float64 {
		return min(y+0.40-0.30*x*x+0.05*math.Exp(-x*x/0.008), 0.44-0.52*x*x-y) * 0.9
	}
	c.blob(-0.95, -0.5, 0.95, 0.5, 0.012, lips, func(x, y, d float64) rgb {
		t := lipTone.lit(0.8 + 0.5*step(0, 0.05, d) - 0.3*step(0.05, 0.12, d))
		return t.mix(rgb{0.9, 0.6, 0.58}, 0.35*math.Exp(-sq((y-0.33+0.4*x*x)/0.02))).lit(1 + 0.08*f.smooth(x*90, y*12, 5))
	})
	mouth := func(x, y float64) float64 { return min(y+0.26-0.34*x*x, 0.27-0.62*x*x-y) }
	c.blob(-0.8, -0.3, 0.8, 0.3, 0.008, mouth, plain(rgb{0.05, 0.015, 0.015}))
	inMouth := func(in func(x, y float64) float64) func(x, y float64) float64 {
		return func(x, y float64) float64 { return min(in(x, y), mouth(x, y)) }
	}
	c.arch(f, -1, -0.15, 0.06, inMouth)
	return c.image(seed)
}

// Retracted draws both rows of teeth with the cheeks held away.
func Retracted(seed uint64, w, h int) *image.RGBA {
	c := newCanvas(w, h)
	f := newField(seed)
	open := func(x, y float64) float64 { return 0.66 - math.Hypot(x*0.72, y*1.02) }
	c.blob(-1, -1, 1, 1, 0.02, func(float64, float64) float64 { return 1 }, func(x, y, _ float64) rgb {
		return rgb{0.75, 0.78, 0.82}.lit(0.55 + 0.3*math.Abs(x) + 0.1*math.Sin(14*math.Hypot(x, y))) // clear plastic
	})
	c.blob(-1, -0.75, 1, 0.75, 0.02, open, func(x, y, _ float64) rgb {
		return gumTone.lit(0.95 - 0.5*math.Abs(x) + 0.1*f.smooth(x*14, y*14, 3))
	})
	inside := func(in func(x, y float64) float64) func(x, y float64) float64 {
		return func(x, y float64) float64 { return min(in(x, y), open(x, y)) }
	}
	c.blob(-0.9, -0.2, 0.9, 0.2, 0.03, inside(func(x, y float64) float64 { return min(0.07+0.1*x*x-math.Abs(y), 0.72-math.Abs(x)) }), plain(rgb{0.04, 0.01, 0.01}))
	c.arch(f, 1, 0.32, 0.30, inside)
	c.arch(f, -1, -0.33, 0.36, inside)
	return c.image(seed)
}

// arch draws the front teeth of one jaw with scalloped gums; side is -1 for
// the upper jaw, neck the height of the gum line, bow how it curves.
func (c *canvas) arch(f *field, side, neck, bow float64, clip func(func(x, y float64) float64) func(x, y float64) float64) {
	set := upper
	if side > 0 {
		set = lower
	}
	c.gums(f, side, neck, bow, clip)
	for _, dir := range []float64{-1, 1} {
		at := 0.0
		for i := range 7 {
			// the arch runs away from the camera: each tooth looks narrower
			w := set[i].width * 0.0165 * math.Cos(float64(i)*0.19)
			c.frontTooth(f, dir*(at+w/2), neck-side*bow*sq(at+w/2), w/2, set[i].crown*0.031*(1-0.035*float64(i)), side, set[i].cusps, float64(i))
			at += w
		}
	}
}

func (c *canvas) gums(f *field, side, neck, bow float64, clip func(func(x, y float64) float64) func(x, y float64) float64) {
	in := clip(func(x, y float64) float64 { return min(side*(y-neck)+bow*x*x+0.05, 0.80-math.Abs(x)) })
	c.blob(-1, -0.8, 1, 0.8, 0.01, in, func(x, y, d float64) rgb {
		tone := gumTone.lit(1.1 - 0.55*math.Abs(x) + 0.06*f.smooth(x*40, y*40, 7))
		return tone.mix(rgb{0.95, 0.75, 0.72}, 0.25*math.Exp(-sq((d-0.05)/0.02)))
	})
}

func (c *canvas) frontTooth(f *field, x0, neck, half, tall, side float64, cusps int, far float64) {
	in := func(x, y float64) float64 {
		u, v := (x-x0)/half, -side*(y-neck)/tall
		width := 0.80 + 0.2*step(0, 0.75, v)
		round := 0.06 * math.Pow(math.Abs(u), 4)
		if cusps == 1 {
			round = 0.13*math.Sqrt(u*u+0.03) - 0.02
		}
		return min(half*(width-math.Abs(u))*0.9, tall*(v+0.06*math.Cos(u*1.5)-0.02), tall*(1-round-v))
	}
	c.blob(x0-half, neck-tall*1.2, x0+half, neck+tall*1.2, 0.004, in, func(x, y, d float64) rgb {
		u, v := (x-x0)/half, -side*(y-neck)/tall
		tone := ivory.mix(rgb{0.80, 0.80, 0.80}, 0.55*step(0.7, 1, v)) // translucent edge
		tone = tone.lit((1.03 - 0.42*u*u - 0.10*(1-v)) * (1 - 0.085*far) * (0.55 + 0.45*step(0, 0.012, d)))
		shine := 0.4 * math.Exp(-sq((u+0.25)/0.16)-sq((v-0.45)/0.22)) * (1 - 0.1*far)
		return tone.lit(1+0.03*f.smooth(x*25, y*70, 4)).mix(rgb{1, 1, 1}, shine)
	})
}

func sq(x float64) float64 { return x * x }

// Face draws a portrait from the front, in the upright format w < h.
func Face(seed uint64, w, h int) *image.RGBA {
	c := newCanvas(w, h)
	f := newField(seed)
	hair := rgb{0.10, 0.055, 0.03}
	c.blob(-1, -2, 1, 2, 0.01, func(float64, float64) float64 { return 1 }, func(x, y, _ float64) rgb {
		return rgb{0.50, 0.58, 0.62}.lit(0.95 - 0.25*math.Hypot(x, y*0.6))
	})
	c.oval(0, -0.12, 0.66, 0.82, 0.03, func(x, y, _ float64) rgb { return hair.lit(0.8 + 0.5*f.smooth(x*30, y*4, 2)) })
	c.blob(-1, 0.55, 1, 2, 0.02, func(x, y float64) float64 {
		return y - 0.98 - 0.35*x*x*x*x + 0.12*math.Exp(-x*x/0.1) - 0.22*step(0.25, 1, math.Abs(x))
	},
		func(x, y, _ float64) rgb { return rgb{0.12, 0.32, 0.40}.lit(0.9 + 0.15*f.smooth(x*6, y*6, 9)) })
	c.oval(0, 0.78, 0.25, 0.42, 0.03, func(x, _, _ float64) rgb { return skinTone.lit(0.72 - 0.25*math.Abs(x)) })
	c.blob(-0.7, -0.95, 0.7, 0.95, 0.02, faceOutline, func(x, y, d float64) rgb {
		tone := skinTone.lit(0.82 + 0.35*step(0, 0.22, d) - 0.1*x + 0.03*f.smooth(x*40, y*40, 6))
		cheek := math.Exp(-sq((math.Abs(x)-0.29)/0.13) - sq((y-0.16)/0.12))
		return tone.mix(rgb{0.85, 0.42, 0.34}, 0.3*cheek)
	})
	c.blob(-0.7, -0.95, 0.7, -0.2, 0.04, func(x, y float64) float64 { return min(faceOutline(x, y)+0.03, -0.52-y+0.28*x*x-0.1*x) },
		func(x, y, _ float64) rgb { return hair.lit(0.9 + 0.6*f.smooth(x*40, y*6, 3)) })
	c.features(hair)
	return c.image(seed)
}

func faceOutline(x, y float64) float64 {
	if y > 0 {
		return inEllipse(x, y, 0.52-0.09*step(0.2, 0.8, y), 0.78)
	}
	return inEllipse(x, y, 0.52, 0.74)
}

// features are eyes, brows, nose and mouth.
func (c *canvas) features(hair rgb) {
	for _, s := range []float64{-1, 1} {
		c.oval(s*0.21, -0.09, 0.115, 0.06, 0.02, plain(skinTone.lit(0.75)))
		c.oval(s*0.21, -0.085, 0.088, 0.036, 0.006, plain(rgb{0.88, 0.87, 0.85}))
		c.oval(s*0.21, -0.085, 0.036, 0.036, 0.005, plain(rgb{0.16, 0.09, 0.04}))
		c.oval(s*0.21, -0.085, 0.016, 0.016, 0.004, plain(rgb{0.01, 0.01, 0.01}))
		c.oval(s*0.21+0.012, -0.1, 0.008, 0.008, 0.004, plain(rgb{1, 1, 1}))
		c.blob(s*0.21-0.13, -0.2, s*0.21+0.13, -0.06, 0.006, func(x, y float64) float64 {
			return 0.011*(1-sq((x-s*0.21)/0.12)) - math.Abs(y+0.118-1.9*sq(x-s*0.21))
		}, plain(hair))
		c.blob(s*0.22-0.15, -0.3, s*0.22+0.15, -0.12, 0.012, func(x, y float64) float64 {
			return 0.02*(1-sq((x-s*0.22)/0.135)) - math.Abs(y+0.215-1.6*sq(x-s*0.2))
		}, plain(hair))
		c.oval(s*0.055, 0.2, 0.024, 0.014, 0.012, plain(skinTone.lit(0.42)))
		c.blob(0.01*s, -0.1, s*0.12+0.06, 0.22, 0.03, func(x, y float64) float64 {
			return 0.012 - math.Abs(s*x-0.075-0.05*step(0, 0.25, y))
		}, plain(skinTone.lit(0.9)))
	}
	c.oval(0, 0.12, 0.028, 0.1, 0.03, plain(skinTone.lit(1.25)))
	smile := func(x, y float64) float64 { return min(y-0.36+0.55*x*x*0.4, 0.49-1.5*x*x-y) * 0.9 }
	c.blob(-0.3, 0.3, 0.3, 0.55, 0.01, smile, plain(lipTone.lit(1.1)))
	c.blob(-0.3, 0.3, 0.3, 0.55, 0.006, func(x, y float64) float64 { return min(smile(x, y)-0.022, 0.445-0.5*x*x-y) }, func(x, _, _ float64) rgb {
		return ivory.lit(0.95 - 1.2*x*x - 0.12*step(0.9, 1, math.Cos(x*80)))
	})
}

// Shade draws a flat screenshot of a shade-matching program.
func Shade(w, h int) *image.RGBA {
	c := newCanvas(w, h)
	c.blob(-1, -1, 1, 1, 0.01, func(float64, float64) float64 { return 1 }, plain(rgb{0.86, 0.88, 0.9}))
	for i := range 5 {
		x := -0.72 + 0.36*float64(i)
		c.blob(x-0.14, -0.4, x+0.14, 0.3, 0.004, func(px, py float64) float64 {
			return 0.02 - max(math.Abs(px-x)-0.1, math.Abs(py+0.05)-0.28)
		}, plain(ivory.lit(1.05-0.08*float64(i))))
	}
	c.blob(-1, -1, 1, -0.5, 0.003, func(_, y float64) float64 { return -0.56 - y }, plain(rgb{0.02, 0.14, 0.18}))
	return c.image(1)
}
