package dicomfile

import (
	"strings"

	"chartseal/redact"
)

// videoRoot begins the transfer syntaxes in which one fragment may hold all
// frames (PS3.5 annex A.4.5 to A.4.9: MPEG-2, MPEG-4, HEVC).
const videoRoot = "1.2.840.10008.1.2.4.10"

// completeImage refuses an image that is cut: the pixel element has to be
// there and hold what rows, columns, samples, bits and frames promise (PS3.3
// section C.7.6.3).
func (v *verdict) completeImage(df *file) error {
	f := v.f
	p := &f.pixels
	if p.tag == 0 {
		if f.rows > 0 && f.columns > 0 && f.bits > 0 {
			return errNoImage()
		}
		return v.noImage()
	}
	frames := 1
	if f.framesGiven {
		frames = f.frames
	}
	switch {
	case f.rows <= 0 || f.columns <= 0:
		return malformed("the file does not say how large its image is")
	case frames < 0, frames == 0 && p.fragments >= 0:
		return malformed("the file does not say how many images it holds")
	case p.fragments >= 0:
		return v.fragments(df, frames)
	}
	return v.native(df, frames)
}

func errNoImage() error {
	return redact.Refuse(redact.Truncated, "the file ends before the image begins, or the image is kept elsewhere")
}

// noImage judges an object without pixels whose kind must have some (PS3.3
// table A.1-1): a file may be cut between two elements, long before the image.
// Spectroscopy, which is stored as an MR image, has its own data instead.
func (v *verdict) noImage() error {
	switch familyOf(v.f.sopClass) {
	case imageFamily, captureFamily, photoFamily, segmentFamily:
	default:
		return nil
	}
	if v.f.spectroscopy {
		return nil
	}
	return errNoImage()
}

// native compares the length of uncompressed pixels with what it has to be.
func (v *verdict) native(df *file, frames int) error {
	f := v.f
	if !df.native() {
		return malformed("the image is said to be compressed but is not")
	}
	bits, samples := uint64(f.bits), uint64(max(f.samples, 1))
	switch f.pixels.tag {
	case tagFloatPixels:
		bits, samples = 32, 1
	case tagDoublePixels:
		bits, samples = 64, 1
	}
	if bits == 0 {
		return malformed("the file does not say how its image is stored")
	}
	if f.photometric == "YBR_FULL_422" || f.photometric == "YBR_PARTIAL_422" {
		samples = 2
	}
	perFrame := uint64(f.rows) * uint64(f.columns) * samples * bits
	have := uint64(f.pixels.end-f.pixels.val) * 8
	if frames == 0 { // some devices write 0, or no number, for a single image
		if perFrame == 0 || have/perFrame != 1 {
			return malformed("the file does not say how many images it holds")
		}
		frames = 1
	}
	if perFrame == 0 || have/perFrame < uint64(frames) {
		return redact.Refuse(redact.Truncated, "the image is shorter than its size says")
	}
	if extra := have - perFrame*uint64(frames); extra > 15 {
		if v.rules.deidentifies() {
			// Nobody sees the rest by looking at the picture.
			return redact.Refuse(redact.Unfit, "the image is longer than its size says; the rest could be anything")
		}
		v.note("The image data is longer than its size says; it is sent as it is.")
	}
	return nil
}

// fragments: a compressed image has at least one fragment a frame.
func (v *verdict) fragments(df *file, frames int) error {
	if df.native() {
		return malformed("the image is compressed in a way the file does not name")
	}
	if v.f.pixels.fragments == 0 {
		return redact.Refuse(redact.Truncated, "the compressed image is empty")
	}
	if v.f.pixels.fragments < frames && !strings.HasPrefix(df.ts, videoRoot) {
		return redact.Refuse(redact.Truncated, "images are missing from the file")
	}
	return nil
}
