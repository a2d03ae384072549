package dicomfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"chartseal/redact"
)

// cleanedBody is a cleaned file as the second reader gets it.
func cleanedBody(t *testing.T, raw []byte) *body {
	t.Helper()
	out, err := Clean(context.Background(), source(raw), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	return out.Body.(*body)
}

// TestSecondOpinionBounds: a header that is too long or too deep for the
// library is not given to it, one that makes it panic is survived, and a
// reading whose time is over ends.
func TestSecondOpinionBounds(t *testing.T) {
	deep := func(i *dataset) { i.text(0x00080104, "LO", "Tooth") }
	for range maxOpinionDepth + 2 {
		inner := deep
		deep = func(i *dataset) { i.seq(0x00082218, "SQ", inner) }
	}
	d := &dataset{syn: explicitLittle}
	d.text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7").text(0x00080018, "UI", "1.2.3").seq(0x00082218, "SQ", deep)
	d.text(0x00100020, "LO", "1").us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16)
	got, err := secondOpinion(context.Background(), cleanedBody(t, d.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)))
	if err != nil || got != unfit {
		t.Errorf("deep header: %q, %v", got, err)
	}

	wrong := (&dataset{syn: explicitLittle}).el(0x00080005, "UN", []byte("ISO_IR 100"))
	if _, err := readBySecond(context.Background(), wrong.file(tsExplicitLittle)); err == nil {
		t.Error("a header that makes the library panic was read")
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&limited{ctx, bytes.NewReader(build(0))}).Read(make([]byte, 8)); !errors.Is(err, context.Canceled) {
		t.Errorf("reading after its time: %v", err)
	}
	if _, err := readBySecond(ctx, build(0)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("second reading after its time: %v", err)
	}
}

// TestSecondOpinionGuesses: bytes that the character set does not have are no
// reason to call a cleaned file wrong, nor is a character set padded with NUL.
func TestSecondOpinionGuesses(t *testing.T) {
	for _, term := range []string{"ISO_IR 13", "ISO_IR 13\x00"} {
		d := (&dataset{syn: implicitLittle}).text(0x00080005, "CS", term).el(0x00100030, "DA", []byte("0\xfcA000000000"))
		d.us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16)
		if got, err := secondOpinion(context.Background(), cleanedBody(t, d.el(tagPixelData, "OW", pixelBytes(1)).file(tsImplicitLittle))); err != nil {
			t.Errorf("%q: %q, %v", term, got, err)
		}
	}
	if got := parseCharset("ISO_IR 144\x00").decode([]byte{0xBB}); got != "Л" {
		t.Errorf("padded character set: %q", got)
	}
}

// TestSecondOpinionLengths: where the library would take a value for a length
// of gigabytes, it is not asked.
func TestSecondOpinionLengths(t *testing.T) {
	bait := bytes.Repeat([]byte{0xF0, 0xFF, 0xFF, 0xFF}, 20053/4+1) // a length, wherever it is read
	for name, put := range map[string]func(*dataset){
		"16-bit length of 65535": func(d *dataset) { d.el(0x00080020, "DA", bytes.Repeat([]byte("1"), 0xFFFF)) },
		"SV": func(d *dataset) {
			d.el(0x00081030, "SV", []byte("\x08\x00\x30\x10UN\x00\x00\xF0\xFF\xFF\xFF 12345678"))
		},
		"UN of undefined length": func(d *dataset) {
			d.undefined = true
			d.seq(0x00081140, "UN", func(i *dataset) { i.el(0x00080104, "LO", bait[:0x4E55]) }) // "UN", as a length
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := (&dataset{syn: explicitLittle}).text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7").text(0x00080018, "UI", "1.2.3")
			put(d)
			d.text(0x00100020, "LO", "1").us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16)
			raw := d.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
			allocated(t, 64<<20, func() {
				if got, err := secondOpinion(context.Background(), cleanedBody(t, raw)); err != nil || got != unfit {
					t.Errorf("%q, %v", got, err)
				}
			})
		})
	}
}
