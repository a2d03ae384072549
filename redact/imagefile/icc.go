package imagefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

// A colour profile decides how a clinical photograph looks, and its words can
// name a monitor by serial number, a scanner or its owner. So a profile is
// neither kept nor dropped but written anew: the tags that carry colour, by
// allow-list, each cut to the length its own counts give, under a neutral
// name. Numbers follow ICC.1:2022 (version 4) and ICC.1:2001-04 (version 2).

const (
	iccMagic = "ICC_PROFILE\x00"
	// maxICC bounds a profile in memory. Press profiles take about 2 MB.
	maxICC = 4 << 20
)

var errICC = errors.New("read colour profile: broken")

// iccTags are the tags that carry colour (ICC.1:2022 section 9.2).
var iccTags = []string{
	"wtpt", "bkpt", "chad", "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC", "kTRC",
	"A2B0", "A2B1", "A2B2", "B2A0", "B2A1", "B2A2", "gamt", "cicp",
}

// iccChunks gathers the pieces of a profile in a JPEG (ICC.1:2022 B.4).
type iccChunks struct {
	parts map[byte][]byte
	n     int // bytes
	bad   bool
}

func (c *iccChunks) add(b []byte) {
	c.n += len(b) + 1
	if len(b) < 2 || c.n > maxICC || c.parts[b[0]] != nil {
		c.bad = true
		return
	}
	if c.parts == nil {
		c.parts = map[byte][]byte{}
	}
	c.parts[b[0]] = b[2:]
}

// join returns the profile, nil when it is not whole.
func (c *iccChunks) join() []byte {
	if c.bad {
		return nil
	}
	var out []byte
	for i := 1; i <= len(c.parts); i++ {
		part, ok := c.parts[byte(i)] // at most 256 keys of a byte
		if !ok {
			return nil
		}
		out = append(out, part...)
	}
	return out
}

// cleanICC returns the neutral version of a profile and notes what went; nil
// when the profile is broken and has to go altogether.
func (c *cleaning) cleanICC(profile []byte) []byte {
	out, err := NeutralICC(profile)
	if err != nil {
		c.removed.add(iccRemoved)
		c.notice(iccDroppedNotice)
		return nil
	}
	if !bytes.Equal(out, profile) {
		c.removed.add(iccTextRemoved)
	}
	return out
}

// NeutralICC returns a profile that gives the same colours as the ICC profile
// b and holds no words, dates, device names or private tags of it. It fails on
// profiles that are broken, larger than 4 MiB, or of a class that describes no
// device or colour space. The result of a neutral profile is itself.
func NeutralICC(b []byte) ([]byte, error) {
	if len(b) < 132 || len(b) > maxICC || string(b[36:40]) != "acsp" || b[8] > 4 {
		return nil, errICC
	}
	if class := string(b[12:16]); !slices.Contains([]string{"mntr", "scnr", "prtr", "spac"}, class) {
		return nil, errICC
	}
	tags, err := iccKept(b)
	if err != nil || len(tags) == 0 {
		return nil, errICC
	}
	tags = append([]iccTag{{"desc", iccText(b[8], "desc")}, {"cprt", iccText(b[8], "text")}}, tags...)
	return writeICC(neutralHeader(b), tags), nil
}

type iccTag struct {
	sig  string
	data []byte
}

// iccKept returns the tags of the allow-list that b holds.
func iccKept(b []byte) ([]iccTag, error) {
	n := binary.BigEndian.Uint32(b[128:])
	if n > 200 || int(n)*12 > len(b)-132 {
		return nil, errICC
	}
	var out []iccTag
	for i := range int(n) {
		e := b[132+12*i:]
		sig, off, size := string(e[:4]), int64(binary.BigEndian.Uint32(e[4:])), int64(binary.BigEndian.Uint32(e[8:]))
		if !slices.Contains(iccTags, sig) {
			continue
		}
		if off+size > int64(len(b)) {
			return nil, errICC
		}
		data, err := exactICC(b[off : off+size])
		if err != nil {
			return nil, err
		}
		out = append(out, iccTag{sig, data})
	}
	slices.SortStableFunc(out, func(a, b iccTag) int { return slices.Index(iccTags, a.sig) - slices.Index(iccTags, b.sig) })
	return slices.CompactFunc(out, func(a, b iccTag) bool { return a.sig == b.sig }), nil
}

// exactICC cuts tag data to the length its type and counts give
// (ICC.1:2022 section 10). Types that carry words are refused.
func exactICC(d []byte) ([]byte, error) {
	if len(d) < 12 {
		return nil, errICC
	}
	n := int64(-1)
	switch string(d[:4]) {
	case "XYZ ":
		n = 20
	case "sf32":
		n = 8 + 9*4
	case "cicp":
		n = 12
	case "curv":
		n = 12 + 2*int64(binary.BigEndian.Uint32(d[8:]))
	case "para":
		if f := int(binary.BigEndian.Uint16(d[8:])); f < 5 {
			n = 12 + 4*[...]int64{1, 3, 4, 5, 7}[f]
		}
	case "mft1", "mft2":
		n = lutSize(d)
	case "mAB ", "mBA ":
		n = int64(len(d)) // curves and tables at free offsets
	}
	if n < 0 || n > int64(len(d)) {
		return nil, errICC
	}
	out := slices.Clone(d[:n])
	clear(out[4:8]) // reserved
	return out, nil
}

// lutSize gives the length of lut8Type and lut16Type (ICC.1:2022 10.10, 10.11).
func lutSize(d []byte) int64 {
	if len(d) < 52 {
		return -1
	}
	in, out, grid := int64(d[8]), int64(d[9]), int64(d[10])
	if in == 0 || in > 15 || out == 0 || out > 15 {
		return -1
	}
	table := out
	for range in {
		if table *= grid; table > maxICC {
			return -1
		}
	}
	if string(d[:4]) == "mft1" {
		return 48 + 256*in + table + 256*out
	}
	entries, exits := int64(binary.BigEndian.Uint16(d[48:])), int64(binary.BigEndian.Uint16(d[50:]))
	return 52 + 2*(entries*in+table+exits*out)
}

// neutralHeader keeps version, class, spaces, intent and illuminant
// (ICC.1:2022 section 7.2); the date is that of no day that matters.
func neutralHeader(b []byte) []byte {
	h := make([]byte, 128)
	copy(h[8:24], b[8:24])
	copy(h[24:36], []byte{7, 208, 0, 1, 0, 1}) // 2000-01-01 00:00:00
	copy(h[36:40], "acsp")
	copy(h[64:80], b[64:80])
	return h
}

// iccText returns a neutral description or copyright tag in the type that the
// major version asks for.
func iccText(version byte, v2type string) []byte {
	const words = "Colours"
	switch {
	case version >= 4:
		b := []byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS\x00\x00\x00\x0e\x00\x00\x00\x1c")
		for _, r := range words {
			b = append(b, 0, byte(r))
		}
		return b
	case v2type == "text":
		return []byte("text\x00\x00\x00\x00" + words + "\x00")
	}
	b := binary.BigEndian.AppendUint32([]byte("desc\x00\x00\x00\x00"), uint32(len(words)+1))
	b = append(b, words+"\x00"...)
	return append(b, make([]byte, 4+4+2+1+67)...)
}

// writeICC lays out header, tag table and data, equal data once.
func writeICC(h []byte, tags []iccTag) []byte {
	out := append(slices.Clone(h), 0, 0, 0, byte(len(tags))) // at most 20
	data := make([]byte, 0, 4096)
	base := 132 + 12*len(tags)
	seen := map[string]int{}
	for _, t := range tags {
		at, ok := seen[string(t.data)]
		if !ok {
			at = base + len(data)
			seen[string(t.data)] = at
			data = append(data, t.data...)
			data = append(data, make([]byte, (4-len(data)%4)%4)...)
		}
		out = append(out, t.sig...)
		out = binary.BigEndian.AppendUint32(out, uint32(at))          // below 4 MiB
		out = binary.BigEndian.AppendUint32(out, uint32(len(t.data))) // below 4 MiB
	}
	out = append(out, data...)
	binary.BigEndian.PutUint32(out, uint32(len(out))) // below 4 MiB
	return out
}
