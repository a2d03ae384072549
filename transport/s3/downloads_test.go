package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal/transport"
	"chartseal/transport/storetest"
)

// visit asks for a link's object as a browser, a scanner or a program would. It reads
// as many bytes as it is told, and then hangs up; -1 is all.
func visit(t *testing.T, method string, link transport.Link, span string, read int64) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, link.URL.Reveal(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if span != "" {
		req.Header.Set("Range", "bytes="+span)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var body io.Reader = resp.Body
	if read >= 0 {
		body = io.LimitReader(body, read)
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// The embedded store counts what recipients fetch, and not what scanners, the page or
// a look at the size make of a link.
func TestTheEmbeddedStoreSeesDownloads(t *testing.T) {
	sv := startServer(t)
	st := open(t, sv.config())
	const size = 24 << 20 // more than the system buffers of a connection hold
	data := bytes.Repeat([]byte("sealed! "), size/8)
	put := func() (transport.Object, transport.Link) {
		key, err := transport.NewKey(nil, "")
		if err != nil {
			t.Fatal(err)
		}
		obj, err := st.Upload(t.Context(), bytes.NewReader(data), size, &transport.Ticket{Key: key}, func(transport.Ticket) error { return nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		l, err := st.Link(t.Context(), key, time.Hour, "records.zip.age", "")
		if err != nil {
			t.Fatal(err)
		}
		return obj, l
	}
	// The store notes a request once it has done with it, which may be after the client has.
	eventually := func(key string, want func(transport.Fetch) bool) (f transport.Fetch) {
		t.Helper()
		for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
			all, err := sv.Downloads()
			if err != nil {
				t.Fatal(err)
			}
			if f = all[key]; want(f) {
				return f
			}
		}
		t.Errorf("it is noted as %+v", f)
		return f
	}
	whole := func(f transport.Fetch) bool { return !f.At.IsZero() }

	scanned, link := put()
	visit(t, http.MethodHead, link, "", -1)
	visit(t, http.MethodGet, link, "0-0", -1)
	visit(t, http.MethodGet, link, "0-65535", -1)
	visit(t, http.MethodGet, link, "", 1<<20) // hangs up
	visit(t, http.MethodGet, link, "-1000", -1)
	time.Sleep(100 * time.Millisecond)
	if all, err := sv.Downloads(); err != nil || !all[scanned.Key].At.IsZero() {
		t.Errorf("a scanner's visit counts as a download: %+v, %v", all[scanned.Key], err)
	}
	visit(t, http.MethodGet, link, fmt.Sprintf("%d-", 1<<20), -1)
	visit(t, http.MethodGet, link, "0-1048575", -1)
	if f := eventually(scanned.Key, whole); !f.Pieces {
		t.Error("pieces count as one")
	}

	atOnce, link := put()
	before := time.Now().Truncate(time.Second)
	visit(t, http.MethodGet, link, "", -1)
	f := eventually(atOnce.Key, whole)
	if f.Pieces || f.At.Before(before) || f.At.After(time.Now()) {
		t.Errorf("%+v", f)
	}
	if err := st.Revoke(t.Context(), atOnce.Key); err != nil {
		t.Fatal(err)
	}
	sv.kill()
	if g := eventually(atOnce.Key, whole); g != f {
		t.Errorf("after a crash and a revocation: %+v, was %+v", g, f)
	}
	if err := errors.Join(sv.ForgetDownload(atOnce.Key), sv.ForgetDownload(atOnce.Key)); err != nil {
		t.Error(err)
	}
	if all, _ := sv.Downloads(); len(all) != 1 {
		t.Errorf("%d are left", len(all))
	}
	if err := sv.ForgetDownload("../store.json"); err == nil {
		t.Error("a key that is none was taken")
	}
}

// logBucket is the embedded store with an access log, of which a proxy tells; the log
// itself lies in the store.
type logBucket struct {
	*bench
	t     *testing.T
	files int
}

const loggingOn = `<?xml version="1.0" encoding="UTF-8"?><BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LoggingEnabled><TargetBucket>chartseal</TargetBucket><TargetPrefix>logs/</TargetPrefix>%s</LoggingEnabled></BucketLoggingStatus>`

const partitioned = `<TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>EventTime</PartitionDateSource></PartitionedPrefix></TargetObjectKeyFormat>`

func newLogBucket(t *testing.T, form string) *logBucket {
	t.Helper()
	b := newBench(t, startServer(t), small, nil)
	b.proxy.Inject(storetest.Fault{Op: "GET bucket", Status: http.StatusOK, Body: fmt.Sprintf(loggingOn, form), When: func(r *http.Request) bool { return r.URL.Query().Has("logging") }})
	return &logBucket{bench: b, t: t}
}

// deliver puts a log file into the store, as S3 does some time later.
func (l *logBucket) deliver(folder string, at time.Time, lines ...string) {
	l.t.Helper()
	l.files++
	name := fmt.Sprintf("logs/%s%s-%016X", folder, at.UTC().Format("2006-01-02-15-04-05"), l.files)
	if _, err := l.direct.Put(l.t.Context(), name, "text/plain", []byte(strings.Join(lines, "\n")+"\n")); err != nil {
		l.t.Fatal(err)
	}
}

// entry is a line as S3 writes it.
func entry(at time.Time, op, key, status string, sent, size any, auth string) string {
	verb := "GET"
	if strings.Contains(op, "HEAD") {
		verb = "HEAD"
	}
	return fmt.Sprintf(`79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be chartseal [%s] 192.0.2.3 arn:aws:iam::123456789012:user/practice 3E57427F33A59F07 %s %s "%s /%s?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=604800&X-Amz-Signature=00 HTTP/1.1" %s - %v %v 41 28 "-" "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 TLS_AES_128_GCM_SHA256 %s chartseal.s3.us-east-1.amazonaws.com TLSv1.3 - -`,
		at.UTC().Format("02/Jan/2006:15:04:05 -0700"), op, url.PathEscape(key), verb, key, status, sent, size, auth)
}

const get = "REST.GET.OBJECT"

func TestTheAccessLogTellsOfDownloads(t *testing.T) {
	day := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
	key := func(c string) string { return strings.Repeat(c, 26) + ".zip.age" }
	wanted := map[string]transport.Wanted{}
	for c := range strings.SplitSeq("abcdefgh", "") {
		wanted[key(c)] = transport.Wanted{Bytes: 1000, Since: day}
	}
	at := func(minutes int) time.Time { return day.Add(time.Duration(minutes) * time.Minute) }
	lines := []string{
		// a: an ordinary download
		entry(at(1), "REST.HEAD.OBJECT", key("a"), "403", "-", "-", "QueryString"),
		entry(at(2), get, key("a"), "206", 1, 1000, "QueryString"),
		entry(at(3), get, key("a"), "200", 1000, 1000, "QueryString"),
		entry(at(9), get, key("a"), "200", 1000, 1000, "QueryString"),
		// b: broken off and gone on
		entry(at(4), get, key("b"), "200", 600, 1000, "QueryString"),
		entry(at(5), get, key("b"), "206", 450, 1000, "QueryString"),
		// c: a scanner, over and over
		entry(at(1), get, key("c"), "200", 400, 1000, "QueryString"),
		entry(at(2), get, key("c"), "200", 400, 1000, "QueryString"),
		entry(at(3), get, key("c"), "200", 400, 1000, "QueryString"),
		entry(at(4), get, key("c"), "206", 1, 1000, "QueryString"),
		// g: wrong words, which are tried on the beginning
		entry(at(4), get, key("g"), "206", 300, 1000, "QueryString"),
		entry(at(5), get, key("g"), "206", 300, 1000, "QueryString"),
		entry(at(6), get, key("g"), "206", 300, 1000, "QueryString"),
		entry(at(7), get, key("g"), "206", 300, 1000, "QueryString"),
		// d: refused, or no object
		entry(at(5), get, key("d"), "403", 1000, 1000, "QueryString"),
		entry(at(5), get, key("d"), "304", "-", 1000, "QueryString"),
		strings.Replace(entry(at(5), get, key("d"), "200", 1000, 1000, "QueryString"), "chartseal [", "otherbucket [", 1),
		entry(at(5), get, strings.Replace(key("d"), ".zip.age", ".html", 1), "200", 1000, 1000, "QueryString"),
		entry(at(5), get, key("d"), "200", 1000, 7777, "QueryString"), // another object under the name
		// e: the practice's own program, which has keys
		entry(at(6), get, key("e"), "200", 1000, 1000, "AuthHeader"),
	}
	for name, tc := range map[string]struct{ form, folder string }{
		"simple":      {"", ""},
		"partitioned": {partitioned, "123456789012/us-east-1/chartseal/2026/11/18/"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLogBucket(t, tc.form)
			l.deliver(tc.folder, at(60), lines...)
			l.deliver(tc.folder, at(-60*24), entry(at(1), get, key("d"), "200", 1000, 1000, "QueryString")) // long before
			var place transport.LogPlace
			found, more, err := l.store.Downloads(t.Context(), wanted, &place)
			if err != nil || more {
				t.Fatal(more, err)
			}
			if len(found) != 2 || !found[key("a")].At.Equal(at(3)) || found[key("a")].Pieces || !found[key("b")].At.Equal(at(5)) || !found[key("b")].Pieces {
				t.Errorf("found %+v", found)
			}
			if c := place.Tally[key("c")]; c.Start != 400 || !slices.Equal(c.Pieces, []int64{1}) {
				t.Errorf("the scanner's tally is %+v", c)
			}
			// Files are read once, also one that appears late; a tally goes on.
			rest := map[string]transport.Wanted{key("c"): wanted[key("c")], key("f"): wanted[key("f")]}
			l.deliver(tc.folder, at(50), entry(at(10), get, key("f"), "200", 1000, 1000, "QueryString"))
			found, _, err = l.store.Downloads(t.Context(), rest, &place)
			if err != nil || len(found) != 1 || !found[key("f")].At.Equal(at(10)) {
				t.Errorf("later: %+v, %v", found, err)
			}
			delete(rest, key("f"))
			l.deliver(tc.folder, at(120), entry(at(70), get, key("c"), "206", 599, 1000, "QueryString"))
			found, _, err = l.store.Downloads(t.Context(), rest, &place)
			if err != nil || len(found) != 1 || !found[key("c")].Pieces || len(place.Tally) != 0 {
				t.Errorf("in the end: %+v, %+v, %v", found, place.Tally, err)
			}
			read := len(l.proxy.Requests("GetObject"))
			if _, _, err = l.store.Downloads(t.Context(), wanted, &place); err != nil || len(l.proxy.Requests("GetObject")) != read {
				t.Errorf("files were read again: %v", err)
			}
		})
	}
}

// A bucket without a log, one whose log may not be read, and one that is away are
// three different things.
func TestAnAccessLogThatCannotBeRead(t *testing.T) {
	wanted := map[string]transport.Wanted{strings.Repeat("a", 26) + ".zip.age": {Bytes: 1000, Since: time.Now()}}
	ask := func(inject ...storetest.Fault) error {
		b := newBench(t, startServer(t), small, nil)
		for _, f := range inject {
			b.proxy.Inject(f)
		}
		_, _, err := b.store.Downloads(t.Context(), wanted, &transport.LogPlace{})
		return err
	}
	isLogging := func(r *http.Request) bool { return r.URL.Query().Has("logging") }
	isList := func(r *http.Request) bool { return r.URL.Query().Has("list-type") }
	on := storetest.Fault{Op: "GET bucket", Status: http.StatusOK, Body: fmt.Sprintf(loggingOn, ""), When: isLogging}
	if err := ask(); !errors.Is(err, transport.ErrNoAccessLog) {
		t.Errorf("a store without such a thing: %v", err)
	}
	off := on
	off.Body = `<BucketLoggingStatus xmlns="http://doc.s3.amazonaws.com/2006-03-01" />`
	if err := ask(off); !errors.Is(err, transport.ErrNoAccessLog) {
		t.Errorf("switched off: %v", err)
	}
	if err := ask(storetest.Fault{Op: "GET bucket", Status: http.StatusForbidden, Code: "AccessDenied", When: isLogging}); !errors.Is(err, transport.ErrDenied) {
		t.Errorf("the setting is denied: %v", err)
	}
	if err := ask(on, storetest.Fault{Op: "GET bucket", Status: http.StatusForbidden, Code: "AccessDenied", When: isList}); !errors.Is(err, transport.ErrDenied) {
		t.Errorf("the log is denied: %v", err)
	}
	if err := ask(on, storetest.Fault{Op: "GET bucket", Status: http.StatusServiceUnavailable, Code: "SlowDown", When: isList}); !errors.Is(err, transport.ErrUnavailable) {
		t.Errorf("the store is away: %v", err)
	}
}
