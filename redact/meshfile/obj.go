package meshfile

import (
	"strconv"
	"strings"

	"chartseal/redact"
)

// maxNames bounds the table of names of an OBJ.
const maxNames = 65536

// objData are the statements that hold numbers alone: vertices, elements and
// smoothing groups, which may also be off.
var (
	objData  = map[string]bool{"v": true, "vt": true, "vn": true, "vp": true, "f": true, "fo": true, "l": true, "p": true, "s": true}
	objNames = map[string]string{"o": "part", "g": "part", "usemtl": "material"}
	objFiles = map[string]bool{"mtllib": true, "maplib": true, "usemap": true, "shadow_obj": true, "trace_obj": true}
)

// obj cleans an OBJ. Names of objects, groups and materials become numbers in
// the order in which they come, so that what belonged together still does.
type obj struct {
	names     map[string]int
	continued bool // the line before ended in a backslash
	vertices  bool
}

func newOBJ() *obj { return &obj{names: map[string]int{}} }

func (o *obj) line(b []byte, t tally) ([]byte, error) {
	text, eol := splitEOL(b)
	data, _, commented := strings.Cut(text, "#")
	if commented {
		t[commentRemoved]++
	}
	words := strings.Fields(data)
	if len(words) == 0 {
		if commented {
			return nil, nil
		}
		return b, nil
	}
	key := words[0]
	switch {
	case o.continued || objData[key]:
		if !o.continued {
			words = words[1:]
		}
		o.vertices = o.vertices || key == "v"
		if commented {
			b = append([]byte(data), eol...)
		}
		return b, o.numbers(words, key == "s")
	case objNames[key] != "":
		return o.rename(objNames[key], words, text, eol, t)
	case objFiles[key]:
		t[textureRemoved]++
		return nil, nil
	}
	return nil, redact.Refuse(redact.Unsupported, "the OBJ file holds more than a mesh; export it as STL or PLY")
}

// numbers checks the values of a statement: numbers, indices such as 3//1, and
// a backslash that continues the line.
func (o *obj) numbers(words []string, flag bool) error {
	o.continued = len(words) > 0 && words[len(words)-1] == `\`
	if o.continued {
		words = words[:len(words)-1]
	}
	for _, w := range words {
		if flag && (w == "on" || w == "off") {
			continue
		}
		if !numeric(strings.ReplaceAll(w, "/", " ")) {
			return malformed("the scan has text where numbers belong")
		}
	}
	return nil
}

// rename writes a statement with numbered names.
func (o *obj) rename(stem string, words []string, text string, eol []byte, t tally) ([]byte, error) {
	out := words[:1:1]
	for _, w := range words[1:] {
		n, ok := o.names[stem+" "+w]
		if !ok {
			if len(o.names) >= maxNames {
				return nil, redact.Refuse(redact.TooLarge, "the OBJ file has too many parts")
			}
			n = len(o.names) + 1
			o.names[stem+" "+w] = n
		}
		out = append(out, stem+strconv.Itoa(n))
	}
	neutral := strings.Join(out, " ")
	if neutral != text {
		t[nameRemoved]++
	}
	return append([]byte(neutral), eol...), nil
}

func (o *obj) end() error {
	if !o.vertices {
		return malformed("the scan holds no points")
	}
	if o.continued {
		return redact.Refuse(redact.Truncated, "the file ends in the middle of the scan")
	}
	return nil
}
