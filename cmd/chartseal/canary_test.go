package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"chartseal/testdata/practice"
)

// searchForPatients runs after every story and looks for what must be nowhere
// but in the outbox, the records, the bundle and the ledger (DESIGN invariant 8): names,
// birth dates and ids of patients, order ids, file names and whole links. It
// reads the log, everything under state but the ledger, and the temporary folder.
func searchForPatients(t testscript.T, work string) {
	searched, needles, err := findPatients(work, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("searched ", searched, " files for ", needles, " texts")
}

// findPatients is searchForPatients for a practice under work. The state of a
// release that is not answered yet may hold links, and what a daemon has left behind
// that was killed may still move its files.
func findPatients(work string, underWay bool) (searched, texts int, err error) {
	needles, err := canaryNeedles(work)
	if err != nil {
		return 0, 0, err
	}
	err = filepath.WalkDir(work, func(path string, e fs.DirEntry, err error) error {
		if underWay && isGone(path, work, err) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(work, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if e.IsDir() || !isPrivatePlace(rel) {
			return nil
		}
		searched++
		b, err := os.ReadFile(path)
		if underWay && isGone(path, work, err) {
			return nil
		}
		if err != nil {
			return err
		}
		if strings.HasSuffix(rel, ".age") || strings.HasSuffix(rel, ".age.partial") {
			b = nil // sealed: random bytes hold any short text by chance
		}
		for _, n := range needles {
			if n == linkNeedle && (strings.Contains(rel, "/state/store/") || underWay && strings.Contains(rel, "/state/releases/")) {
				continue // the recipient page carries the bundle's link
			}
			if bytes.Contains(b, []byte(n)) || strings.Contains(rel, n) {
				return fmt.Errorf("found %s in %s", n, rel)
			}
		}
		return nil
	})
	return searched, len(needles), err
}

// isGone says that something below work was removed or renamed during a search.
func isGone(path, work string, err error) bool {
	return path != work && errors.Is(err, fs.ErrNotExist)
}

// isPrivatePlace tells the places where no patient may be named. Links lie in
// no log, but the state of a release holds them until the answer is out.
func isPrivatePlace(rel string) bool {
	switch {
	case rel == "log.json", strings.HasPrefix(rel, ".tmp/"):
		return true
	case strings.Contains(rel, "/state/ledger/"):
		return false
	}
	return strings.Contains(rel, "/state/")
}

// linkNeedle is in every presigned link.
const linkNeedle = "X-Amz-Signature="

var orderLine = regexp.MustCompile(`(?m)^order: *(\S+)`)

// canaryNeedles are the practice's own people and whatever orders the story wrote.
func canaryNeedles(work string) ([]string, error) {
	needles := []string{linkNeedle, "root canal", "PANO_2", "CT000001", "misfiled", "statement.pdf", "recall note", "implant chart"}
	for _, p := range practice.People() {
		needles = append(needles, p.First, p.Last, p.Name, p.BirthDate, strings.ReplaceAll(p.BirthDate, "-", ""))
		if len(p.ID) >= 5 { // shorter ones occur by chance
			needles = append(needles, `"`+p.ID+`"`, "/"+p.ID+"/", " "+p.ID+" ", "="+p.ID)
		}
	}
	err := filepath.WalkDir(work, func(path string, e fs.DirEntry, err error) error {
		if isGone(path, work, err) {
			return nil
		}
		if err != nil || e.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range orderLine.FindAllSubmatch(b, -1) {
			if id := strings.Trim(string(m[1]), `"'`); len(id) >= 3 && id != "#" {
				needles = append(needles, id)
			}
		}
		return nil
	})
	return needles, err
}
