package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Size of a picture, in pixels, and the margins of its plot.
const (
	width, height               = 860, 440
	leftEdge, rightEdge         = 70, 480
	topEdge, bottomEdge         = 20, 400
	legendX                     = 500
	lineHeight                  = 22
	smallest, largest           = 1e-5, 1e3 // seconds
	fewest, most        float64 = 1, 1e6
)

// colours can be told apart by those who see few of them (Okabe and Ito, 2008).
var colours = []string{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000"}

// dashes tell curves of one colour apart.
var dashes = []string{"", ` stroke-dasharray="6 3"`, ` stroke-dasharray="2 3"`}

// plot draws curves on logarithmic scales, as SVG 1.1.
func plot(list []curve) []byte {
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	s.WriteString(`<title>Seconds by count, on logarithmic scales</title><rect width="100%" height="100%" fill="#fff"/>` + "\n")
	for e := math.Log10(smallest); e <= math.Log10(largest); e++ {
		y := across(math.Pow(10, e), smallest, largest, bottomEdge, topEdge)
		fmt.Fprintf(&s, `<path d="M%d %.0fH%d" stroke="#ddd"/><text x="%d" y="%.0f" text-anchor="end">%g s</text>`+"\n", leftEdge, y, rightEdge, leftEdge-6, y+4, math.Pow(10, e))
	}
	for e := math.Log10(fewest); e <= math.Log10(most); e++ {
		x := across(math.Pow(10, e), fewest, most, leftEdge, rightEdge)
		fmt.Fprintf(&s, `<path d="M%.0f %dV%d" stroke="#ddd"/><text x="%.0f" y="%d" text-anchor="middle">%.0f</text>`+"\n", x, topEdge, bottomEdge, x, bottomEdge+18, math.Pow(10, e))
	}
	for i := range list {
		list[i].draw(&s, colours[i%len(colours)], dashes[i/len(colours)%len(dashes)], topEdge+20+lineHeight*i)
	}
	s.WriteString("</svg>\n")
	return []byte(s.String())
}

func (c *curve) draw(s *strings.Builder, colour, dash string, legendY int) {
	var points []string
	for i, t := range c.seen {
		x := across(float64(c.counts[i]), fewest, most, leftEdge, rightEdge)
		y := across(t, smallest, largest, bottomEdge, topEdge)
		points = append(points, fmt.Sprintf("%.1f,%.1f", x, y))
		fmt.Fprintf(s, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x, y, colour)
	}
	fmt.Fprintf(s, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n", strings.Join(points, " "), colour, dash)
	fmt.Fprintf(s, `<path d="M%d %dh18" stroke="%s" stroke-width="2"%s/>`+"\n", legendX, legendY-4, colour, dash)
	fmt.Fprintf(s, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", legendX+24, legendY, colour, html.EscapeString(c.name))
}

// across places v between from and to, where low and high are, on a logarithmic scale.
func across(v, low, high, from, to float64) float64 {
	v = min(max(v, low), high)
	return from + (to-from)*math.Log(v/low)/math.Log(high/low)
}
