package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/packager/seal"
	"chartseal/transport/page"
)

// A page says how its sealed file begins and whose release it is. A file that was changed on
// the way is told from a key that does not fit, before it is downloaded or anything is asked
// for, and a page that leads to another delivery unpacks nothing.
func TestAPageThatLeadsToSomethingElse(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	key, err := seal.GenerateKey(false)
	must(t, err)
	keyFile := filepath.Join(t.TempDir(), "key.txt")
	must(t, os.WriteFile(keyFile, key.File(time.Now()), 0o600))
	must(t, os.WriteFile(cfg.Recipients, []byte(strings.Replace(demoBook, "email:", "keys: ["+key.Public+"], email:", 1)), 0o600))
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": letOrder("R-79")})
	only := func(pattern string) []byte {
		t.Helper()
		all, err := filepath.Glob(filepath.Join(cfg.State, "store", "data", "chartseal", pattern))
		must(t, err)
		if len(all) != 1 {
			t.Fatal(len(all))
		}
		b, err := os.ReadFile(all[0])
		must(t, err)
		return b
	}
	html, sealed := only("*.html"), only("*.age")
	to, err := page.Read(html)
	must(t, err)
	if to.Head.Bytes == 0 || to.Reference == "" || to.Head.Differs(sealed) {
		t.Fatalf("the page says %d bytes, %q", to.Head.Bytes, to.Reference)
	}
	var served []byte
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page" {
			w.Header().Set("Content-Type", page.ContentType)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(html))
			return
		}
		asked++
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(served))
	}))
	defer s.Close()
	here := func(secret string) []byte {
		t.Helper()
		b, err := json.Marshal(secret)
		must(t, err)
		return b
	}
	html = bytes.Replace(html, here(to.URL), here(s.URL+"/bundle"), 1)
	open := func(what string) error {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "out")
		_, err := openBundle(t.Context(), opening{source: s.URL + "/page", dir: dir, keyFile: keyFile})
		if _, there := os.Stat(dir); (there == nil) != (err == nil) {
			t.Errorf("%s: %v, and in the folder: %v", what, err, there)
		}
		return openError(err)
	}
	served = sealed
	if err := open("as it is"); err != nil {
		t.Fatal(err)
	}
	asked, served = 0, bytes.Clone(sealed)
	served[to.Head.Bytes-60] ^= 1 // of the wrapped file key, or of its MAC
	if err := open("changed"); !errors.Is(err, seal.ErrDamaged) || errors.Is(err, seal.ErrWrongKey) || codeOf(err) != exitUnverified || asked > 2 {
		t.Errorf("of a changed head it says %v, after %d requests", err, asked)
	}
	served = sealed
	html = bytes.Replace(html, here(to.Reference), here("another"), 1)
	if err := open("another"); !errors.Is(err, errOther) || codeOf(err) != exitUnverified {
		t.Errorf("of another release it says %v", err)
	}
}
