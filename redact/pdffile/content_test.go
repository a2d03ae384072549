package pdffile

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestScan(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"nothing to do":    {"q 1 0 0 1 0 0 cm\n/F1 9 Tf [(a) -20 (b\\)) <41>] TJ Q", "q 1 0 0 1 0 0 cm\n/F1 9 Tf [(a) -20 (b\\)) <41>] TJ Q"},
		"comment":          {"q % secret\nQ", "q \nQ"},
		"comment in array": {"[(a) % secret\r(b)] TJ", "[(a) \r(b)] TJ"},
		"comment at end":   {"Q%secret", "Q\n"},
		"no comment":       {"(50% secret) Tj", "(50% secret) Tj"},
		"marks":            {"/Span <</ActualText (secret)/E[(x)]>> BDC (shown) Tj EMC", "\n (shown) Tj\n"},
		"marks, named":     {"/P /MC0 BDC (shown) Tj EMC /Tx BMC EMC /A MP /A <<>> DP q", "\n (shown) Tj\n   q"},
		"one too many":     {"(secret) 1 0 0 rg", "1 0 0 rg"},
		"two too many":     {"/a (secret) 5 w (x) Q", "5 w Q"},
		"too many, glued":  {"5 w/a 6 J", "5 w 6 J"},
		"left over":        {"Q (secret) 1 2", "Q"},
		"unknown operator": {"q (secret) note Q", "q\n Q"},
		"stray marks":      {"q ) ] > } Q", "q         Q"},
		"inline image":     {"BI /W 2 /H 1 /BPC 8 /CS /G ID \x01\xff EI Q", "BI /W 2 /H 1 /BPC 8 /CS /G ID \x01\xff EI Q"},
		"inline image, EI": {"BI /W 9 /H 1 ID ab EI \xff\xfe EI Q", "BI /W 9 /H 1 ID ab EI \xff\xfe EI Q"},
		"inline, entries":  {"BI /X (secret) /W 2/H 1/L 9/BPC 8/CS/G/Y(secret)ID ab EI Q", "BI /W 2/H 1 /BPC 8/CS/G ID ab EI Q"},
		"inline, tail":     {"BI /W 2 /H 1 /BPC 8 /CS /G ID absecret EI Q", "BI /W 2 /H 1 /BPC 8 /CS /G ID ab\nEI Q"},
		"inline, in hex":   {"BI /W 2 /H 1 /BPC 8 /CS /G /F/AHx ID 4142> secret EI Q", "BI /W 2 /H 1 /BPC 8 /CS /G /F/AHx ID 4142>\nEI Q"},
		"inline, in 85":    {"BI /W 2 /H 1 /BPC 8 /CS /G /F [/A85] ID 5l~> secret EI Q", "BI /W 2 /H 1 /BPC 8 /CS /G /F [/A85] ID 5l~>\nEI Q"},
		"inline, EI in it": {"BI /W 9 /H 1 /BPC 8 /CS /G ID a EI q Q  EI Q", "BI /W 9 /H 1 /BPC 8 /CS /G ID a EI q Q  EI Q"},
		"true":             {"true gs", "true gs"},
		"quotes":           {"1 2 (a) \" (b) '", "1 2 (a) \" (b) '"},
		"nested string":    {"(a (b) \\( c) Tj", "(a (b) \\( c) Tj"},
		"marks in a row":   {"q/A BMC/B BMC EMC EMC/F 1 Tf", "q\n/F 1 Tf"},
	} {
		s, ok := scan([]byte(tt.in), nil)
		if !ok {
			t.Errorf("%s: not read", name)
			continue
		}
		if got := string(s.out); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(tt.want), " ") {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
		if s.changed() != (tt.in != tt.want) {
			t.Errorf("%s: changed: %v", name, s.changed())
		}
		if again, ok := scan(s.out, nil); !ok || again.changed() {
			t.Errorf("%s: scanned twice it is %q", name, again.out)
		}
	}
	for _, in := range []string{"(a", "[(a)", "<41", "<</A", "BI /W 1", "BI /W 1 ID abc", strings.Repeat("[", 200)} {
		if _, ok := scan([]byte(in), nil); ok {
			t.Errorf("%q: read", in)
		}
	}
}

// TestInlinePhoto: a photograph in the middle of a page loses its metadata.
func TestInlinePhoto(t *testing.T) {
	in := append(append([]byte("q BI /W 8 /H 8 /BPC 8 /CS /G /F /DCT ID "), photo(t)...), " EI Q"...)
	if !bytes.Contains(in, []byte(secret)) {
		t.Fatal("nothing is planted")
	}
	s, ok := scan(in, nil)
	if !ok || bytes.Contains(s.out, []byte(secret)) || !bytes.HasSuffix(s.out, []byte("\xff\xd9\nEI Q")) {
		t.Errorf("%v %q", ok, s.out)
	}
	if again, ok := scan(s.out, nil); !ok || again.changed() {
		t.Errorf("scanned twice it is %q", again.out)
	}
}

// TestBrokenContent: what a page carries goes up to where it breaks off.
func TestBrokenContent(t *testing.T) {
	for _, tail := range []string{"(open", "[ (a) ", "<41", "BI /W 1 /H 1 ID abc"} {
		in := written("/Span<</ActualText("+secret+")>>BDC BT /F1 9 Tf 9 9 Td (drawn) Tj ET EMC %"+secret+"\n"+tail, "", "", nil)
		got, report, err := clean(in, nil)
		if err != nil {
			t.Fatalf("%q: %v", tail, err)
		}
		if l := leaks(t, got); l != nil {
			t.Errorf("%q: the secret is still in: %v", tail, l)
		}
		wantRemoved(t, report, marksRemoved)
		if all := readable(t, got); !strings.Contains(all, "(drawn) Tj") || !strings.Contains(all, tail) {
			t.Errorf("%q: something is lost from %q", tail, all)
		}
	}
}

func TestResourcesUsed(t *testing.T) {
	s, ok := scan([]byte("/F#31 9 Tf /Im Do /G gs /C cs /D CS /P scn .5 /Q SCN /S sh BI /W 1/CS /I ID x EI 1 0 0 scn"), nil)
	if !ok {
		t.Fatal("not read")
	}
	for kind, want := range map[string]string{
		"Font": "F1", "XObject": "Im", "ExtGState": "G", "ColorSpace": "C D I", "Pattern": "P Q", "Shading": "S",
	} {
		if got := strings.Join(slices.Sorted(maps.Keys(s.uses[kind])), " "); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
}

// TestHiddenInContent: what a page carries and does not draw goes; what is drawn
// stays, also where its pieces are cut in the middle of an operation.
func TestHiddenInContent(t *testing.T) {
	f := newFile()
	f.obj(1, "<</Type/Catalog/Pages 2 0 R>>")
	f.obj(2, "<</Type/Pages/Count 1/Kids[3 0 R]>>")
	f.obj(3, "<</Type/Page/MediaBox[0 0 99 99]/Contents[4 0 R 5 0 R]/Resources<</Font<</F 6 0 R/G 7 0 R>>/XObject<</A 8 0 R/B 9 0 R>>>>>>")
	f.stream(4, "/Filter/FlateDecode", deflated("BT /F 9 Tf /Span <</ActualText ("+secret+")>> BDC (drawn)"))
	f.stream(5, "", "Tj EMC ET % "+secret+"\n/A Do ("+secret+")")
	f.obj(6, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
	f.obj(7, "<</Type/Font/Subtype/Type1/BaseFont/%s>>", secret)
	f.stream(8, "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</Font<</F 6 0 R/G 7 0 R>>>>", "%"+secret+"\nBT /F 9 Tf (inner) Tj ET")
	f.stream(9, "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<<>>", "BT ("+secret+") Tj ET")
	f.finish("")
	got, report, err := clean(f.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if l := leaks(t, got); l != nil {
		t.Errorf("the secret is still in: %v", l)
	}
	wantRemoved(t, report, marksRemoved, unusedRemoved)
	for _, want := range []string{"(drawn)\nTj", "(inner)"} {
		if !strings.Contains(readable(t, got), want) {
			t.Errorf("%q is lost from %q", want, readable(t, got))
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{"q (a) Tj Q", "/A <</B(c)>> BDC EMC", "BI /W 1 /F /Fl ID x\x9c EI Q", "% x\n[(a)<41>]TJ", "1 2 foo"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := scan(b, nil)
		if !ok {
			rest := s.rest()
			if again, ok := scan(rest, nil); ok || !bytes.Equal(again.rest(), rest) {
				t.Errorf("scanned twice, %q is %q, not %q", b, again.rest(), rest)
			}
			return
		}
		again, ok := scan(s.out, nil)
		if !ok || again.changed() {
			t.Errorf("scanned twice, %q is %q, not %q", b, again.out, s.out)
		}
	})
}
