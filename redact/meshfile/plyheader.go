package meshfile

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"chartseal/redact"
)

// plySizes are the bytes of the types, in both generations of names.
var plySizes = map[string]int64{
	"char": 1, "uchar": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4, "float": 4, "double": 8,
	"int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "float32": 4, "float64": 8,
}

// plyName is what programs call elements and properties.
var plyName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,31}$`)

// plyElements are the elements that make up a mesh: those of Turk's description
// and the strips of the Stanford scans. Programs may define others, with any
// data in them, text included.
var plyElements = []string{"vertex", "face", "edge", "tristrips", "material"}

// plyProperties are what programs call coordinates, normals, colours, corners,
// texture coordinates and measures of a scanner. Any other name is free text.
var plyProperties = words(`
	x y z nx ny nz normal_x normal_y normal_z
	red green blue alpha r g b a rgb rgba intensity
	diffuse_red diffuse_green diffuse_blue diffuse_alpha ambient_red ambient_green ambient_blue ambient_alpha
	specular_red specular_green specular_blue specular_alpha emission_red emission_green emission_blue
	specular_coeff specular_power ambient_coeff diffuse_coeff
	s t u v texture_u texture_v texcoord texnumber tex_coord
	vertex_index vertex_indices vertex1 vertex2 material_index material_indices
	quality confidence curvature radius value flags label segment class group tooth scalar`)

func words(s string) []string { return strings.Fields(s) }

// plyElement is one element of the header.
type plyElement struct {
	count   int64
	props   []plyProperty
	dropped bool
}

// plyProperty is a value of size bytes, or a list of them after a count of
// list bytes.
type plyProperty struct{ list, size int64 }

// stride returns the bytes of one element, 0 if it holds lists.
func (e plyElement) stride() int64 {
	var n int64
	for _, p := range e.props {
		if p.list > 0 {
			return 0
		}
		n += p.size
	}
	return n
}

// readHeader reads up to end_header and writes the header of the output.
func (p *ply) readHeader() error {
	for n := 0; ; n++ {
		if p.scan.Pos() > maxPLYHeader || n > maxPLYLines {
			return malformed("the header of the scan is too long")
		}
		line, err := p.textLine()
		if err != nil {
			return err
		}
		if bytes.IndexByte(bytes.TrimRight(line, "\r\n"), '\r') >= 0 {
			return malformed("the header of the scan is broken")
		}
		kept, err := p.headerLine(line, strings.Fields(string(line)), n)
		if err != nil {
			return err
		}
		p.header.Write(kept)
		if strings.TrimSpace(string(line)) == "end_header" {
			return nil
		}
	}
}

// headerLine takes one line in and returns what of it stays.
func (p *ply) headerLine(line []byte, words []string, n int) ([]byte, error) {
	if len(words) == 0 {
		return nil, nil
	}
	switch key := words[0]; {
	case key == "ply" && n == 0 && len(words) == 1, key == "end_header" && len(words) == 1:
		return line, nil
	case key == "comment" || key == "obj_info":
		p.dropComment(words)
		return nil, nil
	case key == "format" && len(words) == 3 && words[2] == "1.0":
		p.format = words[1]
		return line, nil
	case key == "element" && len(words) == 3 && plyName.MatchString(words[1]):
		return p.element(line, words)
	case key == "property" && len(p.elements) > 0:
		return p.property(line, words)
	}
	return nil, errPLYHeader
}

var errPLYHeader = malformed("the header of the scan is broken")

func (p *ply) element(line []byte, words []string) ([]byte, error) {
	count, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil || count < 0 || count > 1<<40 {
		return nil, errPLYHeader
	}
	e := plyElement{count: count, dropped: !slices.Contains(plyElements, words[1])}
	p.elements = append(p.elements, e)
	if e.dropped {
		p.t[extraRemoved]++
		return nil, nil
	}
	return line, nil
}

// property keeps a property under its name if programs agree on it, else under
// a numbered one. What has no such name and is made of single bytes may be text.
func (p *ply) property(line []byte, words []string) ([]byte, error) {
	prop, ok := plyPropertyOf(words)
	if !ok {
		return nil, errPLYHeader
	}
	e := &p.elements[len(p.elements)-1]
	e.props = append(e.props, prop)
	name := words[len(words)-1]
	switch {
	case e.dropped:
		return nil, nil
	case slices.Contains(plyProperties, name):
		return line, nil
	case prop.size == 1:
		return nil, redact.Refuse(redact.Unsupported, "the PLY file holds more than a mesh; export it as STL or OBJ")
	}
	p.renamed++
	neutral := "property" + strconv.Itoa(p.renamed)
	if neutral == name {
		return line, nil
	}
	p.t[nameRemoved]++
	_, eol := splitEOL(line)
	return append([]byte(strings.Join(append(words[:len(words)-1:len(words)-1], neutral), " ")), eol...), nil
}

func (p *ply) dropComment(words []string) {
	if len(words) > 1 && strings.EqualFold(words[1], "TextureFile") {
		p.t[textureRemoved]++
		return
	}
	p.t[commentRemoved]++
}

func plyPropertyOf(words []string) (plyProperty, bool) {
	switch {
	case len(words) == 3 && plySizes[words[1]] > 0 && plyName.MatchString(words[2]):
		return plyProperty{size: plySizes[words[1]]}, true
	case len(words) == 5 && words[1] == "list" && plySizes[words[2]] > 0 && plySizes[words[3]] > 0 && plyName.MatchString(words[4]):
		integer := !strings.HasPrefix(words[2], "float") && words[2] != "double"
		return plyProperty{list: plySizes[words[2]], size: plySizes[words[3]]}, integer
	}
	return plyProperty{}, false
}
