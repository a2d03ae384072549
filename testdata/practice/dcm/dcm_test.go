package dcm

import (
	"bytes"
	"strings"
	"testing"
)

func sample() Dataset {
	var item, d Dataset
	item.Put(CodeValue, "46")
	d.Put(AnatomicRegionSequence, Seq(item))
	d.Put(PatientName, "Müller^Jörg")
	d.Put(SpecificCharacterSet, "ISO_IR 100")
	d.Put(Rows, uint16(2))
	d.Put(DimensionIndexPointer, StackID.Tag)
	return d
}

// encoded is what follows the file meta information.
func encoded(t *testing.T, f File) string {
	t.Helper()
	b, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	meta, err := f.meta()
	if err != nil || !bytes.HasPrefix(b, meta) || string(b[128:132]) != "DICM" {
		t.Fatalf("file does not begin with its meta information: %v", err)
	}
	return string(b[len(meta):])
}

func TestExplicitLittleEndian(t *testing.T) {
	got := encoded(t, File{Syntax: ExplicitLE, Data: sample()})
	want := "\x08\x00\x05\x00CS\x0A\x00ISO_IR 100" +
		"\x08\x00\x18\x22SQ\x00\x00\x12\x00\x00\x00" + "\xFE\xFF\x00\xE0\x0A\x00\x00\x00" + "\x08\x00\x00\x01SH\x02\x0046" +
		"\x10\x00\x10\x00PN\x0C\x00M\xFCller^J\xF6rg " +
		"\x20\x00\x65\x91AT\x04\x00\x20\x00\x56\x90" +
		"\x28\x00\x10\x00US\x02\x00\x02\x00"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestImplicitUndefinedLength(t *testing.T) {
	got := encoded(t, File{Syntax: ImplicitLE, Undefined: true, Data: sample()})
	want := "\x08\x00\x18\x22\xFF\xFF\xFF\xFF" + "\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF" + "\x08\x00\x00\x01\x02\x00\x00\x0046" +
		"\xFE\xFF\x0D\xE0\x00\x00\x00\x00" + "\xFE\xFF\xDD\xE0\x00\x00\x00\x00"
	if !strings.Contains(got, want) {
		t.Errorf("no sequence of undefined length in %q", got)
	}
}

func TestEncapsulatedFrames(t *testing.T) {
	var d Dataset
	d.Put(PixelData, Fragments{[]byte("abc"), []byte("de")})
	got := encoded(t, File{Syntax: JPEGBaseline, Data: d})
	want := "\xE0\x7F\x10\x00OB\x00\x00\xFF\xFF\xFF\xFF" +
		"\xFE\xFF\x00\xE0\x08\x00\x00\x00" + "\x00\x00\x00\x00\x0C\x00\x00\x00" +
		"\xFE\xFF\x00\xE0\x04\x00\x00\x00abc\x00" + "\xFE\xFF\x00\xE0\x02\x00\x00\x00de" + "\xFE\xFF\xDD\xE0\x00\x00\x00\x00"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTextThatCannotBeEncoded(t *testing.T) {
	var d Dataset
	d.Put(PatientName, "Nguyễn")
	for _, charset := range []string{"", "ISO_IR 100"} {
		d.Put(SpecificCharacterSet, charset)
		if _, err := (&File{Syntax: ExplicitLE, Data: d}).Bytes(); err == nil {
			t.Errorf("charset %q: wrote a name it cannot hold", charset)
		}
	}
}

func TestDecimalStrings(t *testing.T) {
	for in, want := range map[float64]string{0.7421875: "0.7421875", -94.62890625: "-94.62890625", 1.0 / 3: "0.3333333333", 0: "0", 1e15 / 3: "333333333333333"} {
		if got := DS(in); got != want || len(got) > 16 {
			t.Errorf("DS(%v) = %q, want %q", in, got, want)
		}
	}
}
