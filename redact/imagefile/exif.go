package imagefile

import (
	"bytes"
	"encoding/binary"
)

// Tags of Exif 3.0 (CIPA DC-008) that a photo is shown wrongly without.
const (
	tagOrientation = 0x0112
	tagExifIFD     = 0x8769
	tagInteropIFD  = 0xa005
	tagInterop     = 0x0001
)

// photoFacts is all that is carried over from EXIF.
type photoFacts struct {
	orientation uint16 // 1…8, Exif 4.6.5; 0 and 1 mean upright
	adobeRGB    bool   // DCF 2.0 optional file: InteroperabilityIndex "R03"
}

// readPhotoFacts reads the TIFF structure of an EXIF block. What it cannot
// read it takes as absent: every viewer does.
func readPhotoFacts(b []byte) photoFacts {
	var f photoFacts
	t, first, err := openIFDs(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return f
	}
	ifd0, _, err := t.directory(first)
	if err != nil {
		return f
	}
	if v, nerr := t.numbers(ifd0, tagOrientation, 1); nerr == nil && v[0] >= 1 && v[0] <= 8 {
		f.orientation = uint16(v[0])
	}
	exif, err := t.follow(ifd0, tagExifIFD)
	if err != nil {
		return f
	}
	interop, err := t.follow(exif, tagInteropIFD)
	if err != nil {
		return f
	}
	e, ok := interop.find(tagInterop)
	f.adobeRGB = ok && e.typ == typeASCII && e.count == 4 && string(e.value[:]) == "R03\x00"
	return f
}

// encode returns a TIFF structure with these facts alone, nil when a viewer
// does as well without.
func (f photoFacts) encode() []byte {
	turned := f.orientation > 1
	if !turned && !f.adobeRGB {
		return nil
	}
	b := []byte("MM\x00\x2a\x00\x00\x00\x08")
	var ifd0 []ifdEntry
	if turned {
		ifd0 = append(ifd0, shortEntry(tagOrientation, f.orientation))
	}
	if !f.adobeRGB {
		return appendIFD(b, ifd0)
	}
	exifAt := uint32(8 + 2 + 12*(len(ifd0)+1) + 4) // below 64
	interopAt := exifAt + 2 + 2*12 + 4
	b = appendIFD(b, append(ifd0, longEntry(tagExifIFD, exifAt)))
	b = appendIFD(b, []ifdEntry{shortEntry(0xa001, 0xffff), longEntry(tagInteropIFD, interopAt)})
	return appendIFD(b, []ifdEntry{{tag: tagInterop, typ: typeASCII, count: 4, value: [4]byte{'R', '0', '3', 0}}})
}

func shortEntry(tag, v uint16) ifdEntry {
	return ifdEntry{tag: tag, typ: typeShort, count: 1, value: [4]byte{byte(v >> 8), byte(v)}}
}

func longEntry(tag uint16, v uint32) ifdEntry {
	e := ifdEntry{tag: tag, typ: typeLong, count: 1}
	binary.BigEndian.PutUint32(e.value[:], v)
	return e
}

// appendIFD appends a big-endian directory of entries with inline values.
func appendIFD(b []byte, entries []ifdEntry) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(entries))) // a handful
	for _, e := range entries {
		b = binary.BigEndian.AppendUint16(b, e.tag)
		b = binary.BigEndian.AppendUint16(b, e.typ)
		b = binary.BigEndian.AppendUint32(b, e.count)
		b = append(b, e.value[:]...)
	}
	return append(b, 0, 0, 0, 0)
}
