package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"filippo.io/age"       //nolint:depguard // what other programs make
	"filippo.io/age/armor" //nolint:depguard // likewise

	"chartseal/packager/bundle"
	"chartseal/packager/seal"
)

// behind is an object behind a link, whose server can fail.
type behind struct {
	*httptest.Server
	mu    sync.Mutex
	data  []byte
	tag   string
	stop  int64    // the connection breaks after as many bytes of a large answer; 0: never
	spans []string // what was asked for
	deaf  bool     // to If-Match
}

func newBehind(t *testing.T, data []byte) *behind {
	t.Helper()
	b := &behind{data: data, tag: `"one"`}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *behind) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spans = append(b.spans, r.Header.Get("Range"))
	if b.deaf {
		r.Header.Del("If-Match")
	}
	if b.tag != "" {
		w.Header().Set("ETag", b.tag)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	out := w
	if from, last := int64(0), int64(0); b.stop > 0 {
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &last); err == nil && last-from > headBytes {
			out = &breaking{ResponseWriter: w, left: b.stop}
		}
	}
	http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(b.data))
}

func (b *behind) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// breaking cuts the connection.
type breaking struct {
	http.ResponseWriter
	left int64
}

func (b *breaking) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		_, _ = b.ResponseWriter.Write(p[:b.left])
		if f, ok := b.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	b.left -= int64(len(p))
	return b.ResponseWriter.Write(p)
}

// once is one run of the program: it begins a download and does not try again.
func once(t *testing.T, link, dir string) ([]byte, error) {
	t.Helper()
	d := &download{dir: dir, client: &http.Client{}}
	if _, err := d.probe(t.Context(), link); err != nil {
		return nil, err
	}
	if err := errors.Join(d.forgetOthers(), d.rest(t.Context(), d.partName())); err != nil {
		return nil, err
	}
	return os.ReadFile(d.partName())
}

func parts(t *testing.T, dir string) int {
	t.Helper()
	all, err := filepath.Glob(escapeGlob(dir) + ".*")
	must(t, err)
	return len(all)
}

// A program that was killed goes on where it was; what lies behind the link has another
// name, or none of it is used, when it has changed.
func TestADownloadGoesOn(t *testing.T) {
	t.Parallel()
	one, two := bytes.Repeat([]byte("one!"), 1<<18), bytes.Repeat([]byte("two!"), 1<<18)
	b := newBehind(t, one)
	dir := filepath.Join(t.TempDir(), "a [b]*")
	b.set(func() { b.stop = 300_000 })
	for range 2 {
		if _, err := once(t, b.URL, dir); err == nil {
			t.Fatal("a broken download counts as whole")
		}
	}
	b.set(func() { b.stop = 0 })
	got, err := once(t, b.URL, dir)
	if err != nil || !bytes.Equal(got, one) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if last := b.spans[len(b.spans)-1]; last != fmt.Sprintf("bytes=600000-%d", len(one)-1) {
		t.Errorf("in the end it asked for %s", last)
	}
	before := len(b.spans)
	if got, err := once(t, b.URL, dir); err != nil || !bytes.Equal(got, one) || len(b.spans) != before+1 {
		t.Errorf("what is here was downloaded again: %v", err)
	}

	b.set(func() { b.data, b.tag = two, `"two"` })
	if got, err := once(t, b.URL, dir); err != nil || !bytes.Equal(got, two) || parts(t, dir) != 1 {
		t.Errorf("after a change: %v, %d files", err, parts(t, dir))
	}
}

// An object that changes between the look at it and the download is not mixed, whether
// the server minds or not; and without a tag an old part is not gone on with.
func TestAnObjectThatChangesIsNotMixed(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("one!"), 1<<18)
	for _, deaf := range []bool{false, true} {
		b := newBehind(t, data)
		b.deaf = deaf
		d := &download{dir: filepath.Join(t.TempDir(), "x"), client: b.Client()}
		_, err := d.probe(t.Context(), b.URL)
		must(t, err)
		b.set(func() { b.tag = `"two"` })
		if err := d.rest(t.Context(), d.partName()); !errors.Is(err, errChanged) {
			t.Errorf("deaf %v: %v", deaf, err)
		}
	}
	b := newBehind(t, data)
	b.tag = ""
	dir := filepath.Join(t.TempDir(), "x")
	b.set(func() { b.stop = 300_000 })
	_, _ = once(t, b.URL, dir)
	b.set(func() { b.stop, b.data = 0, bytes.Repeat([]byte("two!"), 1<<18) })
	if got, err := once(t, b.URL, dir); err != nil || !bytes.Equal(got, b.data) {
		t.Errorf("without a tag: %v", err)
	}
}

// Servers that answer something else than they were asked for.
func TestAServerThatAnswersAmiss(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"another place": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 5-9/10")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write([]byte("12345"))
		},
		"no size": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-9/*")
			w.WriteHeader(http.StatusPartialContent)
		},
		"all of it":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") },
		"a web page":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html><p>Log in") },
		"in circles":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
		"gone":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"out of work": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
	} {
		s := httptest.NewServer(answer)
		d := &download{dir: filepath.Join(t.TempDir(), "x"), client: s.Client()}
		_, err := d.probe(t.Context(), s.URL+"/secret?signature=1")
		if err == nil || strings.Contains(err.Error(), "secret") || errors.Is(err, errGone) != (name == "gone") {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
}

// ageFile is what the age library makes, as stock age does.
func ageFile(t *testing.T, text string, armored bool, to ...age.Recipient) string {
	t.Helper()
	var b bytes.Buffer
	var out io.Writer = &b
	var a io.WriteCloser
	if armored {
		a = armor.NewWriter(&b)
		out = a
	}
	w, err := age.Encrypt(out, to...)
	must(t, err)
	_, err = io.WriteString(w, text)
	must(t, errors.Join(err, w.Close()))
	if a != nil {
		must(t, a.Close())
	}
	file := filepath.Join(t.TempDir(), "letter.pdf.age")
	must(t, os.WriteFile(file, b.Bytes(), 0o600))
	return file
}

// A file that somebody made with age says what it needs and what it is; what it holds is
// saved only when that is asked for.
func TestOpeningWhatOthersMadeWithAge(t *testing.T) {
	t.Parallel()
	own, other := must2(age.GenerateX25519Identity()), must2(age.GenerateX25519Identity())
	key := filepath.Join(t.TempDir(), "key.txt")
	must(t, os.WriteFile(key, []byte(own.String()+"\n"), 0o600))
	const text = "%PDF-1.7 not a bundle"
	open := func(file, keyFile, passphrase string) error {
		dir := filepath.Join(t.TempDir(), "out")
		_, err := openBundle(context.Background(), opening{source: file, dir: dir, keyFile: keyFile, passphrase: passphrase})
		if err == nil {
			t.Errorf("%s counts as a bundle", file)
		}
		if _, there := os.Stat(dir); there == nil {
			t.Errorf("%v: a folder was made", err)
		}
		return openError(err)
	}
	check := func(err error, code int, words string) {
		t.Helper()
		if err == nil || codeOf(err) != code || !strings.Contains(err.Error(), words) {
			t.Errorf("code %d, %v; want %d, %q", codeOf(err), err, code, words)
		}
	}
	for _, armored := range []bool{false, true} {
		mine := ageFile(t, text, armored, own.Recipient())
		err := open(mine, key, "")
		check(err, exitUnverified, "it holds a PDF document")
		err = open(ageFile(t, text, armored, other.Recipient(), must2(age.GenerateX25519Identity()).Recipient()), key, "")
		check(err, exitFailed, "another key is needed; it is sealed for 2 age keys (age1…)")
		err = open(mine, "", "")
		check(err, exitUsage, "it is sealed for an age key (age1…). Give the file")
		words := must2(age.NewScryptRecipient("one-two"))
		words.SetWorkFactor(10)
		locked := ageFile(t, text, armored, words)
		err = open(locked, key, "")
		check(err, exitFailed, "a passphrase is needed")
		err = open(locked, "", "three")
		check(err, exitFailed, seal.ErrWrongPassphrase.Error()+"; that was 1 of 6 words")
		err = open(locked, "", "One  TWO")
		check(err, exitUnverified, "it holds a PDF document")

		dir := filepath.Join(t.TempDir(), "out")
		o := opening{source: mine, dir: dir, keyFile: key}
		f, err := o.unseal(t.Context())
		must(t, err)
		stopped, stop := context.WithCancel(t.Context())
		stop()
		if _, err := f.save(stopped, dir); !errors.Is(err, context.Canceled) {
			t.Errorf("stopped: %v", err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("stopped, %s is left", left[0].Name())
		}
		file, err := f.save(t.Context(), dir)
		must(t, errors.Join(err, f.close()))
		if b, err := os.ReadFile(file); err != nil || string(b) != text || filepath.Base(file) != "letter.pdf" {
			t.Errorf("%s: %q, %v", file, b, err)
		}
		f, err = o.unseal(t.Context())
		must(t, err)
		if _, err := f.save(t.Context(), dir); codeOf(err) != exitUsage {
			t.Errorf("a second time: %v", err)
		}
		must(t, f.close())
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%d files are left", len(left))
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".chartseal-*")); len(left) != 0 {
			t.Errorf("beside it lie %q", left)
		}
	}
}

// What a bundle says of itself cannot look like what is said of it: anybody with the
// recipient's key can make one.
func TestWhatABundleSaysStaysInItsLine(t *testing.T) {
	t.Parallel()
	m := &bundle.Manifest{Records: make([]bundle.Member, 3)}
	m.Practice.Name = "Lakeside\x1b[31m Dental\nThe signature is by the practice's key."
	m.Practice.Contact.Phone, m.Practice.PublicKey = "\x1b]0;x\a555", "RWQ\r\nabc\u202e"
	var out strings.Builder
	must(t, printOpened(&out, m, "here"))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 5 || strings.ContainsFunc(strings.Join(lines, ""), func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }) ||
		!strings.HasPrefix(lines[0], "3 records, which say that they are from Lakeside") {
		t.Errorf("%q", lines)
	}
	if got := sourceOf("https://example.org/a?b=c \r\n"); got != "https://example.org/a?b=c" {
		t.Errorf("%q", got)
	}
}

// What came in place of the sealed file, or only a part of it, is named for what it is.
func TestOpeningWhatIsNotTheSealedFile(t *testing.T) {
	t.Parallel()
	own := must2(age.GenerateX25519Identity())
	key := filepath.Join(t.TempDir(), "key.txt")
	must(t, os.WriteFile(key, []byte(own.String()+"\n"), 0o600))
	read := func(armored bool) string {
		b, err := os.ReadFile(ageFile(t, strings.Repeat("content ", 20_000), armored, own.Recipient()))
		must(t, err)
		return string(b)
	}
	whole, armored := read(false), read(true)
	changed := []byte(whole)
	changed[len(whole)/2] ^= 1
	end, head := []byte(whole), []byte(whole)
	end[len(end)-1] ^= 1
	head[strings.Index(whole, "--- ")+5] ^= 1
	const cut = "its end is missing or was changed"
	for name, c := range map[string]struct{ data, words string }{
		"nothing":            {"", "it is empty"},
		"a web page":         {"\xef\xbb\xbf\r\n<!DOCTYPE html><p>Log in", "it is a web page"},
		"an error":           {`<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>`, "an error message of the place where the records are kept"},
		"a bare error":       {`<Error><Code>NoSuchKey</Code></Error>`, "replaced it by a newer one or withdrawn"},
		"a text":             {"Dear Ms. Alvarez", "it holds text"},
		"a PDF":              {"%PDF-1.7", "it holds a PDF document"},
		"anything":           {"\x00\x01\x02", "it holds something else"},
		"ten bytes":          {whole[:10], cut},
		"half its head":      {whole[:60], cut},
		"all but the end":    {whole[:len(whole)-1], cut},
		"a part":             {whole[:65536+400], cut},
		"a part of a text":   {armored[:len(armored)-100], cut},
		"changed at its end": {string(end), cut},
		"another head":       {string(head), seal.ErrDamaged.Error()},
		"changed within":     {string(changed), seal.ErrDamaged.Error()},
	} {
		file := filepath.Join(t.TempDir(), "x.age")
		must(t, os.WriteFile(file, []byte(c.data), 0o600))
		dir := filepath.Join(t.TempDir(), "out")
		o := opening{source: file, dir: dir, keyFile: key}
		f, err := o.unseal(t.Context())
		if err == nil { // what lies in the middle is found when it is read
			_, err = f.save(t.Context(), dir)
			must(t, f.close())
		}
		if err = openError(err); err == nil || codeOf(err) != exitUnverified || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: code %d, %v", name, codeOf(err), err)
		}
	}
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
