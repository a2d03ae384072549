package pdffile

import (
	"bytes"
	"slices"
	"strconv"
)

// inlineKeys are the entries of an inline image (tables 93 and 94), by their short
// names. A length (ISO 32000-2) could be wrong by now and is found without.
var inlineKeys = map[string]string{
	"BPC": "BPC", "BitsPerComponent": "BPC", "CS": "CS", "ColorSpace": "CS", "D": "D", "Decode": "D", "DP": "DP", "DecodeParms": "DP",
	"F": "F", "Filter": "F", "H": "H", "Height": "H", "IM": "IM", "ImageMask": "IM", "I": "I", "Interpolate": "I", "W": "W", "Width": "W",
	"Intent": "Intent",
}

// inlineImage copies an image that is part of the content (8.9.7): the entries
// that decide how it looks, and no more data than it has.
func (s *scanner) inlineImage() bool {
	if len(s.args) > 0 {
		s.forget()
		s.from[1] = len(s.out)
	}
	s.out = append(s.out, "BI"...)
	im, ok := s.inlineEntries()
	if !ok {
		return false
	}
	if cs := im["CS"]; len(cs) > 0 && cs[0] == '/' {
		s.use("ColorSpace", nameOf(cs))
	}
	first := bytes.TrimLeft(im["F"], "[ \r\n\t")
	flate := bytes.HasPrefix(first, []byte("/Fl"))
	data := min(s.pos+3, len(s.in))
	from, size := data, im.size()
	switch {
	case flate:
		if n := flateLength(s.in[data:]); n < len(s.in)-data {
			from = max(data+n-1, data) // what looks like the end before is data
		}
	case size > 0 && size < len(s.in)-data:
		from = max(data+size-1, data)
	}
	end := imageEnd(s.in, from)
	if end < 0 {
		return false
	}
	if s.on != nil {
		s.on("BI", nil)
	}
	s.copyTo(data)
	if body := s.in[data : end-2]; len(body) > 0 {
		var kept []byte
		switch {
		case flate:
			kept = body[:flateLength(body)]
		case size > 0:
			kept = body[:min(size, len(body))]
		default:
			kept = inlineBody(body, string(first))
		}
		if !bytes.Equal(trimmed(body), trimmed(kept)) {
			s.out = append(append(s.out, kept...), '\n')
			s.pos = end - 2
		}
	}
	s.copyTo(end)
	s.done()
	return true
}

func trimmed(b []byte) []byte { return bytes.TrimRight(b, "\x00\t\n\f\r ") }

// inlineDict holds the entries of an inline image as they are written.
type inlineDict map[string][]byte

// inlineEntries copies the entries up to the data.
func (s *scanner) inlineEntries() (inlineDict, bool) {
	im := inlineDict{}
	key, value, at := "", false, 0
	for {
		s.space()
		if s.pos >= len(s.in) {
			return nil, false
		}
		if bytes.HasPrefix(s.in[s.pos:], []byte("ID")) && (s.pos+2 == len(s.in) || blank(s.in[s.pos+2])) {
			return im, true
		}
		from := len(s.out)
		if !s.object() {
			return nil, false
		}
		if value = !value; value {
			at = from
			if key = ""; s.out[from] == '/' {
				key = inlineKeys[nameOf(s.out[from:])]
			}
			continue
		}
		if key == "" {
			if s.out = s.out[:at]; !blank(s.out[at-1]) { // it may be all that keeps two words apart
				s.out = append(s.out, ' ')
			}
			continue
		}
		im[key] = slices.Clone(s.out[from:])
	}
}

// size is how many bytes the data of an image without a filter takes; 0 if that
// cannot be told from here.
func (im inlineDict) size() int {
	number := func(key string, otherwise int) int {
		if n, err := strconv.Atoi(string(im[key])); err == nil && n > 0 && n < 1<<15 {
			return n
		}
		return otherwise
	}
	parts, depth := 0, number("BPC", 0)
	switch string(im["CS"]) {
	case "/G", "/DeviceGray":
		parts = 1
	case "/RGB", "/DeviceRGB":
		parts = 3
	case "/CMYK", "/DeviceCMYK":
		parts = 4
	}
	if string(im["IM"]) == "true" {
		parts, depth = 1, 1
	}
	if im["F"] != nil {
		return 0
	}
	return number("H", 0) * ((number("W", 0)*parts*depth + 7) / 8)
}

// inlineBody is the data of an image up to where its first filter says it ends,
// a photograph without its metadata.
func inlineBody(body []byte, filter string) []byte {
	mark := ""
	switch word := nameOf([]byte(filter + " ")); {
	case len(filter) == 0:
	case hasName(word, "AHx", "ASCIIHexDecode"):
		mark = ">"
	case hasName(word, "A85", "ASCII85Decode"):
		mark = "~>"
	case hasName(word, "DCT", "DCTDecode"):
		if clean, err := cleanPicture(body); err == nil {
			return clean
		}
	}
	if i := bytes.Index(body, []byte(mark)); mark != "" && i >= 0 {
		return body[:i+len(mark)]
	}
	return body
}

// hasName reports whether s begins with one of the names and no longer one.
func hasName(s string, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		return len(s) > len(n) && s[:len(n)] == n && !regular(s[len(n)])
	})
}

// imageEnd returns the end of the EI that ends the data of an inline image: one
// between blanks, with what can be content behind it.
func imageEnd(b []byte, from int) int {
	for i := from; ; {
		n := bytes.Index(b[i:], []byte("EI"))
		if n < 0 {
			return -1
		}
		i += n + 2
		before := i-3 < from || blank(b[i-3])
		after := i == len(b) || blank(b[i])
		if before && after && !slices.ContainsFunc(b[i:min(i+16, len(b))], func(c byte) bool { return c > 0x7e || c < ' ' && !blank(c) }) {
			return i
		}
	}
}
