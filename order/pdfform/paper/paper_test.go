package paper

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/order"
	"chartseal/order/pdfform"
)

var day = time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC)

func practices() map[string]pdfform.Practice {
	usual := pdfform.Practice{
		Key: "0011223344556677", Name: "Lakeside Dental", Address: "1 Main Street, Albany NY", Contact: "Privacy Officer, +1 518 555 0100",
		Recipients: []pdfform.Option{pdfform.Recipient("dr-chen", "Dr. Chen Endodontics"), pdfform.Recipient("wang", "王 Łukasz (Prosthodontics)")},
		Approvers:  []string{"dr-lee"}, Kinds: order.StandardKinds(), Categories: pdfform.StandardCategories(),
	}
	bare := pdfform.Practice{Name: "X"}
	crowded := usual
	crowded.Name, crowded.Address = strings.Repeat("Praxis Müller & Łukasz ", 10), strings.Repeat("A long street ", 20)
	crowded.Kinds, crowded.Categories = many("kind_of_record_", 40), many("a_rather_long_category_", 40)
	crowded.Recipients = nil
	for _, v := range many("r-", 3000) {
		crowded.Recipients = append(crowded.Recipients, pdfform.Recipient(v, "Recipient "+v))
	}
	return map[string]pdfform.Practice{"usual": usual, "bare": bare, "crowded": crowded}
}

func many(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = prefix + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
	}
	return all
}

// Every field is on a page, once, where nothing else is.
func TestDraw(t *testing.T) {
	for name, p := range practices() {
		t.Run(name, func(t *testing.T) {
			out, err := Draw(p, day)
			if err != nil {
				t.Fatal(err)
			}
			if len(out) > 1<<20/2 {
				t.Errorf("a blank form of %d bytes leaves no room to fill it in", len(out))
			}
			seen := fieldsOf(t, out)
			for _, s := range pdfform.Sections(p) {
				for _, row := range s.Rows {
					for _, f := range row {
						if seen[f.Name()] != 1 {
							t.Errorf("field %s stands %d times", f.Name(), seen[f.Name()])
						}
						delete(seen, f.Name())
					}
				}
			}
			for _, f := range []string{pdfform.VersionField, pdfform.PracticeField, pdfform.NameField} {
				delete(seen, f)
			}
			if len(seen) > 0 {
				t.Errorf("fields nobody knows: %v", seen)
			}
		})
	}
}

// fieldsOf counts the fields of a form by name and checks where they stand.
func fieldsOf(t *testing.T, form []byte) map[string]int {
	t.Helper()
	api.DisableConfigDir()
	ctx, err := api.ReadAndValidate(bytes.NewReader(form), model.NewDefaultConfiguration())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for page := 1; page <= ctx.PageCount; page++ {
		d, _, _, err := ctx.PageDict(page, false)
		if err != nil {
			t.Fatal(err)
		}
		annots, err := ctx.DereferenceArray(d["Annots"])
		if err != nil {
			t.Fatal(err)
		}
		var taken []*types.Rectangle
		for _, a := range annots {
			w, err := ctx.DereferenceDict(a)
			if err != nil {
				t.Fatal(err)
			}
			name, err := types.StringOrHexLiteral(w["T"])
			if err != nil {
				t.Fatal(err)
			}
			seen[*name]++
			r, err := ctx.RectForArray(w["Rect"].(types.Array))
			if err != nil {
				t.Fatal(err)
			}
			if r.LL.X < 0 || r.LL.Y < 0 || r.UR.X > 612 || r.UR.Y > 792 {
				t.Errorf("%s leaves the page: %v", *name, r)
			}
			for _, other := range taken {
				if r.LL.X < other.UR.X && other.LL.X < r.UR.X && r.LL.Y < other.UR.Y && other.LL.Y < r.UR.Y {
					t.Errorf("%s covers another field", *name)
				}
			}
			taken = append(taken, r)
		}
	}
	return seen
}
