package thumbnail

import (
	"context"
	"image"
	"math"

	"chartseal/redact/dicomfile"
)

// taps is how many samples of each direction make a pixel of a thumbnail, at
// most: enough that thin lines do not break, few enough that most rows of a
// large picture need not be read.
const taps = 3

// axis says which samples of a row or column make each pixel.
type axis struct {
	n, taps int
	at      []int // taps for each pixel
}

// newAxis spreads size samples over n pixels.
func newAxis(size, n int) axis {
	a := axis{n: n, taps: min(max((size+n-1)/n, 1), taps)}
	for i := range n * a.taps {
		a.at = append(a.at, (2*i+1)*size/(2*n*a.taps))
	}
	return a
}

// shape gives the size of a thumbnail. Pixels need not be square.
func shape(p *dicomfile.Picture) (w, h int) {
	aspect := p.Aspect
	if aspect < 0.1 || aspect > 10 { // nothing that scans people
		aspect = 1
	}
	width, height := float64(p.Columns), float64(p.Rows)*aspect
	scale := min(1, Side/max(width, height))
	return max(1, int(math.Round(width*scale))), max(1, int(math.Round(height*scale)))
}

// reduce draws the picture at a thumbnail's size.
func reduce(ctx context.Context, p *dicomfile.Picture, r rows, c *colors) (image.Image, error) {
	w, h := shape(p)
	across, down := newAxis(p.Columns, w), newAxis(p.Rows, h)
	out := make([]float32, w*h*c.channels)
	line := make([]uint16, len(across.at)*p.Samples)
	share := 1 / float32(across.taps*down.taps)
	for y := range h {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		to := out[y*w*c.channels:][:w*c.channels]
		for _, at := range down.at[y*down.taps:][:down.taps] {
			if err := r.row(at, across.at, line); err != nil {
				return nil, err
			}
			c.add(to, line, across.taps)
		}
		for i := range to {
			to[i] *= share
		}
	}
	if c.channels == 1 {
		return gray(p, out, w, h, c.shown), nil
	}
	return c.color(out, w, h), nil
}

// gray makes a picture of means of brightness, or of values if nothing says how those
// are shown.
func gray(p *dicomfile.Picture, values []float32, w, h int, shown bool) image.Image {
	low, high := float32(0), float32(1)
	if !shown {
		low, high = extent(values)
		if p.Slope < 0 && p.Modality == nil {
			low, high = high, low
		}
	}
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i, v := range values {
		y := float32(0)
		if low != high {
			y = (v - low) / (high - low)
		}
		if p.Photometric == "MONOCHROME1" {
			y = 1 - y
		}
		m.Pix[i] = byte(math.Round(255 * float64(y)))
	}
	return m
}

// extent is the range of values, which is shown where there is no window.
func extent(values []float32) (low, high float32) {
	low, high = values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// windowed reports a window that can be applied: with others nobody knows what it means.
func windowed(p *dicomfile.Picture) bool {
	if !p.Windowed || p.Slope == 0 && p.Modality == nil {
		return false
	}
	switch p.Function {
	case "", "LINEAR":
		return p.Width >= 1
	case "LINEAR_EXACT", "SIGMOID":
		return p.Width > 0
	}
	return false
}

// window maps the values of a modality to brightness from 0 to 1 (PS3.3 section
// C.11.2.1).
func window(p *dicomfile.Picture) func(v float64) float64 {
	c, w := p.Center, p.Width
	function := func(x float64) float64 { // LINEAR, section C.11.2.1.2.1
		switch x -= c - 0.5; {
		case x <= -(w-1)/2:
			return 0
		case x > (w-1)/2:
			return 1
		}
		return x/(w-1) + 0.5
	}
	switch p.Function {
	case "LINEAR_EXACT": // section C.11.2.1.3.2
		function = func(x float64) float64 { return (x-c)/w + 0.5 }
	case "SIGMOID": // section C.11.2.1.3.1
		function = func(x float64) float64 { return 1 / (1 + math.Exp(-4*(x-c)/w)) }
	}
	return func(v float64) float64 { return min(1, max(0, function(v))) }
}
