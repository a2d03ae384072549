package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
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
		`| volume in one file, 2 MB, stored: tar \| age, not read back | ≤ 0.6 × its time |  | not measured |`,
		"| series of slices, 2 MB, compressed: output beside zip -1 | ≤ 1.00 × |  | not measured |",
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
	for _, args := range [][]string{{"-only", "packing"}, {"-rounds", "0"}, {"-sizes", "1,many"}, {"-size", "-3"}, {"-most", "9"}, {"-idle", "0s"}, {"-curves", "ledger", "-plots", "."}} {
		if err := run(t.Context(), args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

// Curves of tiny counts are measured and drawn.
func TestGrowthIsDrawn(t *testing.T) {
	var list []curve
	for _, s := range []study{
		one(curve{name: "files & folders"}, []int{10, 100}, packFiles), one(curve{name: "lines"}, []int{10, 100}, verifyLedger),
		{[]curve{{name: "index"}, {name: "look"}, {name: "find"}}, []int{200, 400}, shareImages},
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

// A target is reached or not by the ratios within a round, whatever else the rounds had.
func TestTargets(t *testing.T) {
	took := func(secs ...float64) (all []figures) {
		for _, s := range secs {
			all = append(all, figures{wall: time.Duration(s * float64(time.Second))})
		}
		return all
	}
	b := &bench{}
	b.atMost("half", 0.5, took(1, 20, 3), took(2, 40, 6))
	b.atMost("less", 0.4, took(1, 20, 3), took(2, 40, 6))
	b.atLeast("twice", 2, took(2, 40, 5), took(1, 20, 3))
	b.atLeast("thrice", 3, took(2, 40, 5), took(1, 20, 3))
	b.atLeast("nobody", 3, nil, took(1))
	want := []target{
		{"half", "≤ 0.5 × its time", "0.50 × (0.50 – 0.50)", met},
		{"less", "≤ 0.4 × its time", "0.50 × (0.50 – 0.50)", unmet},
		{"twice", "≥ 2 × as fast", "2.0 × (1.7 – 2.0)", met},
		{"thrice", "≥ 3 × as fast", "2.0 × (1.7 – 2.0)", unmet},
		{"nobody", "≥ 3 × as fast", "", unknown},
	}
	if !slices.Equal(b.targets, want) {
		t.Errorf("%+v", b.targets)
	}
}

// A curve is judged by its steeper end; one that should not grow is not called linear, and
// what the design asks about higher counts is not known from lower ones.
func TestGrowthIsJudged(t *testing.T) {
	counts := []int{10, 100, 1000}
	for _, c := range []struct {
		curve curve
		want  verdict
	}{
		{curve{seen: []float64{1, 10, 100}}, met},
		{curve{seen: []float64{1, 10, 300}}, unmet},
		{curve{seen: []float64{1, 100, 500}}, unmet}, // steep before its end
		{curve{seen: []float64{1, 1, 1.2}, each: true}, met},
		{curve{seen: []float64{1, 10, 100}, each: true}, unmet},
		{curve{seen: []float64{1, 10, 100}, design: 1000}, met},
		{curve{seen: []float64{1, 10, 100}, design: 10_000}, unknown},
		{curve{seen: []float64{1, 10, 300}, design: 10_000}, unmet},
	} {
		b := &bench{}
		c.curve.counts = counts
		b.wantGrowth(&c.curve)
		if got := b.targets[0]; got.verdict != c.want {
			t.Errorf("%v: %+v, not %s", c.curve, got, c.want)
		}
	}
	if c := (curve{counts: counts, seen: []float64{1, 100, 100}}); math.Abs(c.slope()-1) > 1e-9 || c.exponent() != 0 {
		t.Errorf("slope %v, exponent %v", c.slope(), c.exponent())
	}
}

// onlyWithAShell leaves a test out on Windows; everywhere else a shell that is missing fails it.
func onlyWithAShell(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the peers are run by a shell, which Windows does not have")
	}
}

// A pipe whose first program fails is no result, for the last one does not know.
func TestAPipeFailsAsAWhole(t *testing.T) {
	onlyWithAShell(t)
	b := &bench{dir: t.TempDir()}
	line := func(first string) string {
		return strings.Replace(`{ `+first+sealing, "age -r \"$4\" -o", "sh -c 'cat >\"$1\"' sh", 1)
	}
	for first, want := range map[string]bool{"echo whole": true, "{ echo half; false; }": false} {
		f, err := b.measure(t.Context(), &contender{name: first, command: b.sh(line(first), "key")}, b.dir)
		if (err == nil) != want {
			t.Errorf("%s: %+v, %v", first, f, err)
		}
	}
}

// What a shell has started ends with it.
func TestAPipeEndsWithItsContext(t *testing.T) {
	onlyWithAShell(t)
	b := &bench{dir: t.TempDir()}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(b.dir, "begun")); err == nil {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	began := time.Now()
	_, err := b.measure(ctx, &contender{name: "slow", command: b.sh(`: >"$1/begun"; sleep 30 | sleep 30; true`, "")}, b.dir)
	if took := time.Since(began); err == nil || took > 9*time.Second {
		t.Errorf("%v after %s", err, took)
	}
}
