package pdffile

import (
	"encoding/binary"
	"errors"
	"slices"
)

var errJPX = errors.New("read JPEG 2000: broken")

// jpxKept are the boxes of a JP2 file that decide how it looks (ISO/IEC
// 15444-1 annex I). xml, uuid and uinf boxes hold metadata and go, jp2i (a
// rights statement) too.
var jpxKept = []string{"jP  ", "ftyp", "rreq", "jp2h", "jp2c", "jpch", "jplh"}

// cleanJPX takes the metadata boxes off a JPEG 2000 file. A bare codestream
// has none but its comments, which stay: they name the encoder.
func cleanJPX(b []byte) ([]byte, error) {
	if len(b) >= 4 && string(b[:4]) == "\xff\x4f\xff\x51" {
		return b, nil
	}
	if len(b) < 12 || string(b[4:8]) != "jP  " {
		return nil, errJPX
	}
	out, code := make([]byte, 0, len(b)), false
	for len(b) > 0 {
		n, err := boxLength(b)
		if err != nil {
			if code {
				return out, nil // bytes behind the image
			}
			return nil, err
		}
		typ := string(b[4:8])
		if slices.Contains(jpxKept, typ) {
			out = append(out, b[:n]...)
		}
		code = code || typ == "jp2c"
		b = b[n:]
	}
	if !code {
		return nil, errJPX
	}
	return out, nil
}

// boxLength returns the length of the box at the start of b (I.4).
func boxLength(b []byte) (int, error) {
	if len(b) < 8 {
		return 0, errJPX
	}
	n := uint64(binary.BigEndian.Uint32(b))
	switch {
	case n == 0:
		n = uint64(len(b))
	case n == 1 && len(b) >= 16:
		n = binary.BigEndian.Uint64(b[8:])
		if n < 16 {
			return 0, errJPX
		}
	case n < 8:
		return 0, errJPX
	}
	if n > uint64(len(b)) {
		return 0, errJPX
	}
	return int(n), nil // at most len(b)
}
