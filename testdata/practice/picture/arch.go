package picture

import "math"

// Mesh is a surface of triangles, in millimetres.
type Mesh struct {
	Points [][3]float32
	Faces  [][3]int32
}

// Normal is the unit normal of a face.
func (m *Mesh) Normal(f [3]int32) [3]float32 {
	a, b, c := m.Points[f[0]], m.Points[f[1]], m.Points[f[2]]
	u := [3]float64{float64(b[0] - a[0]), float64(b[1] - a[1]), float64(b[2] - a[2])}
	v := [3]float64{float64(c[0] - a[0]), float64(c[1] - a[1]), float64(c[2] - a[2])}
	n := [3]float64{u[1]*v[2] - u[2]*v[1], u[2]*v[0] - u[0]*v[2], u[0]*v[1] - u[1]*v[0]}
	l := math.Sqrt(n[0]*n[0] + n[1]*n[1] + n[2]*n[2])
	if l == 0 {
		return [3]float32{0, 0, 1}
	}
	return [3]float32{float32(n[0] / l), float32(n[1] / l), float32(n[2] / l)}
}

// Arch makes the surface an intra-oral scanner sees: teeth with cusps and a
// strip of gum, as a grid of the given number of steps along and across.
func Arch(seed uint64, maxilla bool, along, across int) *Mesh {
	h := &archSurface{a: lowerA, b: lowerB, set: &lower, field: newField(seed)}
	if maxilla {
		h.a, h.b, h.set = upperA, upperB, &upper
	}
	m := &Mesh{}
	for i := range along + 1 {
		s := (float64(i)/float64(along)*2 - 1) * h.length()
		angle := arcAngle(h.a, h.b, math.Abs(s))
		for j := range across + 1 {
			m.Points = append(m.Points, h.point(s, angle, float64(j)/float64(across)*2-1))
		}
	}
	row := int32(across + 1)
	for i := range int32(along) {
		for j := range int32(across) {
			p := i*row + j
			m.Faces = append(m.Faces, [3]int32{p, p + 1, p + row}, [3]int32{p + 1, p + row + 1, p + row})
		}
	}
	return m
}

type archSurface struct {
	a, b  float64
	set   *[8]anatomy
	field *field
}

// length is the arc from the midline to behind the second molar.
func (h *archSurface) length() float64 {
	sum := 0.0
	for _, t := range h.set[:7] {
		sum += t.width + 0.15
	}
	return sum
}

// point lies at arc length s (signed, from the midline), which is at the angle
// given, and across w: -1 on the tongue's side, 1 on the cheek's.
func (h *archSurface) point(s, angle, w float64) [3]float32 {
	t, u := h.tooth(math.Abs(s))
	sin, cos := math.Sin(angle), math.Cos(angle)
	x, y := math.Copysign(h.a*sin, s), -h.b*cos
	nx, ny := math.Copysign(sin/h.a, s), -cos/h.b
	n := math.Hypot(nx, ny)

	const reach = 8.8 // half the width of the strip
	across := w * reach
	side := (t.depth/2*(0.96-0.16*math.Pow(math.Abs(u), 4)) - math.Abs(across)) // inside the crown
	z := -2 + 1.2*step(-4, 0, side) + t.crown*0.85*step(-0.7, 0.9, side)*(1-0.85*step(0.86, 1, math.Abs(u)))
	if side > 0 {
		tt := tooth{anatomy: t}
		z += 0.8 * (tt.surface(u, across/(t.depth/2)) - t.crown) * step(0, 1.5, side)
	}
	z += 0.12 * h.field.smooth(s*0.5, across*0.5, 3)
	return [3]float32{float32(x + nx/n*across), float32(y + ny/n*across), float32(z)}
}

// tooth finds the tooth at an arc length, and the place on it from -1 to 1.
func (h *archSurface) tooth(s float64) (anatomy, float64) {
	for i, t := range h.set {
		if s <= t.width+0.15 || i == 6 {
			return t, clamp(s/(t.width+0.15)*2-1, -1, 1)
		}
		s -= t.width + 0.15
	}
	return h.set[6], 1
}
