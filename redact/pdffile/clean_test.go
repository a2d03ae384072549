package pdffile

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"chartseal/redact"
)

// photo is a JPEG with EXIF and a comment.
func photo(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	s := b.String()
	app1 := "Exif\x00\x00" + secret
	return s[:2] + "\xff\xe1\x00" + string(rune(len(app1)+2)) + app1 + "\xff\xfe\x00\x0f" + secret + s[2:] + secret
}

// poisoned is a chart with the secret in every place that is not a page.
func poisoned(t testing.TB) []byte {
	t.Helper()
	f := newFile()
	f.obj(1, `<</Type/Catalog/Pages 2 0 R/Lang(en-US)/Metadata 20 0 R/Names 21 0 R/OpenAction 23 0 R/Outlines 26 0 R
		/PieceInfo<</Prog<</Private(%[1]s)>>>>/AA<</WC 23 0 R>>/URI<</Base(http://x/%[1]s)>>/PageLabels<</Nums[0<</P(%[1]s)>>]>>
		/MarkInfo<</Marked true>>/StructTreeRoot<</Type/StructTreeRoot/K<</S/P/Alt(%[1]s)>>>>
		/ViewerPreferences<</Direction/L2R>>/%[2]s (x)>>`, secret, secret)
	f.obj(2, `<</Type/Pages/Count 2/Kids[3 0 R 4 0 R]/MediaBox[0 0 300 300]/Rotate 90/Resources 10 0 R/Note(%s)>>`, secret)
	f.obj(3, `<</Type/Page/Parent 2 0 R/Contents[5 0 R 6 0 R]/LastModified(D:2020)/Thumb 24 0 R/Annots[30 0 R 31 0 R 32 0 R 36 0 R]
		/PieceInfo<</Prog<</Private<</Deep[(%[1]s)]>>>>>>/AA<</O 23 0 R>>/ID(%[1]s)/StructParents 0/Metadata 20 0 R>>`, secret)
	f.obj(4, `<</Type/Page/Parent 2 0 R/Contents 7 0 R/Rotate 0/CropBox[0 0 200 200]>>`)
	f.stream(5, "/Filter/FlateDecode", deflated("BT /F1 24 Tf 50 100 Td (first page) Tj ET")+secret)
	f.stream(6, "", "q 100 0 0 100 20 150 cm /Im1 Do Q")
	f.stream(7, "", "BT /F1 24 Tf 50 100 Td (second page) Tj ET")
	f.obj(10, `<</Font<</F1 11 0 R>>/XObject<</Im1 12 0 R>>/ColorSpace<</CS1[/Indexed/DeviceRGB 1<000000ffffff>]>>
		/Properties<</MC0<</ActualText(%[1]s)>>>>/Private(%[1]s)>>`, secret)
	f.obj(11, `<</Type/Font/Subtype/Type1/BaseFont/Helvetica/PieceInfo(%[1]s)/FontDescriptor<</Type/FontDescriptor/FontName/Helvetica
		/Flags 32/FontFamily(%[1]s)>>>>`, secret)
	p := photo(t)
	f.obj(12, "<</Type/XObject/Subtype/Image/Width 8/Height 8/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/DCTDecode/Metadata 20 0 R"+
		"/PieceInfo<</X(%s)>>/Length %d>>\nstream\n%s\nendstream", secret, len(p), p)
	f.stream(20, "/Type/Metadata/Subtype/XML", "<x:xmpmeta>"+secret+"</x:xmpmeta>")
	f.obj(21, `<</JavaScript<</Names[(a)23 0 R]>>/EmbeddedFiles<</Names[(%s)22 0 R]>>/Dests<</Names[]>>>>`, secret)
	f.obj(22, `<</Type/Filespec/F(%[1]s.doc)/UF<%[2]x>/EF<</F 25 0 R>>>>`, secret, "\xfe\xff"+utf16s(secret, true))
	f.obj(23, `<</S/JavaScript/JS(app.alert\("%s"\))>>`, secret)
	f.stream(24, "/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", secret)
	f.stream(25, "/Type/EmbeddedFile", secret)
	f.obj(26, `<</Type/Outlines/First 27 0 R/Last 27 0 R/Count 1>>`)
	f.obj(27, `<</Title(%s)/Parent 26 0 R>>`, secret)
	f.obj(28, `<</Title(%[1]s)/Author(%[1]s)/Custom<%[2]x>>>`, secret, "\xfe\xff"+utf16s(secret, true))
	f.obj(29, `(an orphan %s)`, secret)
	f.obj(30, `<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/Border[0 0 0]/A<</S/URI/URI(http://x/%s)>>>>`, secret)
	f.obj(31, `<</Type/Annot/Subtype/Text/Rect[5 5 25 25]/Contents(tooth 14 is sore)/T(%[1]s)/NM(%[1]s)/M(D:2020)/RC(%[1]s)/Popup 32 0 R
		/AP<</N 33 0 R>>/AA<</E 23 0 R>>/%[1]s 1>>`, secret)
	f.obj(32, `<</Type/Annot/Subtype/Popup/Parent 31 0 R/Rect[0 0 9 9]/Contents(%s)>>`, secret)
	f.stream(33, "/Type/XObject/Subtype/Form/BBox[0 0 20 20]/PieceInfo<</X("+secret+")>>", "0 0 20 20 re f")
	f.obj(36, `<</Type/Annot/Subtype/FreeText/Rect[100 100 200 130]/Contents(allergic to penicillin)/T(%s)/DA(/F1 9 Tf)/AP<</N 37 0 R>>>>`, secret)
	f.stream(37, "/Type/XObject/Subtype/Form/BBox[0 0 100 30]/Matrix[1 0 0 1 0 0]/Resources<</Font<</F1 11 0 R>>>>",
		"BT /F1 12 Tf 2 2 Td (allergic to penicillin) Tj ET")
	f.finish("/Info 28 0 R/ID[(" + secret + ")(b)]")
	return f.Bytes()
}

// withEarlierVersion puts a version with the secret on its page before the
// poisoned one.
func withEarlierVersion(t testing.TB) []byte {
	t.Helper()
	f := newFile()
	f.obj(1, `<</Type/Catalog/Pages 2 0 R>>`)
	f.obj(2, `<</Type/Pages/Count 1/Kids[3 0 R]>>`)
	f.obj(3, `<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>`)
	f.stream(4, "", "BT /F1 24 Tf 50 100 Td ("+secret+") Tj ET")
	f.obj(5, `<</Title(%s)>>`, secret)
	f.finish("/Info 5 0 R")
	f.stream(4, "", "BT /F1 24 Tf 50 100 Td (corrected) Tj ET")
	f.finish("")
	return f.Bytes()
}

func TestPoisoned(t *testing.T) {
	got, report := mustRun(t, poisoned(t))
	if l := leaks(t, got); l != nil {
		t.Errorf("the secret is still in: %v", l)
	}
	wantRemoved(t, report, infoRemoved, xmpRemoved, pieceRemoved, actionRemoved, scriptRemoved, attachmentRemoved, outlineRemoved,
		thumbRemoved, structureRemoved, linkRemoved, annotRemoved, authorRemoved, embeddedRemoved, tailRemoved, timeRemoved)
	for _, words := range []string{"(tooth 14 is sore)", "first page"} {
		if !strings.Contains(readable(t, got), words) && !bytes.Contains(got, []byte(fmt.Sprintf("%x", strings.Trim(words, "()")))) {
			t.Errorf("%q is lost", words)
		}
	}
	if !strings.Contains(readable(t, got), "allergic to penicillin") {
		t.Error("what a clinician wrote on the page is lost")
	}
	if len(report.Notices) != 2 {
		t.Errorf("notices: %q", report.Notices)
	}
	for _, words := range []string{"pdfcpu", "Producer", "D:20", "Helv" + secret} {
		if bytes.Contains(got, []byte(words)) {
			t.Errorf("%q is in the output", words)
		}
	}
	again, second := mustRun(t, got)
	if !bytes.Equal(again, got) || len(second.Removed) != 0 {
		t.Errorf("cleaning twice is not cleaning once: %v", second.Removed)
	}
}

// readable returns the unpacked streams of a PDF.
func readable(t *testing.T, b []byte) string {
	t.Helper()
	ctx, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	c, all := newCopier(ctx), ""
	for _, e := range ctx.Table {
		o, err := c.resolve(e.Object)
		if err != nil {
			t.Fatal(err)
		}
		if sd, ok := o.(interface{ Image() bool }); ok && !sd.Image() {
			all += unpack(t, c, o) + "\n"
		}
	}
	return all
}

func TestEarlierVersion(t *testing.T) {
	got, report := mustRun(t, withEarlierVersion(t))
	if l := leaks(t, got); l != nil {
		t.Errorf("the secret is still in: %v", l)
	}
	wantRemoved(t, report, revisionRemoved)
	if !strings.Contains(readable(t, got), "corrected") {
		t.Error("the current version is lost")
	}
}

func TestProfiles(t *testing.T) {
	b := withEarlierVersion(t)
	for _, p := range []redact.Profile{redact.LimitedSet, redact.Deidentified, "unheard of"} {
		_, _, err := run(b, p)
		wantRefusal(t, err, redact.Unfit)
	}
	for _, p := range []redact.Profile{redact.PatientAccess, redact.Authorization, redact.Payment, redact.Operations} {
		if _, _, err := run(b, p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestSniff(t *testing.T) {
	for head, want := range map[string]bool{
		"%PDF-1.4": true, "\xef\xbb\xbf%PDF-2.0": true, "": false, "%PD": false, "\xff\xd8\xff": false,
		strings.Repeat(" ", 2000) + "%PDF-1.4": false,
	} {
		if got := Sniff([]byte(head)); got != want {
			t.Errorf("Sniff(%.20q) = %v", head, got)
		}
	}
}
