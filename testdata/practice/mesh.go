package practice

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"chartseal/testdata/practice/picture"
)

// upperSTL is a binary STL of the upper arch: 80 bytes of header with whatever
// the scanner's program liked to write, then triangles.
func upperSTL(k *kit) ([]byte, error) {
	m := picture.Arch(k.seed(), true, k.small(24, 220), k.small(10, 60))
	var out bytes.Buffer
	var header [80]byte
	copy(header[:], k.secret("OralSweep "+k.person.Last0()+" dob"+k.person.BirthDate)+" "+k.serial("SCN", "oral scanner"))
	out.Write(header[:])
	le := binary.LittleEndian
	body := le.AppendUint32(nil, uint32(len(m.Faces)))
	for _, f := range m.Faces {
		for _, v := range append([][3]float32{m.Normal(f)}, m.Points[f[0]], m.Points[f[1]], m.Points[f[2]]) {
			for _, x := range v {
				body = le.AppendUint32(body, math.Float32bits(x))
			}
		}
		body = le.AppendUint16(body, 0)
	}
	out.Write(body)
	return out.Bytes(), nil
}

// lowerPLY is a binary PLY of the lower arch, with comments.
func lowerPLY(k *kit) ([]byte, error) {
	m := picture.Arch(k.seed(), false, k.small(24, 220), k.small(10, 60))
	var out bytes.Buffer
	fmt.Fprintf(&out, "ply\nformat binary_little_endian 1.0\ncomment %s\ncomment %s\n",
		k.secret("patient "+k.person.Last0()+" "+k.person.ssn), k.serial("scanner SCN", "oral scanner"))
	fmt.Fprintf(&out, "obj_info %s\n", k.unique("session "))
	fmt.Fprintf(&out, "element vertex %d\nproperty float x\nproperty float y\nproperty float z\n", len(m.Points))
	fmt.Fprintf(&out, "element face %d\nproperty list uchar int vertex_indices\nend_header\n", len(m.Faces))
	le := binary.LittleEndian
	var body []byte
	for _, p := range m.Points {
		for _, x := range p {
			body = le.AppendUint32(body, math.Float32bits(x))
		}
	}
	for _, f := range m.Faces {
		body = append(body, 3)
		for _, i := range f {
			body = le.AppendUint32(body, uint32(i))
		}
	}
	out.Write(body)
	return out.Bytes(), nil
}
