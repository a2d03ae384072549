package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain makes the test binary the bench's own child.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], childPrefix) {
		main()
		return
	}
	os.Exit(m.Run())
}

// A run without any other program packs, says what was not measured, and leaves
// nothing behind.
func TestRunWithoutPeers(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir) // there is no program
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-dir", dir, "-size", "2", "-rounds", "1", "-only", "pack", "-markdown"}, &out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{
		"## Volume in one file, 2 MB, stored", "## Series of slices, 2 MB, compressed",
		`| tar c \| age | not measured: no `, "| chartseal | ", "| chartseal, not read back | ", "| not installed | age, zip",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Tables take the place of those of an earlier run of the same parts, and of nothing
// else; a document without the marks is left as it is.
func TestTablesIntoADocument(t *testing.T) {
	file := filepath.Join(t.TempDir(), "performance.md")
	const before = "# Title\n<!-- bench all -->\nold\n<!-- end -->\nwords\n<!-- bench growth -->\n<!-- end -->\n"
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := errors.Join(put(file, "", []byte("new\n")), put(file, "growth", []byte("grown"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(file, "pack", nil); err == nil {
		t.Error("there is no place for pack")
	}
	got, err := os.ReadFile(file)
	const want = "# Title\n<!-- bench all -->\n\nnew\n\n<!-- end -->\nwords\n<!-- bench growth -->\n\ngrown\n\n<!-- end -->\n"
	if err != nil || string(got) != want {
		t.Errorf("%v, %q", err, got)
	}
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{{"-only", "packing"}, {"-rounds", "0"}, {"-sizes", "1,many"}, {"-size", "-3"}} {
		if err := run(t.Context(), args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

// Curves of tiny counts are measured and drawn.
func TestGrowthIsDrawn(t *testing.T) {
	var list []curve
	for _, s := range []study{
		one("files & folders", []int{10, 100}, packFiles), one("lines", []int{10, 100}, verifyLedger),
		{curvesOf("index", "look", "find"), []int{200, 400}, shareImages},
	} {
		for _, n := range s.counts {
			took, err := s.costs(t.Context(), nil, t.TempDir(), n)
			if err != nil || len(took) != len(s.curves) || slices.Min(took) <= 0 {
				t.Fatalf("%s: %v, %v", s.curves[0].name, took, err)
			}
			for i := range s.curves {
				s.curves[i].counts, s.curves[i].seen = append(s.curves[i].counts, n), append(s.curves[i].seen, took[i])
			}
		}
		list = append(list, s.curves...)
	}
	picture := plot(list)
	if err := xml.Unmarshal(picture, new(struct{})); err != nil {
		t.Error(err)
	}
	if n := bytes.Count(picture, []byte("<circle")); n != 10 || !bytes.Contains(picture, []byte("files &amp; folders")) {
		t.Errorf("%d points in\n%s", n, picture)
	}
	if c := (curve{counts: []int{1, 10, 100}, seen: []float64{5, 1, 100}}); c.exponent() != 2 {
		t.Errorf("exponent %v", c.exponent())
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{nil, spread{}},
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{4, 1}, spread{2.5, 1, 4}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%v gives %v, not %v", c.values, got, c.want)
		}
	}
}
