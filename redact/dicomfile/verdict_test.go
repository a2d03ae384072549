package dicomfile

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"chartseal/redact"
)

// TestFamilies goes through the storage classes of PS3.4 table B.5-1 whose
// family is not plain from their neighbours'.
func TestFamilies(t *testing.T) {
	for uid, want := range map[string]family{
		"1": imageFamily, "1.1": imageFamily, "1.1.1": imageFamily, "1.2": imageFamily, "1.3": imageFamily, "1.3.1": imageFamily,
		"2": imageFamily, "2.1": imageFamily, "2.2": imageFamily, "3.1": imageFamily, "4.2": imageFamily, "4.4": imageFamily,
		"5": imageFamily, "6.1": imageFamily, "6.2": imageFamily, "6.3": imageFamily,
		"7": captureFamily, "7.1": captureFamily, "7.4": captureFamily, "8": overlayFamily, "9": waveFamily,
		"9.1.1": waveFamily, "9.4.2": waveFamily, "9.7.4": waveFamily, "9.100.2": waveFamily, "10": overlayFamily,
		"11.1": overlayFamily, "11.12": overlayFamily, "12.1": imageFamily, "12.2.1": imageFamily, "13.1.2": imageFamily,
		"14.2": imageFamily, "20": imageFamily, "30": segmentFamily, "66": rawFamily, "66.1": reportFamily, "66.4": segmentFamily,
		"66.5": surfaceFamily, "66.6": surfaceFamily, "66.7": segmentFamily, "66.8": segmentFamily, "67": reportFamily,
		"68.1": surfaceFamily, "68.2": surfaceFamily, "77.1.1": photoFamily, "77.1.1.1": photoFamily, "77.1.2": imageFamily,
		"77.1.3": imageFamily, "77.1.4": photoFamily, "77.1.4.1": photoFamily, "77.1.5.1": imageFamily, "77.1.5.8": imageFamily,
		"77.1.6": imageFamily, "77.1.7": photoFamily, "77.1.8": imageFamily, "77.1.9": imageFamily,
		"78.1": reportFamily, "78.8": reportFamily, "79.1": reportFamily, "80.1": reportFamily, "81.1": imageFamily, "82.1": imageFamily,
		"88.11": reportFamily, "88.59": reportFamily, "88.67": reportFamily, "90.1": reportFamily, "91.1": reportFamily,
		"104.1": documentFamily, "104.5": documentFamily, "128": imageFamily, "128.1": imageFamily, "129": waveFamily, "130": imageFamily,
		"131": overlayFamily, "200.1": reportFamily, "200.8": reportFamily, "201.1": listFamily,
		"481.1": therapyFamily, "481.23": therapyFamily, "501.1": unknownFamily, "601.2": unknownFamily, "12345": unknownFamily,
	} {
		if got := familyOf(storageRoot + uid); got != want {
			t.Errorf("%s is of family %d, want %d", uid, got, want)
		}
	}
	for uid, want := range map[string]family{
		"1.2.840.10008.1.3.10": directoryFamily, "1.2.840.10008.5.1.4.34.7": therapyFamily, "1.2.840.10008.5.1.4.34.10": therapyFamily,
		"1.2.840.10008.5.1.4.38.1": overlayFamily, "1.2.840.10008.5.1.4.39.1": overlayFamily, "1.2.840.10008.5.1.4.43.1": therapyFamily,
		"1.2.840.10008.5.1.4.44.1": therapyFamily, "1.2.840.10008.5.1.4.45.1": therapyFamily, "1.3.12.2.1107.5.9.1": unknownFamily, "": unknownFamily,
	} {
		if got := familyOf(uid); got != want {
			t.Errorf("%s is of family %d, want %d", uid, got, want)
		}
	}
}

// object is a file of a class without pixels.
func object(class string, more func(*dataset)) []byte {
	d := (&dataset{syn: explicitLittle}).text(0x00080016, "UI", class).text(0x00080018, "UI", "1.2.3.4")
	d.text(0x00080080, "LO", canary+" clinic").text(0x00100010, "PN", "Alvarez^Maria").text(0x00100020, "LO", "83370")
	more(d)
	return d.file(tsExplicitLittle)
}

func judged(t *testing.T, c Cleaner, raw []byte, p redact.Profile) (out []byte, notices string, class redact.Class) {
	t.Helper()
	res, err := c.Clean(t.Context(), source(raw), p)
	var r *redact.Refusal
	switch {
	case errors.As(err, &r):
		return nil, r.Reason, r.Class
	case err != nil:
		t.Fatal(err)
	}
	return cleaned(t, res), strings.Join(res.Report.Notices, " "), ""
}

// TestReportAfterReview: what a person releases goes with its content, but not
// with the rest of what the profile removes.
func TestReportAfterReview(t *testing.T) {
	for name, raw := range map[string][]byte{
		"report": object(storageRoot+"88.11", func(d *dataset) {
			d.text(0x0040A040, "CS", "CONTAINER").seq(0x0040A730, "SQ", func(i *dataset) {
				i.text(0x0040A010, "CS", "CONTAINS").text(0x0040A040, "CS", "TEXT").text(0x0040A160, "UT", "CONTENT")
			}).text(0x00401001, "SH", canary)
		}),
		"drawing": object(storageRoot+"11.1", func(d *dataset) {
			d.seq(0x00700001, "SQ", func(i *dataset) {
				i.seq(0x00700008, "SQ", func(j *dataset) { j.text(0x00700006, "ST", "CONTENT") })
			})
		}),
	} {
		for _, p := range []redact.Profile{redact.Treatment, redact.Authorization, redact.Payment, redact.Operations} {
			if _, why, class := judged(t, Cleaner{}, raw, p); class != redact.Undecided {
				t.Errorf("%s, %s: %q %s", name, p, class, why)
			}
			b, notices, class := judged(t, Cleaner{Reviewed: true}, raw, p)
			if class != "" || !bytes.Contains(b, []byte("CONTENT")) || bytes.Contains(b, []byte(canary)) {
				t.Errorf("%s, %s: %q, %q", name, p, class, b)
			}
			if !strings.Contains(notices, "A person has looked") {
				t.Errorf("%s, %s: notices %q", name, p, notices)
			}
		}
		for _, p := range []redact.Profile{redact.LimitedSet, redact.Deidentified} {
			if _, why, class := judged(t, Cleaner{Reviewed: true}, raw, p); class != redact.Unfit {
				t.Errorf("%s, %s: %q %s", name, p, class, why)
			}
		}
		if b, _, class := judged(t, Cleaner{}, raw, redact.PatientAccess); class != "" || !bytes.Contains(b, []byte("CONTENT")) {
			t.Errorf("%s for the patient: %q", name, class)
		}
	}
}

// TestSurfaces: a scan of an intra-oral scanner keeps its surface and colors; a
// de-identified one may still show a face.
func TestSurfaces(t *testing.T) {
	raw := object(storageRoot+"68.1", func(d *dataset) {
		d.seq(0x00660002, "SQ", func(i *dataset) {
			i.seq(0x00660011, "SQ", func(j *dataset) { j.el(0x00660016, "OF", []byte("SURFACE.")).el(0x00800007, "US", []byte("COLORS")) })
		})
	})
	b, _, class := judged(t, Cleaner{}, raw, redact.Treatment)
	if class != "" || !bytes.Contains(b, []byte("SURFACE.")) || !bytes.Contains(b, []byte("COLORS")) {
		t.Errorf("treatment: %q", class)
	}
	if _, why, class := judged(t, Cleaner{}, raw, redact.Deidentified); class != redact.Undecided || !strings.Contains(why, "face") {
		t.Errorf("de-identified: %q %s", class, why)
	}
	if _, _, class := judged(t, Cleaner{Reviewed: true}, raw, redact.Deidentified); class != "" {
		t.Errorf("de-identified after review: %q", class)
	}
}

// TestHollow: a file that would arrive without what it is about is not sent.
func TestHollow(t *testing.T) {
	private := func(d *dataset) { d.text(0x00290010, "LO", "MAKER").el(0x00291010, "OB", []byte("VOLUME")) }
	for name, raw := range map[string][]byte{
		"raw data":         object(storageRoot+"66", private),
		"a maker's own":    object("1.3.12.2.1107.5.9.1", private),
		"list of patients": object(storageRoot+"201.1", func(*dataset) {}),
	} {
		for _, p := range redact.Profiles() {
			if _, why, class := judged(t, Cleaner{Reviewed: true}, raw, p); class != redact.Unfit {
				t.Errorf("%s, %s: %q %s", name, p, class, why)
			}
		}
	}
}

// TestSuspectsInDeidentifiedSets: what a file says of itself does not clear a
// screen or a scan of paper, nor a device that is known to write into its
// pictures.
func TestSuspectsInDeidentifiedSets(t *testing.T) {
	capture := (&dataset{syn: explicitLittle}).text(0x00080016, "UI", storageRoot+"7").text(0x00080018, "UI", "1.2.3")
	capture.us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16).text(0x00280301, "CS", "NO").el(tagPixelData, "OW", pixelBytes(1))
	camera := (&dataset{syn: explicitLittle}).text(0x00080016, "UI", storageRoot+"1").text(0x00080018, "UI", "1.2.3").text(0x00080060, "CS", "XC")
	camera.us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16).text(0x00280301, "CS", "NO").el(tagPixelData, "OW", pixelBytes(1))
	x := picture{8, 9, 1, 8, 8, 1, 0, 0, "MONOCHROME2"}
	other := x
	other.rows = 9
	big := x.dataset("NO")
	for name, raw := range map[string][]byte{
		"capture":            capture.file(tsExplicitLittle),
		"camera":             camera.file(tsExplicitLittle),
		"mask of other size": other.dataset("NO").el(tagPixelData, "OW", other.pixels()).file(tsExplicitLittle),
		"compressed":         big.encapsulated(x.pixels()).file("1.2.840.10008.1.2.4.50"),
	} {
		c := *maskCleaner(t)
		if _, why, class := judged(t, c, raw, redact.Deidentified); class != redact.Undecided {
			t.Errorf("%s: %q %s", name, class, why)
		}
		c.Reviewed = true
		if _, why, class := judged(t, c, raw, redact.Deidentified); class != "" {
			t.Errorf("%s after review: %q %s", name, class, why)
		}
		if _, why, class := judged(t, *maskCleaner(t), raw, redact.Treatment); class != "" {
			t.Errorf("%s for treatment: %q %s", name, class, why)
		}
	}
}

// TestUndecidedCanBeDecided: what asks a person goes once one has looked; what
// a look cannot settle does not ask.
func TestUndecidedCanBeDecided(t *testing.T) {
	for _, i := range []int{0, 4, 7} {
		for _, more := range []func(*dataset){
			func(*dataset) {},
			func(d *dataset) { d.text(0x00280301, "CS", "YES") },
			func(d *dataset) { d.us(0x60000102, 12) },
			func(d *dataset) { d.text(0x00280302, "CS", "YES") },
		} {
			for _, class := range []string{"1", "2", "7", "77.1.4", "66", "68.1", "88.11", "11.1", "9.1.1", "481.5", "201.1", "104.2", "9999"} {
				for _, long := range []int{0, 100} {
					e := encodings[i]
					d := (&dataset{syn: e.syn, undefined: e.undefined}).text(0x00080016, "UI", storageRoot+class).text(0x00080018, "UI", "1.2.3")
					d.us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16)
					more(d)
					if e.packed {
						d.encapsulated(pixelBytes(1))
					} else {
						d.el(tagPixelData, "OW", append(pixelBytes(1), make([]byte, long)...))
					}
					raw := d.file(e.ts)
					for _, p := range redact.Profiles() {
						if _, _, first := judged(t, Cleaner{}, raw, p); first != redact.Undecided {
							continue
						}
						if _, why, again := judged(t, Cleaner{Reviewed: true}, raw, p); again != "" {
							t.Errorf("%s, class %s, %s: after a look %q %s", e.name, class, p, again, why)
						}
					}
				}
			}
		}
	}
}

// What a verdict rests on must not be said twice and differently: a viewer may
// go by the other one.
func TestAmbiguousFacts(t *testing.T) {
	for tag, values := range map[Tag][2]string{
		0x00280301: {"YES", "NO"}, 0x00280302: {"YES", "NO"}, 0x00080060: {"US", "CT"}, tagFrames: {"1", "2"},
		0x00080016: {"1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.2"},
	} {
		for _, second := range values {
			raw := object("", func(d *dataset) {
				d.buf = nil
				d.text(tag, "LO", values[0]).text(tag, "LO", second)
			})
			err := observeAll(t, raw)
			if differs := second != values[0]; differs != (err != nil) {
				t.Errorf("%s twice, as %q and %q: %v", tag, values[0], second, err)
			}
		}
	}
}

// observeAll reads the facts of a file.
func observeAll(t *testing.T, raw []byte) error {
	t.Helper()
	w := newWalker(t.Context(), source(raw))
	defer w.close()
	f, err := open(t.Context(), source(raw))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.root(&observer{w: w, f: new(facts)}, f.start, f.syn)
	return err
}

type observer struct {
	nothing
	w *walker
	f *facts
}

func (o *observer) leaf(e *element) error { return o.f.observe(o.w, e) }
