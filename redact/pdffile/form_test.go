package pdffile

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"chartseal/redact"
)

// formFile is a PDF with one form field for each body.
func formFile(acro string, bodies ...string) []byte {
	f := newFile()
	refs := ""
	for i := range bodies {
		refs += fmt.Sprintf("%d 0 R ", 10+i)
	}
	f.obj(1, "<</Type /Catalog /Pages 2 0 R /AcroForm <</Fields [%s] %s>>>>", refs, acro)
	f.obj(2, "<</Type /Pages /Kids [3 0 R] /Count 1>>")
	f.obj(3, "<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792]>>")
	for i, b := range bodies {
		f.obj(10+i, "%s", b)
	}
	f.stream(100, "/Type /XObject /Subtype /Form /BBox [0 0 9 9]", "/Tx BMC BT (shown) Tj ET EMC")
	f.stream(101, "/Type /XObject /Subtype /Form /BBox [0 0 9 9]", "/Tx BMC BT (  ) Tj ET EMC")
	f.stream(102, "", "a long text")
	f.obj(103, "(behind a reference)")
	f.obj(104, "<</Parent 10 0 R /Subtype /Widget /AS /chart>>")
	f.obj(105, "<</Parent 10 0 R /Subtype /Widget /AS /Off>>")
	f.obj(106, "<</Parent 10 0 R /T (below) /V (kid's)>>")
	f.finish("")
	return f.Bytes()
}

func readBack(t *testing.T, in []byte) (*Form, error) {
	t.Helper()
	return ReadForm(t.Context(), worker("work"), in)
}

func TestFormValues(t *testing.T) {
	tests := map[string]struct {
		field   string
		name    string // default f
		want    []string
		unclear bool
	}{
		"literal":                   {field: `<</T (f) /FT /Tx /V (a \(b\) \134 \303)>>`, want: []string{`a (b) \ Ã`}},
		"hex":                       {field: `<</T (f) /FT /Tx /V <4D61726961>>>`, want: []string{"Maria"}},
		"hex, odd":                  {field: `<</T (f) /FT /Tx /V <41425>>>`, want: []string{"ABP"}},
		"UTF-16":                    {field: `<</T (f) /FT /Tx /V <FEFF014100750063006A0061738B>>>`, want: []string{"Łucja王"}},
		"UTF-16, surrogates":        {field: `<</T (f) /FT /Tx /V <FEFFD842DFB7>>>`, want: []string{"𠮷"}},
		"UTF-16, half a pair":       {field: `<</T (f) /FT /Tx /V <FEFFD842>>>`, unclear: true},
		"UTF-16, odd":               {field: `<</T (f) /FT /Tx /V <FEFF00>>>`, unclear: true},
		"UTF-16, other order":       {field: `<</T (f) /FT /Tx /V <FFFE4D00FC00>>>`, want: []string{"Mü"}},
		"UTF-16, language":          {field: `<</T (f) /FT /Tx /V <FEFF001B0065006E001B0041>>>`, want: []string{"A"}},
		"UTF-8, marked":             {field: `<</T (f) /FT /Tx /V <EFBBBF4DC3BC>>>`, want: []string{"Mü"}},
		"UTF-8, not marked":         {field: `<</T (f) /FT /Tx /V <4DC3BC>>>`, want: []string{"Mü"}},
		"PDFDocEncoding":            {field: `<</T (f) /FT /Tx /V <4DFC95A0>>>`, want: []string{"MüŁ€"}},
		"no encoding":               {field: `<</T (f) /FT /Tx /V <4D9F>>>`, unclear: true},
		"stream":                    {field: `<</T (f) /FT /Tx /V 102 0 R>>`, want: []string{"a long text"}},
		"reference":                 {field: `<</T (f) /FT /Tx /V 103 0 R>>`, want: []string{"behind a reference"}},
		"name":                      {field: `<</T (f) /FT /Ch /V /dr-chen>>`, want: []string{"dr-chen"}},
		"array of one":              {field: `<</T (f) /FT /Ch /V [(dr-chen)]>>`, want: []string{"dr-chen"}},
		"array of many":             {field: `<</T (f) /FT /Ch /V [(a) <62> /c]>>`, want: []string{"a", "b", "c"}},
		"number":                    {field: `<</T (f) /FT /Tx /V 17>>`, unclear: true},
		"dictionary":                {field: `<</T (f) /FT /Tx /V <</A 1>>>>`, unclear: true},
		"too long":                  {field: `<</T (f) /FT /Tx /V (` + strings.Repeat("x", maxFieldText+1) + `)>>`, unclear: true},
		"empty":                     {field: `<</T (f) /FT /Tx /V ()>>`},
		"no value":                  {field: `<</T (f) /FT /Tx>>`},
		"only shown":                {field: `<</T (f) /FT /Tx /AP <</N 100 0 R>>>>`, unclear: true},
		"blanks shown":              {field: `<</T (f) /FT /Tx /AP <</N 101 0 R>>>>`},
		"check box on":              {field: `<</T (f) /FT /Btn /V /Yes /AS /Yes>>`, want: []string{"Yes"}},
		"check box, own word":       {field: `<</T (f) /FT /Btn /V /Ja /AS /Ja>>`, want: []string{"Ja"}},
		"check box, string":         {field: `<</T (f) /FT /Btn /V (Yes)>>`, want: []string{"Yes"}},
		"check box, name as string": {field: `<</T (f) /FT /Btn /V (/Yes) /AS /Yes>>`, want: []string{"Yes"}},
		"check box off":             {field: `<</T (f) /FT /Btn /V /Off /AS /Off>>`},
		"check box untouched":       {field: `<</T (f) /FT /Btn /AS /Off>>`},
		"saved, not shown":          {field: `<</T (f) /FT /Btn /V /Yes /AS /Off>>`, unclear: true},
		"shown, not saved":          {field: `<</T (f) /FT /Btn /V /Off /AS /Yes>>`, unclear: true},
		"radio buttons":             {field: `<</T (f) /FT /Btn /Ff 49152 /V /chart /Kids [104 0 R 105 0 R]>>`, want: []string{"chart"}},
		"radio with words":          {field: `<</T (f) /FT /Btn /Ff 49152 /V /1 /Opt [(scan) <FEFF0078>]>>`, want: []string{"x"}},
		"push button":               {field: `<</T (g) /FT /Btn /Ff 65536 /V (go)>>`, name: "g"},
		"inherited":                 {field: `<</T (f) /FT /Tx /V (parent's) /Kids [<</Subtype /Widget>>]>>`, want: []string{"parent's"}},
		"kid's own":                 {field: `<</T (f) /FT /Tx /V (parent's) /Kids [106 0 R]>>`, name: "f.below", want: []string{"kid's"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			form, err := formOf(formFile("", tt.field, `<</T (other) /FT /Tx /V (x)>>`))
			if err != nil {
				t.Fatal(err)
			}
			at := tt.name
			if at == "" {
				at = "f"
			}
			if got := form.Values[at]; !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := slices.Contains(form.Unclear, at); got != tt.unclear {
				t.Errorf("unclear: %v, want %v", got, tt.unclear)
			}
		})
	}
}

// formOf reads in this process, as the child does.
func formOf(in []byte) (*Form, error) {
	text, err := formIn(in)
	if err != nil {
		return nil, err
	}
	var f Form
	return &f, json.Unmarshal(text, &f)
}

func TestFormThroughTheChild(t *testing.T) {
	form, err := readBack(t, formFile("", `<</T (patient) /Kids [<</T (name) /FT /Tx /V <FEFF738B>>>]>>`, `<</T (a) /FT /Tx /V (one)>>`, `<</T (a) /FT /Tx /V (two)>>`))
	if err != nil {
		t.Fatal(err)
	}
	if got := form.Values["patient.name"]; !slices.Equal(got, []string{"王"}) {
		t.Errorf("got %q", got)
	}
	if !slices.Equal(form.Unclear, []string{"a"}) {
		t.Errorf("two values for one name: %q", form.Unclear)
	}
}

// A form that was saved again keeps its earlier version; the last one counts.
func TestFormSavedTwice(t *testing.T) {
	f := newFile()
	f.obj(1, "<</Type /Catalog /Pages 2 0 R /AcroForm 4 0 R>>")
	f.obj(2, "<</Type /Pages /Kids [3 0 R] /Count 1>>")
	f.obj(3, "<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792]>>")
	f.obj(4, "<</Fields [10 0 R 11 0 R]>>")
	f.obj(10, "<</T (f) /FT /Tx /V (first)>>")
	f.obj(11, "<</T (g) /FT /Btn /V /Off /AS /Off>>")
	f.finish("")
	f.obj(10, "<</T (f) /FT /Tx /V <FEFF006C006100730074>>>")
	f.obj(11, "<</T (g) /FT /Btn /V /Yes /AS /Yes>>")
	f.finish("")
	form, err := formOf(f.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"f": {"last"}, "g": {"Yes"}}
	if !reflect.DeepEqual(form.Values, want) || len(form.Unclear) > 0 {
		t.Errorf("got %v", form)
	}
}

func TestFormRefused(t *testing.T) {
	deep := `<</T (f) /FT /Tx>>`
	for range maxFieldDepth + 1 {
		deep = `<</T (f) /Kids [` + deep + `]>>`
	}
	many := `<</T (p) /Kids [`
	for i := range maxFormFields + 1 {
		many += fmt.Sprintf("<</T (%d) /FT /Tx>>", i)
	}
	tests := map[string]struct {
		in   []byte
		want redact.Class
	}{
		"flattened":    {formFile(""), redact.Unsupported},
		"XFA":          {formFile("/XFA (x)", `<</T (f) /FT /Tx>>`), redact.Undecided},
		"deep":         {formFile("", deep), redact.TooLarge},
		"many":         {formFile("", many+"]>>"), redact.TooLarge},
		"name missing": {formFile("", `<</T 7 /FT /Tx>>`), redact.Malformed},
		"cut":          {formFile("", `<</T (f) /FT /Tx>>`)[:400], redact.Truncated},
		"no PDF":       {[]byte("%PDF-1.7 and nothing else"), redact.Malformed},
		"empty":        {nil, redact.Truncated},
		"large":        {make([]byte, maxFormSize+1), redact.TooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := readBack(t, tt.in)
			wantRefusal(t, err, tt.want)
		})
	}
}

// A field that lists itself among its kids ends somewhere.
func TestFormInACircle(t *testing.T) {
	form, err := formOf(formFile("", `<</T (f) /FT /Tx /V (x) /Kids [10 0 R 106 0 R]>>`))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(form.Values)); !slices.Equal(got, []string{"f.below"}) {
		t.Errorf("fields %q", got)
	}
}

func FuzzTextString(f *testing.F) {
	for _, s := range []string{"", "a", "\xfe\xff\x00a", "\xff\xfea\x00", "\xef\xbb\xbfa", "\xfe\xff\x00\x1b", "M\xfc"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		text, ok := textString(b)
		if ok && !utf8.ValidString(text) {
			t.Errorf("%x became %q", b, text)
		}
	})
}

func FuzzForm(f *testing.F) {
	f.Add(`<</T (f) /FT /Tx /V (a)>>`)
	f.Add(`<</T (b) /FT /Btn /V /Yes /Opt [(x)] /Kids [104 0 R]>>`)
	f.Add(`<</T (f) /Kids [10 0 R] /V [<41> /b]>>`)
	f.Fuzz(func(t *testing.T, field string) {
		in := formFile("", field)
		form, err := formOf(in)
		if err != nil {
			return
		}
		if len(form.Values) == 0 && len(form.Unclear) > 0 {
			t.Error("unclear fields without a place")
		}
		for name, values := range form.Values {
			if !utf8.ValidString(name) || len(values) > maxFormFields {
				t.Errorf("field %q has %d values", name, len(values))
			}
		}
		again, err := formOf(in)
		if err != nil || !reflect.DeepEqual(again, form) {
			t.Errorf("read twice, it differs: %v", err)
		}
	})
}
