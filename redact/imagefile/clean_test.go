package imagefile

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"chartseal/redact"
)

// secret is planted wherever a format has room for it.
const secret = "ALVAREZ-10432"

// leaks names the encodings in which secret is found in b.
func leaks(b []byte) []string {
	var found []string
	units := utf16.Encode([]rune(secret))
	var le, be []byte
	for _, u := range units {
		le = append(le, byte(u), byte(u>>8))
		be = append(be, byte(u>>8), byte(u))
	}
	for name, s := range map[string][]byte{"raw": []byte(secret), "UTF-16LE": le, "UTF-16BE": be} {
		if bytes.Contains(b, s) {
			found = append(found, name)
		}
	}
	return found
}

// clean runs Clean and reads the whole output.
func clean(b []byte, p redact.Profile) ([]byte, redact.Report, error) {
	out, err := Clean(context.Background(), bytes.NewReader(b), p)
	if err != nil {
		return nil, redact.Report{}, err
	}
	defer func() { _ = out.Body.Close() }()
	got, err := io.ReadAll(out.Body)
	if err == nil && int64(len(got)) != out.Size {
		err = errors.New("size of the output differs from the promised one")
	}
	return got, out.Report, err
}

func mustClean(t *testing.T, b []byte) ([]byte, redact.Report) {
	t.Helper()
	got, report, err := clean(b, redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if l := leaks(got); l != nil {
		t.Errorf("the secret is still there: %v", l)
	}
	again, second, err := clean(got, redact.Treatment)
	if err != nil {
		t.Fatalf("clean again: %v", err)
	}
	if !bytes.Equal(again, got) || len(second.Removed) != 0 {
		t.Errorf("cleaning twice is not cleaning once: %v", second.Removed)
	}
	return got, report
}

func wantRefusal(t *testing.T, err error, class redact.Class) {
	t.Helper()
	var r *redact.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal", err)
	}
	if r.Class != class {
		t.Errorf("got %v, want class %s", r, class)
	}
	if strings.Contains(r.Reason, secret) || r.Reason == "" || strings.HasSuffix(r.Reason, ".") {
		t.Errorf("reason %q is not a clause for staff", r.Reason)
	}
}

func wantRemoved(t *testing.T, r redact.Report, items ...string) {
	t.Helper()
	for _, item := range items {
		found := false
		for _, got := range r.Removed {
			found = found || got.Item == item && got.Count > 0 && got.Rule != "" && got.Reason != ""
		}
		if !found {
			t.Errorf("the report does not name %q: %v", item, r.Removed)
		}
	}
}

func samePixels(t *testing.T, before, after []byte) {
	t.Helper()
	a, _, err := image.Decode(bytes.NewReader(before))
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := image.Decode(bytes.NewReader(after))
	if err != nil {
		t.Fatal(err)
	}
	if a.Bounds() != b.Bounds() {
		t.Fatalf("bounds %v, want %v", b.Bounds(), a.Bounds())
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				t.Fatalf("pixel %d,%d differs", x, y)
			}
		}
	}
}

// picture returns w×h pixels of every sort of neighbourhood.
func picture(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = byte(i*i>>7 ^ i*13)
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	return m
}

func TestSniff(t *testing.T) {
	for want, head := range map[string]string{
		"JPEG":      "\xff\xd8\xff\xe0",
		"PNG":       pngMagic,
		"TIFF":      "MM\x00*\x00\x00\x00\x08",
		"BigTIFF":   "II+\x00\x08\x00\x00\x00",
		"HEIC":      "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00",
		"GIF":       "GIF89a",
		"WebP":      "RIFF\x10\x00\x00\x00WEBPVP8 ",
		"BMP":       "BM\x10\x00\x00\x00\x00\x00\x00\x00",
		"JPEG 2000": "\x00\x00\x00\x0cjP  \r\n",
	} {
		if got, ok := Sniff([]byte(head)); !ok || got != want {
			t.Errorf("Sniff(%q) = %q, %v, want %s", head, got, ok, want)
		}
	}
	for _, head := range []string{"", "I", "%PDF-1.7", "BMW is no bitmap", "\xff\xd8", "RIFF\x10\x00\x00\x00WAVE"} {
		if got, ok := Sniff([]byte(head)); ok {
			t.Errorf("Sniff(%q) = %s, want nothing", head, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	jpg := encodeJPEG(t, picture(33, 17))
	for _, p := range []redact.Profile{redact.LimitedSet, redact.Deidentified, "unheard of"} {
		_, _, err := clean(jpg, p)
		wantRefusal(t, err, redact.Undecided)
	}
	for _, head := range []string{"", "hello", "GIF89a", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "II+\x00\x08\x00\x00\x00", "II*\x00\x10\x00\x00\x00CR\x02\x00"} {
		_, _, err := clean([]byte(head), redact.Treatment)
		wantRefusal(t, err, redact.Unsupported)
	}
	for _, p := range []redact.Profile{redact.PatientAccess, redact.Authorization, redact.Payment, redact.Operations} {
		if _, _, err := clean(jpg, p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	out, err := Clean(ctx, bytes.NewReader(encodeJPEG(t, picture(33, 17))), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(out.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("reading after the end of the context: %v", err)
	}
	if _, err := Clean(ctx, bytes.NewReader(encodeJPEG(t, picture(33, 17))), redact.Treatment); !errors.Is(err, context.Canceled) {
		t.Errorf("cleaning after the end of the context: %v", err)
	}
}
