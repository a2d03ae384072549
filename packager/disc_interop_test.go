//go:build interop

package packager

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"chartseal/order"
	"chartseal/testdata/practice"
)

// directoryRecord is one record of a DICOMDIR: values by tag.
type directoryRecord map[string]string

var dumped = regexp.MustCompile(`^( *)\(([0-9a-f]{4},[0-9a-f]{4})\) (..) (.*?) *#`)

// directory reads the records of a DICOMDIR with dcmdump, by type and what
// identifies them.
func directory(t *testing.T, file string) map[string]directoryRecord {
	t.Helper()
	records := map[string]directoryRecord{}
	var now directoryRecord
	keep := func() {
		if now != nil {
			key := now["0004,1430"] + now["0010,0020"] + now["0020,000d"] + now["0020,000e"] + now["0004,1511"]
			if records[key] != nil {
				t.Errorf("two records %s", key)
			}
			records[key] = now
		}
	}
	for line := range strings.Lines(tool(t, "dcmdump", "-q", "+L", "-Un", "+U8", file)) {
		switch m := dumped.FindStringSubmatch(line); {
		case m == nil:
		case m[2] == "fffe,e000" && len(m[1]) == 2:
			keep()
			now = directoryRecord{}
		case now != nil && len(m[1]) == 4:
			now[m[2]] = strings.Trim(m[4], "[] ")
		}
	}
	keep()
	return records
}

// TestInteropDisc unpacks bundles and judges data/ as a disc: every file that the
// DICOMDIR names is there and is what it says, and dcmtk, told to make a
// DICOMDIR of the same files, writes nothing that ours does not say.
func TestInteropDisc(t *testing.T) {
	home := t.TempDir()
	made, err := practice.Make(t.Context(), home, practice.Options{Small: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"10432", "20871"} {
		patient, _ := made.Patient(id)
		dir := packed(t, patient, filepath.Join(home, "records"), planFor(t, order.Treatment, []string{"radiograph", "cbct"}, DICOMRules{}))
		disc := filepath.Join(dir, "data")
		ours := directory(t, filepath.Join(disc, "DICOMDIR"))
		checkFiles(t, disc, ours)
		cmd := exec.CommandContext(t.Context(), "dcmmkdir", "-Nxc", "+D", "../THEIRS", "+id", ".", "+r", "DICOM")
		cmd.Dir = disc
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("dcmmkdir: %v\n%s", err, out)
		}
		theirs := directory(t, filepath.Join(dir, "THEIRS"))
		if got, want := slices.Sorted(maps.Keys(ours)), slices.Sorted(maps.Keys(theirs)); !slices.Equal(got, want) {
			t.Errorf("records\n%q\ndcmtk's\n%q", got, want)
		}
		for key, record := range theirs {
			for tag, value := range record {
				switch got, there := ours[key][tag]; {
				case tag == "0004,1400" || tag == "0004,1420": // offsets
				case tag == "0008,0005" && !there: // dcmtk copies the file's, needed or not
				case !there || got != value:
					t.Errorf("%.60s: (%s) is %q, dcmtk's %q", key, tag, got, value)
				}
			}
		}
		checkReadme(t, disc)
		tool(t, "gdcmdump", filepath.Join(disc, "DICOMDIR"))
		out, _ := exec.CommandContext(t.Context(), "dciodvfy", filepath.Join(disc, "DICOMDIR")).CombinedOutput() // exits 0 whatever it finds
		if strings.Contains(string(out), "Error") {
			t.Errorf("dciodvfy: %s", out)
		}
	}
}

// checkReadme compares what README.TXT says of the files that are not encoded as
// the profile wants with what dcmtk refuses to put on such a disc.
func checkReadme(t *testing.T, disc string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "dcmmkdir", "-Pdv", "+D", "../THEIRS", "+id", ".", "+r", "DICOM")
	cmd.Dir = disc
	out, _ := cmd.CombinedOutput() // fails if it refuses one
	refused := strings.Count(string(out), "expected but")
	readme, err := os.ReadFile(filepath.Join(disc, "README.TXT"))
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	if m := regexp.MustCompile(`(\d+) of the DICOM files`).FindSubmatch(readme); m != nil {
		said, _ = strconv.Atoi(string(m[1])) // digits
	}
	if said != refused {
		t.Errorf("README.TXT tells of %d files, dcmtk refuses %d:\n%s", said, refused, out)
	}
}

// checkFiles compares the references of a directory with the files (PS3.3 table
// F.3-3), and the files with the references.
func checkFiles(t *testing.T, disc string, records map[string]directoryRecord) {
	t.Helper()
	named := map[string]bool{}
	for _, r := range records {
		if r["0004,1500"] == "" {
			continue
		}
		path := strings.ReplaceAll(r["0004,1500"], `\`, "/")
		named[path] = true
		dump := tool(t, "dcmdump", "-q", "+L", "-Un", "+P", "0002,0002", "+P", "0002,0003", "+P", "0002,0010", "+P", "0008,0016", "+P", "0008,0018", filepath.Join(disc, path))
		for tag, want := range map[string]string{
			"0002,0002": r["0004,1510"], "0008,0016": r["0004,1510"], "0002,0003": r["0004,1511"], "0008,0018": r["0004,1511"], "0002,0010": r["0004,1512"],
		} {
			if !regexp.MustCompile(`\(` + tag + `\) UI \[` + regexp.QuoteMeta(strings.Trim(want, "[]")) + `\]`).MatchString(dump) {
				t.Errorf("%s: (%s) is not %q:\n%s", path, tag, want, dump)
			}
		}
	}
	n := 0
	err := filepath.WalkDir(filepath.Join(disc, "DICOM"), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
			if rel, _ := filepath.Rel(disc, path); !named[filepath.ToSlash(rel)] {
				t.Errorf("%s is not in the DICOMDIR", rel)
			}
		}
		return err
	})
	if err != nil || n != len(named) || n == 0 {
		t.Errorf("%d files, %d named, %v", n, len(named), err)
	}
}
