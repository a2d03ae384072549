package notice

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
)

func letterData() LetterData {
	zone := time.FixedZone("EST", -5*3600)
	return LetterData{
		Practice: Practice{
			Name: "Lakeside Dental", Address: "1 Main Street, Albany NY 12207",
			Contact: Contact{Name: "Privacy Officer", Phone: "+1 518 555 0100", Email: "privacy@lakeside.example"},
		},
		Recipient:  Recipient{Name: "Dr. Nguyễn & Łukasz Endodontics", Address: "12 Elm Street\nAlbany NY 12208"},
		Reference:  "k7q2mzt4xw3e",
		Link:       "https://records.lakeside.example/p/" + strings.Repeat("abcDEF0123456789", 60) + "?X-Amz-Signature=0f",
		Expires:    time.Date(2026, 11, 25, 14, 5, 0, 0, zone),
		SignerKey:  "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
		Passphrase: "crop-unlit-mossy-dingo-relax-salute",
		Contents:   []string{"6 charts", "11 radiographs", "1 CBCT volume (120 images)"},
		Sent:       time.Date(2026, 11, 18, 14, 5, 0, 0, zone),
	}
}

func valid(t *testing.T, pdf []byte) {
	t.Helper()
	api.DisableConfigDir()
	if err := api.Validate(bytes.NewReader(pdf), nil); err != nil {
		t.Errorf("not a valid PDF: %v", err)
	}
}

func TestLettersAreValidAndReproducible(t *testing.T) {
	for name, make := range map[string]func(LetterData) ([]byte, error){"link": LinkLetter, "passphrase": PassphraseLetter} {
		a, err := make(letterData())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := make(letterData())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		valid(t, a)
		if !bytes.Equal(a, b) {
			t.Errorf("%s letter differs between two runs", name)
		}
	}
}

func TestLinkLetterCarriesTheLinkOnlyHere(t *testing.T) {
	d := letterData()
	link, err := LinkLetter(d)
	if err != nil {
		t.Fatal(err)
	}
	pass, err := PassphraseLetter(d)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(link, []byte(d.Link)) { // the URI of the annotation
		t.Error("link letter has no clickable link")
	}
	if bytes.Contains(pass, []byte(d.Link)) {
		t.Error("passphrase letter has the link")
	}
}

func TestLetterThatLacksItsSecret(t *testing.T) {
	d := letterData()
	d.Passphrase, d.Link = "", ""
	var e *LetterError
	if _, err := PassphraseLetter(d); !errors.As(err, &e) {
		t.Errorf("passphrase letter without passphrase: %v", err)
	}
	if _, err := LinkLetter(d); !errors.As(err, &e) {
		t.Errorf("link letter without link: %v", err)
	}
}

// A link too long for any QR code, and names no font can set, still make a letter.
func TestLinkLetterWithAwkwardText(t *testing.T) {
	d := letterData()
	d.Link += strings.Repeat("x", 4000)
	d.Recipient = Recipient{Name: "歯科 🦷 \x07", Address: strings.Repeat("line\n", 8)}
	d.Contents = []string{"1 chart"}
	d.SignerKey = "not a key"
	pdf, err := LinkLetter(d)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, pdf)
}

func TestExpiryIsWrittenWithItsZone(t *testing.T) {
	at := time.Date(2026, 11, 25, 14, 5, 0, 0, time.UTC)
	for _, c := range []struct {
		zone *time.Location
		want string
	}{
		{time.UTC, "Wednesday, November 25, 2026, 2:05 PM UTC"},
		{time.FixedZone("EST", -5*3600), "Wednesday, November 25, 2026, 9:05 AM EST (UTC-05:00)"},
		{time.FixedZone("+0530", 19800), "Wednesday, November 25, 2026, 7:35 PM (UTC+05:30)"},
	} {
		if got := until(at.In(c.zone)); got != c.want {
			t.Errorf("until = %q, want %q", got, c.want)
		}
	}
}

// The number is what `minisign` prints for the key of its own documentation.
func TestKeyID(t *testing.T) {
	if got := keyID("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"); got != "E7620F1842B4E81F" {
		t.Errorf("key number %s", got)
	}
	if got := keyID("nonsense"); got != "" {
		t.Errorf("key number of nonsense: %s", got)
	}
}

// A name that the font cannot set is not printed as empty boxes: staff write it by hand.
func TestNamesThatCannotBePrinted(t *testing.T) {
	for in, want := range map[string]string{
		"Dr. Nguyễn & Łukasz":          "Dr. Nguyễn & Łukasz",
		"Nguye\u0302\u0303n":           "Nguyễn",
		"Доктор Чехов":                 "Доктор Чехов",
		"Ωμέγα":                        "Ωμέγα",
		"Smile 🦷 Dental\x07":           "Smile  Dental",
		"歯科":                           byHand,
		"דוד":                          byHand,
		"عيادة":                        byHand,
		"2 Main Street\n歯科\nAlbany NY": "2 Main Street\n" + byHand + "\nAlbany NY",
	} {
		if got := name(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
		if Printable(in) != !strings.Contains(want, byHand) {
			t.Errorf("%q: printable %v", in, Printable(in))
		}
	}
}

// The letter with a new link asks for the passphrase although that is forgotten, and the
// passphrase letter says nothing that a new link makes wrong.
func TestLettersAfterANewLink(t *testing.T) {
	d := letterData()
	if d.Passphrase = ""; strings.Contains(d.unlockWords(), "passphrase and press") {
		t.Error("a key's letter asks for a passphrase")
	}
	if d.Words = true; !strings.Contains(d.unlockWords(), "passphrase and press") {
		t.Error("the letter does not ask for the passphrase")
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		7 * 24 * time.Hour: "7 days", 24 * time.Hour: "1 day", 36 * time.Hour: "36 hours", time.Hour: "1 hour",
		90 * time.Minute: "90 minutes", time.Minute: "1 minute", 2 * time.Second: "2s",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func BenchmarkLinkLetter(b *testing.B) {
	d := letterData()
	for b.Loop() {
		if _, err := LinkLetter(d); err != nil {
			b.Fatal(err)
		}
	}
}
