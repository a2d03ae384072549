package picture

import "testing"

// A scanner's surface faces the scanner.
func TestArchFacesUp(t *testing.T) {
	for _, maxilla := range []bool{true, false} {
		m := Arch(1, maxilla, 60, 20)
		up := 0
		for _, f := range m.Faces {
			if m.Normal(f)[2] > 0 {
				up++
			}
		}
		if up < len(m.Faces)*9/10 {
			t.Errorf("%d of %d faces look up", up, len(m.Faces))
		}
	}
}

// The head has air, flesh, bone, enamel and metal in plausible parts.
func TestHeadDensities(t *testing.T) {
	const size = 128
	h := NewHead(1, HeadOptions{Implant: []int{36}})
	px := make([]uint16, size*size)
	h.Slice(px, size, -5, 0)
	var air, flesh, hard, metal int
	for _, v := range px {
		switch hu := int(v) - 1024; {
		case hu < -700:
			air++
		case hu > -200 && hu < 250:
			flesh++
		case hu > 2900:
			metal++
		case hu > 1200:
			hard++
		}
	}
	if air < size*size/4 || flesh < size*size/4 || hard < 150 || metal < 5 || metal > 200 {
		t.Errorf("air %d, flesh %d, hard %d, metal %d of %d voxels", air, flesh, hard, metal, size*size)
	}
}
