package imagefile

import (
	"bytes"
	"testing"
)

// poisonedICC is a version 2 matrix profile with words and private tags.
func poisonedICC() []byte {
	h := make([]byte, 128)
	copy(h[4:], "SCRT")
	h[8] = 2
	copy(h[12:], "mntrRGB XYZ ")
	copy(h[36:], "acspMSFT")
	copy(h[48:], "SERI1043")
	copy(h[84:], secret)
	curve := []byte("curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33")
	xyz := []byte("XYZ \x00\x00\x00\x00\x00\x00\xf6\xd6\x00\x01\x00\x00\x00\x00\xd3\x2d")
	return writeICC(h, []iccTag{
		{"desc", []byte("desc\x00\x00\x00\x00\x00\x00\x00\x0e" + secret + "\x00")},
		{"cprt", []byte("text\x00\x00\x00\x00" + secret)},
		{"dmnd", []byte("text\x00\x00\x00\x00" + secret)},
		{"mmod", []byte("mmod\x00\x00\x00\x00" + secret)},
		{"wtpt", xyz},
		{"rXYZ", xyz},
		{"gXYZ", xyz},
		{"bXYZ", append(bytes.Clone(xyz), secret...)},
		{"rTRC", curve},
		{"gTRC", curve},
		{"bTRC", append(bytes.Clone(curve), secret...)},
	})
}

func TestNeutralICC(t *testing.T) {
	got, err := NeutralICC(poisonedICC())
	if err != nil {
		t.Fatal(err)
	}
	if l := leaks(got); l != nil || bytes.Contains(got, []byte("SERI")) || bytes.Contains(got, []byte("SCRT")) {
		t.Errorf("words are left: %v", l)
	}
	again, err := NeutralICC(got)
	if err != nil || !bytes.Equal(again, got) {
		t.Errorf("a neutral profile changes: %v", err)
	}
	tags, err := iccKept(got)
	if err != nil || len(tags) != 7 {
		t.Fatalf("kept %d tags, %v, want 7", len(tags), err)
	}
	if string(tags[4].data) != "curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33" {
		t.Errorf("tone curve changed: %q", tags[4].data)
	}
}

func TestNeutralICCBroken(t *testing.T) {
	good := poisonedICC()
	text := bytes.Clone(good)
	copy(text[bytes.Index(text, []byte("curv")):], "text")
	link := bytes.Clone(good)
	copy(link[12:], "link")
	for name, b := range map[string][]byte{
		"empty": nil, "header only": good[:128], "cut": good[:300], "words in a curve": text, "device link": link,
	} {
		if _, err := NeutralICC(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzICC(f *testing.F) {
	f.Add(poisonedICC())
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := NeutralICC(b)
		if err != nil {
			return
		}
		again, err := NeutralICC(got)
		if err != nil || !bytes.Equal(got, again) {
			t.Errorf("a neutral profile changes: %v", err)
		}
	})
}
