package main

import (
	"bytes"
	"os"
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

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{{"-only", "packing"}, {"-rounds", "0"}, {"-sizes", "1,many"}, {"-size", "-3"}} {
		if err := run(t.Context(), args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q is taken", args)
		}
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
