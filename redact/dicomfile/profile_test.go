package dicomfile

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"chartseal/redact"
)

// TestTable reads the table as a reviewer would: it parses, its keywords and
// types are the dictionary's, and no profile but patient access keeps what
// identifies beyond need.
func TestTable(t *testing.T) {
	tab, err := parseTable(profileText)
	if err != nil {
		t.Fatal(err)
	}
	if tab.version == "" || len(ProfileDigest()) != 64 {
		t.Error("no version or digest")
	}
	for tag, e := range tab.entries {
		if tag.private() {
			t.Errorf("%s is private", tag)
		}
		if k := dictionaryKeyword(tag); k != "" && k != e.keyword {
			t.Errorf("%s is %s in the dictionary, %s here", tag, k, e.keyword)
		}
		if v := dictionaryVR(tag); v != vrUN && (v == vrSQ) != e.sequence {
			t.Errorf("%s: the dictionary says %s", tag, v)
		}
	}
	for _, name := range []string{
		"padding", "private", "group-length", "nested", "unlisted", "unknown", "meta", "device-serial", "patient-id", "overlay",
	} {
		if tab.classes[name] == nil {
			t.Errorf("class %s is missing", name)
		}
	}
}

func TestTableErrors(t *testing.T) {
	head := "[classes]\nc\tkeep\tkeep\tkeep\tkeep\tkeep\tkeep\tkeep\twhat\n[elements]\n"
	for _, bad := range []string{
		"[classes]\nc\tkeep\n",
		"[classes]\nc\tkeep\tkeep\tkeep\tkeep\tkeep\tkeep\tkept\twhat\n",
		head + "0010,0010\tPN\tX\tany\tother\t-\n",
		head + "0010,0010\tPN\tX\tsome\tc\t-\n",
		head + "0010\tPN\tX\tany\tc\t-\n",
		head + "0010,zz10\tPN\tX\tany\tc\t-\n",
		head + "0010,0010\tPN\tX\tany\tc\t-\n0010,0010\tPN\tX\tany\tc\t-\n",
	} {
		if _, err := parseTable(bad); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
}

// TestRemoveList holds the treatment profile against the elements that must
// not leave (contact, other identifiers, staff, requests, whole groups).
func TestRemoveList(t *testing.T) {
	gone := []Tag{
		0x00101000, 0x00101001, 0x00101002, 0x00101005, 0x00101060, 0x00101090, 0x00102297, 0x00102298, 0x00102299,
		0x00101040, 0x00102150, 0x00102152, 0x00102154, 0x00102155, 0x00101050, 0x00101080, 0x00101081, 0x00101100,
		0x00102160, 0x00102161, 0x00102162, 0x00102180, 0x001021F0, 0x00102203, 0x00104000, 0x001021B0,
		0x00080080, 0x00080081, 0x00080082, 0x00080092, 0x00080094, 0x00080096, 0x00081010, 0x00081040, 0x00081048,
		0x00081049, 0x00081050, 0x00081060, 0x00081070, 0x00081072, 0x00081080, 0x00321032, 0x00380010, 0x00400006,
		0x0040000B, 0x00400241, 0x00400280, 0x00401001, 0x00401400, 0x00402001, 0x00402400, 0x0040A075, 0x0040A123,
		0x00120010, 0x00120040, 0x00181000, 0x00181012, 0x00184000, 0x00204000, 0x00284000, 0x04000561, 0x04000105,
		0x40080040, 0x50003000, 0x501E3000, 0x00880200, 0x60004000, 0x60024000, 0xFFFAFFFA, 0xFFFCFFFC, 0x00100000,
		0x00090010, 0xCB0D0010, 0xEAEA0010, 0x0020FFF0, 0x00287FE0, 0x00020010, 0x00000900, 0x00041220,
	}
	r, err := rulesFor(redact.Treatment, RemoveDates)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range gone {
		if a := r.decide(tag, 0).action; a != remove && (tag != 0x00181000 || a != dummy) {
			t.Errorf("%s %s stays", tag, dictionaryKeyword(tag))
		}
	}
	for _, tag := range []Tag{0x00100010, 0x00100020, 0x00100030, tagPixelData, tagDocument} {
		if r.decide(tag, 1).action != remove {
			t.Errorf("%s stays inside a sequence", tag)
		}
	}
}

// TestRetainList: what diagnosis needs stays in every profile.
func TestRetainList(t *testing.T) {
	kept := []Tag{
		0x00080016, 0x00080008, 0x00080060, 0x00080070, 0x00081090, 0x00181020, 0x00200011, 0x00200012, 0x00200013,
		0x00200032, 0x00200037, 0x00200100, 0x00200105, 0x00201041, 0x00180050, 0x00180088, 0x00280030, 0x00181164,
		0x00280A02, 0x00280A04, 0x00181114, 0x00181110, 0x00181111, 0x52009229, 0x52009230, 0x00209113, 0x00209116,
		0x00289110, 0x00209222, 0x00280008, 0x00280009, 0x00280002, 0x00280004, 0x00280006, 0x00280010, 0x00280011,
		0x00280034, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280106, 0x00280107, 0x00280120, 0x00280121,
		0x00281101, 0x00281103, 0x00281201, 0x00281203, 0x00282110, 0x00282112, 0x00282114, 0x00280301,
		0x7FE00001, 0x7FE00002, 0x7FE00008, 0x7FE00009, 0x7FE00010, 0x00281050, 0x00281051, 0x00281056,
		0x00283010, 0x00281052, 0x00281053, 0x00281054, 0x00281040, 0x00281041, 0x20500020, 0x00082218, 0x00082220,
		0x00082228, 0x00200060, 0x00200062, 0x00180015, 0x00185101, 0x00180060, 0x00181150, 0x00181151, 0x00181152,
		0x00181153, 0x00181160, 0x00181190, 0x00181405, 0x00181411, 0x0018115E, 0x00188151, 0x00189073, 0x00181401,
		0x00181700, 0x00181702, 0x00186000, 0x00187004, 0x00187005, 0x00080100, 0x00080102, 0x00080103, 0x00080104,
	}
	treatment := []Tag{
		0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00080018, 0x00080020, 0x00080021, 0x00080022, 0x00080023,
		0x00080030, 0x00080031, 0x00080032, 0x00080033, 0x0008002A, 0x00080201, 0x0020000D, 0x0020000E, 0x00200052,
		0x00200010, 0x00080050, 0x00181400, 0x00081030, 0x0008103E, 0x00081032, 0x00181030, 0x00201040, 0x00281055,
	}
	for _, p := range redact.Profiles() {
		r, err := rulesFor(p, RemoveDates)
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range kept {
			if !r.decide(tag, 0).action.stays() {
				t.Errorf("%s: %s %s goes", p, tag, dictionaryKeyword(tag))
			}
		}
		if p == redact.Treatment || p == redact.PatientAccess {
			for _, tag := range treatment {
				if !r.decide(tag, 0).action.stays() {
					t.Errorf("%s: %s %s goes", p, tag, dictionaryKeyword(tag))
				}
			}
		}
	}
}

// TestProfiles cleans one file under every profile in every encoding.
func TestProfiles(t *testing.T) {
	identity := []string{"M\xfcller^J\xf6rg", "83370", "19890817"}
	for _, p := range redact.Profiles() {
		for i, e := range encodings {
			c := Cleaner{UIDSalt: salt16} // other digits in every run might spell the identity
			out, err := c.Clean(context.Background(), source(build(i)), p)
			if err != nil {
				t.Fatalf("%s, %s: %v", p, e.name, err)
			}
			b := cleaned(t, out)
			if !bytes.Contains(b, pixelBytes(1)) {
				t.Errorf("%s, %s: pixels changed", p, e.name)
			}
			if p != redact.PatientAccess && bytes.Contains(b, []byte(canary)) {
				t.Errorf("%s, %s: canary left", p, e.name)
			}
			hidden := p == redact.LimitedSet || p == redact.Deidentified
			for _, s := range identity {
				if bytes.Contains(b, []byte(s)) == hidden {
					t.Errorf("%s, %s: identity %q present: %v", p, e.name, s, !hidden)
				}
			}
			if p == redact.Deidentified && bytes.Contains(b, []byte("20260301")) {
				t.Errorf("%s: a date is left", e.name)
			}
		}
	}
}

// TestPatientAccess: the patient's copy keeps what is the patient's record.
func TestPatientAccess(t *testing.T) {
	out, err := Clean(context.Background(), source(build(0)), redact.PatientAccess)
	if err != nil {
		t.Fatal(err)
	}
	b := cleaned(t, out)
	for _, kept := range []string{"CANARY clinic", "CANARY^Doctor", "CANARY lane"} {
		if !bytes.Contains(b, []byte(kept)) {
			t.Errorf("%q is gone", kept)
		}
	}
	for _, r := range out.Report.Removed {
		switch r.Rule {
		case "private", "group-length", "icon", "original", "padding", "meta", "signature":
		default:
			t.Errorf("removed %+v from the patient's copy", r)
		}
	}
}

// TestPseudonyms: UIDs are replaced alike throughout a release and differently
// in another one.
func TestPseudonyms(t *testing.T) {
	one := func(salt string) *Identity {
		c := Cleaner{UIDSalt: []byte(salt)}
		out, err := c.Clean(context.Background(), source(build(0)), redact.Deidentified)
		if err != nil {
			t.Fatal(err)
		}
		id, err := Identify(context.Background(), out.Body.(redact.Source))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	a, b, c := one("release 1 ......"), one("release 1 ......"), one("release 2 ......")
	if !reflect.DeepEqual(a, b) || a.StudyUID == c.StudyUID || a.PatientID == c.PatientID {
		t.Errorf("not consistent: %v %v %v", a, b, c)
	}
	if !strings.HasPrefix(a.SOPInstanceUID, "2.25.") || len(a.SOPInstanceUID) > 64 || a.SOPClassUID != "1.2.840.10008.5.1.4.1.1.1.3" {
		t.Errorf("bad UIDs: %v", a)
	}
	if a.PatientName != "" || a.StudyDate != "" || a.BirthDate != "" {
		t.Errorf("identity left: %v", a)
	}
}

func TestKeepDates(t *testing.T) {
	c := Cleaner{Dates: KeepDates}
	out, err := c.Clean(context.Background(), source(build(2)), redact.Deidentified)
	if err != nil {
		t.Fatal(err)
	}
	b := cleaned(t, out)
	if !bytes.Contains(b, []byte("20260301")) || !bytes.Contains(b, []byte("UNMODIFIED")) || bytes.Contains(b, []byte("19890817")) {
		t.Error("dates are not as asked")
	}
}

// TestVerdicts: the same suspicion is a notice in one profile and a refusal in
// another.
func TestVerdicts(t *testing.T) {
	image := func(change func(*dataset)) []byte {
		d := &dataset{syn: explicitLittle}
		d.text(0x00080008, "CS", `ORIGINAL\PRIMARY`)
		d.text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2").text(0x00080018, "UI", "1.2.3")
		d.us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16)
		change(d)
		return d.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
	}
	tests := []struct {
		name    string
		file    []byte
		notice  string // in treatment
		refused bool   // in deidentified
	}{
		{"plain", image(func(*dataset) {}), "", false},
		{"burned in", image(func(d *dataset) { d.text(0x00280301, "CS", "YES") }), "text is part of the picture", true},
		{"ultrasound", image(func(d *dataset) { d.text(0x00080060, "CS", "US") }), "may show text", true},
		{"cleared ultrasound", image(func(d *dataset) { d.text(0x00080060, "CS", "US").text(0x00280301, "CS", "NO") }), "", false},
		{"head", image(func(d *dataset) { d.text(0x00080060, "CS", "CT") }), "", true},
		{"face known absent", image(func(d *dataset) { d.text(0x00080060, "CS", "CT").text(0x00280302, "CS", "NO") }), "", false},
		{"overlay", image(func(d *dataset) { d.el(0x60003000, "OW", []byte{1, 2}) }), "layer drawn over", false},
		{"overlay in pixels", image(func(d *dataset) { d.us(0x60000102, 12) }), "", true},
		{"private geometry", image(func(d *dataset) {
			d.text(0x00080060, "CS", "CT").text(0x00280302, "CS", "NO").el(0x00291010, "OB", []byte{1, 2})
		}), "standard places", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := Clean(context.Background(), source(tt.file), redact.Treatment)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(out.Report.Notices, " ")
			if (tt.notice == "" && got != "") || !strings.Contains(got, tt.notice) {
				t.Errorf("notices %q, want %q", got, tt.notice)
			}
			_, err = Clean(context.Background(), source(tt.file), redact.Deidentified)
			var refusal *redact.Refusal
			if errors.As(err, &refusal) != tt.refused || err != nil && refusal.Class != redact.Undecided {
				t.Errorf("deidentified: %v, want refusal %v", err, tt.refused)
			}
			reviewed := Cleaner{Reviewed: true}
			if _, err := reviewed.Clean(context.Background(), source(tt.file), redact.Deidentified); err != nil {
				t.Errorf("deidentified after review: %v", err)
			}
		})
	}
}

func TestUnknownProfile(t *testing.T) {
	if _, err := Clean(context.Background(), source(build(0)), "everything"); err == nil {
		t.Error("an unknown profile was accepted")
	}
}

// TestEmptiedSequence: where a sequence is Type 2 (PS3.3 section C.7.6.14) and
// its content goes, it stays without items.
func TestEmptiedSequence(t *testing.T) {
	for _, e := range encodings[:6] {
		for _, vr := range []string{"SQ", "UN"} {
			if vr == "UN" && e.syn.big {
				continue // cannot be read at all
			}
			d := &dataset{syn: e.syn, undefined: e.undefined}
			d.text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.1.3").text(0x00080018, "UI", "1.2.3").text(0x00100010, "PN", "A^B")
			d.us(0x00280002, 1).us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16).text(0x00280301, "CS", "NO")
			d.seq(0x00400555, vr, func(i *dataset) { i.text(0x00080104, "LO", canary) }, func(i *dataset) { i.text(0x0040A160, "UT", canary) })
			raw := d.el(tagPixelData, "OW", pixelBytes(1)).file(e.ts)
			for _, p := range redact.Profiles() {
				out, err := Clean(context.Background(), source(raw), p)
				if err != nil {
					t.Fatalf("%s, %s, %s: %v", e.name, vr, p, err)
				}
				b := cleaned(t, out)
				full := p == redact.PatientAccess || p == redact.Treatment || p == redact.Authorization
				if bytes.Contains(b, []byte(canary)) != full || !bytes.Contains(b, e.syn.appendTag(nil, 0x00400555)) {
					t.Errorf("%s, %s, %s: the sequence is not as it should be", e.name, vr, p)
				}
				again, err := Clean(context.Background(), source(b), p)
				if err != nil {
					t.Fatal(err)
				}
				if !full && p != redact.LimitedSet && p != redact.Deidentified && !bytes.Equal(cleaned(t, again), b) {
					t.Errorf("%s, %s, %s: cleaning twice is not cleaning once", e.name, vr, p)
				}
			}
		}
	}
}

// TestRequiredDates: a multi-frame image that must have a date gets a made-up
// one, any other has none.
func TestRequiredDates(t *testing.T) {
	for class, want := range map[string]bool{storageRoot + "2.1": true, storageRoot + "13.1.2": true, storageRoot + "1.1": false} {
		d := &dataset{syn: explicitLittle}
		d.text(0x00080016, "UI", class).text(0x00080018, "UI", "1.2.3").text(0x00080023, "DA", "20260301")
		d.text(0x0008002A, "DT", "2026030112").text(0x00080033, "TM", "12")
		d.us(0x00280002, 1).us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16).text(0x00280301, "CS", "NO")
		d.seq(0x52009230, "SQ", func(i *dataset) {
			i.seq(0x00209111, "SQ", func(j *dataset) { j.text(0x00189074, "DT", "20260302120000").text(0x00189516, "DT", "20260302") })
		})
		raw := d.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
		got, b, _ := cleanDates(t, raw, redact.Deidentified, DatesByTable)
		if bytes.Contains(b, []byte("2026")) || bytes.Contains(b, []byte("19000101")) != want {
			t.Errorf("%s: dates are not as they should be", class)
		}
		for _, tag := range []Tag{0x00080023, 0x0008002A, 0x00080033, 0x00189074} {
			if v := got[tag]; want && (len(v) != 1 || strings.TrimSpace(v[0]) != dummyDates[tag]) {
				t.Errorf("%s: %s is %q", class, tag, v)
			}
		}
	}
}

// TestSegmentLabels: a segmentation without labels is not valid (PS3.3 sections
// C.8.20.4 and 10.9); the text in them goes all the same.
func TestSegmentLabels(t *testing.T) {
	d := &dataset{syn: explicitLittle}
	d.text(0x00080016, "UI", storageRoot+"66.4").text(0x00080018, "UI", "1.2.3")
	d.us(0x00280002, 1).us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16).text(0x00280301, "CS", "NO")
	d.seq(0x00620002, "SQ", func(i *dataset) {
		i.us(0x00620004, 1).text(0x00620005, "LO", canary).text(0x00620006, "ST", canary).text(0x00620020, "UT", canary)
	})
	raw := d.text(0x00700081, "LO", canary).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
	for _, p := range []redact.Profile{redact.Payment, redact.Operations, redact.LimitedSet, redact.Deidentified} {
		got, b, _ := cleanDates(t, raw, p, DatesByTable)
		if bytes.Contains(b, []byte(canary)) {
			t.Errorf("%s: text is left", p)
		}
		label, id, title := got[0x00620005], got[0x00620020], got[0x00700081]
		if len(label) != 1 || label[0] != dummyText || len(id) != 1 || id[0] != dummyText || len(title) != 1 || title[0] != "" || got[0x00620006] != nil {
			t.Errorf("%s: label %q, id %q, title %q", p, label, id, title)
		}
	}
}

// Free text that makers and users write beside the picture goes from sets without
// identity; a treating dentist gets it.
func TestFreeTextOfTheDisplay(t *testing.T) {
	for tag, want := range map[Tag]action{0x00281055: remove, 0x00283003: remove, 0x00201040: empty} {
		for _, p := range []redact.Profile{redact.LimitedSet, redact.Deidentified} {
			r, err := rulesFor(p, DatesByTable)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.decide(tag, 1).action; got != want {
				t.Errorf("%s, %s: %d, want %d", p, tag, got, want)
			}
		}
		r, err := rulesFor(redact.Treatment, DatesByTable)
		if err != nil {
			t.Fatal(err)
		}
		if !r.decide(tag, 1).action.stays() {
			t.Errorf("%s goes from a treatment release", tag)
		}
	}
}
