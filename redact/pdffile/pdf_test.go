package pdffile

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
	"chartseal/redact/pdffile/pdfium/pdfiumtest"
)

// secret is planted wherever a PDF has room for it.
const secret = "ALVAREZ-10432"

const (
	workerEnv = "CHARTSEAL_TEST_PDF_WORKER"
	cacheEnv  = "CHARTSEAL_TEST_PDF_CACHE"
)

// engineCache is where the compiled engine is kept for all tests.
var engineCache string

// TestMain makes the test binary the worker it needs.
func TestMain(m *testing.M) {
	switch os.Getenv(workerEnv) {
	case "":
		var err error
		if engineCache, err = pdfiumtest.Cache(); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	case "work":
		if err := Work(context.Background(), os.Stdin, os.Stdout, os.Getenv(cacheEnv)); err != nil {
			os.Exit(1)
		}
	case "hang":
		_, _ = io.Copy(io.Discard, os.Stdin)
		time.Sleep(time.Hour)
	case "panic":
		panic(secret)
	case "quit":
		os.Exit(3)
	case "tell": // its environment
		text := strings.Join(os.Environ(), "\n")
		head, _ := encodeFrame(reply{Size: int64(len(text))})
		_, _ = os.Stdout.Write(append(head, text...))
	case "lie":
		head, _ := encodeFrame(reply{Size: 1000})
		_, _ = os.Stdout.Write(append(head, "short"...))
	case "confined":
		confined()
	case "memory":
		const budget = 256 << 20
		go watchMemory(budget, nil)
		_ = confine(budget)
		hoard()
	}
	os.Exit(0)
}

var hoarded [][]byte

func hoard() {
	for range 1000 {
		b := make([]byte, 8<<20)
		for i := range b {
			b[i] = 1
		}
		hoarded = append(hoarded, b)
	}
}

func worker(mode string) func(context.Context) *exec.Cmd {
	return func(ctx context.Context) *exec.Cmd {
		exe, err := os.Executable()
		if err != nil {
			panic(err)
		}
		cmd := exec.CommandContext(ctx, exe)
		cmd.Env = []string{workerEnv + "=" + mode, cacheEnv + "=" + engineCache}
		return cmd
	}
}

// file builds a PDF out of bodies of objects, numbered from 1.
type file struct {
	bytes.Buffer
	offsets map[int]int
	last    int // offset of the latest cross-reference table
}

func newFile() *file {
	f := &file{offsets: map[int]int{}}
	f.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	return f
}

func (f *file) obj(n int, format string, args ...any) {
	f.offsets[n] = f.Len()
	fmt.Fprintf(f, "%d 0 obj\n", n)
	fmt.Fprintf(f, format, args...)
	f.WriteString("\nendobj\n")
}

func (f *file) stream(n int, dict, data string) {
	f.obj(n, "<<%s /Length %d>>\nstream\n%s\nendstream", dict, len(data), data)
}

// finish writes the table of the objects added since the last one.
func (f *file) finish(trailer string) {
	at := f.Len()
	f.WriteString("xref\n")
	size := 0
	for n := range f.offsets {
		size = max(size, n+1)
	}
	for n := range size {
		if off, ok := f.offsets[n]; ok {
			fmt.Fprintf(f, "%d 1\n%010d 00000 n \n", n, off)
		} else if n == 0 {
			f.WriteString("0 1\n0000000000 65535 f \n")
		}
	}
	prev := ""
	if f.last > 0 {
		prev = fmt.Sprintf("/Prev %d", f.last)
	}
	fmt.Fprintf(f, "trailer\n<</Size 200 /Root 1 0 R %s %s>>\nstartxref\n%d\n%%%%EOF\n", prev, trailer, at)
	f.last = at
	f.offsets = map[int]int{}
}

func deflated(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

func utf16s(s string, big bool) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

// leaks searches a PDF for the secret: in its bytes, in every string of every
// object and in every stream, unpacked.
func leaks(t *testing.T, b []byte) []string {
	t.Helper()
	var found []string
	look := func(where string, data []byte) {
		for kind, s := range map[string]string{
			"plain": secret, "UTF-16BE": utf16s(secret, true), "UTF-16LE": utf16s(secret, false),
			"hex": fmt.Sprintf("%x", secret), "hex UTF-16": fmt.Sprintf("%x", utf16s(secret, true)),
		} {
			if bytes.Contains(bytes.ToLower(data), bytes.ToLower([]byte(s))) {
				found = append(found, where+" "+kind)
			}
		}
	}
	look("file", b)
	ctx, err := read(b)
	if err != nil {
		t.Fatalf("the output cannot be read: %v", err)
	}
	c := newCopier(ctx)
	for n, e := range ctx.Table {
		sd, ok := e.Object.(types.StreamDict)
		if !ok {
			continue
		}
		stages, err := c.stages(sd.Dict)
		if err != nil {
			t.Fatal(err)
		}
		for len(stages) > 0 && (stages[len(stages)-1].name == "DCTDecode" || stages[len(stages)-1].name == "JPXDecode") {
			stages = stages[:len(stages)-1]
		}
		data, err := c.decode(sd.Raw, stages)
		if err != nil {
			t.Fatal(err)
		}
		look(fmt.Sprintf("stream %d", n), data)
	}
	return found
}

// run cleans in a child process, as the daemon does.
func run(b []byte, p redact.Profile) ([]byte, redact.Report, error) {
	out, err := (&Cleaner{Worker: worker("work")}).Clean(context.Background(), bytes.NewReader(b), p)
	if err != nil {
		return nil, redact.Report{}, err
	}
	got, err := io.ReadAll(out.Body)
	if cerr := out.Body.Close(); err == nil {
		err = cerr
	}
	if err == nil && int64(len(got)) != out.Size {
		err = errors.New("size of the output differs from the promised one")
	}
	return got, out.Report, err
}

func mustRun(t *testing.T, b []byte) ([]byte, redact.Report) {
	t.Helper()
	got, report, err := run(b, redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	return got, report
}

func wantRefusal(t *testing.T, err error, class redact.Class) {
	t.Helper()
	var r *redact.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal", err)
	}
	if r.Class != class {
		t.Errorf("got %v, want class %s", r, class)
	}
	if strings.Contains(r.Reason, secret) || r.Reason == "" || strings.HasSuffix(r.Reason, ".") {
		t.Errorf("reason %q is not a clause for staff", r.Reason)
	}
}

func wantRemoved(t *testing.T, r redact.Report, items ...redact.Removal) {
	t.Helper()
	for _, item := range items {
		found := false
		for _, got := range r.Removed {
			found = found || got.Item == item.Item && got.Count > 0
		}
		if !found {
			t.Errorf("the report does not name %q: %v", item.Item, r.Removed)
		}
	}
}

func unpack(t *testing.T, c *copier, o types.Object) string {
	t.Helper()
	sd, ok := o.(types.StreamDict)
	if !ok {
		return ""
	}
	stages, err := c.stages(sd.Dict)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.decode(sd.Raw, stages)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
