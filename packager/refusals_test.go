package packager

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"codeberg.org/go-pdf/fpdf"

	"chartseal/order"
	"chartseal/redact"
	"chartseal/testdata/practice/dcm"
)

// refused is a file that a cleaner refuses.
type refused struct {
	file  string // its name says the case
	basis order.Basis
	data  []byte
	items []order.Item
}

// TestEveryRefusal pins what staff read about files that the cleaners refuse (rule R11, and
// S1 for pages that are not there), word for word, with files that make them, from the folder
// of records to the note. refusals.tsv holds file, rule, outcome and message.
func TestEveryRefusal(t *testing.T) {
	var all []string
	met := map[redact.Class]bool{}
	for _, r := range slices.Concat(refusedPDF(t), refusedPictures(t), refusedMeshes(), refusedDICOM(t)) {
		seen, err := Preview(t.Context(), planOf(t, r.basis, map[string][]byte{r.file: r.data}, r.items...))
		if err != nil {
			t.Errorf("%s: %v", r.file, err)
			continue
		}
		if len(seen.Held) != 1 || len(seen.Held[0].Items) != 1 || !strings.HasSuffix(seen.Held[0].Items[0], r.file) {
			t.Errorf("%s: %+v", r.file, seen.Held)
		}
		all = append(all, pinned(r.file, seen.Held, met)...)
	}
	all = append(all, pinned("changed.pdf", changing(t), met)...)
	slices.Sort(all)
	want, err := os.ReadFile("testdata/refusals.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(want)) {
		if i := slices.Index(all, line); i >= 0 {
			all = slices.Delete(all, i, i+1)
		} else {
			t.Errorf("nothing says: %s", line)
		}
	}
	for _, line := range all {
		t.Errorf("not in refusals.tsv: %s", line)
	}
	for class := range todo {
		if !met[class] && class != redact.Unverified { // which is for faults of the program's own
			t.Errorf("no file is refused as %s", class)
		}
	}
}

// pinned are the lines about a file, and what they tell staff to do is noted.
func pinned(file string, held []order.Reason, met map[redact.Class]bool) (lines []string) {
	for _, r := range held {
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s\t%s\n", file, r.Rule, r.Outcome, r.Message))
		for class, words := range todo {
			met[class] = met[class] || strings.HasSuffix(r.Message, words)
		}
	}
	return lines
}

// changing is what is said of a file that is written while it is read.
func changing(t *testing.T) []order.Reason {
	t.Helper()
	p := planOf(t, order.Treatment, map[string][]byte{"changed.pdf": printed(t, []string{"first"})})
	c, err := collect(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	file := strings.ReplaceAll(strings.TrimSuffix(p.Sources[0].Path, "**"), "{patient.id}", "10432") + "changed.pdf"
	if err := os.WriteFile(filepath.FromSlash(file), printed(t, []string{"second", "third"}), 0o600); err != nil {
		t.Fatal(err)
	}
	rs, err := p.dryRun(t.Context(), c, 0)
	if err != nil {
		t.Fatal(err)
	}
	return rs.reasons()
}

func refusedPDF(t *testing.T) []refused {
	t.Helper()
	text := printed(t, []string{"first"}, []string{"second"})
	locked := fpdf.New("P", "mm", "Letter", "")
	locked.SetProtection(0, "user", "owner")
	locked.AddPage()
	var b bytes.Buffer
	if err := locked.Output(&b); err != nil {
		t.Fatal(err)
	}
	deep := "<</Type/Catalog/Pages 2 0 R/Deep " + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + ">>"
	page := "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]%s>>"
	one := "<</Type/Pages/Count 1/Kids[3 0 R]>>"
	return []refused{
		{"password.pdf", order.Treatment, b.Bytes(), nil},
		{"cut.pdf", order.Treatment, text[:len(text)/2], nil},
		{"damaged.pdf", order.Treatment, bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("obj"), []byte("obx")), []byte("/Root"), []byte("/Toor")), nil},
		{"scan-for-a-payer.pdf", order.Payment, scan(), nil},
		{"pages-that-are-not-there.pdf", order.Treatment, text, []order.Item{{File: "pages-that-are-not-there.pdf", Pages: order.Pages{{First: 2, Last: 4}}}}},
		{"for-a-set-without-names.pdf", order.Deidentified, text, nil},
		{"no-pages.pdf", order.Treatment, objects("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 0/Kids[]>>"), nil},
		{"circle-of-pages.pdf", order.Treatment, objects("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[2 0 R]>>"), nil},
		{"deep.pdf", order.Treatment, objects(deep, one, fmt.Sprintf(page, "")), nil},
		{"to-be-blacked-out.pdf", order.Treatment, objects("<</Type/Catalog/Pages 2 0 R>>", one, fmt.Sprintf(page, "/Annots[4 0 R]"), "<</Type/Annot/Subtype/Redact/Rect[0 0 10 10]>>"), nil},
		{"with-sound.pdf", order.Treatment, objects("<</Type/Catalog/Pages 2 0 R>>", one, fmt.Sprintf(page, "/Annots[4 0 R]"), "<</Type/Annot/Subtype/Sound/Rect[0 0 10 10]>>"), nil},
	}
}

// objects is a PDF of these.
func objects(list ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	table := "0000000000 65535 f \n"
	for i, o := range list {
		table += fmt.Sprintf("%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(list)+1, table, len(list)+1, at)
	return b.Bytes()
}

func refusedPictures(t *testing.T) []refused {
	t.Helper()
	pic := image.NewPaletted(image.Rect(0, 0, 64, 64), []color.Color{color.Black, color.White})
	encode := func(enc func(w io.Writer) error) []byte {
		var b bytes.Buffer
		if err := enc(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	jpg := encode(func(w io.Writer) error { return jpeg.Encode(w, pic, nil) })
	pngs := encode(func(w io.Writer) error { return png.Encode(w, pic) })
	chunk := func(kind string, data []byte) []byte {
		c := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		c = append(append(c, kind...), data...)
		return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
	}
	moving := slices.Insert(bytes.Clone(pngs), 33, chunk("acTL", make([]byte, 8))...)
	rare := slices.Insert(bytes.Clone(jpg), 2, 0xff, 0xde, 0, 4, 0, 0) // hierarchical
	bad := bytes.Clone(pngs)
	bad[len(bad)-20] ^= 1
	return []refused{
		{"cut.jpg", order.Treatment, jpg[:len(jpg)/2], nil},
		{"cut.png", order.Treatment, pngs[:len(pngs)/2], nil},
		{"damaged.png", order.Treatment, bad, nil},
		{"moving.png", order.Treatment, moving, nil},
		{"rare.jpg", order.Treatment, rare, nil},
		{"old.gif", order.Treatment, encode(func(w io.Writer) error { return gif.Encode(w, pic, nil) }), nil},
		{"two-formats.jpg", order.Treatment, slices.Insert(bytes.Clone(jpg), 2, append([]byte{0xff, 0xfe, 0, 12}, "%PDF-1.7\n\n"...)...), nil},
		{"for-a-set-without-names.jpg", order.Deidentified, jpg, nil},
	}
}

func refusedMeshes() []refused {
	stl := make([]byte, 84+50*2)
	stl[80] = 2
	const ply = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nproperty uchar note\nend_header\n0 0 0 65\n"
	return []refused{
		{"cut.stl", order.Treatment, stl[:len(stl)-30], nil},
		{"more-than-a-mesh.ply", order.Treatment, []byte(ply), nil},
		{"more-than-a-mesh.obj", order.Treatment, []byte("v 0 0 0\nv 0 1 0\nv 1 0 0\nf 1 2 3\ncstype bezier\n"), nil},
		{"for-a-set-without-names.stl", order.Deidentified, stl, nil},
	}
}

func refusedDICOM(t *testing.T) []refused {
	t.Helper()
	const root = "1.2.840.10008.5.1.4.1.1."
	pdf := printed(t, []string{"first"})
	other := func(class string, change func(d *dcm.Dataset)) []byte {
		f := dcm.File{Syntax: dcm.ExplicitLE}
		for _, e := range []struct {
			tag   uint32
			vr    string
			value any
		}{
			{0x00080016, "UI", root + class},
			{0x00080018, "UI", dcm.UID("refused")},
			{0x00080020, "DA", "20260301"},
			{0x00080060, "CS", "OT"},
			{0x00100010, "PN", "Alvarez^Maria"},
			{0x00100020, "LO", "10432"},
			{0x00100030, "DA", "19840309"},
			{0x0020000D, "UI", dcm.UID("study")},
			{0x0020000E, "UI", dcm.UID("series")},
			{0x00200013, "IS", "1"},
		} {
			f.Data.Put(dcm.Attr{Tag: e.tag, VR: e.vr}, e.value)
		}
		if change != nil {
			change(&f.Data)
		}
		raw, err := f.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	film := func(bytes int, burned string) func(d *dcm.Dataset) {
		return func(d *dcm.Dataset) {
			for tag, v := range map[uint32]uint16{0x00280002: 1, 0x00280010: 8, 0x00280011: 8, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7, 0x00280103: 0} {
				d.Put(dcm.Attr{Tag: tag, VR: "US"}, v)
			}
			d.Put(dcm.Attr{Tag: 0x00280004, VR: "CS"}, "MONOCHROME2")
			d.Put(dcm.Attr{Tag: 0x00280301, VR: "CS"}, burned)
			d.Put(dcm.Attr{Tag: 0x7FE00010, VR: "OB"}, make([]byte, bytes))
		}
	}
	nested := func(d *dcm.Dataset) {
		var in dcm.Dataset
		in.Put(dcm.Attr{Tag: 0x00080050, VR: "SH"}, "1")
		for range 80 {
			var out dcm.Dataset
			out.Put(dcm.Attr{Tag: 0x0040A043, VR: "SQ"}, dcm.Seq(in))
			in = out
		}
		d.PutAll(in)
	}
	whole := encapsulated(t, pdf, dcm.ExplicitLE)
	return []refused{
		{"cut-inside.dcm", order.Treatment, encapsulated(t, pdf[:len(pdf)/2], dcm.ExplicitLE), nil},
		{"document-for-a-set.dcm", order.Deidentified, whole, nil},
		{"raw-data.dcm", order.Treatment, other("66", nil), nil},
		{"report-for-a-dentist.dcm", order.Treatment, other("88.11", nil), nil},
		{"document-is-missing.dcm", order.Treatment, other("104.1", nil), nil},
		{"film-too-short.dcm", order.Treatment, other("1.1", film(32, "NO")), nil},
		{"film-too-long-for-a-set.dcm", order.Deidentified, other("1.1", film(128, "NO")), nil},
		{"burned-in-for-a-set.dcm", order.Deidentified, other("1.1", film(64, "YES")), nil},
		{"nested.dcm", order.Treatment, other("1.1", nested), nil},
	}
}
