package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"chartseal/transport"
)

// ask sends one request, as a browser would, and returns the answer.
func ask(t *testing.T, method, address string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
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
	resp, body := ask(t, http.MethodGet, link(t, st, key, time.Minute).URL.Reveal(), nil)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("link answers %d", resp.StatusCode)
	}
	return body
}

func testLink(t *testing.T, st Store) {
	f := newFile(20, 50_000)
	obj := upload(t, st, f)
	l := link(t, st, obj.Key, time.Hour)
	if s := fmt.Sprintf("%v %+v %#v %s %x %q", l, l, l, l.URL, l.URL, l.URL); strings.Contains(s, "http") || strings.Contains(s, "68747470") {
		t.Error("the link shows itself")
	}
	resp, body := ask(t, http.MethodGet, l.URL.Reveal(), nil)
	if resp.StatusCode != http.StatusOK || !bytes.Equal(body, f.data) {
		t.Errorf("status %d, %d bytes", resp.StatusCode, len(body))
	}
	if got := resp.Header.Get("Content-Disposition"); got != `attachment; filename="records.zip.age"` {
		t.Errorf("content disposition %q", got)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/octet-stream" {
		t.Errorf("content type %q", got)
	}
	resp, body = ask(t, http.MethodGet, l.URL.Reveal(), http.Header{"Range": {"bytes=100-199"}})
	if resp.StatusCode != http.StatusPartialContent || !bytes.Equal(body, f.data[100:200]) {
		t.Errorf("range: status %d, %d bytes", resp.StatusCode, len(body))
	}
	if got := resp.Header.Get("Content-Range"); got != "bytes 100-199/50000" {
		t.Errorf("content range %q", got)
	}
	resp, _ = ask(t, http.MethodHead, l.URL.Reveal(), nil)
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("HEAD with a GET link: %d, documented as 403", resp.StatusCode)
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
	resp, body := ask(t, http.MethodGet, l.URL.Reveal(), nil)
	if resp.StatusCode != http.StatusOK || string(body) != page {
		t.Errorf("status %d, %q", resp.StatusCode, body)
	}
	if ct, cd := resp.Header.Get("Content-Type"), resp.Header.Get("Content-Disposition"); ct != "text/html; charset=utf-8" || cd != "inline" {
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
		if resp, _ := ask(t, http.MethodGet, address, nil); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", name, resp.StatusCode)
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
	obj := upload(t, st, newFile(23, 1000))
	l := link(t, st, obj.Key, 2*time.Second)
	if resp, _ := ask(t, http.MethodGet, l.URL.Reveal(), nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("fresh link answers %d", resp.StatusCode)
	}
	time.Sleep(time.Until(l.Expires) + 1100*time.Millisecond) //nolint:forbidigo // a server's clock
	if resp, _ := ask(t, http.MethodGet, l.URL.Reveal(), nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("expired link answers %d", resp.StatusCode)
	}
}

func testRevoke(t *testing.T, st Store) {
	obj := upload(t, st, newFile(24, partSize+1))
	l := link(t, st, obj.Key, time.Hour)
	for range 2 {
		if err := st.Revoke(t.Context(), obj.Key); err != nil {
			t.Fatal(err)
		}
		if resp, _ := ask(t, http.MethodGet, l.URL.Reveal(), nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("revoked link answers %d", resp.StatusCode)
		}
	}
	if _, err := st.Stat(t.Context(), obj.Key); !errors.Is(err, transport.ErrNotFound) {
		t.Errorf("stat of a revoked object: %v", err)
	}
}

func testAbortStale(t *testing.T, st Store) {
	_, _ = st.AbortStale(t.Context(), time.Now().Add(time.Hour)) //nolint:forbidigo // what other tests left
	f := newFile(25, 3*partSize)
	sh := &shelf{t: t}
	interrupt(t, st, f, newTicket(t, f), sh, partSize)
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
