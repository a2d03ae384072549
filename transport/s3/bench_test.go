package s3_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"chartseal/transport"
)

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
	path, sum, size := sealedFile(b, 64)
	var seconds, most float64
	for b.Loop() {
		key, err := transport.NewKey(nil, "")
		if err != nil {
			b.Fatal(err)
		}
		r := uploadApart(b, sv, path, sum, key)
		seconds, most = seconds+r.seconds, max(most, r.megabytes)
		revoke(b, st, key)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(size)*float64(b.N)/1e6/seconds, "MB/s")
	b.ReportMetric(most, "peak-MB")
	b.ReportMetric(peakMegabytes(sv.pid()), "store-peak-MB")
}
