package s3_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"chartseal/transport"
	"chartseal/transport/s3"
)

// clientEnv makes this test binary upload one file and report.
const clientEnv = "CHARTSEAL_TEST_CLIENT"

// job is what the uploading process is told.
type job struct {
	Endpoint, Access, Secret, Path, Key, SHA256 string
}

// sealedFile makes a file of CHARTSEAL_BENCH_MB megabytes (64) that nothing can
// compress.
func sealedFile(b *testing.B) (path, sum string, size int64) {
	b.Helper()
	size = 64 << 20
	if mb, err := strconv.ParseInt(os.Getenv("CHARTSEAL_BENCH_MB"), 10, 64); err == nil && mb > 0 {
		size = mb << 20
	}
	path = filepath.Join(b.TempDir(), "sealed")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, h), rand.NewChaCha8([32]byte{3}), size); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return path, hex.EncodeToString(h.Sum(nil)), size
}

// uploadApart uploads in a process of its own and returns the seconds it took
// and the most memory it held, in MB (Linux; 0 elsewhere).
func uploadApart(b *testing.B, sv *server, path, sum, key string) (seconds, megabytes float64) {
	b.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	told, err := json.Marshal(job{sv.Endpoint(), sv.AccessKey(), sv.SecretKey().Reveal(), path, key, sum})
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), exe)
	cmd.Env = append(os.Environ(), clientEnv+"="+string(told))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := fmt.Sscan(string(out), &seconds, &megabytes); err != nil {
		b.Fatal(err)
	}
	return seconds, megabytes
}

// client is the uploading process.
func client(told string) error {
	var j job
	if err := json.Unmarshal([]byte(told), &j); err != nil {
		return err
	}
	ctx := context.Background()
	st, err := s3.New(ctx, s3.Config{
		Bucket: "chartseal", Endpoint: j.Endpoint, PathStyle: true,
		AccessKey: j.Access, SecretKey: transport.Secret(j.Secret),
	})
	if err != nil {
		return err
	}
	f, err := os.Open(j.Path)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	begin := time.Now()
	_, err = st.Upload(ctx, f, fi.Size(), &transport.Ticket{Key: j.Key, SHA256: j.SHA256},
		func(transport.Ticket) error { return nil }, nil)
	if err != nil {
		return err
	}
	fmt.Println(time.Since(begin).Seconds(), peakMegabytes(os.Getpid()))
	return f.Close()
}

// peakMegabytes is the most memory a process held (Linux).
func peakMegabytes(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kb float64
	_, _ = fmt.Sscan(rest, &kb)
	return kb / 1024
}

// BenchmarkUpload uploads from a process of its own to the embedded store:
//
//	CHARTSEAL_BENCH_MB=1024 go test -run '^$' -bench '^BenchmarkUpload$' -benchtime 3x ./transport/s3
func BenchmarkUpload(b *testing.B) {
	sv := startServer(b)
	st := open(b, sv.config())
	path, sum, size := sealedFile(b)
	var seconds, most float64
	for b.Loop() {
		key, err := transport.NewKey(nil, "")
		if err != nil {
			b.Fatal(err)
		}
		s, mb := uploadApart(b, sv, path, sum, key)
		seconds, most = seconds+s, max(most, mb)
		if err := st.Revoke(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(size)*float64(b.N)/1e6/seconds, "MB/s")
	b.ReportMetric(most, "peak-MB")
	b.ReportMetric(peakMegabytes(sv.pid()), "store-peak-MB")
}
