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
	b, err := os.ReadFile(name) //nolint:gosec // a test file
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
	"002_empty_charset_LEI.dcm":                      redact.Undecided,   // no SOP class, no image
	"004_GH220.dcm":                                  redact.Undecided,   // no SOP class, no image
	"005_DICOMDIR-empty.dcm":                         redact.Unsupported, // DICOMDIR
	"006_Issue1097_FailToOpenDeflatedFileWithSQ.dcm": redact.Undecided,   // no image
	"020_no_preamble_dicm_in_data":                   redact.Truncated,   // dcmdump cannot read it either
	"021_rtdose_1frame.dcm":                          redact.Undecided,   // radiotherapy dose
	"023_GH487.dcm":                                  redact.Truncated,   // CT without an image
	"037_IM000000":                                   redact.Truncated,   // CT without an image
	"026_rtdose_expb_1frame.dcm":                     redact.Undecided,   // radiotherapy dose
	"058_summer.dcm":                                 redact.Undecided,   // color palette
	"encap_trunc.dcm":                                redact.Truncated,   // cut inside a fragment
}

func TestCorpusTreatment(t *testing.T) {
	dump := os.Getenv("DICOM_OUT") // for looking at the results with other tools
	accepted, refused := 0, 0
	for _, name := range corpusFiles(t) {
		base := filepath.Base(name)
		src, raw := readSource(t, name)
		out, err := Clean(context.Background(), src, redact.Treatment)
		var refusal *redact.Refusal
		if errors.As(err, &refusal) {
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

var _ = json.Unmarshal
