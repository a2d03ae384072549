package packager

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"image/jpeg"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chartseal/order"
	"chartseal/packager/bundle"
	"chartseal/packager/gather"
	"chartseal/packager/seal"
	"chartseal/packager/thumbnail"
	"chartseal/redact"
	"chartseal/redact/dicomfile"
	"chartseal/testdata/practice"
	"chartseal/testdata/practice/dcm"
)

// packed packs a patient's pictures as Pack does, opens the bundle, and gives the
// folder it is unpacked into.
func packed(t *testing.T, patient practice.Patient, records string, p Plan) string {
	t.Helper()
	born, err := order.ParseDate(patient.BirthDate)
	if err != nil {
		t.Fatal(err)
	}
	p.Order.Patient = order.Patient{ID: patient.ID, Name: patient.Name, BirthDate: born}
	for kind, folder := range map[string]string{"radiograph": "radiographs", "cbct": "cbct"} {
		p.Sources = append(p.Sources, gather.Source{Kind: kind, Path: filepath.Join(records, "{patient.id}", folder, "**")})
	}
	key, err := seal.GenerateKey(false)
	if err != nil {
		t.Fatal(err)
	}
	if p.To, err = seal.ParseRecipients([]string{key.Public}); err != nil {
		t.Fatal(err)
	}
	c, err := collect(t.Context(), &p)
	if err != nil || len(c.Problems) > 0 {
		t.Fatalf("%v, %v", err, c.Problems)
	}
	defer func() { _ = c.Close() }()
	f, err := os.Create(filepath.Join(t.TempDir(), "sealed"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sealed, err := seal.NewWriter(f, p.To)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := p.write(t.Context(), c, sealed)
	if err != nil {
		t.Fatal(err)
	}
	r, size, err := sealed.Opener().Open(f, out.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "open")
	if _, err := bundle.Unpack(t.Context(), r, size, dir, p.Header.Practice.PublicKey, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pictured is one thumbnail of START-HERE.html.
type pictured struct {
	alt, link string
	jpeg      []byte
}

var pictureForm = regexp.MustCompile(`<img src="data:image/jpeg;base64,([^"]*)" alt="([^"]*)"[^>]*>.*?<code>([^<]*)</code>`)

func pictures(t *testing.T, dir string) (list []pictured) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(dir, "START-HERE.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range pictureForm.FindAllStringSubmatch(string(page), -1) {
		b, err := base64.StdEncoding.DecodeString(html.UnescapeString(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, pictured{html.UnescapeString(m[2]), m[3], b})
	}
	return list
}

// sameAsSent compares a thumbnail with the picture in the file that left.
func sameAsSent(t *testing.T, dir string, p pictured) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(p.link)))
	if err != nil {
		t.Fatal(err)
	}
	want, err := thumbnail.Draw(t.Context(), wholeFile{bytes.NewReader(raw)})
	if err != nil || !bytes.Equal(want.JPEG, p.jpeg) {
		t.Errorf("%s is not what %s shows: %v", p.alt, p.link, err)
	}
}

type wholeFile struct{ *bytes.Reader }

func (f wholeFile) Size() int64 { return f.Reader.Size() }

func planFor(t testing.TB, basis order.Basis, kinds []string, rules DICOMRules) Plan {
	t.Helper()
	key, sign := practiceKey(t)
	set := basis == order.LimitedSet || basis == order.Deidentified
	return Plan{
		Order: &order.Order{ID: "R-1", Basis: basis, Records: order.Records{Kinds: kinds}},
		Header: bundle.Header{
			Order: "R-1", Reference: "ref", Created: time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC),
			Practice: bundle.Practice{Name: "Lakeside Dental", PublicKey: key}, Recipient: bundle.Recipient{Name: "Dr. Chen"},
			Anonymous: set, Undated: set,
		},
		Formats: Formats(worker, []byte("0123456789abcdef"), rules), Sign: sign,
		drawing: 5 * time.Minute, gallery: 5 * time.Minute,
	}
}

// TestThumbnails packs radiographs and volumes: each radiograph and one slice of
// each volume is in START-HERE.html, as it left.
func TestThumbnails(t *testing.T) {
	home := t.TempDir()
	made, err := practice.Make(t.Context(), home, practice.Options{Small: true})
	if err != nil {
		t.Fatal(err)
	}
	records := filepath.Join(home, "records")
	maria, _ := made.Patient("10432")
	dir := packed(t, maria, records, planFor(t, order.Treatment, []string{"radiograph", "cbct"}, DICOMRules{}))
	list := pictures(t, dir)
	if len(list) != 12 {
		t.Fatalf("%d thumbnails", len(list))
	}
	seen := map[string]int{}
	for _, p := range list {
		sameAsSent(t, dir, p)
		what, _, _ := strings.Cut(p.alt, ",")
		seen[what]++
		if strings.HasPrefix(what, "Middle slice of 3D scan (CBCT)") && !strings.HasSuffix(p.link, "/I0000007") {
			t.Errorf("%s of 12 slices: %s", p.alt, p.link)
		}
		if what == "Panoramic X-ray" && !strings.HasSuffix(p.alt, ", November 9, 2026") && !strings.HasSuffix(p.alt, ", June 12, 2019") {
			t.Errorf("alt %q", p.alt)
		}
	}
	if seen["Panoramic X-ray"] != 2 || seen["Intraoral X-ray"] != 9 || len(seen) != 3 {
		t.Errorf("thumbnails %v", seen)
	}

	other, _ := made.Patient("20871") // its volume is one file with many frames
	dir = packed(t, other, records, planFor(t, order.Treatment, []string{"radiograph", "cbct"}, DICOMRules{}))
	list = pictures(t, dir)
	if len(list) != 3 || !slices.ContainsFunc(list, func(p pictured) bool { return strings.HasPrefix(p.alt, "Middle slice of 3D scan (CBCT)") }) {
		t.Fatalf("%d thumbnails", len(list))
	}
	for _, p := range list {
		sameAsSent(t, dir, p)
	}
	if dates := regexp.MustCompile(`20(19|2[0-5])`); !dates.MatchString(list[0].alt + list[1].alt + list[2].alt) {
		t.Errorf("no dates: %q", list)
	}

	masks := []dicomfile.Mask{{
		Manufacturer: "Orbita Roentgen", Model: "Orbita 3D S", Rows: 48, Columns: 96, Regions: []dicomfile.Region{{Left: 16, Top: 8, Width: 48, Height: 24}},
	}}
	rules, err := ParseDICOMRules(nil, masks)
	if err != nil {
		t.Fatal(err)
	}
	dir = packed(t, other, records, planFor(t, order.Deidentified, []string{"radiograph"}, rules))
	masked(t, dir, pictures(t, dir))
}

// TestNothingToDraw: pictures that cannot be drawn, being of another kind or
// damaged, go all the same, and START-HERE.html says so.
func TestNothingToDraw(t *testing.T) {
	records := t.TempDir()
	folder := filepath.Join(records, "10432", "radiographs")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, f := range []dcm.File{
		{Syntax: "1.2.840.10008.1.2.4.90", Data: radiographOf(1, dcm.Fragments{[]byte("not even JPEG 2000")})},
		{Syntax: "1.2.840.10008.1.2.5", Data: radiographOf(2, dcm.Fragments{make([]byte, 80)})},
		{Syntax: dcm.JPEGBaseline, Data: radiographOf(3, dcm.Fragments{[]byte("\xFF\xD8\xFF\xC0\xFF\xFF")})},
		{Syntax: dcm.ExplicitLE, Data: radiographOf(4, []byte{1, 2, 3, 4})},
	} {
		raw, err := f.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(i, ".dcm")), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	maria := practice.Patient{ID: "10432", Name: "Alvarez, Maria", BirthDate: "1984-03-09"}
	dir := packed(t, maria, records, planFor(t, order.Treatment, []string{"radiograph"}, DICOMRules{}))
	page, err := os.ReadFile(filepath.Join(dir, "START-HERE.html"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(pictures(t, dir)); n != 1 || strings.Count(string(page), "No preview here: open it with a DICOM viewer") != 3 {
		t.Errorf("%d thumbnails in\n%s", n, page)
	}
}

// radiographOf is a picture of 2 by 2 pixels of the patient of the demonstration.
func radiographOf(n int, pixels any) (d dcm.Dataset) {
	for a, v := range map[dcm.Attr]any{
		dcm.SOPClassUID: "1.2.840.10008.5.1.4.1.1.1.3", dcm.SOPInstanceUID: fmt.Sprint("1.2.3.", n),
		dcm.StudyInstanceUID: "1.2.3", dcm.SeriesInstanceUID: fmt.Sprint("1.2.3.4.", n), dcm.StudyDate: "20250503", dcm.Modality: "IO",
		dcm.PatientName: "Alvarez^Maria", dcm.PatientID: "10432", dcm.PatientBirthDate: "19840309",
		dcm.SamplesPerPixel: uint16(1), dcm.PhotometricInterpretation: "MONOCHROME2", dcm.Rows: uint16(2), dcm.Columns: uint16(2),
		dcm.BitsAllocated: uint16(8), dcm.BitsStored: uint16(8), dcm.HighBit: uint16(7), dcm.PixelRepresentation: uint16(0),
		dcm.BurnedInAnnotation: "NO", dcm.PixelData: pixels,
	} {
		d.Put(a, v)
	}
	return d
}

// TestAChangedFileIsNotDrawn: a file that changes while it is drawn may be another
// patient's by now.
func TestAChangedFileIsNotDrawn(t *testing.T) {
	home := t.TempDir()
	made, err := practice.Make(t.Context(), home, practice.Options{Small: true})
	if err != nil {
		t.Fatal(err)
	}
	who, _ := made.Patient("20871")
	folder := filepath.Join(home, "records", who.ID)
	plan := planFor(t, order.Treatment, []string{"radiograph"}, DICOMRules{})
	var over atomic.Bool
	plan.Progress = func(done, total int64) { over.Store(done == total) }
	var cleaned atomic.Int32
	for i, f := range plan.Formats {
		plan.Formats[i].Clean = func(ctx context.Context, src redact.Source, p redact.Profile, asked Asked) (*redact.Output, error) {
			out, err := f.Clean(ctx, src, p, asked)
			if over.Load() {
				cleaned.Add(1)
				err = errors.Join(err, filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
					if err == nil && !d.IsDir() {
						err = os.Chtimes(file, time.Time{}, time.Now().Add(time.Hour))
					}
					return err
				}))
			}
			return out, err
		}
	}
	if list := pictures(t, packed(t, who, filepath.Join(home, "records"), plan)); len(list) != 0 || cleaned.Load() == 0 {
		t.Errorf("%d thumbnails of files that changed, %d drawn", len(list), cleaned.Load())
	}
}

// masked: a thumbnail of a de-identified set shows what a mask blacks out as
// black, and no date.
func masked(t *testing.T, dir string, list []pictured) {
	t.Helper()
	black := 0
	for _, p := range list {
		sameAsSent(t, dir, p)
		if regexp.MustCompile(`(19|20)\d\d`).MatchString(p.alt) {
			t.Errorf("alt %q", p.alt)
		}
		m, err := jpeg.Decode(bytes.NewReader(p.jpeg))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(p.alt, "Panoramic") {
			continue
		}
		black++
		for y := 9; y < 31; y++ {
			for x := 17; x < 63; x++ {
				if v, _, _, _ := m.At(x, y).RGBA(); v>>8 > 40 {
					t.Fatalf("%d at %d, %d of %v", v>>8, x, y, m.Bounds())
				}
			}
		}
	}
	if len(list) != 2 || black != 1 {
		t.Errorf("%d thumbnails, %d with a mask", len(list), black)
	}
}

func slice(n int, series, position string) picture {
	g := gallery{item: n, kind: "cbct", date: "2025-05-03"}
	orientation := `1\0\0\0\1\0`
	if position == "" {
		orientation = ""
	}
	return g.picture(&dicomfile.Identity{
		Rows: 2, Columns: 2, Modality: "CT", StudyUID: "1", SeriesUID: series, InstanceNumber: fmt.Sprint(n), Position: position, Orientation: orientation,
	})
}

// TestMiddleSlice: where a slice lies counts more than its number, its number more
// than when it was packed.
func TestMiddleSlice(t *testing.T) {
	for name, tc := range map[string]struct {
		stack []picture
		want  int
	}{
		"by position": {[]picture{slice(1, "s", `0\0\50`), slice(2, "s", `0\0\10`), slice(3, "s", `0\0\-20`), slice(4, "s", `9\9\30`), slice(5, "s", `0\0\40`)}, 4},
		"by number":   {[]picture{slice(9, "s", ""), slice(1, "s", ""), slice(5, "s", "")}, 5},
		"one without": {[]picture{slice(9, "s", `0\0\1`), slice(1, "s", ""), slice(5, "s", `0\0\3`)}, 5},
		"no numbers":  {[]picture{slice(9, "s", `0\0\x`), slice(1, "s", `0\0`), slice(5, "s", `0\0\NaN`)}, 5},
		"alone":       {[]picture{slice(3, "s", `0\0\1`)}, 3},
	} {
		g := gallery{pictures: tc.stack}
		if got := g.chosen(); len(got) != 1 || got[0].item != tc.want || got[0].of != len(tc.stack) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestChosenPictures: the newest, each volume once, and not too many.
func TestChosenPictures(t *testing.T) {
	g := gallery{kind: "radiograph"}
	for i := range 100 {
		g.item, g.date = i, fmt.Sprintf("20%02d-01-01", i)
		g.pictures = append(g.pictures, g.picture(&dicomfile.Identity{Rows: 9, Columns: 9, Modality: "IO", StudyUID: "1", SeriesUID: "1"}))
	}
	g.kind = "cbct"
	for i := range 300 {
		g.item, g.date = 100+i, "2020-01-01"
		g.pictures = append(g.pictures, g.picture(&dicomfile.Identity{Rows: 9, Columns: 9, Modality: "CT", StudyUID: "1", SeriesUID: fmt.Sprint(i / 10), InstanceNumber: fmt.Sprint(i)}))
	}
	g.item = 400
	g.pictures = append(g.pictures, g.picture(&dicomfile.Identity{Rows: 9, Columns: 9, Frames: 300, Modality: "CT", StudyUID: "1", SeriesUID: "x"}))
	got := g.chosen()
	if len(got) != maxRadiographs+maxVolumes || got[0].item != 99 || got[59].item != 40 || got[60].item != 400 || got[61].item != 105 || got[79].item != 285 {
		t.Errorf("%d chosen", len(got))
	}
}
