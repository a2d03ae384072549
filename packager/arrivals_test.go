package packager

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chartseal/order"
	"chartseal/packager/gather"
	"chartseal/packager/seal"
	"chartseal/testdata/practice"
	"chartseal/testdata/practice/dcm"
)

// TestWhatComesWhilePackingHolds: a series of which the rest is still being exported does
// not go as if it were whole.
func TestWhatComesWhilePackingHolds(t *testing.T) {
	home := t.TempDir()
	made, err := practice.Make(t.Context(), home, practice.Options{Small: true})
	if err != nil {
		t.Fatal(err)
	}
	who, _ := made.Patient("20871")
	records := filepath.Join(home, "records")
	folder := filepath.Join(records, who.ID, "radiographs")
	images, err := os.ReadDir(folder)
	if err != nil || len(images) == 0 {
		t.Fatal(err)
	}
	for _, comes := range []bool{false, true} {
		plan := planFor(t, order.Treatment, []string{"radiograph"}, DICOMRules{})
		born, err := order.ParseDate(who.BirthDate)
		if err != nil {
			t.Fatal(err)
		}
		plan.Order.Patient = order.Patient{ID: who.ID, Name: who.Name, BirthDate: born}
		plan.Sources = []gather.Source{{Kind: "radiograph", Path: filepath.ToSlash(records) + "/{patient.id}/radiographs/**"}}
		key, err := seal.GenerateKey(false)
		if err != nil {
			t.Fatal(err)
		}
		if plan.To, err = seal.ParseRecipients([]string{key.Public}); err != nil {
			t.Fatal(err)
		}
		plan.Trusted = plan.Header.Practice.PublicKey
		plan.Progress = func(done, total int64) {
			if comes && done == total {
				data, err := os.ReadFile(filepath.Join(folder, images[0].Name()))
				err = errors.Join(err, os.WriteFile(filepath.Join(folder, "late.dcm"), data, 0o600))
				if err != nil {
					t.Error(err)
				}
			}
		}
		f, err := os.Create(filepath.Join(t.TempDir(), "sealed"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Pack(t.Context(), &plan, f)
		if cerr := f.Close(); cerr != nil {
			t.Fatal(cerr)
		}
		held, isHeld := errors.AsType[*HeldError](err)
		switch {
		case !comes && err != nil:
			t.Fatal(err)
		case comes && (!isHeld || len(held.Reasons) != 1 || !slices.Equal(held.Reasons[0].Items, []string{who.ID + "/radiographs/late.dcm"})):
			t.Errorf("a bundle without the last image: %v", err)
		}
	}
}

// TestAnotherNameAmongTheImages: charts alone are asked for, and the images beside them
// are a twin's, so that the number on the order may be one wrong; an image that only says
// too little holds nothing.
func TestAnotherNameAmongTheImages(t *testing.T) {
	for name, c := range map[string]struct {
		id, name, birth string
		held            bool
	}{
		"the patient":            {"10432", "Alvarez^Maria", "19840309", false},
		"number alone":           {"10432", "", "", false},
		"family name alone":      {"10432", "Alvarez", "", false},
		"a twin":                 {"10432", "Alvarez^Rosa", "19840309", true},
		"of the family":          {"10432", "Alvarez^Rosa", "", true},
		"a namesake":             {"10432", "Alvarez^Maria", "19520309", true},
		"same given name":        {"10432", "Gomez^Maria", "", true},
		"somebody, by birthdate": {"10432", "Brown^Robert", "19840309", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := dcm.File{Syntax: dcm.ExplicitLE, Data: radiographOf(1, []byte{1, 2, 3, 4})}
			f.Data.Put(dcm.Attr{Tag: 0x00100010, VR: "PN"}, c.name)
			f.Data.Put(dcm.Attr{Tag: 0x00100020, VR: "LO"}, c.id)
			f.Data.Put(dcm.Attr{Tag: 0x00100030, VR: "DA"}, c.birth)
			image, err := f.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			p := planOf(t, order.Treatment, map[string][]byte{"charts/a.jpg": {0xff, 0xd8, 0xff, 0xe0}, "images/b.dcm": image})
			root := strings.TrimSuffix(p.Sources[0].Path, "**")
			p.Sources = []gather.Source{{Kind: "chart", Path: root + "charts/**"}, {Kind: "radiograph", Path: root + "images/**"}}
			held := func() []order.Reason {
				found, err := collect(t.Context(), p)
				if err != nil {
					t.Fatal(err)
				}
				return stopping(t, found, p)
			}
			got := held()
			if (len(got) > 0) != c.held {
				t.Fatalf("held: %+v", got)
			}
			if !c.held {
				return
			}
			if got[0].Rule != "R35" || !slices.Equal(got[0].Items, []string{"10432/images/b.dcm"}) || !slices.Equal(got[0].May, []order.RulingChoice{order.LeaveOut, order.ReleaseItem}) {
				t.Errorf("%+v", got[0])
			}
			p.Order.Decisions = []order.Ruling{{Rule: "R35", Item: "10432/images/b.dcm", Decision: order.ReleaseItem, By: "dr-lee", On: p.Facts.Today, Reason: "looked"}}
			if got = held(); len(got) > 0 {
				t.Errorf("after a decision: %+v", got)
			}
		})
	}
}

// stopping is what holds a collection, which is closed.
func stopping(t *testing.T, c *gather.Collection, p *Plan) []order.Reason {
	t.Helper()
	held := p.open(c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return held
}
