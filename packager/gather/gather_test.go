package gather

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCollectsAWholePatient(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/charts/2025-05-03 note.PDF")
	p.put("records/10432/radiographs/a/pano", maria.bytes())
	p.put("records/10432/radiographs/bw.jpg", []byte{0xff, 0xd8, 0xff, 0xe0})
	p.modified("records/10432/radiographs/bw.jpg", "2024-02-29")
	p.pdf("records/10433/charts/other.pdf")
	for _, junk := range []string{"Thumbs.db", ".DS_Store", "desktop.ini", "~$note.docx", "._note.pdf"} {
		p.put("records/10432/charts/"+junk, []byte("junk"))
	}
	c := p.collect(p.request(
		p.source("chart", "records/{patient.id}/charts/**/*.pdf"),
		p.source("radiograph", "records/{patient.id}/radiographs/**"),
	))
	wantNoProblems(t, c)
	wantPaths(t, c, "10432/charts/2025-05-03 note.PDF", "10432/radiographs/a/pano", "10432/radiographs/bw.jpg")
	for i, want := range []struct{ kind, format, date, source string }{
		{"chart", "pdf", "2025-05-03", DateName},
		{"radiograph", FormatDICOM, "2025-05-03", DateDICOM},
		{"radiograph", "jpeg", "2024-02-29", DateModified},
	} {
		it := c.Items[i]
		if it.N != i+1 || it.Kind != want.kind || it.Format != want.format || it.Date != want.date || it.DateSource != want.source {
			t.Errorf("item %d is %+v, want %+v", i+1, it, want)
		}
	}
	if want := []string{"1 record carries no date; the day its file was last changed was taken."}; !slices.Equal(c.Notices, want) {
		t.Errorf("notices %q, want %q", c.Notices, want)
	}
}

func TestOneFileOfTwoSourcesIsOfTheFirst(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/2025-01-01.pdf")
	c := p.collect(p.request(p.source("lab", "records/{patient.id}/*.pdf"), p.source("chart", "records/{patient.id}/**")))
	wantPaths(t, c, "10432/2025-01-01.pdf")
	if c.Items[0].Kind != "lab" {
		t.Errorf("kind %s, want lab", c.Items[0].Kind)
	}
}

func TestFolderOfOpenDental(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/A/AlvarezMaria10432/2025-01-01.pdf")
	p.pdf("records/A/AlvarezMaria104321/2025-01-01.pdf")
	p.pdf("records/O/OBrienMaryJane7/2025-01-01.pdf")
	src := p.source("chart", "records/{patient.initial}/{patient.last}{patient.first}{patient.id}/**")
	c := p.collect(p.request(src))
	wantNoProblems(t, c)
	wantPaths(t, c, "A/AlvarezMaria10432/2025-01-01.pdf")

	req := p.request(src)
	req.Patient.ID, req.Patient.Name = "7", "O'Brien, Mary-Jane"
	c = p.collect(req)
	wantNoProblems(t, c)
	wantPaths(t, c, "O/OBrienMaryJane7/2025-01-01.pdf")
}

func TestPatientFolderProblems(t *testing.T) {
	for _, tc := range []struct {
		name, pattern, id, patient string
		folders                    []string
		message                    string
		items                      []string
	}{
		{"unknown", "{patient.id}/**", "999", "Alvarez, Maria", []string{"10432"}, "There is no folder for this patient.", nil},
		{"case clash", "{patient.last} {patient.id}/**", "1", "Müller, Eva", []string{"Müller 1", "MÜLLER 1"}, "2 folders fit this patient.", []string{"MÜLLER 1", "Müller 1"}},
		{"accent clash", "{patient.last} {patient.id}/**", "1", "Müller, Eva", []string{"Müller 1", "Mu\u0308ller 1"}, "2 folders fit this patient.", []string{"Mu\u0308ller 1", "Müller 1"}},
		{"two places", "*/{patient.id}/**", "1", "A, B", []string{"north/1", "south/1"}, "2 folders fit this patient.", []string{"north/1", "south/1"}},
		{"family", "{patient.last}, {patient.first} */**", "1", "Kim, Ann", []string{"Kim, Ann 1", "Kim, Ann 2"}, "2 folders fit this patient.", []string{"Kim, Ann 1", "Kim, Ann 2"}},
		{"separator", "{patient.id}/**", "../10432", "A, B", []string{"10432"}, "cannot be part of a folder's name", nil},
		{"dots", "{patient.id}/**", "..", "A, B", []string{"10432"}, "cannot be part of a folder's name", nil},
		{"glob", "{patient.id}/**", "1*", "A, B", []string{"10432"}, "cannot be part of a folder's name", nil},
		{"brackets", "{patient.id}/**", "[1]0432", "A, B", []string{"10432"}, "There is no folder for this patient.", nil},
		{"braces", "{patient.id}/**", "{10432,1}", "A, B", []string{"10432"}, "There is no folder for this patient.", nil},
		{"no first name", "{patient.first}{patient.id}/**", "1", "Alvarez", []string{"1"}, "cannot be part of a folder's name", nil},
		{"reserved", "{patient.id}/**", "com1.x", "A, B", []string{"10432"}, "cannot be part of a folder's name", nil},
		{"control", "{patient.id}/**", "10432\n", "A, B", []string{"10432"}, "cannot be part of a folder's name", nil},
		{"not a prefix", "{patient.id}/**", "1043", "A, B", []string{"10432"}, "There is no folder for this patient.", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPractice(t)
			for _, f := range tc.folders {
				p.pdf("records/" + f + "/2025-01-01.pdf")
			}
			req := p.request(p.source("chart", "records/"+tc.pattern))
			req.Patient.ID, req.Patient.Name = tc.id, tc.patient
			c := p.collect(req)
			if tc.items == nil {
				c.Problems = c.Problems[:1] // "none were found" may follow
			}
			wantProblem(t, c, "R35", tc.message, tc.items...)
			wantPaths(t, c)
		})
	}
}

func TestRefusedFiles(t *testing.T) {
	for _, tc := range []struct {
		name, message, item string
		plant               func(p practice)
	}{
		{"symlink", "1 entry is a link", "10432/x.pdf", func(p practice) { p.symlink("../10433/2025-01-01.pdf", "records/10432/x.pdf") }},
		{"symlink inside", "1 entry is a link", "10432/x.pdf", func(p practice) { p.symlink("2025-01-01.pdf", "records/10432/x.pdf") }},
		{"symlink to folder", "1 entry is a link", "10432/more", func(p practice) { p.symlink("../10433", "records/10432/more") }},
		{"hard link", "1 file is also filed under another name", "10432/x.pdf", func(p practice) { p.hardlink("records/10433/2025-01-01.pdf", "records/10432/x.pdf") }},
		{"empty", "1 file is empty", "10432/x.pdf", func(p practice) { p.put("records/10432/x.pdf", nil) }},
		{"not DICOM", "1 file is named .dcm and is no DICOM image", "10432/x.DCM", func(p practice) { p.put("records/10432/x.DCM", []byte("hello")) }},
		{"unknown", "1 file has a format that cannot be cleaned", "10432/x.docx", func(p practice) { p.put("records/10432/x.docx", []byte("PK")) }},
		{"broken DICOM", "1 DICOM image could not be read", "10432/x", func(p practice) { p.put("records/10432/x", maria.bytes()[:300]) }},
		{"control character", "1 file is empty", "10432/a\ufffdb", func(p practice) { p.posix(); p.put("records/10432/a\nb", nil) }},
		{"not text", "1 file has a name that this computer cannot read", "10432/a\ufffdb.pdf", func(p practice) { p.posix(); p.pdf("records/10432/a\xffb.pdf") }},
		{"side file", "1 side file", "10432/x.jpg", func(p practice) {
			p.put("records/10432/x.jpg", []byte{0xff, 0xd8, 0xff, 0xe0})
			p.put("records/10432/x.jpg.meta.yaml", []byte("date: yesterday\n"))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPractice(t)
			p.pdf("records/10432/2025-01-01.pdf")
			p.pdf("records/10433/2025-01-01.pdf")
			tc.plant(p)
			req := p.request(p.source("chart", "records/{patient.id}/**"))
			c := p.collect(req)
			wantProblem(t, c, "R11", tc.message, tc.item)
			wantPaths(t, c, "10432/2025-01-01.pdf")

			req.LeaveOut = []string{tc.item}
			c = p.collect(req)
			wantNoProblems(t, c)
			if want := []string{"1 record was left out by a person's decision."}; !slices.Equal(c.Notices, want) {
				t.Errorf("notices %q, want %q", c.Notices, want)
			}
		})
	}
}

func (p practice) posix() {
	if os.PathSeparator != '/' {
		p.t.Skip("this name cannot be made here")
	}
}

func (p practice) symlink(target, rel string) {
	p.t.Helper()
	if err := os.Symlink(target, p.path(rel)); err != nil {
		p.t.Skipf("cannot make symlinks here: %v", err)
	}
}

func (p practice) hardlink(from, to string) {
	p.t.Helper()
	if err := os.Link(p.path(from), p.path(to)); err != nil {
		p.t.Fatal(err)
	}
}

func TestPatientFolderThatIsALink(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10433/2025-01-01.pdf")
	p.symlink("10433", "records/10432")
	c := p.collect(p.request(p.source("chart", "records/{patient.id}/**")))
	wantProblem(t, c, "R11", "1 entry is a link", "10432")
	wantPaths(t, c)
}

// A patient who is told by a number is found whatever lies beside: Search bounds how many
// entries are looked at.
func TestANumberIsFoundWithoutListingAll(t *testing.T) {
	p := newPractice(t)
	for i := range 30 {
		p.pdf(fmt.Sprintf("records/%d/2025-01-01.pdf", 20000+i))
	}
	p.pdf("records/10432/2025-01-01.pdf")
	req := p.request(p.source("chart", "records/{patient.id}/**"))
	req.Limits.Search = 1
	wantNoProblems(t, p.collect(req))
	req = p.request(p.source("chart", "records/{patient.last} {patient.id}/**")) // in whatever case
	req.Limits.Search = 30
	wantProblem(t, p.collect(req), "R11", "more files than can be searched")
	p.put("records/10433", []byte("no folder"))
	req = p.request(p.source("chart", "records/{patient.id}/**"))
	req.Patient.ID = "10433"
	c := p.collect(req)
	c.Problems = c.Problems[:1]
	wantProblem(t, c, "R35", "There is no folder for this patient.")
}

func TestScope(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/c/2023-12-31.pdf")
	p.pdf("records/10432/c/2024-01-01.pdf")
	p.pdf("records/10432/c/2024-12-31.pdf")
	p.pdf("records/10432/c/2025-01-01.pdf")
	p.pdf("records/10432/c/old.pdf")
	p.modified("records/10432/c/old.pdf", "2020-01-01")
	p.mkdir("records/10432/r")
	req := p.request(p.source("chart", "records/{patient.id}/c/*"), p.source("radiograph", "records/{patient.id}/r/*"))
	req.Scope.From, req.Scope.To = day(t, "2024-01-01"), day(t, "2024-12-31")
	c := p.collect(req)
	wantNoProblems(t, c)
	wantPaths(t, c, "10432/c/2024-01-01.pdf", "10432/c/2024-12-31.pdf")
	want := []string{"3 records outside the dates asked for were left out.", "1 of them carries no date; the day its file was last changed was taken."}
	if !slices.Equal(c.Notices, want) {
		t.Errorf("notices %q, want %q", c.Notices, want)
	}

	req.Scope.Kinds = []string{"chart", "radiograph"}
	wantProblem(t, p.collect(req), "R11", "The order asks for radiographs; none were found from 1 January 2024 to 31 December 2024.")
	req.Scope.Kinds = []string{"chart", "model"}
	wantProblem(t, p.collect(req), "R11", "The order asks for models, and the configuration names no folder for them.")
}

func TestSensitive(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/photos/Face1 2025-01-01.pdf")
	p.pdf("records/10432/psych/2025-01-01.pdf")
	p.pdf("records/10432/2025-01-01.pdf")
	req := p.request(p.source("chart", "records/{patient.id}/**"))
	req.Sensitive = []Sensitive{{"facial_photo", "**/face*"}, {"psychotherapy_notes", "psych"}}
	c := p.collect(req)
	if len(c.Problems) != 2 {
		t.Fatalf("problems %+v, want 2", c.Problems)
	}
	if r := c.Problems[0]; r.Rule != "R20" || !strings.Contains(r.Message, "marked facial_photo") || !slices.Equal(r.Items, []string{"10432/photos/Face1 2025-01-01.pdf"}) {
		t.Errorf("problem %+v", r)
	}
	if r := c.Problems[1]; r.Rule != "R18" || !slices.Equal(r.Items, []string{"10432/psych/2025-01-01.pdf"}) {
		t.Errorf("problem %+v", r)
	}
	req.Permitted = []string{"facial_photo", "psychotherapy_notes"}
	c = p.collect(req)
	wantNoProblems(t, c)
	if got := c.Items[1].Categories; !slices.Equal(got, []string{"facial_photo"}) {
		t.Errorf("categories %q", got)
	}
	req.Sensitive[0].Pattern = "[a"
	if _, err := Collect(t.Context(), req); !errors.Is(err, ErrSensitivePattern) {
		t.Errorf("error %v, want ErrSensitivePattern", err)
	}
}

func TestTooManyEntries(t *testing.T) {
	p := newPractice(t)
	for i := range 30 {
		p.pdf(fmt.Sprintf("records/10432/2025-01-01 %d.pdf", i))
	}
	req := p.request(p.source("chart", "records/{patient.id}/**"))
	req.Limits.Entries = 29
	c := p.collect(req)
	wantProblem(t, c, "R11", "more files than can be searched")
	req.Limits.Entries = 30
	wantNoProblems(t, p.collect(req))
}

func TestStrays(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/charts/2025-01-01.pdf")
	p.pdf("records/10432/letters/2025-01-01.pdf")
	p.pdf("records/10432/2025-01-01.pdf")
	c := p.collect(p.request(p.source("chart", "records/{patient.id}/charts/**"), p.source("lab", "records/{patient.id}/lab/**")))
	wantNoProblems(t, c)
	want := []string{"2 files in the patient's folder belong to no source in the configuration and were not looked at."}
	if !slices.Equal(c.Notices, want) {
		t.Errorf("notices %q, want %q", c.Notices, want)
	}
}

func TestMissingSourceFolder(t *testing.T) {
	p := newPractice(t)
	_, err := Collect(t.Context(), p.request(p.source("chart", "gone/{patient.id}/**")))
	var source *SourceError
	if !errors.Is(err, ErrSourceMissing) || !errors.As(err, &source) || source.Source != 1 {
		t.Fatalf("error %v, want ErrSourceMissing of source 1", err)
	}
	if strings.Contains(err.Error(), "gone") {
		t.Errorf("error %q names a path", err)
	}
}

func TestFileChanges(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(p practice, rel string)
	}{
		{"grown", func(p practice, rel string) { p.put(rel, []byte("%PDF-1.7 and more")) }},
		{"same size", func(p practice, rel string) { p.put(rel, []byte("%PDF-1.6\n%%EOF\n")) }},
		{"same size and time", func(p practice, rel string) {
			info, err := os.Stat(p.path(rel))
			if err != nil {
				p.t.Fatal(err)
			}
			p.put(rel, []byte("%PDF-1.6\n%%EOF\n"))
			if err := os.Chtimes(p.path(rel), info.ModTime(), info.ModTime()); err != nil {
				p.t.Fatal(err)
			}
		}},
		{"replaced", func(p practice, rel string) {
			p.put(rel+".new", []byte("%PDF-1.7\n%%EOF\n"))
			if err := os.Rename(p.path(rel+".new"), p.path(rel)); err != nil {
				p.t.Fatal(err)
			}
		}},
		{"gone", func(p practice, rel string) {
			if err := os.Remove(p.path(rel)); err != nil {
				p.t.Fatal(err)
			}
		}},
		{"linked", func(p practice, rel string) { p.hardlink(rel, "elsewhere.pdf") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const rel = "records/10432/x.pdf"
			p := newPractice(t)
			p.pdf(rel)
			c := p.collect(p.request(p.source("chart", "records/{patient.id}/**")))
			it := &c.Items[0]
			f, err := it.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if data, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size())); err != nil || string(data) != "%PDF-1.7\n%%EOF\n" {
				t.Fatalf("read %q, %v", data, err)
			}
			time.Sleep(20 * time.Millisecond) // longer than a tick of the file system's clock
			tc.change(p, rel)
			if err := f.Close(); !errors.Is(err, ErrChanged) {
				t.Errorf("close: %v, want ErrChanged", err)
			}
			if f, err := it.Open(t.Context()); !errors.Is(err, ErrChanged) {
				t.Errorf("open: %v %v, want ErrChanged", f, err)
			}
		})
	}
}

func TestFileThatShrinksIsNotShort(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/large.pdf")
	p.pdf("records/10432/small.pdf")
	if err := os.Truncate(p.path("records/10432/large.pdf"), heldSize+1); err != nil {
		t.Fatal(err)
	}
	c := p.collect(p.request(p.source("chart", "records/{patient.id}/**")))
	for i, name := range []string{"large.pdf", "small.pdf"} {
		f, err := c.Items[i].Open(t.Context())
		if err != nil || c.Items[i].Name != name {
			t.Fatal(c.Items[i].Name, err)
		}
		if err := os.Truncate(p.path("records/10432/"+name), 3); err != nil {
			t.Fatal(err)
		}
		_, err = f.ReadAt(make([]byte, f.Size()), 0)
		if held := i == 1; held && err != nil || !held && !errors.Is(err, ErrChanged) {
			t.Errorf("read: %v, want ErrChanged unless it was read before", err)
		}
		if err := f.Close(); !errors.Is(err, ErrChanged) {
			t.Errorf("close: %v, want ErrChanged", err)
		}
		if _, err := f.ReadAt(make([]byte, 1), 0); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("a closed record is read: %v", err)
		}
	}
}

// TestNamesThatWindowsMisreads: who opened "pano.pdf." there would read pano.pdf, which
// would go twice, and the other not at all.
func TestNamesThatWindowsMisreads(t *testing.T) {
	p := newPractice(t)
	p.posix()
	p.pdf("records/10432/2025-01-01 pano.pdf")
	for _, odd := range []string{"2025-01-01 pano.pdf.", "2025-01-01 pano.pdf ", "scans./2025-01-01.pdf", "aux.pdf"} {
		p.pdf("records/10432/" + odd)
	}
	req := p.request(p.source("chart", "records/{patient.id}/**"))
	if c := p.collect(req); len(c.Items) != 5 || len(c.Problems) != 0 {
		t.Errorf("elsewhere: %d items, problems %+v", len(c.Items), c.Problems)
	}
	windowsNames = true
	defer func() { windowsNames = false }()
	c := p.collect(req)
	if len(c.Problems) != 1 || len(c.Items) != 1 {
		t.Fatalf("%d items, problems %+v", len(c.Items), c.Problems)
	}
	want := []string{"10432/2025-01-01 pano.pdf ", "10432/2025-01-01 pano.pdf.", "10432/aux.pdf", "10432/scans."}
	if got := c.Problems[0]; got.Rule != "R11" || !slices.Equal(got.Items, want) {
		t.Errorf("%s %q, want %q", got.Rule, got.Items, want)
	}
	req.Sources = []Source{p.source("chart", "records/{patient.id}/2025*.pdf")} // of which only one is asked for
	if c := p.collect(req); len(c.Items) != 1 || len(c.Problems) != 0 {
		t.Errorf("not asked for: %d items, problems %+v", len(c.Items), c.Problems)
	}
}
