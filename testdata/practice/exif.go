package practice

import (
	"encoding/binary"
	"slices"
)

// Field types of TIFF 6.0, section 2.
const (
	tiffASCII     = 2
	tiffShort     = 3
	tiffLong      = 4
	tiffRational  = 5
	tiffUndefined = 7
	tiffByte      = 1
)

// field is one entry of an image file directory; data holds its value in
// little-endian bytes.
type field struct {
	tag, kind uint16
	count     uint32
	data      []byte
}

func text(tag uint16, s string) field {
	return field{tag, tiffASCII, uint32(len(s) + 1), append([]byte(s), 0)}
}

func short(tag, v uint16) field {
	return field{tag, tiffShort, 1, binary.LittleEndian.AppendUint16(nil, v)}
}

func pointer(tag uint16, v uint32) field {
	return field{tag, tiffLong, 1, binary.LittleEndian.AppendUint32(nil, v)}
}

func opaque(tag uint16, b []byte) field { return field{tag, tiffUndefined, uint32(len(b)), b} }

// rationals are pairs of numerator and denominator.
func rationals(tag uint16, v ...uint32) field {
	f := field{tag: tag, kind: tiffRational, count: uint32(len(v) / 2)}
	for _, x := range v {
		f.data = binary.LittleEndian.AppendUint32(f.data, x)
	}
	return f
}

// ifd lays out a directory that starts at offset, with its long values behind
// it, and a link to the next directory.
func ifd(offset, next uint32, fields []field) []byte {
	le := binary.LittleEndian
	out := le.AppendUint16(nil, uint16(len(fields)))
	values := offset + 2 + 12*uint32(len(fields)) + 4
	var tail []byte
	for _, f := range fields {
		out = le.AppendUint16(out, f.tag)
		out = le.AppendUint16(out, f.kind)
		out = le.AppendUint32(out, f.count)
		if len(f.data) <= 4 {
			out = append(out, append(f.data, 0, 0, 0, 0)[:4]...)
			continue
		}
		out = le.AppendUint32(out, values+uint32(len(tail)))
		tail = even(append(tail, f.data...))
	}
	return append(le.AppendUint32(out, next), tail...)
}

// exif makes a TIFF structure as cameras write it (Exif 3.0): main directory,
// camera settings, position, thumbnail.
func exif(k *kit, orientation uint16, thumb []byte) []byte {
	const start = 8
	stamp := k.clock().Format("2006:01:02 15:04:05")
	settings, position := cameraFields(k, stamp), gpsFields(k, k.clock().Format("2006:01:02"))
	about := []field{
		text(0x010F, "Lumenor"), text(0x0110, "Lumenor M50 macro"), short(0x0112, orientation),
		text(0x0131, k.serial("FW 2.1 ", "camera firmware")), text(0x0132, stamp),
		text(0x013B, k.secret("Tamsin Q. Rdh")), text(0x8298, k.unique("(c) studio licence ")),
	}
	main := func(settingsAt, positionAt uint32) []field {
		return append(slices.Clip(about), pointer(0x8769, settingsAt), pointer(0x8825, positionAt))
	}
	settingsAt := start + uint32(len(ifd(start, 0, main(0, 0))))
	positionAt := settingsAt + uint32(len(ifd(settingsAt, 0, settings)))
	thumbDirAt := positionAt + uint32(len(ifd(positionAt, 0, position)))
	thumbDir := func(at uint32) []field {
		return []field{short(0x0103, 6), pointer(0x0201, at), pointer(0x0202, uint32(len(thumb)))}
	}
	thumbAt := thumbDirAt + uint32(len(ifd(thumbDirAt, 0, thumbDir(0))))

	out := []byte{'I', 'I', 42, 0, start, 0, 0, 0}
	out = append(out, ifd(start, thumbDirAt, main(settingsAt, positionAt))...)
	out = append(out, ifd(settingsAt, 0, settings)...)
	out = append(out, ifd(positionAt, 0, position)...)
	out = append(out, ifd(thumbDirAt, 0, thumbDir(thumbAt))...)
	return append(out, thumb...)
}

func cameraFields(k *kit, stamp string) []field {
	return []field{
		text(0x9003, stamp),
		opaque(0x927C, []byte("LUMENOR\x00"+k.unique("shutter count "))),
		opaque(0x9286, []byte("ASCII\x00\x00\x00"+k.secret("patient walked in, cell "+k.person.phone))),
		text(0xA430, k.secret("Lakeside Dental - T. Quennell")),
		text(0xA431, k.serial("LMN", "camera body")),
		text(0xA435, k.serial("LNS", "camera lens")),
	}
}

// gpsFields are the place: numbers, and the name of the area in words.
func gpsFields(k *kit, date string) []field {
	north, west := 100+k.rng.Uint32N(5000), 100+k.rng.Uint32N(5000)
	area := "ASCII\x00\x00\x00" + k.unique("geo 42.6526N 73.7562W cell ")
	return []field{
		{0, tiffByte, 4, []byte{2, 3, 0, 0}},
		text(1, "N"), rationals(2, 42, 1, 39, 1, north, 100),
		text(3, "W"), rationals(4, 73, 1, 45, 1, west, 100),
		opaque(0x1C, []byte(area)),
		text(0x1D, date),
	}
}
