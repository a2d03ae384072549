//go:build interop

package notice

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// scan is what a telephone's camera makes of the code on a letter that was printed:
// poppler draws it, at the resolution of an office printer, and zbar reads it.
func scan(t *testing.T, pdf []byte) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "letter.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "pdftoppm", "-r", "300", "-gray", "-png", file, filepath.Join(dir, "page")).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	out, _ := exec.CommandContext(t.Context(), "zbarimg", append([]string{"--raw", "--quiet", "-Sdisable", "-Sqrcode.enable"}, pages...)...).Output() // fails where there is none
	return strings.TrimSpace(string(out))
}

// The code is the link, whatever its length, up to what a code can hold; beyond that the
// letter says to click or to copy.
func TestInteropTheCodeIsTheLink(t *testing.T) {
	for _, n := range []int{300, 700, 1400, 2100, 2900, 2953} {
		d := letterData()
		d.Link = "https://records.s3.us-east-1.amazonaws.com/" + strings.Repeat("abcDEF0123456789%2F", 200)
		d.Link = d.Link[:n]
		pdf, err := LinkLetter(d)
		if err != nil {
			t.Fatal(err)
		}
		if got := scan(t, pdf); got != d.Link {
			t.Errorf("%d characters: read %d", n, len(got))
		}
	}
	d := letterData()
	d.Link += strings.Repeat("x", 3000)
	pdf, err := LinkLetter(d)
	if err != nil {
		t.Fatal(err)
	}
	if got := scan(t, pdf); got != "" {
		t.Errorf("a code of %d characters", len(got))
	}
	text := read(t, pdf)
	for _, line := range append(chop(d.Link, 140), "copy the link below in full") {
		if !strings.Contains(text, line) {
			t.Errorf("without a code the link is not there to copy: no %q", line)
		}
	}
}

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

func TestInteropPopplerReadsTheFourItemsInTheAccounting(t *testing.T) {
	pdf, err := AccountingLetter(letterData().Practice, accountingData())
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, pdf)
	for _, w := range []string{ // 45 CFR 164.528(b)(2); columns are read line by line
		"February", "Albany County Court", "16 Eagle Street", "3 radiographs, 1 chart;", "subpoena 2025/118", "4 times: first on", "second opinion", "Who received it",
		"the first list that you ask for within twelve months", "begins on March",
	} {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(w)) {
			t.Errorf("no %q in %s", w, text)
		}
	}
}
