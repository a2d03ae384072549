package imagefile

import (
	"bytes"
	"image"
	stdjpeg "image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"chartseal/redact"
)

func encodeJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// goPicture reads one of the pictures that come with Go: progressive and CMYK
// JPEGs, which the encoder of Go does not make.
func goPicture(t *testing.T, name string) []byte {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src", "image", filepath.FromSlash(name)))
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("this Go comes without its pictures: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// poisonedExif holds the secret in every field that text goes into, in a
// thumbnail and in a position, beside the orientation.
func poisonedExif(orientation uint16) []byte {
	thumb := []byte("\xff\xd8" + secret + "\xff\xd9")
	b := []byte("MM\x00\x2a\x00\x00\x00\x08")
	text := func(tag uint16, at int) ifdEntry {
		e := longEntry(tag, uint32(at))
		e.typ, e.count = typeASCII, uint32(len(secret)+1)
		return e
	}
	const textAt = 8 + 2 + 5*12 + 4
	b = appendIFD(b, []ifdEntry{
		text(0x010e, textAt), text(0x010f, textAt), shortEntry(tagOrientation, orientation),
		text(0x013b, textAt), longEntry(0x8825, textAt),
	})
	b = append(b, secret+"\x00"...)
	return append(b, thumb...)
}

// poisonJPEG puts every sort of metadata before the tables of b, some between
// its scans, and a trailer behind it.
func poisonJPEG(b []byte, orientation uint16) []byte {
	seg := func(m byte, s string) []byte { return appSegment(m, []byte(s)) }
	icc := poisonedICC()
	out := []byte{0xff, markSOI}
	if bytes.Contains(b, []byte("JFIF")) || !bytes.Contains(b, []byte("Adobe")) { // JFIF would overrule Adobe's RGB
		out = append(out, seg(markAPP0, "JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x01\x01"+secret)...)
	}
	for _, s := range [][]byte{
		seg(markAPP0, "JFXX\x00\x10"+secret),
		seg(markAPP1, "Exif\x00\x00"+string(poisonedExif(orientation))),
		seg(markAPP1, "http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta>"+secret),
		seg(markAPP2, iccMagic+"\x02\x02"+string(icc[100:])),
		seg(markAPP2, "MPF\x00"+secret),
		seg(markAPP2, iccMagic+"\x01\x02"+string(icc[:100])),
		seg(markAPP13, "Photoshop 3.0\x008BIM"+secret),
		seg(markAPP15, secret),
		seg(markCOM, secret),
		[]byte(secret), // stray bytes between segments, which decoders skip
	} {
		out = append(out, s...)
	}
	out = append(out, b[2:]...)
	return append(out, "\xff\xd8\xff\xe1 a second picture of "+secret...)
}

func TestJPEG(t *testing.T) {
	pictures := map[string][]byte{"baseline": encodeJPEG(t, picture(133, 67))}
	for _, name := range []string{
		"video-001.progressive.jpeg", "video-001.cmyk.jpeg", "video-001.rgb.jpeg",
		"video-001.restart2.jpeg", "video-001.q50.420.progressive.jpeg", "video-005.gray.jpeg",
	} {
		pictures[name] = goPicture(t, "testdata/"+name)
	}
	for name, b := range pictures {
		t.Run(name, func(t *testing.T) {
			poisoned := poisonJPEG(b, 6)
			got, report := mustClean(t, poisoned)
			samePixels(t, b, got)
			wantRemoved(t, report, "EXIF", "XMP", "IPTC and Photoshop resources", "comments and text",
				"embedded thumbnail", "application data", "data after the image", "stray bytes", "words in the colour profile")
			if report.Format != "JPEG" {
				t.Errorf("format %q", report.Format)
			}
			if scans(t, got) != scans(t, b) {
				t.Error("the image data is not byte for byte the same")
			}
			if _, exif, ok := bytes.Cut(got, []byte("Exif\x00\x00")); !ok || readPhotoFacts(exif).orientation != 6 {
				t.Error("the orientation is lost")
			}
		})
	}
}

// scans returns everything from the first scan header to the end marker.
func scans(t *testing.T, b []byte) string {
	t.Helper()
	from := bytes.Index(b, []byte{0xff, markSOS})
	if from < 0 {
		t.Fatal("no scan")
	}
	return string(b[from:])
}

func TestJPEGUpright(t *testing.T) {
	got, _ := mustClean(t, poisonJPEG(encodeJPEG(t, picture(16, 16)), 1))
	if bytes.Contains(got, []byte("Exif")) {
		t.Error("an upright picture needs no EXIF")
	}
}

func TestJPEGAdobeRGB(t *testing.T) {
	facts := photoFacts{orientation: 8, adobeRGB: true}
	b := encodeJPEG(t, picture(16, 16))
	withExif := append([]byte{0xff, markSOI}, appSegment(markAPP1, append([]byte("Exif\x00\x00"), facts.encode()...))...)
	got, _ := mustClean(t, append(withExif, b[2:]...))
	_, exif, ok := bytes.Cut(got, []byte("Exif\x00\x00"))
	if !ok || readPhotoFacts(exif) != facts {
		t.Error("orientation or colour space is lost")
	}
}

func TestJPEGTruncatedAnywhere(t *testing.T) {
	b := poisonJPEG(encodeJPEG(t, picture(40, 40)), 3)
	end := bytes.LastIndex(b, []byte{0xff, markEOI}) + 1
	for n := range end {
		if n < 3 {
			continue // no longer a JPEG
		}
		_, _, err := clean(b[:n], redact.Treatment)
		wantRefusal(t, err, redact.Truncated)
		if t.Failed() {
			t.Fatalf("cut at %d of %d", n, end)
		}
	}
}

func TestJPEGMalformed(t *testing.T) {
	good := encodeJPEG(t, picture(16, 16))
	dqt := bytes.Index(good, []byte{0xff, markDQT})
	slack := bytes.Clone(good[:dqt])
	slack = append(slack, appSegment(markDQT, append(bytes.Clone(good[dqt+4:dqt+4+65]), secret...))...)
	slack = append(slack, good[dqt+4+65:]...)
	for name, b := range map[string][]byte{
		"secret behind a table": slack,
		"no scan":               []byte("\xff\xd8\xff\xd9"),
		"two frames":            append(bytes.Clone(good[:2]), append(frameOf(good), good[2:]...)...),
		"second start":          append([]byte("\xff\xd8"), good...),
		"length below two":      []byte("\xff\xd8\xff\xe0\x00\x01"),
	} {
		_, _, err := clean(b, redact.Treatment)
		t.Run(name, func(t *testing.T) { wantRefusal(t, err, redact.Malformed) })
	}
	hierarchical := append([]byte("\xff\xd8"), appSegment(0xde, make([]byte, 9))...)
	_, _, err := clean(append(hierarchical, good[2:]...), redact.Treatment)
	wantRefusal(t, err, redact.Unsupported)
}

func frameOf(b []byte) []byte {
	at := bytes.Index(b, []byte{0xff, markSOF0})
	return bytes.Clone(b[at : at+4+int(b[at+3])-2])
}

// huge is a JPEG with gigabytes of image data that exist only as numbers.
type huge struct {
	head, tail []byte
	size       int64
}

func (h huge) Size() int64 { return h.size }

func (h huge) ReadAt(b []byte, off int64) (int, error) {
	for i := range b {
		b[i] = 0x55
	}
	if off < int64(len(h.head)) {
		copy(b, h.head[off:])
	}
	if at := h.size - int64(len(h.tail)) - off; at < int64(len(b)) {
		copy(b[max(at, 0):], h.tail[max(-at, 0):])
	}
	return len(b), nil
}

func TestJPEGMemory(t *testing.T) {
	b := encodeJPEG(t, picture(16, 16))
	b[bytes.Index(b, []byte{0xff, markSOF0})+1] = markSOF0 + 2 // progressive: its blocks are not counted
	h := huge{head: b[:len(b)-2], tail: append([]byte("\xff\xd9"), secret...), size: 1 << 28}
	out, err := Clean(t.Context(), h, redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := io.Copy(io.Discard, out.Body)
	runtime.ReadMemStats(&after)
	if want := h.size - int64(len(secret)); err != nil || n != want || out.Size != want {
		t.Errorf("read %d of %d bytes, %v, want %d", n, out.Size, err, want)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("streaming took %d bytes of memory", got)
	}
}

func FuzzJPEG(f *testing.F) {
	f.Add(poisonJPEG(encodeJPEG(f, picture(20, 20)), 6))
	f.Add(encodeJPEG(f, image.NewGray(image.Rect(0, 0, 9, 9))))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzOne(t, b, "JPEG") })
}

// fuzzOne asks of any input: no panic, a refusal or an output of the promised
// size that is clean already.
func fuzzOne(t *testing.T, b []byte, format string) {
	if f, _ := Sniff(b); f != format {
		return
	}
	got, _, err := clean(b, redact.Treatment)
	if err != nil {
		return
	}
	again, report, err := clean(got, redact.Treatment)
	if err != nil || !bytes.Equal(got, again) || len(report.Removed) != 0 {
		t.Errorf("cleaning twice is not cleaning once: %v, %v", err, report.Removed)
	}
}
