//go:build interop

package packager

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"chartseal/packager/gather"
	"chartseal/redact"
	"chartseal/testdata/practice/dcm"
)

// tool runs a program that must succeed.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func write(t *testing.T, b []byte, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestInteropEncapsulatedChart wraps charts as dcmtk does, in every encoding,
// and takes them out of the cleaned file with dcmtk.
func TestInteropEncapsulatedChart(t *testing.T) {
	list := charts(t)
	for i, to := range []string{"+te", "+ti", "+tb", "+td"} {
		for _, by := range []string{"dcmtk", "us"} {
			c := list[(2*i+len(by))%len(list)]
			t.Run(by+" "+to, func(t *testing.T) { takeOut(t, c, by, to) })
		}
	}
}

func takeOut(t *testing.T, c chart, by, to string) {
	dir := t.TempDir()
	wrapped := filepath.Join(dir, "wrapped.dcm")
	if by == "dcmtk" {
		tool(t, "pdf2dcm", "+pn", "Alvarez^Maria", "+pi", "10432", "+pb", "19840309", "+ps", "F", "+t", "Letter", write(t, c.raw, "a.pdf"), wrapped)
	} else {
		wrapped = write(t, encapsulated(t, c.raw, dcm.ExplicitLE), "wrapped.dcm")
	}
	converted := filepath.Join(dir, "converted.dcm")
	tool(t, "dcmconv", to, wrapped, converted)
	raw, err := os.ReadFile(converted)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := exec.Command("dciodvfy", converted).CombinedOutput() // exits 0 whatever it finds
	for _, p := range []redact.Profile{redact.Treatment, redact.PatientAccess, redact.Payment} {
		got, _, err := clean(t.Context(), gather.FormatDICOM, raw, p)
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := clean(t.Context(), "pdf", c.raw, p)
		if err != nil {
			t.Fatal(err)
		}
		file := write(t, got, "cleaned.dcm")
		dump := tool(t, "dcmdump", "-q", "+L", file)
		if !strings.Contains(dump, "10432") || !strings.Contains(dump, "application/pdf") {
			t.Errorf("%s: dcmdump shows\n%s", p, dump)
		}
		after, _ := exec.Command("dciodvfy", file).CombinedOutput()
		for line := range strings.Lines(string(after)) {
			if strings.HasPrefix(line, "Error") && !strings.Contains(string(before), line) {
				t.Errorf("%s: dciodvfy: %s", p, line)
			}
		}
		pdf := filepath.Join(dir, string(p)+".pdf")
		tool(t, "dcm2pdf", file, pdf)
		tool(t, "qpdf", "--check", pdf)
		inside, err := os.ReadFile(pdf)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes.TrimRight(inside, "\x00"), bytes.TrimRight(want, "\x00")) {
			t.Errorf("%s: dcm2pdf gives %d bytes, the PDF cleaner %d", p, len(inside), len(want))
		}
	}
}
