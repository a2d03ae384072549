package dicomfile

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/redact"
)

var salt16 = []byte("salt of a test..")

// dates are those of a file for the shift: in the main data set and inside
// sequences, well and badly written.
func datedImage(syn syntax, undefined bool) *dataset {
	d := &dataset{syn: syn, undefined: undefined}
	d.text(0x00080008, "CS", `ORIGINAL\PRIMARY`).text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.1.3").text(0x00080018, "UI", "1.2.3")
	d.text(0x00080012, "DA", "2026").text(0x00080013, "TM", "20260402")
	d.text(0x00080020, "DA", "20260301").text(0x00080021, "DA", "2026.03.05").text(0x00080022, "DA", "20260231")
	d.text(0x00080023, "DA", "20260311 ").text(0x0008002A, "DT", "20260301235959.123456-0500")
	d.text(0x00080030, "TM", "235959.99").text(0x00080031, "TM", "23:59").text(0x00080060, "CS", "IO").text(0x00080201, "SH", "-0500")
	d.seq(0x00082218, "SQ", func(i *dataset) {
		i.text(0x00080100, "SH", "T-54010").text(0x00080102, "SH", "SRT").text(0x00080104, "LO", "Tooth")
		i.text(0x00080106, "DT", "20260404")
	})
	d.text(0x00100010, "PN", "A^B").text(0x00100020, "LO", "1").text(0x00100030, "DA", "19890817").text(0x001021D0, "DA", "20260405")
	d.text(0x00181012, "DA", "20260406").text(0x00189516, "DT", "202603011200").text(0x00189517, "DT", "20260301 by Dr. X")
	d.us(0x00280002, 1).text(0x00280004, "CS", "MONOCHROME2").us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16)
	d.text(0x00280301, "CS", "NO")
	d.seq(0x52009230, "SQ", func(i *dataset) {
		i.seq(0x00209111, "SQ", func(j *dataset) {
			j.text(0x00189074, "DT", "20260302120000").text(0x00189151, "DT", "202603")
		})
	})
	return d
}

// read collects the text values of a cleaned file by tag, with those inside
// sequences.
type read struct {
	nothing
	w    *walker
	text map[Tag][]string
}

func (r *read) leaf(e *element) error {
	if e.tag == tagPixelData {
		return nil
	}
	b, err := r.w.win.bytes(e.val, int(min(e.end-e.val, 256)))
	r.text[e.tag] = append(r.text[e.tag], string(b))
	return err
}

func textOf(t *testing.T, b []byte) map[Tag][]string {
	t.Helper()
	f, err := open(context.Background(), source(b))
	if err != nil {
		t.Fatal(err)
	}
	w := newWalker(context.Background(), f.src)
	defer w.close()
	r := &read{w: w, text: make(map[Tag][]string)}
	if _, err := w.root(r, f.start, f.syn); err != nil {
		t.Fatal(err)
	}
	return r.text
}

func cleanDates(t *testing.T, raw []byte, p redact.Profile, policy DatePolicy) (map[Tag][]string, []byte, *redact.Output) {
	t.Helper()
	out, err := (&Cleaner{UIDSalt: salt16, Dates: policy}).Clean(context.Background(), source(raw), p)
	if err != nil {
		t.Fatal(err)
	}
	b := cleaned(t, out)
	return textOf(t, b), b, out
}

// TestShiftDates: every whole date goes back by the same days, at any depth and
// in its own form; times stay; what is no date goes.
func TestShiftDates(t *testing.T) {
	days := (&pseudonyms{salt: salt16}).days()
	back := func(form, s string) string {
		day, err := time.Parse(form, s)
		if err != nil {
			t.Fatal(err)
		}
		return day.AddDate(0, 0, -days).Format(form)
	}
	for _, e := range encodings[:6] {
		raw := datedImage(e.syn, e.undefined).el(tagPixelData, "OW", pixelBytes(1)).file(e.ts)
		for _, p := range []redact.Profile{redact.LimitedSet, redact.Deidentified} {
			got, b, out := cleanDates(t, raw, p, ShiftDates)
			for tag, want := range map[Tag]string{
				0x00080020: back("20060102", "20260301"), 0x00080021: back("2006.01.02", "2026.03.05"),
				0x00080023: back("20060102", "20260311") + "  ", 0x0008002A: back("20060102", "20260301") + "235959.123456-0500",
				0x00080030: "235959.99 ", 0x00080031: "23:59 ", 0x00080201: "-0500 ",
				0x00189074: back("20060102", "20260302") + "120000", 0x00189516: back("20060102", "20260301") + "1200",
				0x00280303: "MODIFIED",
			} {
				if v := got[tag]; len(v) != 1 || strings.TrimRight(v[0], " ") != strings.TrimRight(want, " ") || len(v[0])%2 != 0 {
					t.Errorf("%s, %s: %s is %q, want %q", e.name, p, tag, v, want)
				}
			}
			for _, tag := range []Tag{
				0x00080012, 0x00080013, 0x00080022, 0x00189517, 0x00189151, 0x00080106, 0x001021D0, 0x00181012,
			} {
				if v := got[tag]; v != nil {
					t.Errorf("%s, %s: %s stays: %q", e.name, p, tag, v)
				}
			}
			for _, old := range []string{"2026", "1989", "Dr. X"} {
				if bytes.Contains(b, []byte(old)) {
					t.Errorf("%s, %s: %q is left", e.name, p, old)
				}
			}
			if codes := got[0x00080100]; p == redact.Deidentified && (len(codes) != 3 || strings.TrimSpace(codes[1]) != "113100" || strings.TrimSpace(codes[2]) != "113107") {
				t.Errorf("%s: codes %q", e.name, codes)
			}
			if n := strings.Join(out.Report.Notices, " "); !strings.Contains(n, "moved by one secret number") {
				t.Errorf("%s, %s: notices %q", e.name, p, n)
			}
		}
	}
}

// TestDatePolicies: what each policy leaves, and what the file says of it.
func TestDatePolicies(t *testing.T) {
	raw := datedImage(explicitLittle, false).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
	for _, c := range []struct {
		profile        redact.Profile
		policy         DatePolicy
		date, modified string
	}{
		{redact.Deidentified, DatesByTable, "", "REMOVED"},
		{redact.Deidentified, RemoveDates, "", "REMOVED"},
		{redact.Deidentified, KeepDates, "20260301", "UNMODIFIED"},
		{redact.LimitedSet, DatesByTable, "20260301", ""},
		{redact.LimitedSet, RemoveDates, "", "REMOVED"},
		{redact.LimitedSet, KeepDates, "20260301", ""},
		{redact.Treatment, RemoveDates, "20260301", ""},
		{redact.PatientAccess, ShiftDates, "20260301", ""},
	} {
		got, b, _ := cleanDates(t, raw, c.profile, c.policy)
		date, modified := "", ""
		if v := got[0x00080020]; len(v) > 0 {
			date = v[0]
		}
		if v := got[0x00280303]; len(v) > 0 {
			modified = strings.TrimSpace(v[0])
		}
		if date != c.date || modified != c.modified || c.date == "" && bytes.Contains(b, []byte("2026")) {
			t.Errorf("%s, policy %d: date %q, modified %q", c.profile, c.policy, date, modified)
		}
		if c.policy.Dated(c.profile) != (c.date != "") {
			t.Errorf("%s, policy %d: says it is dated: %v", c.profile, c.policy, c.policy.Dated(c.profile))
		}
	}
}

// TestShiftIsTheReleases: one shift for all files of a release, another in the
// next, and never none.
func TestShiftIsTheReleases(t *testing.T) {
	seen := map[int]bool{}
	for i := range 200 {
		p := pseudonyms{salt: []byte{byte(i)}}
		if n := p.days(); n < 1 || n > maxShift || n != (&pseudonyms{salt: []byte{byte(i)}}).days() {
			t.Fatalf("shift of %d days", n)
		}
		seen[p.days()] = true
	}
	if len(seen) < 150 {
		t.Errorf("only %d different shifts in 200", len(seen))
	}
}

// TestDateOverride: a practice's rule to keep a date does not outlive its own
// policy to move dates.
func TestDateOverride(t *testing.T) {
	raw := datedImage(explicitLittle, false).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
	o := mustOverrides(t, override("(0008,0020)", "keep", redact.LimitedSet))
	out, err := (&Cleaner{UIDSalt: salt16, Dates: ShiftDates, Overrides: o}).Clean(context.Background(), source(raw), redact.LimitedSet)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(cleaned(t, out), []byte("20260301")) {
		t.Error("the date was kept")
	}
}

// TestVerifyDates: a date that was copied, or moved by other days, does not
// pass.
func TestVerifyDates(t *testing.T) {
	raw := datedImage(explicitLittle, false).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
	copied := &Cleaner{UIDSalt: salt16, Dates: KeepDates}
	kept, _, err := copied.plan(context.Background(), source(raw), redact.LimitedSet)
	if err != nil {
		t.Fatal(err)
	}
	kept.rules.dates = ShiftDates
	if verify(context.Background(), kept, &body{ctx: context.Background(), src: kept.file.src, l: &kept.layout}) == nil {
		t.Error("dates were copied")
	}
	c := &Cleaner{UIDSalt: salt16, Dates: ShiftDates}
	for name, harm := range map[string]func(p *plan){
		"":               func(*plan) {},
		"another shift":  func(p *plan) { p.ids = &pseudonyms{salt: []byte("another salt ...")} },
		"a date changed": func(p *plan) { p.layout.lits[bytes.Index(p.layout.lits, []byte("235959.123456"))-1] ^= 1 },
	} {
		p, _, err := c.plan(context.Background(), source(raw), redact.Deidentified)
		if err != nil {
			t.Fatal(err)
		}
		harm(p)
		err = verify(context.Background(), p, &body{ctx: context.Background(), src: p.file.src, l: &p.layout})
		if (err == nil) != (name == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMoveDates(t *testing.T) {
	for _, c := range []struct {
		vr        VR
		old, want string // "": refused
	}{
		{vrDA, "20240301", "20240229"},
		{vrDA, "20240301\\20240101", "20240229\\20231231"},
		{vrDA, " 20240301", " 20240229"},
		{vrDA, "20240301\x00", "20240229\x00"},
		{vrDA, "2024.03.01", "2024.02.29"},
		{vrDA, "20240301-20240302", ""},
		{vrDA, "2024", ""},
		{vrDA, "202403", ""},
		{vrDA, "20240230", ""},
		{vrDA, "00000000", ""},
		{vrDA, "00000101", ""},
		{vrDA, "20240301\\Dr. X", ""},
		{vrDA, "2024030112", ""},
		{vrDT, "20240301", "20240229"},
		{vrDT, "2024030112", "2024022912"},
		{vrDT, "20240301+0100", "20240229+0100"},
		{vrDT, "20240301120060.5-0930", "20240229120060.5-0930"},
		{vrDT, "20240301250000", ""},
		{vrDT, "20240301120000.", ""},
		{vrDT, "20240301-05", ""},
		{vrDT, "20240301120000-20240302", ""},
		{vrDT, "2024030112:00", ""},
		{vrDT, "2024", ""},
		{vrDT, "202403", ""},
	} {
		got, ok := moveDates(c.vr, []byte(c.old), -1)
		if ok != (c.want != "") || ok && string(got) != c.want {
			t.Errorf("%s %q: %q, %v", c.vr, c.old, got, ok)
		}
	}
	for s, want := range map[string]bool{
		"": true, "12": true, "1200": true, "120000": true, "120000.5": true, "120060": true, "12:00": true, "12:00:59.123": true,
		"20240301": false, "240301": false, "1200.5": false, "120000.1234567": false, "Dr. X": false, "126000": false,
	} {
		if timesOfDay(vrTM, []byte(s)) != want {
			t.Errorf("time %q: want %v", s, want)
		}
	}
}

func TestParseDatePolicy(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range []string{"", "remove", "shift", "keep"} {
		p, err := ParseDatePolicy(s)
		if err != nil {
			t.Fatal(err)
		}
		seen[(&Cleaner{Dates: p}).ProfileDigest()] = true
	}
	if _, err := ParseDatePolicy("removed"); err == nil || len(seen) != 4 {
		t.Errorf("%v, %d digests", err, len(seen))
	}
}

// TestCorpusDates: moving dates releases what removing them does, no date
// stands where it stood, and times of day stay.
func TestCorpusDates(t *testing.T) {
	shown, hidden := 0, 0
	for _, name := range corpusFiles(t) {
		src, raw := readSource(t, name)
		var outs [2]map[Tag][]string
		for i, policy := range []DatePolicy{RemoveDates, ShiftDates} {
			c := &Cleaner{UIDSalt: salt16, Reviewed: true, Dates: policy}
			out, err := c.Clean(context.Background(), src, redact.Deidentified)
			if refusal, ok := errors.AsType[*redact.Refusal](err); ok && refusal.Class != redact.Unverified {
				continue
			}
			if err != nil {
				t.Errorf("%s, policy %d: %v", filepath.Base(name), policy, err)
				continue
			}
			outs[i] = textOf(t, cleaned(t, out))
		}
		if (outs[0] == nil) != (outs[1] == nil) {
			t.Errorf("%s: one policy releases it, the other does not", filepath.Base(name))
		}
		if outs[1] == nil {
			continue
		}
		was := textOf(t, raw)
		for _, tag := range []Tag{0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002A} {
			old, now := was[tag], outs[1][tag]
			switch {
			case len(now) == 0 || strings.TrimSpace(now[0]) == "":
				hidden++
			case len(old) == len(now) && old[0] == now[0]:
				t.Errorf("%s: %s is not moved", filepath.Base(name), tag)
			default:
				shown++
			}
		}
	}
	if shown == 0 {
		t.Error("no date was moved in the whole corpus")
	}
	t.Logf("dates moved %d, absent or gone %d", shown, hidden)
}
