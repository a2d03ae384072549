package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/testdata/practice"
	"chartseal/transport/localstore"
	"chartseal/transport/s3"
	"chartseal/transport/storetest"
)

// bucketPractice is a practice whose store is a bucket, behind a proxy that can answer
// for it.
func bucketPractice(t *testing.T) (*config.Config, *storetest.Proxy, *s3.Store) {
	t.Helper()
	sv, err := localstore.Start(t.Context(), localstore.Options{Dir: t.TempDir(), Command: func(ctx context.Context) *exec.Cmd { return self(ctx, "store") }})
	must(t, err)
	t.Cleanup(func() { must(t, sv.Close()) })
	st, err := s3.New(t.Context(), s3.Config{
		Bucket: localstore.Bucket, Endpoint: sv.Endpoint(), PathStyle: true, AccessKey: sv.AccessKey(), SecretKey: sv.SecretKey(),
	})
	must(t, err)
	must(t, st.EnsureBucket(t.Context()))
	proxy := storetest.NewProxy(t, sv.Endpoint(), false)
	t.Setenv("AWS_ACCESS_KEY_ID", sv.AccessKey())
	t.Setenv("AWS_SECRET_ACCESS_KEY", sv.SecretKey().Reveal())
	t.Setenv("AWS_SESSION_TOKEN", "")

	return ownPractice(t, "{kind: local}", bucketAt("chartseal", proxy.URL)), proxy, st
}

// bucketAt configures a bucket.
func bucketAt(name, endpoint string) string {
	return fmt.Sprintf("{kind: s3, bucket: %s, region: us-east-1, endpoint: %q, path_style: true, baa_on: 2026-01-01}", name, endpoint)
}

// With a bucket, status says of a release that nobody knows whether it was fetched,
// until the bucket keeps an access log that may be read; what the log tells reaches the
// ledger.
func TestAnAccessLogReachesTheLedger(t *testing.T) {
	cfg, proxy, st := bucketPractice(t)
	who, _ := find("20871")
	said := func(word, note string) {
		t.Helper()
		s, err := chartseal.ReadStatus(t.Context(), cfg)
		if err != nil || len(s.Releases) != 1 {
			t.Fatal(len(s.Releases), err)
		}
		if r := s.Releases[0]; r.Download != word || !strings.Contains(downloadWords(r), note) {
			t.Errorf("status says %q: %q, want %q: %q", r.Download, downloadWords(r), word, note)
		}
	}
	logging := func(r *http.Request) bool { return r.URL.Query().Has("logging") }

	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": practice.OrderFor(who, "R-77", practice.OrderOptions{Now: time.Now()})})
	r := receiptOf(t, cfg, "R-77")
	said(chartseal.DownloadUnknown, "unknown: the store keeps no access log")

	proxy.Inject(storetest.Fault{Op: "GET bucket", Times: 1, Status: http.StatusForbidden, Code: "AccessDenied", When: logging})
	runUntilIdle(t, cfg, time.Now, nil)
	said(chartseal.DownloadUnknown, "may not read the store's access log")

	proxy.Inject(storetest.Fault{
		Op: "GET bucket", Status: http.StatusOK, When: logging,
		Body: `<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LoggingEnabled><TargetBucket>chartseal</TargetBucket><TargetPrefix>logs/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>`,
	})
	runUntilIdle(t, cfg, time.Now, nil)
	said(chartseal.DownloadUnknown, "downloads are seen only since")

	at := time.Now().UTC().Truncate(time.Second)
	line := fmt.Sprintf(`owner chartseal [%s] 192.0.2.3 arn:aws:iam::123456789012:user/x 3E57427F33A59F07 REST.GET.OBJECT %s "GET /%s?X-Amz-Signature=00 HTTP/1.1" 200 - %d %d 41 28 "-" "Mozilla/5.0" - aGk= SigV4 TLS_AES_128_GCM_SHA256 QueryString s3.amazonaws.com TLSv1.3 - -`,
		at.Format("02/Jan/2006:15:04:05 -0700"), r.Bundle.Key, r.Bundle.Key, r.Bundle.Bytes, r.Bundle.Bytes)
	_, err := st.Put(t.Context(), "logs/"+at.Format("2006-01-02-15-04-05")+"-0123456789ABCDEF", "text/plain", []byte(line+"\n"))
	must(t, err)
	for range 2 {
		runUntilIdle(t, cfg, time.Now, nil)
	}
	said(chartseal.DownloadFetched, "first fetched "+at.Local().Format(minute))
	if got := ledgerEvents(t, cfg); !slices.Equal(got, []ledger.Event{ledger.Sent, ledger.Fetched}) {
		t.Errorf("the ledger says %v", got)
	}
}

// What a bucket's lock keeps of a revoked release is told, to who revokes and in the
// ledger, and deleted when the lock ends; the link is dead at once.
func TestRevokingInALockedBucket(t *testing.T) {
	cfg, proxy, _ := bucketPractice(t)
	who, _ := find("20871")
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": practice.OrderFor(who, "R-78", practice.OrderOptions{Now: time.Now()})})
	r := receiptOf(t, cfg, "R-78")

	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	proxy.Inject(storetest.Fault{
		Op: "ListObjectVersions", Status: http.StatusOK, When: func(q *http.Request) bool { return q.URL.Query().Get("prefix") == r.Bundle.Key },
		Body: fmt.Sprintf(`<ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>%s</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest></Version></ListVersionsResult>`, r.Bundle.Key),
	})
	proxy.Inject(storetest.Fault{Op: "DeleteObject", Status: http.StatusForbidden, Code: "AccessDenied", When: func(q *http.Request) bool { return q.URL.Query().Has("versionId") }})
	proxy.Inject(storetest.Fault{
		Op: "GetObject", Status: http.StatusOK, When: func(q *http.Request) bool { return q.URL.Query().Has("retention") },
		Body: `<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>` + until.Format(time.RFC3339) + `</RetainUntilDate></Retention>`,
	})
	p, err := chartseal.Open(context.Background(), cfg, (&app{}).options(nil))
	must(t, err)
	w, err := p.Revoke(t.Context(), "R-78")
	must(t, err)
	must(t, p.Close())
	if !strings.Contains(w.Kept, "object lock keeps the encrypted file") || !strings.Contains(w.Kept, until.In(time.Now().Location()).Format("15:04")) {
		t.Errorf("it says %q", w.Kept)
	}
	if got := visited(t, http.MethodGet, r.Link, ""); got != http.StatusNotFound {
		t.Errorf("the link answers %d", got)
	}
	told := false
	for e, err := range ledger.Entries(t.Context(), filepath.Join(cfg.State, "ledger")) {
		must(t, err)
		told = told || e.Event == ledger.Revoked && len(e.Notices) == 1 && strings.Contains(e.Notices[0], "object lock")
	}
	if !told {
		t.Error("the ledger does not say so")
	}

	state := func() string {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(cfg.State, "releases", "*.json"))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		b, err := os.ReadFile(files[0])
		must(t, err)
		return string(b)
	}
	if !strings.Contains(state(), `"kept"`) {
		t.Error("it is not remembered")
	}
	proxy.Heal()
	runUntilIdle(t, cfg, time.Now, nil)
	again(t, cfg, `"again": "`+until.Format(time.RFC3339)+`"`, `"again": "2026-01-01T00:00:00Z"`) // untouched until the lock ends
	runUntilIdle(t, cfg, time.Now, nil)
	if strings.Contains(state(), `"kept"`) {
		t.Error("after the end of the lock it is not deleted")
	}
	if got := ledgerEvents(t, cfg); !slices.Equal(got, []ledger.Event{ledger.Sent, ledger.Revoked}) {
		t.Errorf("the ledger says %v", got)
	}
}
