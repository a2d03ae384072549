package picture

import (
	"image"
	"math"
)

// rgb is a linear mix of light, 0 to 1 per channel.
type rgb [3]float64

func (c rgb) mix(d rgb, t float64) rgb {
	return rgb{lerp(c[0], d[0], t), lerp(c[1], d[1], t), lerp(c[2], d[2], t)}
}

func (c rgb) lit(f float64) rgb { return rgb{c[0] * f, c[1] * f, c[2] * f} }

// canvas is a photograph while it is drawn. Coordinates: x from -1 to 1 across
// the width, y downwards in the same unit, origin in the middle.
type canvas struct {
	w, h int
	px   []rgb
	unit float64 // pixels per unit
}

func newCanvas(w, h int) *canvas {
	return &canvas{w: w, h: h, px: make([]rgb, w*h), unit: float64(w) / 2}
}

func (c *canvas) x(i int) float64 { return (float64(i) + 0.5 - float64(c.w)/2) / c.unit }
func (c *canvas) y(j int) float64 { return (float64(j) + 0.5 - float64(c.h)/2) / c.unit }

// blob lays a shape of the box over the picture; edge is its softness.
func (c *canvas) blob(x0, y0, x1, y1, edge float64, inside func(x, y float64) float64, paint func(x, y, d float64) rgb) {
	i0 := int(clamp((x0*c.unit)+float64(c.w)/2, 0, float64(c.w)))
	i1 := int(clamp((x1*c.unit)+float64(c.w)/2+1, 0, float64(c.w)))
	j0 := int(clamp((y0*c.unit)+float64(c.h)/2, 0, float64(c.h)))
	j1 := int(clamp((y1*c.unit)+float64(c.h)/2+1, 0, float64(c.h)))
	for j := j0; j < j1; j++ {
		y := c.y(j)
		for i := i0; i < i1; i++ {
			x := c.x(i)
			d := inside(x, y)
			if d <= -edge {
				continue
			}
			p := &c.px[j*c.w+i]
			*p = p.mix(paint(x, y, d), step(-edge, edge, d))
		}
	}
}

// oval is a blob in the form of an ellipse.
func (c *canvas) oval(cx, cy, a, b, edge float64, paint func(x, y, d float64) rgb) {
	c.blob(cx-a-edge, cy-b-edge, cx+a+edge, cy+b+edge, edge,
		func(x, y float64) float64 { return inEllipse(x-cx, y-cy, a, b) }, paint)
}

func plain(c rgb) func(x, y, d float64) rgb {
	return func(float64, float64, float64) rgb { return c }
}

// image develops the canvas, with a little grain.
func (c *canvas) image(seed uint64) *image.RGBA {
	g := newGrain(seed)
	out := image.NewRGBA(image.Rect(0, 0, c.w, c.h))
	for j := range c.h {
		tile, shift := g.row(j%grainEdge, j/grainEdge)
		for i := range c.w {
			n := 0.008 * float64(tile[(i+shift)&(grainEdge-1)])
			for k := range 3 {
				v := math.Sqrt(clamp(c.px[j*c.w+i][k], 0, 1)) + n
				out.Pix[out.PixOffset(i, j)+k] = uint8(clamp(v*255, 0, 255))
			}
			out.Pix[out.PixOffset(i, j)+3] = 255
		}
	}
	return out
}
