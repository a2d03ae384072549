//go:build interop

package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"chartseal"
	"chartseal/config"
	"chartseal/packager/seal"
	"chartseal/testdata/practice"
	"chartseal/watch/notice"
)

// TestInteropBundle takes a bundle from its link with plain HTTP and opens and
// judges it with programs that others wrote. Here a missing program fails.
func TestInteropBundle(t *testing.T) {
	t.Parallel()
	need(t, "age", "minisign", "unzip", "sha256sum", "dcmdump", "dciodvfy", "gdcmraw", "gdcmdump", "dcmmkdir", "qpdf", "pdfinfo", "pdftotext", "exiftool")
	r := released(t)
	sealed := filepath.Join(r.dir, "bundle.age")
	fetch(t, r.receipt.Link, sealed)
	checkDigest(t, sealed, r.receipt.Bundle.SHA256)

	plain := filepath.Join(r.dir, "bundle.zip")
	tool(t, r.dir, "age", "-d", "-i", r.keyFile, "-o", plain, sealed)
	bag := filepath.Join(r.dir, "bag")
	tool(t, r.dir, "unzip", "-q", "-d", bag, plain)

	t.Run("bag", func(t *testing.T) { checkBag(t, bag) })
	t.Run("signature", func(t *testing.T) {
		tool(t, bag, "minisign", "-V", "-p", filepath.Join(r.cfg.State, "keys", "practice.pub"), "-m", "manifest.json", "-x", "manifest.json.minisig")
	})
	t.Run("same records", func(t *testing.T) { checkSame(t, bag, plain, r.receipt) })
	t.Run("dicom", func(t *testing.T) { checkDICOM(t, bag, r) })
	t.Run("documents", func(t *testing.T) { checkDocuments(t, bag) })
	t.Run("nothing planted is left", func(t *testing.T) { checkCanaries(t, bag, r.people) })
}

// need fails for every program that is not installed.
func need(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			t.Fatalf("%s is not installed: in the interop suite that is a failure", n)
		}
	}
}

// tool runs a program and fails with what it says.
func tool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// trial is one release by the real program, still served by the daemon.
type trial struct {
	dir     string
	cfg     *config.Config
	people  *practice.Practice
	receipt notice.Receipt
	keyFile string
}

// released makes a practice and sends all records of its first patient to a
// recipient with a key.
func released(t *testing.T) trial {
	t.Helper()
	r := trial{dir: t.TempDir()}
	r.keyFile = filepath.Join(r.dir, "dr.key")
	key, err := seal.GenerateKey(false)
	check(t, err)
	check(t, os.WriteFile(r.keyFile, key.File(time.Now()), 0o600))
	where := filepath.Join(r.dir, "practice")
	r.people, err = buildPractice(t.Context(), where, practice.Options{Slices: 24, Size: 128, Now: time.Now()})
	check(t, err)
	book := strings.Replace(demoBook, "email:", "keys: ["+key.Public+"], email:", 1)
	check(t, os.WriteFile(filepath.Join(where, "recipients.yaml"), []byte(book), 0o600))
	r.cfg, err = config.Load(filepath.Join(where, "chartseal.yaml"))
	check(t, err)

	order := practice.OrderFor(r.people.Patients[0], "R-INTEROP", practice.OrderOptions{
		Now: time.Now(), Kinds: []string{"chart", "radiograph", "cbct", "photo", "scan", "billing"}, Sensitive: []string{"facial_photo"},
	})
	check(t, os.WriteFile(filepath.Join(r.cfg.Outbox, "order.yaml"), order, 0o600))
	r.serve(t)
	answer := filepath.Join(r.cfg.Outbox, "sent", "R-INTEROP", "receipt.json")
	waitFor(t, answer, filepath.Join(r.cfg.Outbox, "held", "R-INTEROP", "WHY-HELD.txt"))
	b, err := os.ReadFile(answer)
	check(t, err)
	check(t, json.Unmarshal(b, &r.receipt))
	return r
}

// serve runs the daemon until the test ends.
func (r trial) serve(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p, err := chartseal.Open(ctx, r.cfg, (&app{}).options(nil))
	check(t, err)
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, false) }()
	t.Cleanup(func() {
		cancel()
		check(t, <-done)
		check(t, p.Close())
	})
}

// waitFor waits for a file and fails as soon as the other one appears.
func waitFor(t *testing.T, file, unless string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			return
		}
		if b, err := os.ReadFile(unless); err == nil {
			t.Fatalf("%s", b)
		}
	}
	t.Fatal("no answer")
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fetch(t *testing.T, link, file string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	check(t, err)
	res, err := http.DefaultClient.Do(req)
	check(t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the link answers %s", res.Status)
	}
	f, err := os.Create(file)
	check(t, err)
	_, err = io.Copy(f, res.Body)
	check(t, err)
	check(t, f.Close())
}

func digestOf(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	check(t, err)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func checkDigest(t *testing.T, file, want string) {
	t.Helper()
	if got := digestOf(t, file); got != want {
		t.Errorf("%s has digest %s, not %s", filepath.Base(file), got, want)
	}
}

// checkBag validates the bag by RFC 8493 with the shell's own tools: the
// declaration, both manifests, and that the manifests name exactly what is there.
func checkBag(t *testing.T, bag string) {
	if got := tool(t, bag, "cat", "bagit.txt"); got != "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n" {
		t.Errorf("bagit.txt says %q", got)
	}
	tool(t, bag, "sha256sum", "--check", "--strict", "--quiet", "manifest-sha256.txt")
	tool(t, bag, "sha256sum", "--check", "--strict", "--quiet", "tagmanifest-sha256.txt")
	listed := map[string]bool{}
	for _, m := range []string{"manifest-sha256.txt", "tagmanifest-sha256.txt"} {
		b, err := os.ReadFile(filepath.Join(bag, m))
		check(t, err)
		for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			_, name, _ := strings.Cut(line, "  ")
			listed[name] = true
		}
	}
	check(t, fs.WalkDir(os.DirFS(bag), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !listed[path] && path != "tagmanifest-sha256.txt" {
			t.Errorf("%s is in no manifest", path)
		}
		return err
	}))
	tool(t, bag, "sh", "-c", `oxum=$(sed -n 's/^Payload-Oxum: //p' bag-info.txt)
		test "$oxum" = "$(find data -type f -printf '%s\n' | awk '{s+=$1; n++} END {print s "." n}')"`)
}

// checkSame compares what unzip wrote with what a ZIP reader and the receipt say.
func checkSame(t *testing.T, bag, plain string, r notice.Receipt) {
	z, err := zip.OpenReader(plain)
	check(t, err)
	defer z.Close()
	for _, rec := range r.Records {
		checkDigest(t, filepath.Join(bag, filepath.FromSlash(rec.Path)), rec.SHA256)
		if _, err := z.Open(rec.Path); err != nil {
			t.Error(err)
		}
	}
}

// checkDICOM reads every DICOM file with dcmtk and dicom3tools and compares the
// pixel data with the source's, by gdcmraw.
func checkDICOM(t *testing.T, bag string, r trial) {
	sources := sourcesOf(t, filepath.Join(r.dir, "practice", "records", r.people.Patients[0].ID))
	n := 0
	check(t, fs.WalkDir(os.DirFS(filepath.Join(bag, "data", "DICOM")), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		file := filepath.Join(bag, "data", "DICOM", path)
		n++
		uid := instanceOf(t, file)
		source, there := sources[uid]
		if !there {
			t.Errorf("no source of %s", path)
			return nil
		}
		if rawPixels(t, file) != rawPixels(t, source) {
			t.Errorf("pixels of %s differ", path)
		}
		if out := dciodvfy(file); strings.Contains(out, "Error") {
			before := dciodvfy(source)
			for _, line := range strings.Split(out, "\n") {
				if strings.HasPrefix(line, "Error") && !strings.Contains(before, line) {
					t.Errorf("dciodvfy of %s: %s", path, line)
				}
			}
		}
		return nil
	}))
	if n == 0 || n != len(sources) {
		t.Errorf("%d DICOM files in the bundle, %d in the folder", n, len(sources))
	}
	tool(t, bag, "dcmdump", "-q", "data/DICOMDIR")
	tool(t, bag, "gdcmdump", "data/DICOMDIR")
}

func dciodvfy(file string) string {
	out, _ := exec.Command("dciodvfy", file).CombinedOutput() // exits 0 whatever it finds
	return string(out)
}

func instanceOf(t *testing.T, file string) string {
	out := tool(t, "", "dcmdump", "-q", "+P", "0008,0018", "+L", file)
	_, rest, _ := strings.Cut(out, "[")
	uid, _, _ := strings.Cut(rest, "]")
	return uid
}

func rawPixels(t *testing.T, file string) string {
	out := filepath.Join(t.TempDir(), "raw")
	tool(t, "", "gdcmraw", "-i", file, "-t", "7fe0,0010", "-o", out)
	return digestOf(t, out)
}

// sourcesOf maps SOP instance UIDs to the files of a folder.
func sourcesOf(t *testing.T, dir string) map[string]string {
	out := map[string]string{}
	check(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(path, ".dcm") {
			out[instanceOf(t, path)] = path
		}
		return err
	}))
	return out
}

// checkDocuments: PDF files are sound and say nothing about their makers;
// photographs carry no metadata.
func checkDocuments(t *testing.T, bag string) {
	pdfs, jpegs := 0, 0
	check(t, filepath.WalkDir(filepath.Join(bag, "data"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".pdf":
			pdfs++
			tool(t, "", "qpdf", "--check", path)
			for _, line := range strings.Split(tool(t, "", "pdfinfo", path), "\n") {
				name, value, _ := strings.Cut(line, ":")
				switch name {
				case "Title", "Author", "Subject", "Keywords", "Creator", "Metadata Stream", "JavaScript":
					if v := strings.TrimSpace(value); v != "" && v != "no" {
						t.Errorf("pdfinfo of %s: %s", filepath.Base(path), line)
					}
				}
			}
		case ".jpg", ".jpeg":
			jpegs++
			out := tool(t, "", "exiftool", "-s", "-GPS:all", "-XMP:all", "-IPTC:all", "-Make", "-Model", "-SerialNumber", "-Artist", "-OwnerName", "-ThumbnailImage", path)
			if strings.TrimSpace(out) != "" {
				t.Errorf("exiftool of %s: %s", filepath.Base(path), out)
			}
		}
		return nil
	}))
	if pdfs == 0 || jpegs == 0 {
		t.Errorf("%d PDF and %d JPEG files: nothing was judged", pdfs, jpegs)
	}
}

// checkCanaries searches every file, PDF files expanded, as bytes and as
// UTF-16, for what the machines had planted.
func checkCanaries(t *testing.T, bag string, people *practice.Practice) {
	canaries := map[string]bool{}
	for _, f := range people.Patients[0].Files {
		for _, c := range f.Canaries {
			canaries[c] = true
		}
	}
	if len(canaries) < 20 {
		t.Fatalf("only %d canaries", len(canaries))
	}
	check(t, filepath.WalkDir(bag, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		check(t, err)
		texts := [][]byte{b}
		if strings.HasSuffix(strings.ToLower(path), ".pdf") {
			texts = append(texts, []byte(tool(t, "", "qpdf", "--qdf", "--object-streams=disable", path, "-")), []byte(tool(t, "", "pdftotext", path, "-")))
		}
		for c := range canaries {
			for _, text := range texts {
				for _, form := range forms(c) {
					if bytes.Contains(text, form) {
						t.Errorf("%s still holds a planted secret (%q)", filepath.Base(path), c)
					}
				}
			}
		}
		return nil
	}))
}

func forms(s string) [][]byte {
	units := utf16.Encode([]rune(s))
	var be, le []byte
	for _, u := range units {
		be = append(be, byte(u>>8), byte(u))
		le = append(le, byte(u), byte(u>>8))
	}
	return [][]byte{[]byte(s), be, le}
}

// TestInteropPassphrase: the passphrase of the letter opens the bundle with
// stock age, read from the letter by pdftotext.
func TestInteropPassphrase(t *testing.T) {
	need(t, "pdftotext")
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	where := filepath.Join(dir, "practice")
	people, err := buildPractice(t.Context(), where, practice.Options{Small: true, Now: time.Now()})
	check(t, err)
	file := filepath.Join(dir, "r.yaml")
	check(t, os.WriteFile(file, practice.AccessOrderFor(people.Patients[4], "R-PASS", practice.OrderOptions{Now: time.Now()}), 0o600))
	if code := run([]string{"send", "-c", filepath.Join(where, "chartseal.yaml"), file}); code != 0 {
		t.Fatalf("send exits with %d", code)
	}
	answer := filepath.Join(where, "outbox", "sent", "R-PASS")
	text := tool(t, answer, "pdftotext", "PASSPHRASE-LETTER.pdf", "-")
	var words string
	for _, f := range strings.Fields(text) {
		if strings.Count(f, "-") >= 5 {
			words = f
		}
	}
	if words == "" {
		t.Fatalf("no passphrase in the letter:\n%s", text)
	}
	ids, err := seal.FromPassphrase(words)
	check(t, err)
	sealedObjects, err := filepath.Glob(filepath.Join(where, "state", "store", "data", "*", "*.age"))
	check(t, err)
	if len(sealedObjects) != 1 {
		t.Fatalf("%d objects", len(sealedObjects))
	}
	f, err := os.Open(sealedObjects[0])
	check(t, err)
	defer f.Close()
	info, err := f.Stat()
	check(t, err)
	if _, _, err := seal.Open(f, info.Size(), ids); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(sealedObjects[0])
	check(t, err)
	if !bytes.HasPrefix(b, []byte("age-encryption.org/v1\n-> scrypt ")) {
		t.Errorf("the sealed file begins with %q", fmt.Sprintf("%.40s", b))
	}
}

// TestInteropMemory packs and sends a 576 MB volume, and a scanned chart of 200 MB,
// and prints what the daemon took: its own memory, and with the pages of the program
// itself; and what its largest child took.
func TestInteropMemory(t *testing.T) {
	t.Parallel()
	exe := builtBinary(t)
	for _, big := range []struct {
		what, kind, file string
		write            func(w io.Writer, id string) error
	}{
		{"576 MB volume", "cbct", "cbct/volume.dcm", func(w io.Writer, id string) error { return practice.WriteMultiFrameCBCT(w, 600, 600, 800, id) }},
		{"200 MB scan", "chart", "charts/old paper.pdf", func(w io.Writer, _ string) error { return practice.WriteScan(w, 200<<20) }},
	} {
		dir := t.TempDir()
		where := filepath.Join(dir, "practice")
		people, err := buildPractice(t.Context(), where, practice.Options{Small: true, Now: time.Now()})
		check(t, err)
		who := people.Patients[2]
		f, err := os.Create(filepath.Join(where, "records", who.ID, filepath.FromSlash(big.file)))
		check(t, err)
		check(t, big.write(f, who.ID))
		check(t, f.Close())
		file := filepath.Join(dir, "order.yaml")
		check(t, os.WriteFile(file, practice.OrderFor(who, "R-BIG", practice.OrderOptions{Now: time.Now(), Kinds: []string{big.kind}}), 0o600))
		begin := time.Now()
		own, child := peaks(t, exec.CommandContext(t.Context(), exe, "send", "-c", filepath.Join(where, "chartseal.yaml"), file))
		t.Logf("%s sent in %.1f s: %d kB in all, of which %d kB anonymous; largest child %d kB",
			big.what, time.Since(begin).Seconds(), own["VmHWM"], own["RssAnon"], child["VmHWM"])
		if own["RssAnon"] == 0 || own["RssAnon"] > 40<<10 || own["VmHWM"] > 88<<10 {
			t.Errorf("the daemon took too much: %v", own)
		}
	}
}

// peaks runs a command and returns the largest of each line of its status, in kB
// (proc(5)), and of its children's.
func peaks(t *testing.T, cmd *exec.Cmd) (own, child map[string]int) {
	t.Helper()
	check(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	own, child = map[string]int{}, map[string]int{}
	for {
		select {
		case err := <-done:
			check(t, err)
			return own, child
		case <-time.After(20 * time.Millisecond):
			raise(own, cmd.Process.Pid)
			kids, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", cmd.Process.Pid))
			for _, k := range kids {
				b, _ := os.ReadFile(k) // gone at the end
				for _, pid := range strings.Fields(string(b)) {
					if n, err := strconv.Atoi(pid); err == nil {
						raise(child, n)
					}
				}
			}
		}
	}
}

func raise(peak map[string]int, pid int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone at the end
	for line := range strings.Lines(string(b)) {
		var kB int
		name, rest, _ := strings.Cut(line, ":")
		if _, err := fmt.Sscanf(rest, "%d kB", &kB); err == nil {
			peak[name] = max(peak[name], kB)
		}
	}
}
