package gather

import (
	"slices"
	"strings"
	"testing"
)

func TestNameDate(t *testing.T) {
	const birth = "1984-03-09"
	for name, want := range map[string]string{
		"2025-05-03.pdf":                    "2025-05-03",
		"note_2025_05_03.pdf":               "2025-05-03",
		"note 2025.05.03.pdf":               "2025-05-03",
		"IMG_20250503_143000.jpg":           "2025-05-03",
		"20250503143000.jpg":                "2025-05-03",
		"25-05-2025.pdf":                    "2025-05-25",
		"05-25-2025.pdf":                    "2025-05-25",
		"5.5.2025.pdf":                      "2025-05-05",
		"2025-05-03 copy of 20250503.pdf":   "2025-05-03",
		"2025-05-03_2025-05-03.pdf":         "2025-05-03",
		"03-05-2025.pdf":                    "", // March or May
		"2025-05-03 to 2025-06-03.pdf":      "",
		"2025-13-01.pdf":                    "",
		"2025-02-29.pdf":                    "",
		"2024-02-29.pdf":                    "2024-02-29",
		"2025-05.03.pdf":                    "",
		"120250503.pdf":                     "",
		"202505031.pdf":                     "",
		"1.2.840.10008.20250503.1.pdf":      "2025-05-03",
		"0001-01-01.pdf":                    "",
		"18950101.pdf":                      "",
		"tooth 12.pdf":                      "",
		"":                                  "",
		"Alvarez 1984-03-09.pdf":            "",
		"Alvarez 09-03-1984.pdf":            "", // the birth date, the other way round
		"Alvarez 19840309 2025-05-03.pdf":   "2025-05-03",
		"Alvarez 03-09-1984 2025-05-03.pdf": "2025-05-03",
		strings.Repeat("2025-05-03 ", 20):   "2025-05-03",
		"20252010-05-03.pdf":                "",
	} {
		if got := nameDate(name, birth); got != want {
			t.Errorf("date of %.40q is %q, want %q", name, got, want)
		}
	}
}

func TestDICOMDate(t *testing.T) {
	for da, want := range map[string]string{
		"20250503": "2025-05-03", "2025.05.03": "2025-05-03", "2025-05-03": "",
		"": "", "00010101": "", "20250230": "", "202505": "", "20250503-": "", "19991231": "1999-12-31",
	} {
		if got := dicomDate(da); got != want {
			t.Errorf("dicomDate(%q) is %q, want %q", da, got, want)
		}
	}
}

func TestOrderOfDates(t *testing.T) {
	jpeg := []byte{0xff, 0xd8, 0xff, 0xe0}
	p := newPractice(t)
	p.put("records/10432/2021-01-01/d 2022-01-01.dcm", maria.bytes())
	p.put("records/10432/2021-01-01/e 2022-01-01.jpg", jpeg)
	p.put("records/10432/2021-01-01/x/f.jpg", jpeg)
	p.put("records/10432/2021-01-01/x/f.jpg.meta.yaml", []byte("date: 2020-01-01"))
	p.put("records/10432/g.jpg", jpeg)
	p.put("records/10432/g.jpg.meta.yaml", []byte("\ufeff# scanned\r\ndate: \"2020-01-01\" # by hand\r\n\r\n"))
	p.put("records/10432/h.jpg", jpeg)
	p.modified("records/10432/h.jpg", "2019-01-01")
	c := p.collect(p.request(p.source("photo", "records/{patient.id}/**")))
	wantNoProblems(t, c)
	want := [][2]string{{"2025-05-03", DateDICOM}, {"2022-01-01", DateName}, {"2021-01-01", DateFolder}, {"2020-01-01", DateSideFile}, {"2019-01-01", DateModified}}
	if len(c.Items) != len(want) {
		t.Fatalf("items %q", paths(c))
	}
	for i, it := range c.Items {
		if got := [2]string{it.Date, it.DateSource}; got != want[i] {
			t.Errorf("%s: %q, want %q", it.Path, got, want[i])
		}
	}
}

func TestSideFile(t *testing.T) {
	for text, want := range map[string]side{
		"date: 2025-05-03":                       {date: "2025-05-03"},
		"date: '2025-05-03'\n":                   {date: "2025-05-03"},
		"sensitive: hiv_sti":                     {sensitive: []string{"hiv_sti"}},
		"sensitive: [hiv_sti, \"sud\"]":          {sensitive: []string{"hiv_sti", "sud"}},
		"sensitive: [sud]\r\ndate: 2025-05-03\n": {"2025-05-03", []string{"sud"}},
	} {
		got, err := readSide(strings.NewReader(text))
		if err != nil || got.date != want.date || !slices.Equal(got.sensitive, want.sensitive) {
			t.Errorf("side file %q gives %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "# nothing", "date:", "date: 2025-02-30", "day: 2025-05-03", "date: 2025-05-03\ndate: 2025-05-03", "date: 2025-05-03\nkind: photo",
		"sensitive:", "sensitive: []", "sensitive: [HIV]", "sensitive: sud\nsensitive: hiv_sti", "sensitive: sud hiv_sti", "sensitve: sud",
		"date: 2025-05-03\n" + strings.Repeat("#", maxSideFile),
	} {
		if got, err := readSide(strings.NewReader(text)); err == nil {
			t.Errorf("side file %.30q gives %+v", text, got)
		}
	}
}

func FuzzSideFile(f *testing.F) {
	f.Add("date: 2025-05-03\nsensitive: [hiv_sti, sud] # by hand\n")
	f.Add("\ufeffsensitive: \"sud\"")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := readSide(strings.NewReader(text))
		if err == nil && s.date == "" && len(s.sensitive) == 0 {
			t.Errorf("%q tells nothing and is read", text)
		}
		for _, c := range s.sensitive {
			if !categoryForm.MatchString(c) {
				t.Errorf("%q gives the category %q", text, c)
			}
		}
	})
}

func FuzzNameDate(f *testing.F) {
	f.Add("IMG_20250503_143000.jpg", "1984-03-09")
	f.Add("03-05-2025 1-1-2020", "")
	f.Fuzz(func(t *testing.T, name, birth string) {
		got := nameDate(name, birth)
		if got != "" && (got == birth || calendarDay(got[:4], got[5:7], got[8:]) != got) {
			t.Errorf("date of %q is %q", name, got)
		}
	})
}
