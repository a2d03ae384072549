package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/ledger"
	"chartseal/testdata/practice"
	"chartseal/transport/localstore"
	"chartseal/transport/s3"
	"chartseal/transport/storetest"
)

// With a bucket, status says of a release that nobody knows whether it was fetched,
// until the bucket keeps an access log that may be read; what the log tells reaches the
// ledger.
func TestAnAccessLogReachesTheLedger(t *testing.T) {
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

	cfg := ownPractice(t, "{kind: local}", fmt.Sprintf("{kind: s3, bucket: chartseal, region: us-east-1, endpoint: %q, path_style: true, baa_on: 2026-01-01}", proxy.URL))
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
	_, err = st.Put(t.Context(), "logs/"+at.Format("2006-01-02-15-04-05")+"-0123456789ABCDEF", "text/plain", []byte(line+"\n"))
	must(t, err)
	for range 2 {
		runUntilIdle(t, cfg, time.Now, nil)
	}
	said(chartseal.DownloadFetched, "first fetched "+at.Local().Format(minute))
	if got := ledgerEvents(t, cfg); !slices.Equal(got, []ledger.Event{ledger.Sent, ledger.Fetched}) {
		t.Errorf("the ledger says %v", got)
	}
}
