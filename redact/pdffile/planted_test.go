package pdffile

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"chartseal/redact"
)

// planted has the secret in places that poisoned has not, in what an editor, a
// form program and a scanner leave behind.
func planted(t testing.TB) []byte {
	t.Helper()
	f := newFile()
	f.WriteString("% " + secret + "\n")
	f.obj(1, `<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[30 0 R 31 0 R]/DR<<>>/DA(%[1]s)>>/AF[22 0 R]/Perms<</DocMDP 32 0 R>>/Legal<</Attestation(%[1]s)>>
		/Threads[<</I<</Title(%[1]s)>>>>]/SpiderInfo<</C[(%[1]s)]>>/OutputIntents[<</S/GTS_PDFA1/OutputConditionIdentifier(%[1]s)>>]
		/Extensions<</X(%[1]s)>>/DPartRoot<</M(%[1]s)>>>>`, secret)
	f.obj(2, `<</Type/Pages/Count 1/Kids[3 0 R]>>`)
	f.obj(3, `<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents[4 0 R 5 0 R]/Annots[30 0 R 31 0 R 33 0 R 34 0 R 35 0 R]/AF[22 0 R]
		/Resources<</Font<</F1 10 0 R/Unused 11 0 R>>/XObject<</Im 12 0 R/Unused 13 0 R/Note 14 0 R>>/ColorSpace<</CS[/ICCBased 16 0 R]>>
		/Properties<</MC0<</Alt(%[1]s)>>/MC1 17 0 R>>/ProcSet[/PDF/Text]>>/PressSteps<</Next<</A<</S/URI/URI(%[1]s)>>>>>>
		/Dur 5/Trans<</S/%[2]s>>/PresSteps(%[1]s)/BoxColorInfo<</CropBox<</X(%[1]s)>>>>>>`, secret, secret)
	f.WriteString("% " + secret + "\n")
	f.stream(4, "", "% "+secret+"\n/Artifact <</Contents("+secret+")/ActualText<"+fmt.Sprintf("%x", "\xfe\xff"+utf16s(secret, true))+">>> BDC BT /F1 18 Tf 40 250 Td (a chart) Tj ET EMC ("+secret+")")
	f.stream(5, "", "1 0 0 rg /MC0 MP /P /MC1 DP /CS cs 1 0 0 sc 20 20 40 40 re f q 60 0 0 60 100 20 cm /Im Do Q ("+secret+") whoami\n"+
		"q 20 0 0 20 200 20 cm BI /W 1 /H 1 /BPC 8 /CS /G /F /Fl ID "+deflated("\x40")+secret+" EI Q q 1 0 0 1 10 100 cm /Note Do Q %"+secret)
	f.obj(10, `<</Type/Font/Subtype/Type1/BaseFont/Helvetica/FontDescriptor<</Type/FontDescriptor/FontName/Helvetica/Flags 32/FontFamily(%[1]s)/Style<</Panose(%[1]s)>>
		/Lang/en>>/X(%[1]s)>>`, secret)
	f.obj(11, `<</Type/Font/Subtype/Type1/BaseFont/%s>>`, secret)
	p := photo(t)
	f.obj(12, "<</Type/XObject/Subtype/Image/Width 8/Height 8/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/DCTDecode/ID(%[1]s)/Name/%[1]s/OPI<</X(%[1]s)>>"+
		"/Alternates[<</Image 13 0 R>>]/Length %[2]d>>\nstream\n%[3]s\nendstream", secret, len(p), p)
	f.stream(13, "/Type/XObject/Subtype/Image/Width 8/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", secret)
	f.stream(14, "/Type/XObject/Subtype/Form/BBox[0 0 99 20]/Name/X"+secret+"/LastModified(D:2020)/PieceInfo<</P<</Private 15 0 R>>>>/Resources<</Font<</F1 10 0 R/Unused 11 0 R>>>>/Ref<</F("+secret+")>>",
		"/Span<</Alt("+secret+")>>BDC BT /F1 9 Tf 2 2 Td (in a form) Tj ET EMC %"+secret)
	f.stream(15, "", secret)
	f.stream(16, "/N 3/Alternate/DeviceRGB/Metadata 15 0 R", strings.Repeat("\x00", 36)+"acsp"+secret)
	f.obj(17, "<</E(%s)>>", secret)
	f.obj(22, `<</Type/Filespec/F(%[1]s.doc)/Desc(%[1]s)/EF<</F 15 0 R>>>>`, secret)
	f.obj(30, `<</Type/Annot/Subtype/Widget/FT/Tx/T(%[1]s)/TU(%[1]s)/TM(%[1]s)/DV(%[1]s)/V(shown)/MK<</CA(%[1]s)/RC(%[1]s)>>/RV(%[1]s)/DA(/F1 9 Tf)/Rect[20 150 120 170]
		/AA<</K<</S/JavaScript/JS(%[1]s)>>>>/AP<</N 36 0 R/D 37 0 R/R 37 0 R>>>>`, secret)
	f.obj(31, `<</Type/Annot/Subtype/Widget/FT/Sig/T(s)/V 32 0 R/Rect[0 0 0 0]/Lock<</X(%[1]s)>>/SV<</X(%[1]s)>>>>`, secret)
	f.obj(32, `<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/Name(%[1]s)/Reason(%[1]s)/Location(%[1]s)/ContactInfo(%[1]s)/M(D:20200101)
		/Contents<%[2]x>/ByteRange[0 1 2 3]/Prop_Build<</App<</Name/%[1]s>>>>>>`, secret, secret)
	f.obj(33, `<</Type/Annot/Subtype/Highlight/Rect[20 240 120 270]/QuadPoints[20 270 120 270 20 240 120 240]/Contents(remark)/T(%[1]s)/RC(<body>%[1]s</body>)/Subj(%[1]s)
		/Popup 34 0 R/IRT 35 0 R/NM(%[1]s)/CreationDate(D:2020)/ExData<</X(%[1]s)>>/AP<</N 38 0 R/D 37 0 R>>>>`, secret)
	f.obj(34, `<</Type/Annot/Subtype/Popup/Parent 33 0 R/Rect[0 0 9 9]/Contents(%s)>>`, secret)
	f.obj(35, `<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/Border[0 0 0]/Contents(%[1]s)/A<</S/Launch/F(%[1]s)/Next<</S/GoToR/F(%[1]s)>>>>/PA<</S/URI/URI(%[1]s)>>>>`, secret)
	f.stream(36, "/Type/XObject/Subtype/Form/BBox[0 0 100 20]/Resources<</Font<</F1 10 0 R>>>>", "/Tx BMC BT /F1 9 Tf 2 5 Td (shown) Tj ET EMC")
	f.stream(37, "/Type/XObject/Subtype/Form/BBox[0 0 100 20]/Resources<</Font<</F1 10 0 R>>>>", "BT /F1 9 Tf ("+secret+") Tj ET")
	f.stream(38, "/Type/XObject/Subtype/Form/BBox[20 240 120 270]/Resources<</ExtGState<</G<</BM/Multiply>>>>>>", "/G gs 1 1 0 rg 20 240 100 30 re f")
	f.obj(40, `(an orphan %s)`, secret)
	f.stream(41, "", secret)
	f.finish("/ID[(" + secret + ")(b)]/Comment(" + secret + ")")
	f.WriteString("\n" + secret + "\n")
	return f.Bytes()
}

func TestPlanted(t *testing.T) {
	in := planted(t)
	for _, p := range []redact.Profile{redact.Treatment, redact.PatientAccess, redact.Payment} {
		got, report, err := run(in, p)
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		if l := leaks(t, got); l != nil {
			t.Errorf("%s: the secret is still in: %v", p, l)
		}
		wantRemoved(t, report, structureRemoved, marksRemoved, unusedRemoved, signatureRemoved, printRemoved, formRemoved, authorRemoved, linkRemoved)
		for _, words := range []string{"(a chart)", "(in a form)", "(shown)"} {
			if !strings.Contains(readable(t, got), words) {
				t.Errorf("%s: %q is lost", p, words)
			}
		}
		if !bytes.Contains(got, []byte(fmt.Sprintf("%x", "remark"))) {
			t.Errorf("%s: the remark is lost", p)
		}
	}
}
