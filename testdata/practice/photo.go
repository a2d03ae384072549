package practice

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"

	"chartseal/testdata/practice/picture"
)

func (k *kit) seed() uint64 {
	s, _ := seeds(k.o.Seed, k.path)
	return s
}

func smilePhoto(k *kit) ([]byte, error) {
	return camera(k, picture.Smile(k.seed(), k.small(64, 1200), k.small(48, 800)), 1)
}

func retractedPhoto(k *kit) ([]byte, error) {
	return camera(k, picture.Retracted(k.seed(), k.small(64, 1200), k.small(48, 800)), 1)
}

// facePhoto was taken with the camera on its side: the pixels lie, and the
// orientation says how to turn them.
func facePhoto(k *kit) ([]byte, error) {
	return camera(k, lying(picture.Face(k.seed(), k.small(48, 800), k.small(64, 1067))), 6)
}

// lying turns a picture so that orientation 6 (turn clockwise by 90 degrees)
// sets it upright (Exif 3.0, tag 0112).
func lying(img *image.RGBA) *image.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, h, w))
	for y := range h {
		for x := range w {
			copy(out.Pix[out.PixOffset(y, w-1-x):][:4], img.Pix[img.PixOffset(x, y):][:4])
		}
	}
	return out
}

// camera writes a JPEG as a camera and a photo program would: EXIF with
// position, owner and thumbnail, XMP, a comment, and a tail after the end.
func camera(k *kit, img *image.RGBA, orientation uint16) ([]byte, error) {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 88}); err != nil {
		return nil, err
	}
	thumb, err := thumbnail(img)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Write([]byte{0xFF, 0xD8})
	segment(&out, 0xE1, append([]byte("Exif\x00\x00"), exif(k, orientation, thumb)...))
	segment(&out, 0xE1, append([]byte("http://ns.adobe.com/xap/1.0/\x00"), photoXMP(k)...))
	segment(&out, 0xED, iptc(k))
	segment(&out, 0xFE, []byte(k.unique("imported by bridge ")))
	out.Write(buf.Bytes()[2:])
	out.WriteString("\x00\x00" + k.unique("MotionPhoto_") + "\x00") // phones append more after the end
	return out.Bytes(), nil
}

func segment(out *bytes.Buffer, marker byte, body []byte) {
	out.Write([]byte{0xFF, marker})
	_ = binary.Write(out, binary.BigEndian, uint16(len(body)+2)) // a bytes.Buffer does not fail
	out.Write(body)
}

// thumbnail is the picture in small, as cameras embed it.
func thumbnail(img *image.RGBA) ([]byte, error) {
	const w = 160
	h := max(1, w*img.Rect.Dy()/img.Rect.Dx())
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			small.Set(x, y, img.At(x*img.Rect.Dx()/w, y*img.Rect.Dy()/h))
		}
	}
	var buf bytes.Buffer
	err := jpeg.Encode(&buf, small, &jpeg.Options{Quality: 70})
	return buf.Bytes(), err
}

func photoXMP(k *kit) string {
	return xmp(k.secret("Tamsin Q., operatory 3"), k.secret(`C:\Users\tquennell\DCIM\`+k.person.Last0()), k.unique("xmp.did:"), k.clock())
}

// iptc is a Photoshop resource block with one IPTC record: by-line and caption.
func iptc(k *kit) []byte {
	var data bytes.Buffer
	for _, f := range []struct {
		number byte
		text   string
	}{{80, k.unique("byline-")}, {120, k.secret("before treatment, " + k.person.insurance)}} {
		data.Write([]byte{0x1C, 2, f.number, 0, byte(len(f.text))})
		data.WriteString(f.text)
	}
	var out bytes.Buffer
	out.WriteString("Photoshop 3.0\x008BIM\x04\x04\x00\x00")
	_ = binary.Write(&out, binary.BigEndian, uint32(data.Len())) // a bytes.Buffer does not fail
	out.Write(even(data.Bytes()))
	return out.Bytes()
}

func even(b []byte) []byte {
	if len(b)%2 == 1 {
		return append(b, 0)
	}
	return b
}

// screenshot is a PNG with text chunks, one of them after the picture.
func screenshot(k *kit) ([]byte, error) {
	var buf bytes.Buffer
	if err := png.Encode(&buf, picture.Shade(k.small(64, 960), k.small(48, 600))); err != nil {
		return nil, err
	}
	b := buf.Bytes()
	head, end := b[:33], b[len(b)-12:] // signature and IHDR; IEND
	var out bytes.Buffer
	out.Write(head)
	chunk(&out, "tEXt", "Author\x00"+k.secret("tquennell@operatory3"))
	chunk(&out, "iTXt", "Comment\x00\x00\x00\x00\x00"+k.unique("ShadeMatch session "))
	out.Write(b[33 : len(b)-12])
	chunk(&out, "tEXt", "Source\x00"+k.serial("SPECTRO", "shade meter"))
	out.Write(end)
	return out.Bytes(), nil
}

// chunk writes one PNG chunk (PNG specification, section 5.3).
func chunk(out *bytes.Buffer, kind, body string) {
	_ = binary.Write(out, binary.BigEndian, uint32(len(body))) // a bytes.Buffer does not fail
	out.WriteString(kind + body)
	_ = binary.Write(out, binary.BigEndian, crc32.ChecksumIEEE([]byte(kind+body)))
}
