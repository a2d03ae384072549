package bundle_test

import (
	"archive/zip"
	"bytes"
	"io"
	"path"
	"strings"
	"testing"

	"chartseal/packager/bundle"
)

func TestArchiveZipReadsTheBundle(t *testing.T) {
	s := newSigner(t)
	for _, compress := range []bool{false, true} {
		data, m := build(t, s, header(s), bundle.Options{Compress: compress}, samples())
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		byName := map[string]*zip.File{}
		for _, f := range z.File {
			byName[f.Name] = f
		}
		for i, c := range samples() {
			f := byName[m.Records[i].Path]
			if f == nil {
				t.Errorf("no member %q", m.Records[i].Path)
				continue
			}
			if got := readMember(t, f); !bytes.Equal(got, c.data) {
				t.Errorf("%s: %d bytes differ from %d", f.Name, len(got), len(c.data))
			}
			if wantStore := !compress || c.format == "JPEG" || c.rec.Name == "pano.dcm"; (f.Method == zip.Store) != wantStore && len(c.data) > 0 {
				t.Errorf("%s: method %d", f.Name, f.Method)
			}
			if streamed := f.Flags&8 != 0; streamed != (len(c.data) > 4<<20) {
				t.Errorf("%s: streamed %v with %d bytes", f.Name, streamed, len(c.data))
			}
			if !f.Modified.Equal(sentAt.Truncate(2e9)) {
				t.Errorf("%s: time %v", f.Name, f.Modified)
			}
		}
	}
}

func readMember(t testing.TB, f *zip.File) []byte {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return b
}

func TestPathsAreMade(t *testing.T) {
	s := newSigner(t)
	_, m := build(t, s, header(s), bundle.Options{}, samples())
	want := []string{
		"data/CHARTS/2025-05-03_chart_001_Progress-notes.pdf",
		"data/PHOTOS/2024-02-29_photo_002_Ünïcode-Lächeln.jpg",
		"data/PHOTOS/undated_photo_003_CON.jpg",
		"data/DICOM/S0000001/I0000001",
		"data/MODELS/2025-01-01_model_005_upper-jaw.stl",
		"data/DICOM/S0000002/I0000001",
		"data/DICOM/S0000002/I0000002",
	}
	for i, w := range want {
		if m.Records[i].Path != w {
			t.Errorf("record %d: %q, want %q", i+1, m.Records[i].Path, w)
		}
	}
	if got := m.Records[3].Title; got != "Panoramic radiograph" {
		t.Errorf("title %q", got)
	}
	h := header(s)
	h.Anonymous, h.Patient = true, nil
	_, m = build(t, s, h, bundle.Options{}, samples())
	for _, r := range m.Records {
		if strings.Contains(r.Path, "Progress") || strings.Count(path.Base(r.Path), "_") > 2 {
			t.Errorf("original name in %q", r.Path)
		}
	}
}
