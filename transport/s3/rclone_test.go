//go:build rclone

package s3_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"chartseal/transport"
	"chartseal/transport/localstore"
	"chartseal/transport/s3"
	"chartseal/transport/storetest"
)

// TestInteropRclone (go test -tags rclone, with an rclone of its own beside: Debian 12 has
// none that can serve S3) runs the conformance suite against "rclone serve s3", an
// implementation of S3 that shares no code with the embedded store. It needs
// rclone 1.65 or later.
func TestInteropRclone(t *testing.T) {
	for _, mode := range []string{s3.ChecksumsAuto, s3.ChecksumsWhenRequired} {
		t.Run(mode, func(t *testing.T) {
			cfg := startRclone(t)
			cfg.Checksums = mode
			storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, cfg) })
			levels(t, open(t, cfg).Check(t.Context()))
		})
	}
}

func startRclone(t *testing.T) s3.Config {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "rclone", "serve", "s3", "--addr", addr, "--auth-key", "ACCESS,SECRETSECRET",
		"--config", filepath.Join(t.TempDir(), "none"), dir)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatalf("rclone must be installed for the interop suite: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	for range 200 {
		if resp, err := http.Get("http://" + addr); err == nil {
			_ = resp.Body.Close()
			return s3.Config{
				Bucket: "bucket", Endpoint: "http://" + addr, PathStyle: true,
				AccessKey: "ACCESS", SecretKey: "SECRETSECRET",
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("rclone does not answer; versions before 1.65 cannot serve S3")
	return s3.Config{}
}

// BenchmarkUploadAgainstRclone uploads the same file to the same store with
// "rclone copyto" and with chartseal, in turns, and reports how many times as
// fast chartseal is (target: at least 1.0), by the median of the turns' ratios,
// and the processor time that either takes, which other load disturbs less:
//
//	CHARTSEAL_BENCH_MB=1024 go test -tags rclone -run '^$' -bench AgainstRclone -benchtime 5x ./transport/s3
func BenchmarkUploadAgainstRclone(b *testing.B) {
	sv := startServer(b)
	st := open(b, sv.config())
	path, sum, size := sealedFile(b, 64)
	var ours, theirs run
	var ratios []float64
	for b.Loop() {
		key, err := transport.NewKey(nil, "")
		if err != nil {
			b.Fatal(err)
		}
		r := rcloneCopy(b, sv, path, key)
		revoke(b, st, key)
		o := uploadApart(b, sv, path, sum, key)
		revoke(b, st, key)
		theirs.seconds, theirs.cpu = theirs.seconds+r.seconds, theirs.cpu+r.cpu
		ours.seconds, ours.cpu = ours.seconds+o.seconds, ours.cpu+o.cpu
		ratios = append(ratios, r.seconds/o.seconds)
	}
	total := float64(size) * float64(b.N) / 1e6
	slices.Sort(ratios)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(total/ours.seconds, "chartseal-MB/s")
	b.ReportMetric(total/theirs.seconds, "rclone-MB/s")
	b.ReportMetric(ours.cpu/total*1e3, "chartseal-cpu-s/GB")
	b.ReportMetric(theirs.cpu/total*1e3, "rclone-cpu-s/GB")
	b.ReportMetric(ratios[len(ratios)/2], "x-rclone")
}

func rcloneCopy(b *testing.B, sv *server, path, key string) run {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "rclone", "copyto", path, ":s3:"+localstore.Bucket+"/"+key,
		"--config", filepath.Join(b.TempDir(), "none"), "--s3-provider", "Other", "--s3-no-check-bucket",
		"--s3-endpoint", sv.Endpoint())
	// rclone before 1.64 fails on a custom CA bundle.
	cmd.Env = append(os.Environ(), "AWS_CA_BUNDLE=", "RCLONE_S3_ACCESS_KEY_ID="+sv.AccessKey(), "RCLONE_S3_SECRET_ACCESS_KEY="+sv.SecretKey().Reveal())
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("rclone: %v: %s", err, out)
	}
	return run{seconds: time.Since(begin).Seconds(), cpu: cpuOf(cmd)}
}
