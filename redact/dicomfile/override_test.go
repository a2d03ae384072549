package dicomfile

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"chartseal/redact"
)

func override(tag, action string, profiles ...redact.Profile) Override {
	return Override{Tag: tag, Action: action, Profiles: profiles, Reason: "counsel, 2026"}
}

// TestOverridesRefused: what an override may not do, and that the error names
// the tag.
func TestOverridesRefused(t *testing.T) {
	creator := func(o Override, name string) Override { o.Creator = name; return o }
	noReason := override("(0010,1010)", "remove", redact.Payment)
	noReason.Reason = " "
	tests := []struct {
		o    Override
		want string
	}{
		{override("(0010,0020)", "remove", redact.Treatment), "who the patient is"},
		{override("(0010,0010)", "empty", redact.Payment), "who the patient is"},
		{override("(0010,0030)", "remove", redact.Deidentified), "who the patient is"},
		{override("(0008,0018)", "remove", redact.Treatment), "unique identifiers"},
		{override("(0020,000d)", "empty", redact.Treatment), "unique identifiers"},
		{override("(0008,0016)", "remove", redact.Treatment), "unique identifiers"},
		{override("(0028,0030)", "remove", redact.Treatment), "geometry"},
		{override("(0020,0032)", "remove", redact.Payment), "geometry"},
		{override("(5200,9230)", "remove", redact.Treatment), "geometry"},
		{override("(0018,1164)", "remove", redact.Treatment), "geometry"},
		{override("(0018,2010)", "remove", redact.Treatment), "geometry"},
		{override("(0018,7034)", "remove", redact.Treatment), "geometry"},
		{override("(0018,9322)", "remove", redact.Treatment), "geometry"},
		{override("(0018,9404)", "remove", redact.Treatment), "geometry"},
		{override("(0018,9402)", "remove", redact.Treatment), "geometry"},
		{override("(0028,0010)", "remove", redact.Treatment), "image"},
		{override("(7FE0,0010)", "remove", redact.Treatment), "image"},
		{override("(7FE0,0010)", "empty", redact.PatientAccess), "image"},
		{override("(0028,1050)", "remove", redact.Treatment), "how the image is shown"},
		{override("(0008,0005)", "remove", redact.Treatment), "unreadable"},
		{override("(0010,4000)", "remove", redact.PatientAccess), "complete"},
		{override("(0010,1040)", "keep", redact.Deidentified), "may not carry"},
		{override("(0010,0010)", "keep", redact.LimitedSet), "may not carry"},
		{override("(0088,0200)", "keep", redact.Treatment), "no release"},
		{override("(0400,0561)", "keep", redact.Treatment), "no release"},
		{override("(FFFC,FFFC)", "keep", redact.Treatment), "no release"},
		{override("(0008,0000)", "keep", redact.Treatment), "no release"},
		{override("(0002,0016)", "keep", redact.Treatment), "no release"},
		{override("(0020,FFF0)", "keep", redact.Treatment), "no release"},
		{override("(0008,1140)", "empty", redact.Treatment), "sequence"},
		{override("(0020,0062)", "remove", redact.Treatment), "which side"},
		{override("(0008,2218)", "remove", redact.Payment), "which tooth"},
		{override("(0008,0104)", "empty", redact.Treatment), "meaning"},
		{override("(0028,0301)", "remove", redact.Deidentified), "shows text"},
		{override("(0062,0002)", "remove", redact.Treatment), "marked"},
		{override("(FFFE,E00D)", "keep", redact.Treatment), "the file's form"},
		{override("(FFFE,E000)", "remove", redact.Treatment), "the file's form"},
		{override("(0002,0010)", "remove", redact.Treatment), "the file's form"},
		{override("(0008,0000)", "remove", redact.Treatment), "the file's form"},
		{override("(0008,0020)", "keep", redact.Deidentified), "may not carry"},
		{override("0010,1010", "remove", redact.Payment), "not written like"},
		{override("(0010,10 0)", "remove", redact.Payment), "not written like"},
		{override("(0029,1010)", "keep", redact.Treatment), "not written like"},
		{override("(0010,1010)", "shift", redact.Payment), "action"},
		{override("(0010,1010)", "uid", redact.Payment), "action"},
		{override("(0010,1010)", "remove"), "no profile"},
		{override("(0010,1010)", "remove", "everything"), "no such profile"},
		{noReason, "reason"},
		{override("(0029,xx10)", "keep", redact.Treatment), "creator"},
		{creator(override("(0029,xx10)", "keep", redact.Deidentified), "MAKER"), "may not carry"},
		{creator(override("(0029,xx10)", "remove", redact.Treatment), "MAKER"), "nothing to remove"},
		{creator(override("(0028,xx10)", "keep", redact.Treatment), "MAKER"), "not written like"},
		{creator(override("(0029,1010)", "keep", redact.Treatment), "MAKER"), "not written like"},
	}
	for _, tt := range tests {
		_, err := ParseOverrides([]Override{override("(0010,1020)", "remove", redact.Payment), tt.o})
		e, ok := errors.AsType[*OverrideError](err)
		if !ok || e.Index != 1 || e.Tag != tt.o.Tag || !strings.Contains(e.Problem, tt.want) || !strings.Contains(err.Error(), tt.o.Tag) {
			t.Errorf("%s %s for %v: got %v, want %q", tt.o.Action, tt.o.Tag, tt.o.Profiles, err, tt.want)
		}
	}
	twice := override("(0010,1010)", "remove", redact.Treatment)
	if _, err := ParseOverrides([]Override{twice, twice}); err == nil {
		t.Error("the same rule twice was accepted")
	}
	if _, err := ParseOverrides(make([]Override, maxOverrides+1)); err == nil {
		t.Error("any number of rules was accepted")
	}
}

func mustOverrides(t *testing.T, list ...Override) *Overrides {
	t.Helper()
	o, err := ParseOverrides(list)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestOverrides cleans one file by the table and by a practice's own rules, in
// every encoding.
func TestOverrides(t *testing.T) {
	private := Override{
		Tag: "(0029,xx10)", Creator: "GOOD MAKER", Profiles: []redact.Profile{redact.Treatment},
		Action: "keep", Reason: "our viewer needs it",
	}
	c := Cleaner{Overrides: mustOverrides(t,
		override("(0018,0060)", "remove", redact.Treatment),
		override("(0008,0020)", "empty", redact.Treatment),
		override("(0010,2160)", "keep", redact.Treatment),
		private)}
	for _, e := range encodings {
		d := radiograph(e.syn, e.undefined)
		d.text(0x00102160, "SH", "EthnicKept")
		d.text(0x00290010, "LO", canary).text(0x00290011, "LO", "GOOD MAKER")
		d.el(0x00291010, "OB", []byte(canary)).text(0x00291110, "LO", "kept value").text(0x00291111, "LO", canary)
		d.seq(0x00082218, "SQ", func(i *dataset) {
			i.text(0x00290011, "LO", "OTHER").text(0x00291110, "LO", canary)
		}, func(i *dataset) { i.text(0x00291110, "LO", canary) }, func(i *dataset) {
			i.text(0x00290020, "LO", "GOOD MAKER").text(0x00292010, "LO", "kept inside")
		})
		if e.packed {
			d.encapsulated(pixelBytes(1))
		} else {
			d.el(tagPixelData, "OW", pixelBytes(1))
		}
		out, err := c.Clean(context.Background(), source(d.tail().file(e.ts)), redact.Treatment)
		if err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		b := cleaned(t, out)
		for _, kept := range []string{"EthnicKept", "GOOD MAKER", "kept value", "kept inside", "83370"} {
			if !bytes.Contains(b, []byte(kept)) {
				t.Errorf("%s: %q is gone", e.name, kept)
			}
		}
		for _, gone := range []string{canary, "20260301", "OTHER", "REMOVED"} {
			if bytes.Contains(b, []byte(gone)) {
				t.Errorf("%s: %q is there", e.name, gone)
			}
		}
		checkOverrideReport(t, out.Report)
	}
}

func checkOverrideReport(t *testing.T, r redact.Report) {
	t.Helper()
	own := 0
	for _, x := range r.Removed {
		if x.Rule == "practice" && strings.HasPrefix(x.Reason, "the practice's own rule: counsel, 2026") {
			own++
		}
	}
	notices := strings.Join(r.Notices, " ")
	if own != 2 || !strings.Contains(notices, "EthnicGroup") || !strings.Contains(notices, "private (0029,xx10)") {
		t.Errorf("%d own removals; notices %q", own, notices)
	}
}

// TestOverridesElsewhere: a rule for one profile does nothing in another.
func TestOverridesElsewhere(t *testing.T) {
	c := Cleaner{UIDSalt: interopSaltForTests, Overrides: mustOverrides(t, override("(0018,0060)", "remove", redact.Payment))}
	for _, p := range redact.Profiles() {
		plain := Cleaner{UIDSalt: interopSaltForTests}
		a, err := c.Clean(context.Background(), source(build(0)), p)
		if err != nil {
			t.Fatal(err)
		}
		b, err := plain.Clean(context.Background(), source(build(0)), p)
		if err != nil {
			t.Fatal(err)
		}
		if same := bytes.Equal(cleaned(t, a), cleaned(t, b)); same == (p == redact.Payment) {
			t.Errorf("%s: same output: %v", p, same)
		}
	}
}

var interopSaltForTests = []byte("0123456789abcdef")

// TestPrivateDisguise: a private value that is a sequence in disguise goes,
// and a block claimed twice is nobody's.
func TestPrivateDisguise(t *testing.T) {
	c := Cleaner{Overrides: mustOverrides(t, Override{
		Tag: "(0029,xx10)", Creator: "GOOD MAKER", Profiles: []redact.Profile{redact.Treatment}, Action: "keep", Reason: "x",
	})}
	inner := (&dataset{syn: implicitLittle}).text(0x00101040, "LO", canary)
	item := implicitLittle.appendU32(implicitLittle.appendTag(nil, tagItem), uint32(len(inner.buf)))
	d := radiograph(explicitLittle, false).text(0x00290010, "LO", "GOOD MAKER")
	d.el(0x00291010, "UN", append(item, inner.buf...))
	e := radiograph(explicitLittle, false).text(0x00290010, "LO", "GOOD MAKER").text(0x00290010, "LO", "GOOD MAKER")
	e.text(0x00291010, "LO", canary)
	f := radiograph(explicitLittle, false).text(0x00290010, "LO", "GOOD MAKER")
	f.seq(0x00291010, "SQ", func(i *dataset) { i.text(0x00101040, "LO", canary).text(0x00180060, "DS", "71.5") })
	for i, x := range []*dataset{d, e, f} {
		out, err := c.Clean(context.Background(), source(x.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)), redact.Treatment)
		if err != nil {
			t.Fatal(err)
		}
		if b := cleaned(t, out); bytes.Contains(b, []byte(canary)) || i == 2 && !bytes.Contains(b, []byte("71.5")) {
			t.Errorf("file %d: canary left, or too much gone", i)
		}
	}
}

func TestCleanerDigest(t *testing.T) {
	a, b := override("(0010,1010)", "remove", redact.Payment), override("(0018,0060)", "remove", redact.Payment)
	masks, err := ParseMasks([]Mask{{"M", "X", 4, 4, []Region{{0, 0, 1, 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	plain := (&Cleaner{}).ProfileDigest()
	one := (&Cleaner{Overrides: mustOverrides(t, a)}).ProfileDigest()
	ab := (&Cleaner{Overrides: mustOverrides(t, a, b)}).ProfileDigest()
	ba := (&Cleaner{Overrides: mustOverrides(t, b, a)}).ProfileDigest()
	masked := (&Cleaner{Masks: masks}).ProfileDigest()
	none := (&Cleaner{Overrides: mustOverrides(t)}).ProfileDigest()
	if plain != ProfileDigest() || none != plain || one == plain || ab == one || ab != ba || masked == plain || len(one) != 64 {
		t.Error("the digest does not follow the rules")
	}
}
