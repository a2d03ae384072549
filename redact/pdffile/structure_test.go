package pdffile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"chartseal/redact"
)

func TestStructureRefusals(t *testing.T) {
	page := func(pages, page string, more func(*file)) []byte {
		f := newFile()
		f.obj(1, "<</Type/Catalog/Pages 2 0 R>>")
		f.obj(2, "%s", pages)
		f.obj(3, "%s", page)
		f.stream(4, "", "BT ET")
		if more != nil {
			more(f)
		}
		f.finish("")
		return f.Bytes()
	}
	const pages = "<</Type/Pages/Count 1/Kids[3 0 R]>>"
	ok := page(pages, "<</Type/Page/MediaBox[0 0 9 9]/Contents 4 0 R>>", nil)
	if _, _, err := clean(ok, nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in    []byte
		class redact.Class
	}{
		"circle of pages":    {page("<</Type/Pages/Count 1/Kids[2 0 R]>>", "null", nil), redact.Malformed},
		"page missing":       {page("<</Type/Pages/Count 1/Kids[9 0 R]>>", "null", nil), redact.Malformed},
		"no pages":           {page("<</Type/Pages/Count 0/Kids[]>>", "null", nil), redact.Malformed},
		"page without size":  {page(pages, "<</Type/Page>>", nil), redact.Malformed},
		"content elsewhere":  {page(pages, "<</Type/Page/MediaBox[0 0 9 9]/Contents 5 0 R>>", func(f *file) { f.stream(5, "/F("+secret+")", "") }), redact.Unfit},
		"encrypted stream":   {page(pages, "<</Type/Page/MediaBox[0 0 9 9]/Contents 5 0 R>>", func(f *file) { f.stream(5, "/Filter/Crypt", "") }), redact.Encrypted},
		"damaged picture":    {page(pages, "<</Type/Page/MediaBox[0 0 9 9]/Resources<</XObject<</I 5 0 R>>>>>>", func(f *file) { f.stream(5, "/Subtype/Image/Filter/DCTDecode", secret) }), redact.Malformed},
		"cut":                {ok[:bytes.Index(ok, []byte("xref"))], redact.Truncated},
		"text":               {[]byte("%PDF-1.7\nhello\nstartxref\n9\n%%EOF"), redact.Malformed},
		"forbidden font":     {page(pages, "<</Type/Page/MediaBox[0 0 9 9]/Contents 5 0 R/Resources<</Font<</JavaScript<</Type/Font>>>>>>>>", func(f *file) { f.stream(5, "", "/JavaScript 9 Tf") }), redact.Unverified},
		"nested too deeply":  {page(pages, "<</Type/Page/MediaBox[0 0 9 9]/Resources<</Font 30 0 R>>>>", deep), redact.TooLarge},
		"references forever": {page(pages, "<</Type/Page/MediaBox 5 0 R>>", func(f *file) { f.obj(5, "6 0 R"); f.obj(6, "5 0 R") }), redact.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := clean(c.in, nil)
			wantRefusal(t, err, c.class)
		})
	}
}

// deep is a chain of Type 3 fonts, each with the next in its resources.
func deep(f *file) {
	for n := 30; n < 130; n++ {
		f.obj(n, "<</F<</Type/Font/Subtype/Type3/Resources<</Font %d 0 R>>>>>>", n+1)
	}
	f.obj(130, "<<>>")
}

// TestNullObjects: null and empty objects are nothing, not damage.
func TestNullObjects(t *testing.T) {
	f := newFile()
	f.obj(1, "<</Type/Catalog/Pages 2 0 R/Lang 9 0 R>>")
	f.obj(2, "<</Type/Pages/Count 1/Kids[3 0 R]>>")
	f.obj(3, "<</Type/Page/MediaBox[0 0 9 9]/Contents[4 0 R 5 0 R 6 0 R]/CropBox 5 0 R>>")
	f.stream(4, "", "BT ET")
	f.obj(5, "null")
	f.obj(6, "")
	f.finish("")
	if _, _, err := clean(f.Bytes(), nil); err != nil {
		t.Error(err)
	}
}

// TestPrinter checks the syntax of simple objects (section 7.3).
func TestPrinter(t *testing.T) {
	f := newFile()
	f.obj(1, "<</Type/Catalog/Pages 2 0 R>>")
	f.obj(2, "<</Type/Pages/Count 1/Kids[3 0 R]>>")
	f.stream(4, "", "/A#20B#23#2f cs /C cs")
	f.obj(3, `<</Type/Page/Contents 4 0 R/MediaBox[-0.0 0 .5 +9.250]/Rotate 0/Resources<</ColorSpace<</A#20B#23#2f
		[/Indexed/DeviceGray 3(\001\)\\\n)]/C[/Separation/Gr#c3#bcn/DeviceGray<</FunctionType 2/N 1/Domain[0 1]>>]>>>>>>`)
	f.finish("")
	got, _, err := clean(f.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"/MediaBox [0 0 0.5 9.25]", "/A#20B#23#2f [/Indexed /DeviceGray 3 <01295c0a>]", "/C [/Separation /Gr#c3#bcn /DeviceGray <<",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%q is not in the output:\n%s", want, got)
		}
	}
}

// TestEmbedded: pictures and profiles inside a PDF lose what they carry.
func TestEmbedded(t *testing.T) {
	box := func(typ, data string) string {
		return fmt.Sprintf("%s%s%s", string([]byte{0, 0, 0, byte(8 + len(data))}), typ, data)
	}
	jp2 := box("jP  ", "\r\n\x87\n") + box("ftyp", "jp2 \x00\x00\x00\x00jp2 ") + box("xml ", secret) + box("jp2h", "head") +
		box("uuid", secret) + box("jp2c", "\xff\x4f\xff\x51code") + "tail " + secret
	f := newFile()
	f.obj(1, "<</Type/Catalog/Pages 2 0 R>>")
	f.obj(2, "<</Type/Pages/Count 1/Kids[3 0 R]>>")
	f.obj(3, "<</Type/Page/Contents 4 0 R/MediaBox[0 0 9 9]/Resources<</XObject<</A 5 0 R/B 6 0 R/C 7 0 R/D 9 0 R>>/ColorSpace<</E[/ICCBased 8 0 R]>>>>>>")
	f.stream(4, "", "/A Do /B Do /C Do /D Do /E cs")
	f.stream(5, "/Subtype/Image/Filter/JPXDecode", jp2)
	f.stream(6, "/Subtype/Image/Filter[/FlateDecode/DCTDecode]/DecodeParms[null<</ColorTransform 0>>]", deflated(photo(t)))
	f.stream(7, "/Subtype/Image/Filter/DCTDecode", strings.TrimSuffix(photo(t), "\xff\xd9"+secret))
	f.stream(8, "/N 3/Alternate/DeviceRGB", secret)
	f.stream(9, "/Subtype/PS", secret)
	f.finish("")
	got, report, err := clean(f.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if l := leaks(t, got); l != nil {
		t.Errorf("the secret is still in: %v", l)
	}
	wantRemoved(t, report, embeddedRemoved)
	for _, want := range []string{"/Filter /JPXDecode", "/Filter /DCTDecode", "/ColorTransform 0", "/N 3", "code\nendstream"} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("%q is lost", want)
		}
	}
}

func TestJPXBroken(t *testing.T) {
	for _, b := range []string{"", "\x00\x00\x00\x0cjP  \r\n\x87\n", "\x00\x00\x00\x0cjP  \r\n\x87\n\x00\x00\x00\x04jp2c", "\x00\x00\x00\x0cjP  \r\n\x87\n\x00\x00\x00\x01jp2c\x00"} {
		if out, err := cleanJPX([]byte(b)); err == nil {
			t.Errorf("%q became %q", b, out)
		}
	}
}

// FuzzClean runs the cleaner in this process, without the limits of the child.
// What it lets through must be clean already; verify has seen to that.
func FuzzClean(f *testing.F) {
	f.Add(poisoned(f))
	f.Add(withEarlierVersion(f))
	f.Add(chart(annot("Widget", "/FT/Tx/V(x)/AP<</N 20 0 R>>"), "/AcroForm<</DR<</Font<</F1 6 0 R>>>>>>"))
	f.Add(chart(annot("Text", "/Contents(x)/AP<</N<</A 20 0 R>>>>/AS/A"), ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, _, err := clean(b, nil)
		if err != nil {
			return
		}
		if again, _, err := clean(got, nil); err != nil || !bytes.Equal(again, got) {
			t.Errorf("cleaning twice is not cleaning once: %v", err)
		}
	})
}

// TestEmptyAttachmentTree: programs write a tree of attached files with
// nothing in it; a notice about it would send staff looking for records.
func TestEmptyAttachmentTree(t *testing.T) {
	for names, want := range map[string]bool{
		"<</EmbeddedFiles<</Names[]>>>>":                           false,
		"<</EmbeddedFiles<<>>>>":                                   false,
		"<</EmbeddedFiles<</Names[(a)<</Type/Filespec/F(a)>>]>>>>": true,
	} {
		f := newFile()
		f.obj(1, "<</Type/Catalog/Pages 2 0 R/Names%s>>", names)
		f.obj(2, "<</Type/Pages/Count 1/Kids[3 0 R]>>")
		f.obj(3, "<</Type/Page/MediaBox[0 0 9 9]>>")
		f.finish("")
		_, report, err := clean(f.Bytes(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(report.Notices, attachmentNotice); got != want {
			t.Errorf("%s: notice %v, want %v", names, got, want)
		}
	}
}
