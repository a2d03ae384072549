package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"chartseal/transport"
)

// answer is what a browser gets.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends one request, as a browser would.
func ask(t *testing.T, method, address string, header http.Header) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var body bytes.Buffer
	body.Grow(int(max(resp.ContentLength, 0)) + bytes.MinRead) // to grow step by step is slow under the race detector
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, body.Bytes()}
}

func link(t *testing.T, st Store, key string, life time.Duration) transport.Link {
	t.Helper()
	l, err := st.Link(t.Context(), key, life, "records.zip.age", "")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// fetch downloads an object the way a recipient does.
func fetch(t *testing.T, st Store, key string) []byte {
	t.Helper()
	got := ask(t, http.MethodGet, link(t, st, key, time.Minute).URL.Reveal(), nil)
	if got.status != http.StatusOK {
		t.Fatalf("link answers %d", got.status)
	}
	return got.body
}

func testLink(t *testing.T, st Store) {
	f := newFile(20, 50_000)
	obj := upload(t, st, f)
	l := link(t, st, obj.Key, time.Hour)
	if s := fmt.Sprintf("%v %+v %#v %s %x %q", l, l, l, l.URL, l.URL, l.URL); strings.Contains(s, "http") || strings.Contains(s, "68747470") {
		t.Error("the link shows itself")
	}
	got := ask(t, http.MethodGet, l.URL.Reveal(), nil)
	if got.status != http.StatusOK || !bytes.Equal(got.body, f.data) {
		t.Errorf("status %d, %d bytes", got.status, len(got.body))
	}
	if have := got.header.Get("Content-Disposition"); have != `attachment; filename="records.zip.age"` {
		t.Errorf("content disposition %q", have)
	}
	if have := got.header.Get("Content-Type"); have != "application/octet-stream" {
		t.Errorf("content type %q", have)
	}
	got = ask(t, http.MethodGet, l.URL.Reveal(), http.Header{"Range": {"bytes=100-199"}})
	if got.status != http.StatusPartialContent || !bytes.Equal(got.body, f.data[100:200]) {
		t.Errorf("range: status %d, %d bytes", got.status, len(got.body))
	}
	if have := got.header.Get("Content-Range"); have != "bytes 100-199/50000" {
		t.Errorf("content range %q", have)
	}
	got = ask(t, http.MethodHead, l.URL.Reveal(), nil)
	if got.status != http.StatusForbidden {
		t.Errorf("HEAD with a GET link: %d, documented as 403", got.status)
	}
}

func testPageLink(t *testing.T, st Store) {
	const page = "<!doctype html><title>Records</title>"
	key := "page-" + fmt.Sprint(time.Now().UnixNano()) + ".html" //nolint:forbidigo // a fresh key
	for range 2 {
		if _, err := st.Put(t.Context(), key, "text/html; charset=utf-8", []byte(page)); err != nil {
			t.Fatal(err)
		}
	}
	l, err := st.Link(t.Context(), key, time.Hour, "", "")
	if err != nil {
		t.Fatal(err)
	}
	got := ask(t, http.MethodGet, l.URL.Reveal(), nil)
	if got.status != http.StatusOK || string(got.body) != page {
		t.Errorf("status %d, %q", got.status, got.body)
	}
	if ct, cd := got.header.Get("Content-Type"), got.header.Get("Content-Disposition"); ct != "text/html; charset=utf-8" || cd != "inline" {
		t.Errorf("content type %q, disposition %q", ct, cd)
	}
}

func testTampered(t *testing.T, st Store) {
	obj, other := upload(t, st, newFile(21, 1000)), upload(t, st, newFile(22, 1000))
	good := link(t, st, obj.Key, time.Hour).URL.Reveal()
	u, err := url.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	bare := *u
	bare.RawQuery = ""
	cases := map[string]string{
		"signature":   changeQuery(*u, "X-Amz-Signature", func(s string) string { return flip(s) }),
		"longer life": changeQuery(*u, "X-Amz-Expires", func(string) string { return "604800" }),
		"file name": changeQuery(*u, "response-content-disposition", func(string) string {
			return "inline"
		}),
		"other key": strings.Replace(good, obj.Key, other.Key, 1),
		"anonymous": bare.String(),
	}
	for name, address := range cases {
		if got := ask(t, http.MethodGet, address, nil); got.status != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", name, got.status)
		}
	}
}

func changeQuery(u url.URL, name string, change func(string) string) string {
	q := u.Query()
	q.Set(name, change(q.Get(name)))
	u.RawQuery = q.Encode()
	return u.String()
}

func flip(hex string) string {
	if hex[0] == '0' {
		return "1" + hex[1:]
	}
	return "0" + hex[1:]
}

func testExpired(t *testing.T, st Store) {
	l := freshLink(t, st, upload(t, st, newFile(23, 1000)).Key)
	time.Sleep(time.Until(l.Expires) + 1100*time.Millisecond) //nolint:forbidigo // a server's clock
	if got := ask(t, http.MethodGet, l.URL.Reveal(), nil); got.status != http.StatusForbidden {
		t.Errorf("expired link answers %d", got.status)
	}
}

// freshLink makes a link that opens and soon ends: a longer one where the machine took so
// long that it had ended.
func freshLink(t *testing.T, st Store, key string) transport.Link {
	t.Helper()
	for life := 2 * time.Second; ; life *= 2 {
		l := link(t, st, key, life)
		got := ask(t, http.MethodGet, l.URL.Reveal(), nil)
		if got.status == http.StatusOK {
			return l
		}
		if time.Now().Before(l.Expires) { //nolint:forbidigo // a server's clock
			t.Fatalf("fresh link answers %d", got.status)
		}
	}
}

func testRevoke(t *testing.T, st Store) {
	obj := upload(t, st, newFile(24, partSize+1))
	l := link(t, st, obj.Key, time.Hour)
	for range 2 {
		if err := st.Revoke(t.Context(), obj.Key); err != nil {
			t.Fatal(err)
		}
		if got := ask(t, http.MethodGet, l.URL.Reveal(), nil); got.status != http.StatusNotFound {
			t.Errorf("revoked link answers %d", got.status)
		}
	}
	if _, err := st.Stat(t.Context(), obj.Key); !errors.Is(err, transport.ErrNotFound) {
		t.Errorf("stat of a revoked object: %v", err)
	}
}

func testAbortStale(t *testing.T, st Store) {
	_, _ = st.AbortStale(t.Context(), time.Now().Add(time.Hour)) //nolint:forbidigo // what other tests left
	f := newFile(25, haltedSize)
	sh := &shelf{t: t}
	halt(t, st, f, newTicket(t, f), sh)
	foreign := newTicket(t, f)
	foreign.Key = "somebody-elses-" + foreign.Key
	fsh := &shelf{t: t}
	interrupt(t, st, f, foreign, fsh, partSize)

	if n, err := st.AbortStale(t.Context(), time.Now().Add(-time.Hour)); n != 0 || err != nil { //nolint:forbidigo // a server's clock
		t.Errorf("young uploads: %d, %v", n, err)
	}
	if n, err := st.AbortStale(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil { //nolint:forbidigo // a server's clock
		t.Errorf("old uploads: %d, %v; want 1 and not the foreign one", n, err)
	}
	id := fsh.load().UploadID
	if _, err := st.Upload(t.Context(), f, f.size(), fsh.load(), fsh.save, nil); err != nil || fsh.load().UploadID != id {
		t.Errorf("the foreign upload did not survive: %v", err)
	}
}

// testAbortAlive leaves alone what is named as alive, and what another daemon,
// which nobody here knows of, is still sending parts of.
func testAbortAlive(t *testing.T, st Store) {
	_, _ = st.AbortStale(t.Context(), time.Now().Add(time.Hour)) //nolint:forbidigo // what other tests left
	f := newFile(26, 12*partSize)
	sh := &shelf{t: t}
	interrupt(t, st, f, newTicket(t, f), sh, 2*partSize)
	id := sh.load().UploadID
	if n, err := st.AbortStale(t.Context(), time.Now().Add(time.Hour), "another", id); n != 0 || err != nil { //nolint:forbidigo // a server's clock
		t.Errorf("the live upload: %d, %v", n, err)
	}
	time.Sleep(2100 * time.Millisecond) // stores tell the time in whole seconds
	before := time.Now()                //nolint:forbidigo // a server's clock
	time.Sleep(1100 * time.Millisecond)
	// Of what is taken four parts may be under way; the rest has been stored, and
	// more of it than before.
	interrupt(t, st, f, sh.load(), sh, 11*partSize)
	if n, err := st.AbortStale(t.Context(), before); n != 0 || err != nil {
		t.Errorf("an old upload with young parts: %d, %v", n, err)
	}
	if _, err := st.Upload(t.Context(), f, f.size(), sh.load(), sh.save, nil); err != nil || sh.load().UploadID != id {
		t.Errorf("the live upload did not survive: %v", err)
	}
}

// testPurge deletes what is old and ours, and nothing else.
func testPurge(t *testing.T, st Store) {
	bundle, kept := upload(t, st, newFile(27, 1000)), upload(t, st, newFile(28, 1000))
	page := strings.TrimSuffix(bundle.Key, transport.KeySuffix) + transport.PageSuffix
	foreign := "somebody-elses-" + bundle.Key
	for _, key := range []string{page, foreign} {
		if _, err := st.Put(t.Context(), key, "text/html", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	there := func(key string) bool {
		_, err := st.Stat(t.Context(), key)
		if err != nil && !errors.Is(err, transport.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	if n, err := st.Purge(t.Context(), time.Now().Add(-time.Hour), nil); n != 0 || err != nil { //nolint:forbidigo // a server's clock
		t.Errorf("young objects: %d, %v", n, err)
	}
	n, err := st.Purge(t.Context(), time.Now().Add(time.Hour), func(key string) bool { return key == kept.Key }) //nolint:forbidigo // a server's clock
	if n < 2 || err != nil {
		t.Errorf("old objects: %d, %v; want the bundle and its page", n, err)
	}
	for key, want := range map[string]bool{bundle.Key: false, page: false, kept.Key: true, foreign: true} {
		if there(key) != want {
			t.Errorf("%.6s… is there: %v", key, !want)
		}
	}
}
