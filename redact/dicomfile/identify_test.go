package dicomfile

import (
	"context"
	"reflect"
	"strings"
	"testing"
)

func TestIdentifyEncodings(t *testing.T) {
	for i, e := range encodings {
		id, err := Identify(context.Background(), source(build(i)))
		if err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		want := Identity{
			PatientID: "83370", PatientName: "Müller^Jörg", BirthDate: "19890817", StudyDate: "20260301",
			Modality: "IO", SOPClassUID: "1.2.840.10008.5.1.4.1.1.1.3", SOPInstanceUID: "1.2.3.4.5",
			StudyUID: "1.2.3.4", SeriesUID: "1.2.3.4.1", InstanceNumber: "1", StudyDescription: "Periapical",
			Manufacturer: "Maker", ImageType: `ORIGINAL\PRIMARY`, TransferSyntax: id.TransferSyntax,
			Charset: "ISO_IR 100", Rows: 4, Columns: 4,
		}
		if !reflect.DeepEqual(*id, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", e.name, *id, want)
		}
		if family, given := id.FamilyGiven(); family != "Müller" || given != "Jörg" || id.Date() != "20260301" {
			t.Errorf("%s: %q %q %q", e.name, family, given, id.Date())
		}
	}
}

// countingSource counts what is read.
type countingSource struct {
	sizedSource
	n *int
}

func (c countingSource) ReadAt(p []byte, off int64) (int, error) {
	*c.n += len(p)
	return c.sizedSource.ReadAt(p, off)
}

func TestIdentifyReadsLittle(t *testing.T) {
	b := radiograph(explicitLittle, false).us(0x00281050, 1)
	d := b.el(tagPixelData, "OW", make([]byte, 8<<20)).file(tsExplicitLittle)
	n := 0
	if _, err := Identify(context.Background(), countingSource{source(d), &n}); err != nil || n > 2*windowSize {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

// TestCharsets decodes the examples of PS3.5 annexes H, I and J and of the
// single-byte sets.
func TestCharsets(t *testing.T) {
	tests := []struct{ terms, raw, want string }{
		{"", "Smith^Mary", "Smith^Mary"},
		{"ISO_IR 100", "M\xfcller^J\xf6rg", "Müller^Jörg"},
		{"ISO-IR 100", "M\xfcller", "Müller"},
		{"ISO 2022 IR 100", "M\xfcller", "Müller"},
		{"ISO_IR 101", "Wa\xb3\xeasa", "Wałęsa"},
		{"ISO_IR 109", "\xa6orla", "Ĥorla"},
		{"ISO_IR 110", "\xc4nis", "Änis"},
		{"ISO_IR 126", "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"},
		{"ISO_IR 127", "\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"},
		{"ISO_IR 138", "\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"},
		{"ISO_IR 144", "\xbb\xee\xda\x63\x65\xdc\xd1\xe3\xe0\xd3", "Люкceмбург"},
		{"ISO_IR 148", "\xdea\xf0", "Şağ"},
		{"ISO_IR 166", "\xca\xc1\xaa\xd2\xc2", "สมชาย"},
		{"ISO_IR 203", "\xbd\xbc", "œŒ"},
		{"ISO_IR 192", "Wang^XiaoDong=王^小東", "Wang^XiaoDong=王^小東"},
		{"GB18030", "Wang=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang=王^小东"},
		{"GBK", "\xcd\xf5", "王"},
		{"", "M\xc3\xbcller", "Müller"}, // undeclared UTF-8
		{"", "M\xfcller", "Müller"},     // undeclared Latin
		{`\ISO 2022 IR 87`, "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B", "Yamada^Tarou=山田^太郎=やまだ^たろう"},
		{`ISO 2022 IR 13\ISO 2022 IR 87`, "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"},
		{`\ISO 2022 IR 149`, "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf", "Hong^Gildong=洪^吉洞=홍^길동"},
		{`\ISO 2022 IR 58`, "Zhang=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1", "Zhang=张^小"},
		{`ISO 2022 IR 6\ISO 2022 IR 100\ISO 2022 IR 144`, "Buc^J\x1b-A\xe9r\xf4me\\\x1b-L\xbb\xee", `Buc^Jérôme\Лю`},
	}
	for _, tt := range tests {
		if got := parseCharset(tt.terms).decode([]byte(tt.raw)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.terms, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string][2]string{
		"Smith^Mary Ann^B^Dr": {"Smith", "Mary Ann"},
		"Smith":               {"Smith", ""},
		"":                    {"", ""},
		"^^=山田^太郎":            {"山田", "太郎"},
		"Yamada ^ Tarou =山田^太郎=やまだ^": {"Yamada", "Tarou"},
	} {
		id := Identity{PatientName: name}
		if f, g := id.FamilyGiven(); f != want[0] || g != want[1] {
			t.Errorf("%q: %q %q", name, f, g)
		}
	}
	id := Identity{PatientName: "Yamada^Tarou=山田^太郎"}
	if forms := id.NameForms(); len(forms) != 2 || forms[1] != [2]string{"山田", "太郎"} {
		t.Errorf("forms %v", forms)
	}
}

// TestSecondOpinion: a header the second reader reads differently is not let
// through.
func TestSecondOpinion(t *testing.T) {
	for i, e := range encodings {
		b := build(i)
		f, err := open(context.Background(), source(b))
		if err != nil {
			t.Fatal(err)
		}
		l := &layout{}
		l.source(0, f.src.Size())
		if f.inflated {
			l.prepend(buildMeta("", "", f.ts))
		}
		op, err := secondOpinion(context.Background(), &body{ctx: context.Background(), src: f.src, l: l})
		if err != nil || op != agreed {
			t.Errorf("%s: %s, %v", e.name, op, err)
		}
	}
	ds, err := readBySecond(context.Background(), append(buildMeta("", "", tsExplicitLittle),
		(&dataset{syn: explicitLittle}).text(0x00100020, "LO", "83370").buf...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compare(ds, map[Tag]string{0x00100020: "83371"}); err == nil {
		t.Error("a different patient number was agreed upon")
	}
}

// TestIdentifyContent reads what a directory says about reports, documents and
// presentation states, in every encoding, and only from where it belongs.
func TestIdentifyContent(t *testing.T) {
	for _, e := range encodings[:7] {
		d := &dataset{syn: e.syn, undefined: e.undefined}
		d.text(0x00080005, "CS", "ISO_IR 100").text(0x00080016, "UI", storageRoot+"11.1").text(0x00080018, "UI", "1.2.3")
		image := func(uid string) func(*dataset) {
			return func(i *dataset) { i.text(0x00081150, "UI", storageRoot+"2").text(0x00081155, "UI", uid) }
		}
		d.seq(0x00081115, "SQ",
			func(i *dataset) { i.seq(0x00081140, "SQ", image("1.1"), image("1.2")).text(0x0020000E, "UI", "9.1") },
			func(i *dataset) { i.seq(0x00081140, "SQ", image("1.3")).text(0x0020000E, "UI", "9.2") })
		d.text(0x00100020, "LO", "83370")
		d.seq(0x0040A043, "SQ", func(i *dataset) {
			i.text(0x00080100, "SH", "11488-4").text(0x00080102, "SH", "LN").text(0x00080104, "LO", "R\xf6ntgen")
			i.seq(0x00080121, "SQ", func(j *dataset) { j.text(0x00080100, "SH", "wrong") })
		})
		d.seq(0x0040A730, "SQ", func(i *dataset) {
			i.seq(0x0040A043, "SQ", func(j *dataset) { j.text(0x00080100, "SH", "wrong") })
		})
		d.text(0x0040A491, "CS", "COMPLETE").text(0x00700080, "CS", "LABEL").text(0x00700082, "DA", "20260301")
		id, err := IdentifyHead(t.Context(), source(d.file(e.ts)))
		if err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		want := Content{
			Label: "LABEL", CreationDate: "20260301", Completion: "COMPLETE", Concept: [3]string{"11488-4", "LN", "Röntgen"},
			References: []Reference{{"9.1", storageRoot + "2", "1.1"}, {"9.1", storageRoot + "2", "1.2"}, {"9.2", storageRoot + "2", "1.3"}},
		}
		if !reflect.DeepEqual(id.Content, want) || id.PatientID != "83370" {
			t.Errorf("%s: %+v", e.name, id.Content)
		}
	}
}

// TestHostileIdentity: files that would show one patient to the comparison and
// another to the recipient.
func TestHostileIdentity(t *testing.T) {
	head := func() *dataset {
		d := &dataset{syn: explicitLittle}
		d.text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.1.3").text(0x00080018, "UI", "1.2.3")
		return d.us(0x00280002, 1).us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16)
	}
	long := strings.Repeat(" ", maxText)
	for name, c := range map[string]struct {
		file []byte
		id   string // what Identify says; "!": it refuses
	}{
		"a number after much space":    {head().text(0x00100020, "LO", "10432"+long+"777").el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), "!"},
		"a number after the image":     {head().el(tagPixelData, "OW", pixelBytes(1)).text(0x00100020, "LO", "777").file(tsExplicitLittle), ""},
		"two numbers":                  {head().text(0x00100020, "LO", "10432").text(0x00100020, "LO", "777").el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), "!"},
		"a number and an empty number": {head().text(0x00100020, "LO", "10432").text(0x00100020, "LO", "").el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), "!"},
		"a number in a sequence": {head().seq(0x00101002, "SQ", func(i *dataset) { i.text(0x00100020, "LO", "10432") }).
			text(0x00100020, "LO", "777").el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), "777"},
		"two values":   {head().text(0x00100020, "LO", `10432\777`).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), `10432\777`},
		"a hidden end": {head().text(0x00100020, "LO", "10432\x00777").el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle), "10432\x00777"},
	} {
		id, err := Identify(context.Background(), source(c.file))
		if (err != nil) != (c.id == "!") || err == nil && id.PatientID != c.id {
			t.Errorf("%s: identified as %+v, %v", name, id, err)
		}
		_, err = Clean(context.Background(), source(c.file), "treatment")
		if whole := c.id != "!" && c.id != ""; (err == nil) != whole {
			t.Errorf("%s: cleaned with %v", name, err)
		}
	}
}
