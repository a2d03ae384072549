package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"chartseal/packager/bundle"
	"chartseal/packager/bundle/dicomdir"
	"chartseal/redact"
)

var errRead = errors.New("input/output error")

func TestAFailingRecordEndsTheBundle(t *testing.T) {
	s := newSigner(t)
	long := noise(6<<20, 1)
	for _, c := range []struct {
		name string
		body io.Reader
		size int64
		want error
	}{
		{"shorter than said", bytes.NewReader(long), int64(len(long)) + 1, bundle.ErrSize},
		{"longer than said", bytes.NewReader(long), int64(len(long)) - 1, bundle.ErrSize},
		{"longer by a block", bytes.NewReader(long), 5 << 20, bundle.ErrSize},
		{"nothing", bytes.NewReader(nil), 10, bundle.ErrSize},
		{"something for nothing", bytes.NewReader(long), 0, bundle.ErrSize},
		{"fails at once", iotest.ErrReader(errRead), 10, errRead},
		{"fails in the middle", io.MultiReader(bytes.NewReader(long[:3<<20]), iotest.ErrReader(errRead)), int64(len(long)), errRead},
		{"fails at the end", io.MultiReader(bytes.NewReader(long), iotest.ErrReader(errRead)), int64(len(long)), errRead},
	} {
		for _, compress := range []bool{false, true} {
			w := bundle.NewWriter(io.Discard, header(s), bundle.Options{Compress: compress})
			closed := 0
			err := w.Add(t.Context(), bundle.Record{Kind: "scan"}, output("STL", c.body, c.size, &closed))
			if !errors.Is(err, c.want) || closed != 1 {
				t.Errorf("%s: %v, closed %d times", c.name, err, closed)
			}
			if err := w.Add(t.Context(), bundle.Record{Kind: "scan"}, output("STL", bytes.NewReader(nil), 0, &closed)); !errors.Is(err, bundle.ErrClosed) || closed != 2 {
				t.Errorf("%s: added after a failure: %v", c.name, err)
			}
			if _, err := w.Finish(t.Context(), nil); !errors.Is(err, bundle.ErrClosed) {
				t.Errorf("%s: finished after a failure: %v", c.name, err)
			}
			_ = w.Close()
		}
	}
}

// full is a disk with room for n bytes.
type full struct{ n int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestAFullDiskIsReported(t *testing.T) {
	s := newSigner(t)
	before := runtime.NumGoroutine()
	for _, compress := range []bool{false, true} {
		data, _ := build(t, s, header(s), bundle.Options{Compress: compress}, samples())
		for room := 0; room < len(data); room += len(data)/20 + 1 {
			if _, err := write(t, &full{room}, s, header(s), bundle.Options{Compress: compress}, samples()); !errors.Is(err, errFull) {
				t.Errorf("room for %d of %d bytes: %v", room, len(data), err)
			}
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

func TestCancelStopsPacking(t *testing.T) {
	s := newSigner(t)
	ctx, cancel := context.WithCancel(t.Context())
	w := bundle.NewWriter(io.Discard, header(s), bundle.Options{Compress: true})
	endless := iotest.DataErrReader(readerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }))
	closed := 0
	err := w.Add(ctx, bundle.Record{Kind: "cbct"}, output("STL", endless, 1<<40, &closed))
	if !errors.Is(err, context.Canceled) || closed != 1 {
		t.Errorf("got %v", err)
	}
	_ = w.Close()
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A manifest that no reader would take is not signed.
func TestAManifestHasABound(t *testing.T) {
	s := newSigner(t)
	w := bundle.NewWriter(io.Discard, header(s), bundle.Options{})
	closed := 0
	for range 65 {
		out := output("STL", bytes.NewReader(nil), 0, &closed)
		out.Report.Removed[0].Item = strings.Repeat("x", 1<<20)
		if err := w.Add(t.Context(), bundle.Record{Kind: "scan"}, out); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Finish(t.Context(), func([]byte) ([]byte, error) { t.Error("signed"); return nil, errRead })
	if !errors.Is(err, bundle.ErrTooMany) {
		t.Errorf("got %v", err)
	}
}

func TestSigningCanFail(t *testing.T) {
	s := newSigner(t)
	w := bundle.NewWriter(io.Discard, header(s), bundle.Options{})
	if _, err := w.Finish(t.Context(), func([]byte) ([]byte, error) { return nil, errRead }); !errors.Is(err, errRead) {
		t.Errorf("got %v", err)
	}
	if _, err := w.Finish(t.Context(), nil); !errors.Is(err, bundle.ErrClosed) {
		t.Errorf("finished twice: %v", err)
	}
}

func TestIdentifySeesTheCleanedFile(t *testing.T) {
	s := newSigner(t)
	data := append([]byte("CLEANED"), noise(2<<20, 1)...)
	var seen int64
	w := bundle.NewWriter(io.Discard, header(s), bundle.Options{Identify: func(_ context.Context, head redact.Source) (dicomdir.Instance, error) {
		b := make([]byte, 7)
		if _, err := head.ReadAt(b, 0); err != nil || string(b) != "CLEANED" {
			t.Errorf("%q, %v", b, err)
		}
		if _, err := head.ReadAt(b, 1<<20-3); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("read past the head: %v", err)
		}
		if _, err := head.ReadAt(b, head.Size()); !errors.Is(err, io.EOF) {
			t.Errorf("read past the end: %v", err)
		}
		seen = head.Size()
		return *instance("PX", 1, 1), nil
	}})
	closed := 0
	if err := w.Add(t.Context(), bundle.Record{Kind: "radiograph"}, output("DICOM", bytes.NewReader(data), int64(len(data)), &closed)); err != nil {
		t.Fatal(err)
	}
	m, err := w.Finish(t.Context(), bundle.SignManifest(s.priv, "c"))
	if err != nil || seen != int64(len(data)) || m.Records[0].Title != "Panoramic radiograph" {
		t.Errorf("%v, %d, %+v", err, seen, m.Records)
	}
}

func TestUnlistedFilesAreNamed(t *testing.T) {
	s := newSigner(t)
	report := instance("SR", 1, 1)
	report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
	_, m := build(t, s, header(s), bundle.Options{}, []content{{bundle.Record{Kind: "radiograph", DICOM: report}, "DICOM", []byte("x")}})
	if len(m.Notices) != 1 || !strings.Contains(m.Notices[0], "not listed in the DICOMDIR") {
		t.Errorf("notices %q", m.Notices)
	}
	for _, f := range m.Files {
		if f.Path == "data/DICOMDIR" {
			t.Error("an empty DICOMDIR")
		}
	}
}

// The memory of packing does not grow with the record.
func TestMemoryIsBounded(t *testing.T) {
	s := newSigner(t)
	for _, compress := range []bool{false, true} {
		w := bundle.NewWriter(io.Discard, header(s), bundle.Options{Compress: compress})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const size = 200 << 20
		closed := 0
		zeros := io.LimitReader(readerFunc(func(p []byte) (int, error) { clear(p); return len(p), nil }), size)
		if err := w.Add(t.Context(), bundle.Record{Kind: "cbct", DICOM: instance("CT", 1, 1)}, output("DICOM", zeros, size, &closed)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Finish(t.Context(), bundle.SignManifest(s.priv, "c")); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 40 {
			t.Errorf("compress %v: %d MiB allocated for a record of 200 MiB", compress, mb)
		}
	}
}

func TestPagesHoldNothingActive(t *testing.T) {
	s := newSigner(t)
	h := header(s)
	const nasty = `<script>alert(1)</script>"><img src=x onerror=alert(1)>`
	h.Practice.Name, h.Recipient.Name, h.Purpose, h.Patient.Name = nasty, nasty, nasty, nasty
	h.Notices = []string{nasty}
	list := samples()
	list[0].rec.Title, list[0].rec.Name = nasty, nasty+".pdf"
	data, _ := build(t, s, h, bundle.Options{}, list)
	files := contents(t, data, s.pub)
	for _, name := range []string{"START-HERE.html", "data/INDEX.HTM"} {
		page := string(files[name])
		for _, bad := range []string{"<script", "onerror=alert(1)>", "javascript:", "http://", "https://"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s holds %q", name, bad)
			}
		}
		for _, want := range []string{`lang="en"`, "default-src &#39;none&#39;", "noindex", "no-referrer", "<title>"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
	if r := string(files["data/README.TXT"]); strings.Count(r, "\n") != strings.Count(r, "\r\n") {
		t.Error("README.TXT has bare line ends")
	}
}

func TestPagesOfAnAnonymousBundleNameNobody(t *testing.T) {
	s := steadySigner(t)
	h := header(s)
	h.Patient, h.Anonymous = nil, true
	list := samples()
	for i := range list {
		list[i].rec.Name = "Alvarez Maria " + fmt.Sprint(i) + ".x"
		if list[i].rec.DICOM != nil {
			list[i].rec.DICOM.PatientName, list[i].rec.DICOM.PatientID, list[i].rec.DICOM.BirthDate = "", "", ""
		}
	}
	data, _ := build(t, s, h, bundle.Options{}, list)
	for _, canary := range []string{"Alvarez", "Maria", "10432", "1984"} {
		if says(data, canary) {
			t.Errorf("the bundle holds %q", canary)
		}
	}
}

// says reports whether a text stands anywhere but in a digest, which may have any
// digits.
func says(data []byte, text string) bool {
	for at := 0; ; at++ {
		i := bytes.Index(data[at:], []byte(text))
		if i < 0 {
			return false
		}
		at += i
		from, to := at, at+len(text)
		for from > 0 && bytes.IndexByte([]byte("0123456789abcdef"), data[from-1]) >= 0 {
			from--
		}
		for to < len(data) && bytes.IndexByte([]byte("0123456789abcdef"), data[to]) >= 0 {
			to++
		}
		if to-from != 64 {
			return true
		}
	}
}

// TestAnUndatedBundleTellsNoDate: where the records have lost their dates,
// neither paths nor manifest nor pages may tell them.
func TestAnUndatedBundleTellsNoDate(t *testing.T) {
	s := steadySigner(t)
	h := header(s)
	h.Patient, h.Anonymous, h.Undated = nil, true, true
	h.Scope.From, h.Scope.To = "", ""
	list := samples()
	for i := range list {
		list[i].rec.Name = list[i].rec.Date + ".x"
		if x := list[i].rec.DICOM; x != nil {
			x.StudyDate, x.StudyTime, x.BirthDate = "", "", ""
		}
	}
	data, m := build(t, s, h, bundle.Options{}, list)
	for _, date := range []string{"2025", "2024", "2023"} {
		if says(data, date) {
			t.Errorf("the bundle tells of %s", date)
		}
	}
	for _, r := range m.Records {
		if r.Date != "" {
			t.Errorf("record of %s", r.Date)
		}
	}
}

func TestPagesTellPeople(t *testing.T) {
	s := newSigner(t)
	data, _ := build(t, s, header(s), bundle.Options{}, samples())
	files := contents(t, data, s.pub)
	page := html.UnescapeString(string(files["START-HERE.html"]))
	for _, want := range []string{
		"Dental records of Alvarez, Maria", "Dr. Chen Endodontics", "Referral for root canal", "November 18, 2026",
		`<a href="data/CHARTS/2025-05-03_chart_001_Progress-notes.pdf">Chart: Progress notes</a>`, "May 3, 2025",
		`<a href="data/DICOM/S0000001/I0000001">Panoramic X-ray</a>`, "5 files in data/DICOM/S0000002/",
		"data/PHOTOS/2024-02-29_photo_002_%c3%9cn%c3%afcode-L%c3%a4cheln.jpg", "+1 518 555 0100", s.pub[:20], "Home address (10 files)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("START-HERE.html lacks %q", want)
		}
	}
	for _, name := range []string{"data/README.TXT", "data/INDEX.HTM"} {
		if !strings.Contains(string(files[name]), "Panoramic X-ray") || !strings.Contains(string(files[name]), "DICOMDIR") {
			t.Errorf("%s tells too little", name)
		}
	}
}
