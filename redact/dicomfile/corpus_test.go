package dicomfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chartseal/redact"
)

// corpus is test material that lives beside the checkout, never in it.
func corpus(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../shared/corpus/dicom")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no corpus beside the checkout: in CI that is a failure")
		}
		t.Skip("no corpus beside the checkout; CI has it")
	}
	return dir
}

func corpusFiles(t *testing.T) []string {
	t.Helper()
	dir := corpus(t)
	var names []string
	for _, sub := range []string{"files/*", "synthetic/*.dcm"} {
		got, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(sub)))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, got...)
	}
	return names
}

func readSource(t testing.TB, name string) (redact.Source, []byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b), b
}

func cleaned(t testing.TB, out *redact.Output) []byte {
	t.Helper()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != out.Size {
		t.Fatalf("output has %d bytes, said %d", len(b), out.Size)
	}
	if err := out.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return b
}

// refusedInCorpus are the files of the corpus that may not leave under the
// treatment profile, and why.
var refusedInCorpus = map[string]redact.Class{
	"001_ExplVR_BigEndNoMeta.dcm":                    redact.Undecided,   // radiotherapy plan
	"002_empty_charset_LEI.dcm":                      redact.Unfit,       // no SOP class, no image
	"004_GH220.dcm":                                  redact.Unfit,       // no SOP class, no image
	"005_DICOMDIR-empty.dcm":                         redact.Unsupported, // DICOMDIR
	"006_Issue1097_FailToOpenDeflatedFileWithSQ.dcm": redact.Unfit,       // no image
	"020_no_preamble_dicm_in_data":                   redact.Truncated,   // dcmdump cannot read it either
	"021_rtdose_1frame.dcm":                          redact.Undecided,   // radiotherapy dose
	"023_GH487.dcm":                                  redact.Truncated,   // CT without an image
	"037_IM000000":                                   redact.Truncated,   // CT without an image
	"026_rtdose_expb_1frame.dcm":                     redact.Undecided,   // radiotherapy dose
	"058_summer.dcm":                                 redact.Undecided,   // color palette
	"encap_trunc.dcm":                                redact.Truncated,   // cut inside a fragment
	"OD.dcm":                                         redact.Truncated,   // CT without an image, as are the next three
	"UNSQ_undef_impl.dcm":                            redact.Truncated,
	"UNodd.dcm":                                      redact.Truncated,
	"charset.dcm":                                    redact.Truncated,
}

func TestCorpusTreatment(t *testing.T) {
	dump := os.Getenv("DICOM_OUT") // for looking at the results with other tools
	accepted, refused := 0, 0
	for _, name := range corpusFiles(t) {
		base := filepath.Base(name)
		src, raw := readSource(t, name)
		out, err := Clean(context.Background(), src, redact.Treatment)
		if refusal, ok := errors.AsType[*redact.Refusal](err); ok {
			refused++
			t.Logf("refused  %-60s %s: %s", base, refusal.Class, refusal.Reason)
			if dump == "" && refusedInCorpus[base] != refusal.Class {
				t.Errorf("%s: refused as %q, want %q", base, refusal.Class, refusedInCorpus[base])
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		accepted++
		b := cleaned(t, out)
		t.Logf("released %-60s %d -> %d bytes; %s", base, len(raw), len(b), strings.Join(out.Report.Notices, " "))
		if dump != "" {
			if err := os.WriteFile(filepath.Join(dump, base), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("accepted %d, refused %d", accepted, refused)
}

// answer is one file of the answer key.
type answer struct {
	File     string `json:"file"`
	Elements []struct {
		Where   string `json:"where"`
		Action  string `json:"action"`
		Planted string `json:"planted"`
	} `json:"elements"`
}

// values collects the value bytes of the main data set by keyword, and where
// the values of free text lie.
type values struct {
	nothing
	raw     []byte
	rules   *rules
	byName  map[string][]byte
	reviews [][2]int64
}

func (v *values) leaf(e *element) error {
	d := v.rules.decide(e.tag, e.depth)
	if e.depth == 0 {
		v.byName[dictionaryKeyword(e.tag)] = v.raw[e.val:e.end]
	}
	if d.action == review {
		v.reviews = append(v.reviews, [2]int64{e.val, e.end})
	}
	return nil
}

func (v *values) enter(e *element) (bool, error) {
	if e.depth == 0 {
		v.byName[dictionaryKeyword(e.tag)] = v.raw[e.off:min(e.off+1024, int64(len(v.raw)))]
	}
	return true, nil
}

func valuesOf(t *testing.T, raw []byte) *values {
	t.Helper()
	r, err := rulesFor(redact.Treatment, RemoveDates)
	if err != nil {
		t.Fatal(err)
	}
	f, err := open(context.Background(), bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	w := newWalker(context.Background(), bytes.NewReader(raw))
	defer w.close()
	v := &values{raw: raw, rules: r, byName: make(map[string][]byte)}
	if _, err := w.root(v, f.start, f.syn); err != nil {
		t.Fatal(err)
	}
	return v
}

func latin1(s string) []byte {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

// TestAnswers compares with the corpus's answer key: no planted value that has
// to go is anywhere in the output, but inside free text that the report names;
// what has to stay is there byte for byte.
func TestAnswers(t *testing.T) {
	dir := filepath.Join(corpus(t), "synthetic")
	_, key := readSource(t, filepath.Join(dir, "ANSWERS.json"))
	var answers []answer
	if err := json.Unmarshal(key, &answers); err != nil || len(answers) == 0 {
		t.Fatalf("read answer key: %v", err)
	}
	for _, a := range answers {
		src, raw := readSource(t, filepath.Join(dir, a.File))
		out, err := Clean(context.Background(), src, redact.Treatment)
		if err != nil {
			t.Errorf("%s: %v", a.File, err)
			continue
		}
		got := cleaned(t, out)
		before, after := valuesOf(t, raw), valuesOf(t, got)
		blank := bytes.Clone(got)
		for _, r := range after.reviews {
			clear(blank[r[0]:r[1]])
		}
		notices := strings.Join(out.Report.Notices, " ")
		for _, e := range a.Elements {
			switch e.Action {
			case "remove":
				if bytes.Contains(blank, []byte(e.Planted)) || bytes.Contains(blank, latin1(e.Planted)) {
					t.Errorf("%s: value of %s is still there", a.File, e.Where)
				}
			case "retain":
				was, is := before.byName[e.Where], after.byName[e.Where]
				if e.Where == "AnatomicRegionSequence" { // written anew, its content kept
					was, is = []byte(e.Planted), is[bytes.Index(is, []byte(e.Planted)):][:len(e.Planted)]
				}
				if len(was) == 0 || !bytes.Equal(was, is) {
					t.Errorf("%s: %s changed", a.File, e.Where)
				}
			case "review-free-text":
				if !strings.Contains(notices, e.Where) || !bytes.Equal(before.byName[e.Where], after.byName[e.Where]) {
					t.Errorf("%s: %s changed or not flagged", a.File, e.Where)
				}
			case "flag-burned-in":
				if !strings.Contains(notices, "text is part of the picture") {
					t.Errorf("%s: burned-in text is not flagged", a.File)
				}
			default:
				t.Errorf("%s: unknown action %q", a.File, e.Action)
			}
		}
		if !bytes.Equal(before.byName["PixelData"], after.byName["PixelData"]) {
			t.Errorf("%s: pixels changed", a.File)
		}
	}
}

// TestCorpusPixels: pixels and every kept value are the source's in all
// profiles, and no file makes a cleaner fail otherwise than by refusing.
func TestCorpusPixels(t *testing.T) {
	for _, p := range redact.Profiles() {
		released, opinions := 0, map[opinion]int{}
		for _, name := range corpusFiles(t) {
			src, raw := readSource(t, name)
			out, err := (&Cleaner{UIDSalt: []byte("0123456789abcdef"), Reviewed: true}).Clean(context.Background(), src, p)
			if refusal, ok := errors.AsType[*redact.Refusal](err); ok {
				if refusal.Class == redact.Unverified {
					t.Errorf("%s under %s: %v", filepath.Base(name), p, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s under %s: %v", filepath.Base(name), p, err)
				continue
			}
			released++
			op, err := secondOpinion(context.Background(), out.Body.(*body))
			if err != nil {
				t.Errorf("%s under %s: second opinion: %v", filepath.Base(name), p, err)
			}
			opinions[op]++
			got := cleaned(t, out)
			if f, err := open(context.Background(), src); err != nil || f.inflated {
				continue // its pixels are packed in the source
			}
			if a, b := valuesOf(t, raw), valuesOf(t, got); !bytes.Equal(a.byName["PixelData"], b.byName["PixelData"]) {
				t.Errorf("%s under %s: pixels changed", filepath.Base(name), p)
			}
		}
		t.Logf("%-15s released %d; second reader: %v", p, released, opinions)
	}
}
