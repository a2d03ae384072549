//go:build interop

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/packager/seal"
	"chartseal/testdata/practice"
	"chartseal/watch/notice"
)

// TestInteropPage is the recipient of what a daemon sent from its embedded store.
func TestInteropPage(t *testing.T) {
	t.Parallel()
	need(t, "age", "unzip", "pdftotext", "script", "chromium", "node")
	d := delivered(t)
	t.Run("three ways", func(t *testing.T) { threeWays(t, d) })
	t.Run("faults", func(t *testing.T) { pageFaults(t, d) })
}

// threeWays opens what the daemon sent as a recipient may: on its page in a browser,
// with chartseal open, and with stock age and unzip. Every file is the same byte for
// byte.
func threeWays(t *testing.T, d delivery) {
	for name, s := range map[string]sent{"key": d.byKey, "words": d.byWords} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t)
			dir := t.TempDir()
			sealed := filepath.Join(dir, "bundle.age")
			fetch(t, s.receipt.Link, sealed)
			plain := filepath.Join(dir, "bundle.zip")
			s.decrypt(t, sealed, plain)
			unzipped := filepath.Join(dir, "unzipped")
			tool(t, dir, "unzip", "-q", "-d", unzipped, plain)
			want := filesIn(t, unzipped)

			opened := filepath.Join(dir, "opened")
			s.open(t, opened, filepath.Join(d.cfg.State, "keys", "practice.pub"))
			sameFiles(t, "chartseal open", filesIn(t, opened), want)

			var saved struct {
				All   string
				Files []string
			}
			tab := b.visit(s.receipt.Page)
			if a := b.open(tab, s.words, s.key); a.Opened == "" {
				t.Fatalf("the page says %v", a.Fault)
			}
			b.do(map[string]any{"do": "save", "tab": tab, "dir": filepath.Join(dir, "saved")}, &saved)
			checkDigest(t, saved.All, digestOf(t, plain))
			var one []string
			for _, f := range saved.Files {
				one = append(one, savedFiles(t, f)...)
			}
			var all []string
			for _, r := range s.receipt.Records {
				all = append(all, want[r.Path])
			}
			slices.Sort(one)
			slices.Sort(all)
			if len(all) < 20 || !slices.Equal(one, all) {
				t.Errorf("%d files saved one by one on the page are not the %d records", len(one), len(all))
			}
			t.Logf("%d files, of which %d records, are the same three ways", len(want), len(all))
		})
	}
}

// pageFaults: what the embedded store really answers when the bundle was changed, cut,
// its link has expired or the release was revoked has a sentence of its own on the page.
func pageFaults(t *testing.T, d delivery) {
	s := d.byWords
	b := newBrowser(t)
	tab := b.visit(s.receipt.Page)
	says := func(en, es, words string) {
		t.Helper()
		if a := b.open(tab, words, ""); a.Opened != "" || a.Fault["en"] != en || a.Fault["es"] != es {
			t.Errorf("the page says %q and %q, not %q and %q; opened: %q", a.Fault["en"], a.Fault["es"], en, es, a.Opened)
		}
	}
	says("These words do not open the records", "Estas palabras no abren el expediente", "one two three four five six")

	object := filepath.Join(d.cfg.State, "store", "data", "chartseal", filepath.FromSlash(s.receipt.Bundle.Key))
	whole, err := os.ReadFile(object)
	check(t, err)
	bad := slices.Clone(whole)
	bad[len(bad)/2] ^= 1
	check(t, os.WriteFile(object, bad, 0o600))
	says("These records were damaged or changed on the way", "El expediente se dañó o cambió en el camino", s.words)
	check(t, os.WriteFile(object, whole[:len(whole)/2], 0o600))
	says("The file is not complete", "El archivo no está completo", s.words)
	check(t, os.WriteFile(object, whole, 0o600))

	var relinked struct {
		Page    string
		Expires time.Time `json:"link_expires"`
	}
	check(t, json.Unmarshal(d.chartseal(t, "link", "--json", "--lifetime", "6s", d.order(s)), &relinked))
	tab = b.visit(relinked.Page)
	time.Sleep(time.Until(relinked.Expires) + time.Second)
	says("This link has expired", "Este enlace venció", s.words)

	check(t, json.Unmarshal(d.chartseal(t, "link", "--json", d.order(s)), &relinked))
	tab = b.visit(relinked.Page)
	d.chartseal(t, "revoke", s.receipt.Order)
	says("The practice has withdrawn these records", "El consultorio retiró este expediente", s.words)
}

// delivery is a practice whose daemon has sent the records of two patients, one to a
// key and one to a passphrase, and still serves them.
type delivery struct {
	cfg            *config.Config
	dir            string
	byKey, byWords sent
}

// sent is one release, and what opens it.
type sent struct {
	receipt    notice.Receipt
	key, words string
}

func delivered(t *testing.T) delivery {
	t.Helper()
	d := delivery{dir: t.TempDir()}
	key, err := seal.GenerateKey(false)
	check(t, err)
	d.byKey.key = filepath.Join(d.dir, "dr.key")
	check(t, os.WriteFile(d.byKey.key, key.File(time.Now()), 0o600))
	where := filepath.Join(d.dir, "practice")
	people, err := buildPractice(t.Context(), where, practice.Options{Slices: 24, Size: 128, Now: time.Now()})
	check(t, err)
	book := strings.Replace(demoBook, "email:", "keys: ["+key.Public+"], email:", 1)
	check(t, os.WriteFile(filepath.Join(where, "recipients.yaml"), []byte(book), 0o600))
	d.cfg, err = config.Load(filepath.Join(where, "chartseal.yaml"))
	check(t, err)
	now := practice.OrderOptions{Now: time.Now()}
	orders := map[string][]byte{
		"R-KEY": practice.OrderFor(people.Patients[0], "R-KEY", now), "R-WORDS": practice.AccessOrderFor(people.Patients[0], "R-WORDS", now),
	}
	for id, text := range orders {
		check(t, os.WriteFile(filepath.Join(d.dir, id+".yaml"), text, 0o600))
		check(t, os.WriteFile(filepath.Join(d.cfg.Outbox, id+".yaml"), text, 0o600))
	}
	d.serve(t)
	for id, s := range map[string]*sent{"R-KEY": &d.byKey, "R-WORDS": &d.byWords} {
		answer := filepath.Join(d.cfg.Outbox, "sent", id)
		waitFor(t, filepath.Join(answer, "receipt.json"), filepath.Join(d.cfg.Outbox, "held", id, "WHY-HELD.txt"))
		text, err := os.ReadFile(filepath.Join(answer, "receipt.json"))
		check(t, err)
		check(t, json.Unmarshal(text, &s.receipt))
		if s.receipt.Unlock == "passphrase" {
			s.words = passphraseIn(tool(t, answer, "pdftotext", "PASSPHRASE-LETTER.pdf", "-"))
		}
	}
	if d.byWords.words == "" {
		t.Fatal("no passphrase in the letter")
	}
	return d
}

// passphraseIn finds the passphrase in the text of its letter.
func passphraseIn(text string) (words string) {
	for _, f := range strings.Fields(text) {
		if strings.Count(f, "-") >= 5 {
			words = f
		}
	}
	return words
}

// order is the file of a release's order.
func (d delivery) order(s sent) string { return filepath.Join(d.dir, s.receipt.Order+".yaml") }

// command is chartseal in a process of its own.
func (d delivery) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	check(t, err)
	cmd := exec.CommandContext(context.Background(), exe, append([]string{"-c", filepath.Join(d.dir, "practice", "chartseal.yaml")}, args...)...)
	cmd.Env = append(os.Environ(), childEnv...)
	cmd.Stderr = os.Stderr
	return cmd
}

// serve runs the daemon until the test ends.
func (d delivery) serve(t *testing.T) {
	t.Helper()
	daemon := d.command(t, "run")
	check(t, daemon.Start())
	t.Cleanup(func() {
		check(t, daemon.Process.Signal(os.Interrupt))
		check(t, daemon.Wait())
	})
}

// chartseal runs a command beside the daemon and returns what it prints.
func (d delivery) chartseal(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := d.command(t, args...).Output()
	check(t, err)
	return out
}

// decrypt opens a sealed file with stock age, which takes a passphrase from its
// terminal only.
func (s sent) decrypt(t *testing.T, sealed, plain string) {
	t.Helper()
	if s.key != "" {
		tool(t, "", "age", "-d", "-i", s.key, "-o", plain, sealed)
		return
	}
	cmd := exec.CommandContext(t.Context(), "script", "-qec", "age -d -o '"+plain+"' '"+sealed+"'", "/dev/null")
	cmd.Stdin = strings.NewReader(s.words + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("age: %v\n%s", err, out)
	}
}

// open opens the release from its page's link with chartseal open.
func (s sent) open(t *testing.T, dir, signer string) {
	t.Helper()
	m, err := openBundle(t.Context(), opening{source: s.receipt.Page, dir: dir, keyFile: s.key, passphrase: s.words, signer: signer})
	check(t, err)
	if !m.Signature.Confirmed {
		t.Error("chartseal open did not confirm the signature")
	}
}

// filesIn maps the files below a folder to their digests.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	check(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out[path] = digestOf(t, filepath.Join(dir, filepath.FromSlash(path)))
		}
		return err
	}))
	return out
}

func sameFiles(t *testing.T, how string, got, want map[string]string) {
	t.Helper()
	for path, sum := range want {
		if got[path] != sum {
			t.Errorf("%s: %s differs", how, path)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d files, not %d", how, len(got), len(want))
	}
}

// savedFiles are the digests of what the page saved: a file, or a series as a ZIP.
func savedFiles(t *testing.T, file string) (sums []string) {
	t.Helper()
	if filepath.Ext(file) != ".zip" {
		return []string{digestOf(t, file)}
	}
	dir := t.TempDir()
	tool(t, dir, "unzip", "-q", file)
	for _, sum := range filesIn(t, dir) {
		sums = append(sums, sum)
	}
	return sums
}

// browser is Chromium, driven by a program beside the page's own tests.
type browser struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	web := filepath.Join("..", "..", "transport", "page", "web")
	if _, err := os.Stat(filepath.Join(web, "node_modules", "playwright-core")); err != nil {
		t.Fatal("playwright-core is not there: run `npm ci` in transport/page/web")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "node", "test/drive.mjs")
	cmd.Dir = web
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() {
		defer cancel()
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the browser: %v", err)
		}
	})
	return &browser{t, in, bufio.NewScanner(out)}
}

// do gives a command and reads its answer.
func (b *browser) do(command map[string]any, answer any) {
	b.t.Helper()
	check(b.t, json.NewEncoder(b.in).Encode(command))
	if !b.out.Scan() {
		b.t.Fatalf("the browser does not answer: %v", b.out.Err())
	}
	check(b.t, json.Unmarshal(b.out.Bytes(), answer))
}

func (b *browser) visit(url string) int {
	b.t.Helper()
	var a struct{ Tab int }
	b.do(map[string]any{"do": "visit", "url": url}, &a)
	return a.Tab
}

// said is what a page showed: the title of the records, or that of a fault in each
// language.
type said struct {
	Opened string
	Fault  map[string]string
}

func (b *browser) open(tab int, words, key string) (a said) {
	b.t.Helper()
	b.do(map[string]any{"do": "open", "tab": tab, "words": words, "key": key}, &a)
	return a
}
