package pdffile

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"chartseal/redact"
	"chartseal/redact/identifier"
	"chartseal/redact/pdffile/pdfium"
)

// confined reports from inside the worker what it can still do.
func confined() {
	engine, err := pdfium.Start(context.Background(), os.Getenv(cacheEnv))
	if err != nil {
		os.Stdout.WriteString("no engine")
		return
	}
	if err := confine(1 << 30); err != nil {
		os.Stdout.WriteString("setup failed")
		return
	}
	// The engine works all the same.
	if s, err := look(engine, identifier.For(redact.Payment), numbersOnPages["one string"]); err != nil || len(s.hits) != 1 {
		os.Stdout.WriteString("finds nothing; ")
	}
	for what, want := range map[int]uint64{unix.RLIMIT_NOFILE: 0, unix.RLIMIT_CORE: 0, unix.RLIMIT_DATA: 3 << 29} {
		var now unix.Rlimit
		if err := unix.Getrlimit(what, &now); err != nil || now.Max != want {
			os.Stdout.WriteString("has other limits; ")
		}
	}
	if _, err := os.ReadDir("/"); err == nil {
		os.Stdout.WriteString("reads folders; ")
	}
	if _, err := os.Open("/etc/passwd"); err == nil {
		os.Stdout.WriteString("opens files; ")
	}
	if f, err := os.Create(os.TempDir() + "/chartseal-confined"); err == nil {
		_ = os.Remove(f.Name())
		os.Stdout.WriteString("creates files; ")
	}
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		_ = l.Close()
		os.Stdout.WriteString("listens; ")
	}
	if err := os.Mkdir(os.TempDir()+"/chartseal-confined", 0o700); err == nil {
		_ = os.Remove(os.TempDir() + "/chartseal-confined")
		os.Stdout.WriteString("makes folders; ")
	}
	if err := exec.Command("/bin/true").Run(); err == nil { // must fail
		os.Stdout.WriteString("runs programs; ")
	}
	os.Stdout.WriteString("done")
}

func TestConfined(t *testing.T) {
	out, err := worker("confined")(t.Context()).Output()
	if err != nil {
		t.Fatal(err)
	}
	left := strings.TrimSuffix(string(out), "done")
	if landlockABI() == 0 || cgo { // a binary with cgo, as the race detector needs it, goes without Landlock
		left = strings.Replace(left, "makes folders; ", "", 1)
	}
	if left != "" || !strings.HasSuffix(string(out), "done") {
		t.Errorf("the worker still %s", out)
	}
}
