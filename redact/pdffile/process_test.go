package pdffile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"chartseal/redact"
)

// runIn cleans with a worker in the given mode.
func runIn(ctx context.Context, mode string, src redact.Source, limit time.Duration) ([]byte, error) {
	out, err := start(ctx, worker(mode), request{Task: cleanFile}, src, limit)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(out.Body)
	if cerr := out.Body.Close(); err == nil {
		err = cerr
	}
	return b, err
}

func TestWorkerFails(t *testing.T) {
	src := bytes.NewReader(withEarlierVersion(t))
	for mode, class := range map[string]redact.Class{"panic": redact.Malformed, "memory": redact.TooLarge} {
		t.Run(mode, func(t *testing.T) {
			_, err := runIn(t.Context(), mode, src, time.Minute)
			wantRefusal(t, err, class)
		})
	}
	t.Run("hang", func(t *testing.T) {
		_, err := runIn(t.Context(), "hang", src, 200*time.Millisecond)
		wantRefusal(t, err, redact.TooLarge)
	})
	var r *redact.Refusal
	if _, err := runIn(t.Context(), "quit", src, time.Minute); err == nil || errors.As(err, &r) {
		t.Errorf("a worker that quits is a fault of the machine: %v", err)
	}
	if _, err := runIn(t.Context(), "lie", src, time.Minute); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an output cut short: %v", err)
	}
	none := func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, "/no/such/"+secret) }
	if _, err := (&Cleaner{Worker: none}).Clean(t.Context(), src, redact.Treatment); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("no worker: %v", err)
	}
}

// A worker inherits no secret, whatever the daemon's environment holds.
func TestWorkerKnowsNoSecrets(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	for _, env := range [][]string{nil, {"AWS_SECRET_ACCESS_KEY=" + secret, "PGPASSWORD=" + secret, "CHARTSEAL_PASSPHRASE=" + secret}} {
		tells := func(ctx context.Context) *exec.Cmd {
			cmd := worker("tell")(ctx)
			cmd.Env = append(cmd.Env, env...)
			return cmd
		}
		out, err := start(t.Context(), tells, request{Task: cleanFile}, bytes.NewReader(withEarlierVersion(t)), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(out.Body)
		if err = errors.Join(err, out.Body.Close()); err != nil || strings.Contains(string(b), secret) || !strings.Contains(string(b), workerEnv) {
			t.Errorf("the worker's environment: %s, %v", b, err)
		}
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err := runIn(ctx, "hang", bytes.NewReader(withEarlierVersion(t)), time.Minute)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	out, err := (&Cleaner{Worker: worker("work")}).Clean(ctx, bytes.NewReader(withEarlierVersion(t)), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(out.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
	for range 2 {
		if err := out.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := out.Body.Read(make([]byte, 1)); err == nil {
		t.Error("a closed body reads")
	}
}

// broken is a source that fails on the way.
type broken struct{ *bytes.Reader }

var errDisk = errors.New("input/output error")

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errDisk }

func TestSourceFails(t *testing.T) {
	_, err := runIn(t.Context(), "work", broken{bytes.NewReader(withEarlierVersion(t))}, time.Minute)
	if !errors.Is(err, errDisk) {
		t.Errorf("got %v, want the error of the source", err)
	}
}

// big is a source that claims a size.
type big struct {
	*bytes.Reader
	size int64
}

func (b big) Size() int64 { return b.size }

func TestSizes(t *testing.T) {
	for size, class := range map[int64]redact.Class{0: redact.Truncated, MaxSize + 1: redact.TooLarge, 5000: redact.Truncated} {
		_, err := (&Cleaner{Worker: worker("work")}).Clean(t.Context(), big{bytes.NewReader(withEarlierVersion(t)), size}, redact.Treatment)
		wantRefusal(t, err, class)
	}
}

func TestFrames(t *testing.T) {
	var r request
	for _, b := range []string{"", "\x00", "\x00\x00\x00\x05{}", "\xff\xff\xff\xff{}", "\x00\x00\x00\x02[]"} {
		if err := readFrame(strings.NewReader(b), &r); err == nil {
			t.Errorf("%q: accepted", b)
		}
	}
	for _, size := range []int64{0, -1, MaxSize + 1} {
		head, err := encodeFrame(request{Size: size})
		if err != nil {
			t.Fatal(err)
		}
		if err := Work(t.Context(), bytes.NewReader(head), io.Discard, ""); err == nil {
			t.Errorf("size %d: accepted", size)
		}
	}
}
