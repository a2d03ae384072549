package s3_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"chartseal/transport"
	"chartseal/transport/s3"
)

// rulebook answers the two lifecycle requests as Amazon S3 does, since the
// embedded store answers NotImplemented to both, and writes down what it is
// told.
type rulebook struct {
	mu    sync.Mutex
	rules string // what lies in the bucket, "" for none
	size  string // x-amz-transition-default-minimum-object-size
	gets  int
	puts  []string
	deny  map[string]string // error code by method
}

func (b *rulebook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	code, status := b.deny[r.Method], http.StatusForbidden
	switch {
	case !r.URL.Query().Has("lifecycle"):
		code, status = "MethodNotAllowed", http.StatusMethodNotAllowed
	case code == "NotImplemented":
		status = http.StatusNotImplemented
	case code != "":
	case r.Method == http.MethodPut:
		b.puts = append(b.puts, string(body))
		b.rules, b.size = string(body), r.Header.Get("X-Amz-Transition-Default-Minimum-Object-Size")
		return
	case b.rules == "":
		code, status = "NoSuchLifecycleConfiguration", http.StatusNotFound
	default:
		b.gets++
		w.Header().Set("X-Amz-Transition-Default-Minimum-Object-Size", b.size)
		_, _ = io.WriteString(w, b.rules)
		return
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code></Error>")
}

func openBook(t *testing.T, b *rulebook, prefix string) *s3.Store {
	t.Helper()
	sv := httptest.NewServer(b)
	t.Cleanup(sv.Close)
	st, err := s3.New(t.Context(), s3.Config{
		Bucket: "b", Endpoint: sv.URL, PathStyle: true, AccessKey: "x", SecretKey: "y", Prefix: prefix,
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

type lifecycle struct {
	Rules []struct {
		ID     string
		Status string
		Prefix string `xml:"Filter>Prefix"`
		Days   int    `xml:"Expiration>Days"`
		Marker bool   `xml:"Expiration>ExpiredObjectDeleteMarker"`
		Old    int    `xml:"NoncurrentVersionExpiration>NoncurrentDays"`
		Abort  int    `xml:"AbortIncompleteMultipartUpload>DaysAfterInitiation"`
		Class  string `xml:"Transition>StorageClass"`
	} `xml:"Rule"`
}

func (b *rulebook) parsed(t *testing.T) lifecycle {
	t.Helper()
	var l lifecycle
	if err := xml.Unmarshal([]byte(b.rules), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

const othersRules = `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Rule><ID>backups</ID><Status>Enabled</Status><Filter><Prefix>backups/</Prefix></Filter><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>
<Rule><ID>chartseal expire elsewhere/</ID><Status>Enabled</Status><Filter><Prefix>elsewhere/</Prefix></Filter><Expiration><Days>90</Days></Expiration></Rule>
</LifecycleConfiguration>`

func TestEnsureLifecycle(t *testing.T) {
	b := &rulebook{rules: othersRules, size: "varies_by_storage_class"}
	st := openBook(t, b, "out/")
	for range 2 {
		if ok, err := st.EnsureLifecycle(t.Context(), 30); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
	}
	if len(b.puts) != 1 {
		t.Errorf("rules were written %d times, want once", len(b.puts))
	}
	if b.size != "varies_by_storage_class" {
		t.Errorf("the bucket's minimum size became %q", b.size)
	}
	l := b.parsed(t)
	if len(l.Rules) != 4 || l.Rules[0].ID != "backups" || l.Rules[0].Class != "GLACIER" || l.Rules[1].Days != 90 {
		t.Fatalf("the bucket's other rules changed: %+v", l)
	}
	expire, markers := l.Rules[2], l.Rules[3]
	if expire.Prefix != "out/" || expire.Status != "Enabled" || expire.Days != 30 || expire.Old != 1 || expire.Abort != 30 {
		t.Errorf("%+v", expire)
	}
	if markers.Prefix != "out/" || !markers.Marker || markers.Days != 0 {
		t.Errorf("%+v", markers)
	}
	if ok, err := st.EnsureLifecycle(t.Context(), 60); !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	if l := b.parsed(t); len(l.Rules) != 4 || l.Rules[2].Days != 60 || l.Rules[1].Days != 90 {
		t.Errorf("after a change of the retention: %+v", l)
	}
}

func TestEnsureLifecycleFirst(t *testing.T) {
	b := &rulebook{}
	if ok, err := openBook(t, b, "out/").EnsureLifecycle(t.Context(), 8); !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	if l := b.parsed(t); len(l.Rules) != 2 {
		t.Errorf("%+v", l)
	}
}

// A rule that would reach beyond our own objects, or end them before their
// links, is never written.
func TestEnsureLifecycleRefuses(t *testing.T) {
	cases := []struct {
		name, prefix string
		days         int
		deny         map[string]string
		class        error
	}{
		{"no prefix", "", 30, nil, nil},
		{"prefix of others too", "out", 30, nil, nil},
		{"shorter than links", "out/", 7, nil, transport.ErrRejected},
		{"no days", "out/", 0, nil, transport.ErrRejected},
		{"not offered", "out/", 30, map[string]string{"GET": "NotImplemented"}, nil},
		{"not offered to set", "out/", 30, map[string]string{"PUT": "NotImplemented"}, nil},
		{"may not read", "out/", 30, map[string]string{"GET": "AccessDenied"}, transport.ErrDenied},
		{"may not set", "out/", 30, map[string]string{"PUT": "AccessDenied"}, transport.ErrDenied},
	}
	for _, tc := range cases {
		b := &rulebook{rules: othersRules, deny: tc.deny}
		ok, err := openBook(t, b, tc.prefix).EnsureLifecycle(t.Context(), tc.days)
		if ok || !errors.Is(err, tc.class) || len(b.puts) != 0 || b.rules != othersRules {
			t.Errorf("%s: %v, %v, written %d times", tc.name, ok, err, len(b.puts))
		}
	}
}

// The embedded store does not offer lifecycle rules and says so.
func TestEnsureLifecycleEmbedded(t *testing.T) {
	cfg := startServer(t).config()
	cfg.Prefix = "out/"
	if ok, err := open(t, cfg).EnsureLifecycle(t.Context(), 30); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}
