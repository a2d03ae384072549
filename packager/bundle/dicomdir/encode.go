package dicomdir

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Identifiers of the file (PS3.10 section 7.1).
const (
	mediaStorageDirectory = "1.2.840.10008.1.3.10" // PS3.6 Annex A
	explicitLittleEndian  = "1.2.840.10008.1.2.1"  // PS3.10 section 8.6 asks for it
	// implementation is chartseal's implementation class UID, a UUID under the
	// root 2.25 (PS3.5 B.2).
	implementation        = "2.25.286845316716424540140497772133741149904"
	implementationVersion = "CHARTSEAL"
	fileSetID             = "CHARTSEAL"
)

// Sizes that offsets are computed from.
const (
	itemHeader  = 8
	nextValue   = itemHeader + 8            // of (0004,1400), from the item's first byte
	lowerValue  = nextValue + 4 + 8 + 2 + 8 // of (0004,1420)
	undefinedUL = 0
)

// encodeFile lays the records out depth first, then writes the offsets between
// them (PS3.3 F.2.2.2: from the first byte of the file).
func encodeFile(roots []*node) []byte {
	records, pos := layout(roots)
	var e elements
	e.text(0x0004, 0x1130, "CS", fileSetID)
	first := len(e.b) + 8
	e.ul(0x0004, 0x1200, undefinedUL)
	last := len(e.b) + 8
	e.ul(0x0004, 0x1202, undefinedUL)
	e.us(0x0004, 0x1212, 0)
	e.sequence(0x0004, 0x1220, len(records))

	head := header(instanceUID(records))
	base := len(head) + len(e.b)
	link(records, roots, pos, base)
	if len(roots) > 0 {
		putOffset(e.b, first, base+pos[roots[0]])
		putOffset(e.b, last, base+pos[roots[len(roots)-1]])
	}
	return append(append(head, e.b...), records...)
}

// layout encodes the records with empty offsets and tells where each begins.
func layout(roots []*node) ([]byte, map[*node]int) {
	var out []byte
	pos := map[*node]int{}
	var walk func(list []*node)
	walk = func(list []*node) {
		for _, n := range list {
			pos[n] = len(out)
			out = append(out, n.encode()...)
			walk(n.children)
		}
	}
	walk(roots)
	return out, pos
}

// link fills in where the next record of the same level and the first one of
// the lower level begin.
func link(records []byte, list []*node, pos map[*node]int, base int) {
	for i, n := range list {
		if i+1 < len(list) {
			putOffset(records, pos[n]+nextValue, base+pos[list[i+1]])
		}
		if len(n.children) > 0 {
			putOffset(records, pos[n]+lowerValue, base+pos[n.children[0]])
			link(records, n.children, pos, base)
		}
	}
}

func putOffset(b []byte, at, offset int) {
	binary.LittleEndian.PutUint32(b[at:], uint32(offset))
}

// encode is the record as a sequence item (PS3.3 F.3.2.2), offsets empty.
func (n *node) encode() []byte {
	var e elements
	e.ul(0x0004, 0x1400, undefinedUL)
	e.us(0x0004, 0x1410, 0xFFFF) // in use
	e.ul(0x0004, 0x1420, undefinedUL)
	e.text(0x0004, 0x1430, "CS", n.typ)
	if n.file != nil {
		e.text(0x0004, 0x1500, "CS", strings.ReplaceAll(n.file.FileID, "/", `\`))
		e.uid(0x0004, 0x1510, n.file.SOPClassUID)
		e.uid(0x0004, 0x1511, n.file.SOPInstanceUID)
		e.uid(0x0004, 0x1512, n.file.TransferSyntax)
	}
	e.b = append(e.b, n.keys...)
	item := []byte{0xFE, 0xFF, 0x00, 0xE0}
	item = binary.LittleEndian.AppendUint32(item, uint32(len(e.b)))
	return append(item, e.b...)
}

// header is the preamble and the file meta information (PS3.10 section 7.1).
func header(instance string) []byte {
	var meta elements
	meta.other(0x0002, 0x0001, "OB", []byte{0, 1})
	meta.uid(0x0002, 0x0002, mediaStorageDirectory)
	meta.uid(0x0002, 0x0003, instance)
	meta.uid(0x0002, 0x0010, explicitLittleEndian)
	meta.uid(0x0002, 0x0012, implementation)
	meta.text(0x0002, 0x0013, "SH", implementationVersion)
	var length elements
	length.ul(0x0002, 0x0000, uint32(len(meta.b)))
	out := append(make([]byte, 128), "DICM"...)
	return append(append(out, length.b...), meta.b...)
}

// instanceUID names the directory after its content: a UUID of version 8
// (RFC 9562) under the root 2.25.
func instanceUID(records []byte) string {
	sum := sha256.Sum256(records)
	sum[6] = sum[6]&0x0F | 0x80
	sum[8] = sum[8]&0x3F | 0x80
	return "2.25." + new(big.Int).SetBytes(sum[:16]).String()
}

// elements collects data elements in explicit VR little endian (PS3.5 7.1.2).
type elements struct{ b []byte }

func (e *elements) tag(group, element uint16, vr string) {
	e.b = binary.LittleEndian.AppendUint16(e.b, group)
	e.b = binary.LittleEndian.AppendUint16(e.b, element)
	e.b = append(e.b, vr...)
}

func (e *elements) short(group, element uint16, vr string, value []byte) {
	e.tag(group, element, vr)
	e.b = binary.LittleEndian.AppendUint16(e.b, uint16(len(value)))
	e.b = append(e.b, value...)
}

func (e *elements) text(group, element uint16, vr, value string) {
	if len(value)%2 == 1 {
		value += " "
	}
	e.short(group, element, vr, []byte(value))
}

func (e *elements) uid(group, element uint16, value string) {
	if len(value)%2 == 1 {
		value += "\x00"
	}
	e.short(group, element, "UI", []byte(value))
}

func (e *elements) ul(group, element uint16, value uint32) {
	e.short(group, element, "UL", binary.LittleEndian.AppendUint32(nil, value))
}

func (e *elements) us(group, element, value uint16) {
	e.short(group, element, "US", binary.LittleEndian.AppendUint16(nil, value))
}

func (e *elements) other(group, element uint16, vr string, value []byte) {
	e.tag(group, element, vr)
	e.b = append(e.b, 0, 0)
	e.b = binary.LittleEndian.AppendUint32(e.b, uint32(len(value)))
	e.b = append(e.b, value...)
}

// sequence starts a sequence of items that are length bytes together.
func (e *elements) sequence(group, element uint16, length int) {
	e.tag(group, element, "SQ")
	e.b = append(e.b, 0, 0)
	e.b = binary.LittleEndian.AppendUint32(e.b, uint32(length))
}

// items writes a sequence of some items.
func (e *elements) items(group, element uint16, items ...[]byte) {
	n := 0
	for _, item := range items {
		n += itemHeader + len(item)
	}
	e.sequence(group, element, n)
	for _, item := range items {
		e.b = append(e.b, 0xFE, 0xFF, 0x00, 0xE0)
		e.b = binary.LittleEndian.AppendUint32(e.b, uint32(len(item)))
		e.b = append(e.b, item...)
	}
}

func (e *elements) emptySequence(group, element uint16) { e.sequence(group, element, 0) }

// charset names UTF-8 (PS3.3 C.12.1.1.2) where one of the values needs it.
func (e *elements) charset(values ...string) {
	for _, v := range values {
		if strings.IndexFunc(v, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
			e.text(0x0008, 0x0005, "CS", "ISO_IR 192")
			return
		}
	}
}

// text makes a single value of at most n characters: no control characters,
// and no backslash, which would separate two values (PS3.5 6.2).
func text(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\\':
			return '/'
		case r == utf8.RuneError || unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > n {
		s = strings.TrimSpace(string(r[:n]))
	}
	return s
}

// personName bounds each of the at most three component groups (PS3.5 6.2.1).
func personName(s string) string {
	groups := strings.SplitN(s, "=", 3)
	for i, g := range groups {
		groups[i] = strings.ReplaceAll(text(g, 64), "=", "")
	}
	return strings.TrimRight(strings.Join(groups, "="), "=")
}

func date(s string) string {
	s = strings.TrimSpace(s)
	if len(s) == 10 && (s[4] == '.' || s[4] == '-') { // older DICOM: 2025.05.03
		s = s[:4] + s[5:7] + s[8:]
	}
	if len(s) != 8 || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}

// clock accepts HH, HHMM, HHMMSS and a fraction of up to six digits.
func clock(s string) string {
	s = strings.TrimSpace(s)
	whole, fraction, dotted := strings.Cut(s, ".")
	digits := strings.Trim(whole+fraction, "0123456789") == ""
	if !digits || len(whole) == 0 || len(whole) > 6 || len(whole)%2 == 1 || len(fraction) > 6 {
		return ""
	}
	if dotted && (len(whole) != 6 || fraction == "") {
		return whole
	}
	return s
}

func code(s string) string {
	s = strings.ToUpper(strings.TrimSpace(s))
	if len(s) > 16 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _") != "" {
		return ""
	}
	return s
}

// codes takes several values; if one of them is none, there are none. A value
// may be empty.
func codes(s string) string {
	list := strings.Split(s, `\`)
	for i, v := range list {
		if list[i] = code(v); list[i] == "" && strings.TrimSpace(v) != "" || i == 16 {
			return ""
		}
	}
	return strings.Join(list, `\`)
}

func integer(s string, otherwise int) string {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
	if err != nil {
		return strconv.Itoa(otherwise)
	}
	return strconv.FormatInt(n, 10)
}

// validUID checks characters and length (PS3.5 9.1).
func validUID(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "0123456789.") == ""
}
