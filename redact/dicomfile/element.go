package dicomfile

import (
	"encoding/binary"
	"fmt"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// Tag is an element's tag: group in the upper, element in the lower 16 bits.
type Tag uint32

// The tags the walker itself must know (DICOM PS3.5 section 7.5, PS3.6).
const (
	tagItem           = 0xFFFEE000
	tagItemDelim      = 0xFFFEE00D
	tagSeqDelim       = 0xFFFEE0DD
	tagPixelData      = 0x7FE00010
	tagFloatPixels    = 0x7FE00008
	tagDoublePixels   = 0x7FE00009
	tagTrailingPad    = 0xFFFCFFFC
	undefinedLength   = 0xFFFFFFFF
	metaGroup         = 0x0002
	directoryGroup    = 0x0004
	delimiterGroup    = 0xFFFE
	overlayGroupBase  = 0x6000
	overlayGroupLast  = 0x60FF
	curveGroupBase    = 0x5000
	curveGroupLast    = 0x50FF
	itemHeaderLength  = 8
	longHeaderLength  = 12
	shortHeaderLength = 8
)

func (t Tag) group() uint16   { return uint16(t >> 16) }
func (t Tag) element() uint16 { return uint16(t & 0xFFFF) }

// private reports an odd group (PS3.5 section 7.8).
func (t Tag) private() bool { return t.group()%2 == 1 }

// String gives the tag as the standard prints it: "(0008,103E)".
func (t Tag) String() string { return fmt.Sprintf("(%04X,%04X)", t.group(), t.element()) }

// folded maps the repeating groups 50xx and 60xx onto their first group
// (PS3.5 section 7.6).
func (t Tag) folded() Tag {
	g := t.group()
	switch {
	case g >= overlayGroupBase && g <= overlayGroupLast:
		return overlayGroupBase<<16 | Tag(t.element())
	case g >= curveGroupBase && g <= curveGroupLast:
		return curveGroupBase<<16 | Tag(t.element())
	}
	return t
}

// VR is a value representation: its two letters.
type VR uint16

func mkVR(a, b byte) VR { return VR(a)<<8 | VR(b) }

func (v VR) String() string { return string([]byte{byte(v >> 8), byte(v)}) }

const (
	vrOB VR = 'O'<<8 | 'B'
	vrOW VR = 'O'<<8 | 'W'
	vrSQ VR = 'S'<<8 | 'Q'
	vrUI VR = 'U'<<8 | 'I'
	vrUN VR = 'U'<<8 | 'N'
)

// knownVRs lists every VR of PS3.5 table 6.2-1; true marks those with a
// 32-bit length in explicit encodings (PS3.5 table 7.1-1).
var knownVRs = func() map[VR]bool {
	m := make(map[VR]bool)
	for _, s := range []string{
		"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD", "IS", "LO", "LT", "PN",
		"SH", "SL", "SS", "ST", "TM", "UI", "UL", "US",
	} {
		m[mkVR(s[0], s[1])] = false
	}
	for _, s := range []string{"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"} {
		m[mkVR(s[0], s[1])] = true
	}
	return m
}()

// syntax is how elements are encoded: the two properties of a transfer syntax
// that structure depends on.
type syntax struct {
	explicit bool
	big      bool
}

var (
	implicitLittle = syntax{}
	explicitLittle = syntax{explicit: true}
	explicitBig    = syntax{explicit: true, big: true}
)

func (s syntax) u16(b []byte) uint16 {
	if s.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (s syntax) u32(b []byte) uint32 {
	if s.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (s syntax) tag(b []byte) Tag { return Tag(s.u16(b))<<16 | Tag(s.u16(b[2:])) }

// appendTag appends t in the byte order of s.
func (s syntax) appendTag(b []byte, t Tag) []byte {
	if s.big {
		return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, t.group()), t.element())
	}
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, t.group()), t.element())
}

func (s syntax) appendU32(b []byte, n uint32) []byte {
	if s.big {
		return binary.BigEndian.AppendUint32(b, n)
	}
	return binary.LittleEndian.AppendUint32(b, n)
}

func (s syntax) appendU16(b []byte, n uint16) []byte {
	if s.big {
		return binary.BigEndian.AppendUint16(b, n)
	}
	return binary.LittleEndian.AppendUint16(b, n)
}

// appendHeader appends an element header (PS3.5 section 7.1). A length that a
// 16-bit VR cannot hold is the caller's mistake and is refused by the verifier.
func (s syntax) appendHeader(b []byte, t Tag, v VR, length uint32) []byte {
	b = s.appendTag(b, t)
	if !s.explicit {
		return s.appendU32(b, length)
	}
	b = append(b, byte(v>>8), byte(v))
	if knownVRs[v] {
		return s.appendU32(append(b, 0, 0), length)
	}
	return s.appendU16(b, uint16(length))
}

// element is one element as it lies in the source. Values are never loaded:
// offsets only.
type element struct {
	tag       Tag
	vr        VR
	off       int64 // of the header
	val       int64 // of the value
	end       int64 // after the value, and after its delimiter if it has one
	length    uint32
	depth     int // 0 in the main data set
	fragments int // of encapsulated pixel data, without the offset table; -1 for native values
	syn       syntax
}

func (e *element) undefined() bool { return e.length == undefinedLength }

// inner is the encoding inside a sequence: that of its surroundings, but
// implicit little endian inside UN (PS3.5 section 6.2.2, note on CP-246).
func (e *element) inner() syntax {
	if e.syn.explicit && e.vr == vrUN {
		return implicitLittle
	}
	return e.syn
}

// dictionaryVR gives the VR of a standard element (PS3.6), or UN.
func dictionaryVR(t Tag) VR {
	if t.private() {
		return vrUN
	}
	f := t.folded()
	inf, err := tag.Find(tag.Tag{Group: f.group(), Element: f.element()})
	if err != nil || len(inf.VRs) == 0 || len(inf.VRs[0]) != 2 {
		return vrUN
	}
	return mkVR(inf.VRs[0][0], inf.VRs[0][1])
}

// dictionaryKeyword gives the keyword of a standard element (PS3.6), or "".
func dictionaryKeyword(t Tag) string {
	f := t.folded()
	if f.element() == 0 {
		return ""
	}
	inf, err := tag.Find(tag.Tag{Group: f.group(), Element: f.element()})
	if err != nil {
		return ""
	}
	return inf.Keyword
}
