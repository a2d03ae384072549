package s3_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"chartseal/transport"
	"chartseal/transport/storetest"
)

// workers is how many parts the uploader has under way at once.
const workers = 4

// TestUploaderKilled kills the uploading process again and again and counts
// what it sends twice: after each kill at most the parts that were under way.
//
//	CHARTSEAL_BENCH_MB=2048 go test -count=1 -v -run '^TestUploaderKilled$' ./transport/s3
func TestUploaderKilled(t *testing.T) {
	const kills = 4
	sv := startServer(t)
	open(t, sv.config())
	path, sum, size := sealedFile(t, 80)
	proxy := storetest.NewProxy(t, sv.Endpoint(), false)
	key, err := transport.NewKey(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	j := job{
		Endpoint: proxy.URL, Access: sv.AccessKey(), Secret: sv.SecretKey().Reveal(), Path: path, Key: key,
		SHA256: sum, Ticket: filepath.Join(t.TempDir(), "ticket"), PartSize: part,
	}
	if size > 1<<30 {
		j.PartSize = 16 << 20 // as the daemon sends
	}
	for n := range int64(kills) {
		killAt(t, j, func() bool { return proxy.Taken("UploadPart") > (n+1)*size/(kills+1) })
	}
	if out, err := j.command(t.Context(), t).Output(); err != nil {
		t.Fatalf("the last run: %v: %s", err, out)
	}
	twice := proxy.Taken("UploadPart") - size
	t.Logf("%d MiB, killed %d times: %.1f MiB sent twice, %.1f MiB a kill, of at most %.1f MiB (%d parts under way)",
		size>>20, kills, mebi(twice), mebi(twice)/kills, mebi(workers*j.PartSize), workers)
	if twice < 0 || twice > kills*workers*j.PartSize {
		t.Errorf("%d bytes were sent twice", twice)
	}
	b := &bench{server: sv, ticket: transport.Ticket{Key: key}}
	b.alone(t)
	if got := digest(t, sv, key); got != sum {
		t.Error("the object is not byte-equal to the file")
	}
}

func mebi(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// killAt starts the uploader and kills it, without warning, once it is time.
func killAt(t *testing.T, j job, now func() bool) {
	t.Helper()
	cmd := j.command(t.Context(), t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Minute); !now(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("the uploader does not get on")
			break
		}
	}
	_ = cmd.Process.Kill()
	if err := cmd.Wait(); err == nil {
		t.Error("the uploader ended before it could be killed")
	}
}

// digest downloads an object and hashes it.
func digest(t *testing.T, sv *server, key string) string {
	t.Helper()
	link, err := open(t, sv.config()).Link(t.Context(), key, time.Minute, "", "")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(link.URL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, resp.Body); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}
