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
// reason to call a cleaned file wrong.
func TestSecondOpinionGuesses(t *testing.T) {
	d := (&dataset{syn: implicitLittle}).text(0x00080005, "CS", "ISO_IR 13").el(0x00100030, "DA", []byte("0\xfcA000000000"))
	d.us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16)
	if got, err := secondOpinion(context.Background(), cleanedBody(t, d.el(tagPixelData, "OW", pixelBytes(1)).file(tsImplicitLittle))); err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
