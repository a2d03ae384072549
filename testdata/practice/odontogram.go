package practice

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"codeberg.org/go-pdf/fpdf"
)

// rows of the mouth from the patient's right to the left, ISO 3950.
var (
	upperRow = []int{18, 17, 16, 15, 14, 13, 12, 11, 21, 22, 23, 24, 25, 26, 27, 28}
	lowerRow = []int{48, 47, 46, 45, 44, 43, 42, 41, 31, 32, 33, 34, 35, 36, 37, 38}
)

// summary is the first page of a chart: tooth chart, findings, alerts.
func summary(c *chart) {
	c.heading("Tooth chart")
	c.odontogram(c.GetY() + 2)
	c.heading("Findings")
	var rows [][]string
	for _, t := range c.k.person.findings.all() {
		state := c.k.person.findings.state(t.Number)
		rows = append(rows, []string{strconv.Itoa(t.Number), universal(t.Number), state, remark(state)})
	}
	c.table([]float64{18, 22, 34, textWidth - 74}, []string{"Tooth", "Universal", "State", "Remark"}, rows...)
	c.heading("Summary")
	c.say("%s", c.overview())
}

func (c *chart) overview() string {
	f := c.k.person.findings
	return fmt.Sprintf("%d teeth present, %d restored. Oral hygiene fair to good. Soft tissues without pathology; "+
		"temporomandibular joints without clicking, opening 46 mm. Occlusion stable, Angle class I on both sides. "+
		"Next recall in six months.", 32-len(f.missing)-len(f.implant), len(f.filled)+len(f.crowned))
}

func remark(state string) string {
	switch state {
	case "caries":
		return "proximal lesion into dentine; see radiograph of the same date"
	case "root canal":
		return "root filling dense, to within 1 mm of the apex"
	case "crown":
		return "metal-ceramic, margins sound"
	case "implant":
		return "bone level implant 4.1 × 12 mm, cemented crown, no bleeding"
	case "missing":
		return "extracted or never erupted; space closed or not restored"
	case "filled":
		return "amalgam, occlusal and mesial, sound"
	}
	return ""
}

// universal is the tooth in the numbering used in the United States: 1 to 32
// clockwise from the upper right third molar.
func universal(n int) string {
	q, t := n/10, n%10
	switch q {
	case 1:
		return strconv.Itoa(9 - t)
	case 2:
		return strconv.Itoa(8 + t)
	case 3:
		return strconv.Itoa(25 - t)
	}
	return strconv.Itoa(24 + t)
}

// odontogram draws 32 teeth from the side and from above, with their states.
func (c *chart) odontogram(y float64) {
	step := textWidth / 16
	for i := range 16 {
		x := margin + (float64(i)+0.5)*step
		c.toothSide(x, y+20, step*0.4, -1, upperRow[i])
		c.toothTop(x, y+35, step*0.36, upperRow[i])
		c.number(x, y+43, upperRow[i])
		c.number(x, y+49.5, lowerRow[i])
		c.toothTop(x, y+56.5, step*0.36, lowerRow[i])
		c.toothSide(x, y+71, step*0.4, 1, lowerRow[i])
	}
	c.color([3]int{150, 160, 165})
	c.SetLineWidth(0.2)
	c.Line(pageWidth/2, y, pageWidth/2, y+92)
	c.Line(margin, y+46, pageWidth-margin, y+46)
	c.legend(y + 95)
	c.SetY(y + 99)
}

func (c *chart) number(x, y float64, n int) {
	c.SetFont("sans", "B", 7.5)
	c.SetTextColor(ink[0], ink[1], ink[2])
	text := strconv.Itoa(n)
	c.Text(x-c.GetStringWidth(text)/2, y+1.2, text)
}

// toothSide draws crown and roots; up is -1 if the roots point up.
func (c *chart) toothSide(x, y, half, up float64, n int) {
	state := c.k.person.findings.state(n)
	c.SetLineWidth(0.25)
	c.color(ink)
	if state == "missing" {
		c.color([3]int{170, 176, 180})
		c.SetLineWidth(0.5)
		c.Line(x-half*0.8, y-12, x+half*0.8, y+10)
		c.Line(x-half*0.8, y+10, x+half*0.8, y-12)
		return
	}
	if state == "implant" {
		c.implantSide(x, y, half, up)
	} else {
		c.roots(x, y, half, up, n, state)
	}
	c.fill(crownFill(state))
	c.Polygon(crownOutline(x, y, half, up, n), "FD")
	if state == "caries" {
		c.fill(red)
		c.Circle(x+half*0.55, y-up*4, 1, "F")
	}
}

func crownFill(state string) [3]int {
	switch state {
	case "crown", "implant":
		return [3]int{245, 214, 120}
	case "filled":
		return [3]int{198, 214, 238}
	}
	return [3]int{253, 253, 250}
}

func crownOutline(x, y, half, up float64, n int) []fpdf.PointType {
	var out []fpdf.PointType
	cusps := 1.0
	if n%10 > 3 {
		cusps = 2
	}
	for i := range 21 {
		u := float64(i)/10 - 1
		h := 7.4 - 0.9*math.Pow(math.Abs(u), 5)*2 - 0.9*math.Pow(math.Cos(u*math.Pi/2*cusps), 2)*(cusps-1)
		w := half * (1 - 0.05*u*u)
		out = append(out, fpdf.PointType{X: x + u*w, Y: y - up*h})
	}
	return append(out, fpdf.PointType{X: x + half*0.78, Y: y}, fpdf.PointType{X: x - half*0.78, Y: y})
}

func (c *chart) roots(x, y, half, up float64, n int, state string) {
	c.fill([3]int{248, 240, 222})
	centres, width := []float64{0}, half*0.7
	if n%10 > 5 {
		centres, width = []float64{-half * 0.4, half * 0.4}, half*0.36
	}
	for _, m := range centres {
		length := 13.0
		if n%10 == 3 {
			length = 16
		}
		c.Polygon([]fpdf.PointType{
			{X: x + m - width, Y: y},
			{X: x + m + width, Y: y},
			{X: x + m*1.25 + width*0.55, Y: y + up*length*0.7},
			{X: x + m*1.3, Y: y + up*length},
			{X: x + m*1.25 - width*0.55, Y: y + up*length*0.7},
		}, "FD")
		if state == "root canal" {
			c.color(red)
			c.SetLineWidth(0.7)
			c.Line(x+m*0.6, y, x+m*1.25, y+up*length*0.85)
			c.SetLineWidth(0.25)
			c.color(ink)
		}
	}
	if slices.Contains(c.k.person.findings.lesion, n) {
		c.color(red)
		c.SetLineWidth(0.4)
		c.Circle(x+half*0.5, y+up*13.5, 1.6, "D")
		c.color(ink)
		c.SetLineWidth(0.25)
	}
}

func (c *chart) implantSide(x, y, half, up float64) {
	c.fill([3]int{170, 178, 186})
	c.Polygon([]fpdf.PointType{
		{X: x - half*0.42, Y: y}, {X: x + half*0.42, Y: y}, {X: x + half*0.25, Y: y + up*13}, {X: x - half*0.25, Y: y + up*13},
	}, "FD")
	for i := range 6 {
		h := y + up*(2+float64(i)*2)
		c.Line(x-half*0.5, h, x+half*0.5, h+up*0.8)
	}
}

// toothTop draws the five surfaces as seen from above.
func (c *chart) toothTop(x, y, r float64, n int) {
	state := c.k.person.findings.state(n)
	if state == "missing" {
		return
	}
	c.SetLineWidth(0.2)
	c.color(ink)
	c.fill(crownFill(map[bool]string{true: state}[state == "crown" || state == "implant"]))
	c.Circle(x, y, r, "FD")
	c.fill([3]int{255, 255, 255})
	if state == "filled" {
		c.fill(blue)
	}
	c.Circle(x, y, r*0.48, "FD")
	for _, d := range [][2]float64{{1, 1}, {1, -1}, {-1, 1}, {-1, -1}} {
		c.Line(x+d[0]*r*0.34, y+d[1]*r*0.34, x+d[0]*r*0.7, y+d[1]*r*0.7)
	}
	if state == "caries" {
		c.fill(red)
		c.Circle(x+r*0.72, y, r*0.22, "F")
	}
}

func (c *chart) legend(y float64) {
	x := margin
	for _, l := range []struct {
		text string
		rgb  [3]int
	}{{"filling", blue}, {"caries, lesion", red}, {"crown", [3]int{245, 214, 120}}, {"implant", [3]int{170, 178, 186}}} {
		c.fill(l.rgb)
		c.Rect(x, y-2.4, 3, 3, "F")
		c.at(x+4.5, y-2.6, 8, "", grey, l.text)
		x += 34
	}
	c.at(x, y-2.6, 8, "", grey, "× missing     patient's right is on the left")
}
