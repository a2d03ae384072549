//go:build interop

package imagefile

import (
	"bytes"
	"encoding/binary"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	xtiff "golang.org/x/image/tiff"
)

// exiftool runs on one file; it must succeed.
func exiftool(t *testing.T, file string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "exiftool", append(args, file)...).CombinedOutput()
	if err != nil {
		t.Fatalf("exiftool: %v\n%s", err, out)
	}
	return string(out)
}

// planted are the tags that programs and cameras write, as exiftool names them.
var planted = []string{
	"EXIF:Artist", "EXIF:Copyright", "EXIF:ImageDescription", "EXIF:Make", "EXIF:Model", "EXIF:Software", "EXIF:HostComputer", "EXIF:DocumentName",
	"EXIF:UserComment", "EXIF:OwnerName", "EXIF:SerialNumber", "EXIF:LensModel", "EXIF:ImageUniqueID", "EXIF:XPTitle", "EXIF:XPAuthor", "EXIF:XPComment",
	"EXIF:XPKeywords", "EXIF:XPSubject", "EXIF:GPSAreaInformation", "EXIF:GPSMapDatum",
	"XMP-dc:Creator", "XMP-dc:Title", "XMP-dc:Description", "XMP-dc:Subject", "XMP-xmp:CreatorTool", "XMP-photoshop:Instructions", "XMP-xmpMM:DocumentID", "XMP-exif:UserComment",
	"IPTC:By-line", "IPTC:Caption-Abstract", "IPTC:Keywords", "IPTC:Credit", "IPTC:City", "Photoshop:PhotoshopFormat", "Comment", "PNG:Author", "PNG:Comment", "PNG:Title",
}

// plant has exiftool write the secret wherever the format has room for it, and
// makes sure that it is there.
func plant(t *testing.T, file string) {
	t.Helper()
	args := []string{"-q", "-q", "-m", "-overwrite_original", "-EXIF:Orientation#=6", "-EXIF:GPSLatitude=42.65", "-EXIF:GPSLatitudeRef=N", "-EXIF:DateTimeOriginal=2025:03:04 10:15:00"}
	for _, tag := range planted {
		if tag != "Photoshop:PhotoshopFormat" {
			args = append(args, "-"+tag+"="+secret)
		}
	}
	exiftool(t, file, args...)
	if out := exiftool(t, file, "-a", "-u", "-ee", "-G1", "-s"); strings.Count(out, secret) < 8 {
		t.Fatalf("exiftool did not plant the secret:\n%s", out)
	}
}

// allowed are the groups of tags that may be told of a cleaned picture: what it is
// and how it is shown.
var allowed = []string{"[ExifTool]", "[System]", "[File]", "[JFIF]", "[PNG]", "[PNG-pHYs]", "[Composite]", "[Adobe]", "[IFD0]", "[IFD1]", "[ICC", "[ICC_Profile]", "[ICC-header]"}

// TestInteropPlantedSecrets: what exiftool and this package's own tests hide in
// pictures is found neither by exiftool nor in the bytes, and the pixels are the same.
func TestInteropPlantedSecrets(t *testing.T) {
	var deflated bytes.Buffer
	if err := xtiff.Encode(&deflated, picture(61, 43), &xtiff.Options{Compression: xtiff.Deflate}); err != nil {
		t.Fatal(err)
	}
	first, second := greyPage(13, 11, 3), greyPage(5, 3, 8)
	for _, tag := range []uint16{700, 33723, 34377, tagExifIFD} { // what is in them here exiftool does not take
		delete(first.fields, tag)
		delete(second.fields, tag)
	}
	pictures := map[string][]byte{
		"baseline.jpg":    encodeJPEG(t, picture(133, 67)),
		"progressive.jpg": goPicture(t, "testdata/video-001.progressive.jpeg"),
		"cmyk.jpg":        goPicture(t, "testdata/video-001.cmyk.jpeg"),
		"grey.jpg":        goPicture(t, "testdata/video-005.gray.jpeg"),
		"colour.png":      encodePNG(t, picture(61, 43)),
		"grey.png":        encodePNG(t, image.NewGray16(image.Rect(0, 0, 17, 9))),
		"interlaced.png":  goPicture(t, "png/testdata/benchRGB-interlace.png"),
		"deflate.tif":     deflated.Bytes(),
		"pages.tif":       buildTIFF(binary.BigEndian, first, second),
	}
	for name, b := range pictures {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			plant(t, file)
			poisoned, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, in := range [][]byte{poisoned, append(poisonedTwice(poisoned), "PK\x03\x04<script>"+secret...)} {
				got, _ := mustClean(t, in)
				samePixels(t, b, got)
				findsNothing(t, name, got)
			}
		})
	}
}

// poisonedTwice adds what this package's own tests hide.
func poisonedTwice(b []byte) []byte {
	switch format, _ := Sniff(b); format {
	case JPEG:
		return poisonJPEG(b, 6)
	case PNG:
		return poisonPNG(b)
	}
	return append(bytes.Clone(b), secret...)
}

func findsNothing(t *testing.T, name string, cleaned []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, cleaned, 0o600); err != nil {
		t.Fatal(err)
	}
	out := exiftool(t, file, "-a", "-u", "-U", "-ee", "-G1", "-s", "-x", "System:all")
	if strings.Contains(out, secret) || strings.Contains(out, "Warning") || strings.Contains(out, "2025:03:04") {
		t.Errorf("exiftool finds:\n%s", out)
	}
	for line := range strings.Lines(out) {
		known := false
		for _, g := range allowed {
			known = known || strings.HasPrefix(line, g)
		}
		if !known {
			t.Errorf("exiftool finds %s", line)
		}
	}
	if want := "Orientation"; !strings.Contains(out, want) {
		t.Errorf("the orientation is lost:\n%s", out)
	}
}
