//go:build interop

package notice

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// read is a letter as poppler's pdftotext reads it, its lines joined.
func read(t *testing.T, pdf []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "letter.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "pdftotext", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

func TestInteropPopplerReadsWhatTheLawAsksInTheDenialLetter(t *testing.T) {
	pdf, err := DenialLetter(letterData().Practice, denialData(), "k7q2mzt4xw3e")
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, pdf)
	for element, words := range denialElements {
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in %s", element, w, text)
			}
		}
	}
}

func TestInteropPopplerReadsWhatTheLawAsksInTheExtensionLetter(t *testing.T) {
	pdf, err := ExtensionLetter(letterData().Practice, extensionData(), "k7q2mzt4xw3e")
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, pdf)
	for _, w := range []string{"asked us for dental records", "lie in the archive of another office", "by January 10, 2027"} {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in %s", w, text)
		}
	}
}

func TestInteropPopplerReadsTheDriveLetter(t *testing.T) {
	d := letterData()
	d.File, d.PageFile = "records-k7q2mzt4xw3e.zip.age", "records-k7q2mzt4xw3e.html"
	pdf, err := DriveLetter(d)
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, pdf)
	for _, w := range []string{"open records-k7q2mzt4xw3e.html in a current browser", "age -d -o records.zip records-k7q2mzt4xw3e.zip.age", d.SignerKey} {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in %s", w, text)
		}
	}
	if strings.Contains(text, d.Passphrase) {
		t.Error("the passphrase goes with the drive")
	}
}
