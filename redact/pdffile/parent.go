package pdffile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"chartseal/redact"
)

// reapTime is how long a killed child may hold its pipes open.
const reapTime = 5 * time.Second

// child is a running worker as seen by the parent.
type child struct {
	cmd    *exec.Cmd
	ctx    context.Context
	parent context.Context
	cancel context.CancelFunc
	source *watchedSource
	stdout io.ReadCloser
	stderr headBuffer
}

// start runs a worker on src and reads its answer. The output is then streamed
// from the child, which is reaped when the Body is closed.
func start(parent context.Context, worker func(context.Context) *exec.Cmd, req request, src redact.Source, limit time.Duration) (*redact.Output, error) {
	ctx, cancel := context.WithTimeout(parent, limit)
	c := &child{cmd: worker(ctx), ctx: ctx, parent: parent, cancel: cancel}
	req.Size = src.Size()
	head, err := encodeFrame(req)
	if err == nil {
		err = c.launch(head, src)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	var r reply
	if err := readFrame(c.stdout, &r); err != nil {
		return nil, c.failed(err)
	}
	if r.Class != "" {
		_ = c.stop()
		return nil, c.refused(r)
	}
	if r.Size <= 0 {
		return nil, c.failed(errFrame)
	}
	return &redact.Output{Size: r.Size, Body: &body{child: c, left: r.Size}, Report: r.Report, Claims: bounded(r.Claims)}, nil
}

func (c *child) launch(head []byte, src redact.Source) error {
	c.cmd.Env = withoutSecrets(c.cmd.Env)
	c.source = &watchedSource{r: io.NewSectionReader(src, 0, src.Size())}
	c.cmd.Stdin = io.MultiReader(bytes.NewReader(head), c.source)
	c.cmd.Stderr = &c.stderr
	c.cmd.WaitDelay = reapTime
	var err error
	if c.stdout, err = c.cmd.StdoutPipe(); err != nil {
		return fmt.Errorf("start PDF worker: %w", err)
	}
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("start PDF worker: %w", withoutPath(err))
	}
	return nil
}

// needed are the variables that a worker and the Go runtime read, and those that
// Windows starts no program without.
var needed = []string{"CHARTSEAL_PDFIUM_CACHE", "GORACE", "GODEBUG", "GOCOVERDIR", "GOMAXPROCS", "SYSTEMROOT", "WINDIR", "TMP", "TEMP"}

// withoutSecrets is an environment without what a worker does not need: keys of the
// store and passwords may stand in that of the daemon.
func withoutSecrets(env []string) []string {
	kept := []string{} // nil would be that of the parent
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		name = strings.ToUpper(name) // Windows does not care
		if slices.Contains(needed, name) || strings.HasPrefix(name, "CHARTSEAL_TEST_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// stop ends the child and waits for it.
func (c *child) stop() error {
	c.cancel()
	return c.cmd.Wait()
}

// refused turns the answer of the child into an error. A source that could not
// be read to its end looks truncated to the child, so its own error goes first.
func (c *child) refused(r reply) error {
	if err := c.source.failure(); err != nil {
		return err
	}
	known := []redact.Class{
		redact.Unsupported, redact.Malformed, redact.Truncated, redact.Encrypted,
		redact.Undecided, redact.Unfit, redact.Absent, redact.TooLarge, redact.Unverified,
	}
	if !slices.Contains(known, r.Class) {
		return errFrame
	}
	refusal := redact.Refuse(r.Class, "%s", r.Reason)
	if r.Draw {
		return drawable{refusal}
	}
	return refusal
}

// failed explains a child that ended without an answer.
func (c *child) failed(err error) error {
	timedOut := errors.Is(c.ctx.Err(), context.DeadlineExceeded)
	_ = c.stop()
	state := c.cmd.ProcessState
	switch {
	case c.parent.Err() != nil:
		return fmt.Errorf("clean PDF: %w", c.parent.Err())
	case timedOut:
		return redact.Refuse(redact.TooLarge, "cleaning the PDF took too long")
	case c.source.failure() != nil:
		return c.source.failure()
	case state != nil && state.ExitCode() == exitMemory, c.stderr.has("out of memory"), c.stderr.has("cannot allocate memory"):
		return redact.Refuse(redact.TooLarge, "cleaning the PDF takes more memory than it may have")
	case state != nil && state.ExitCode() == exitSetup:
		return errors.New("start PDF worker: it could not limit itself")
	case c.stderr.has("goroutine "), c.stderr.has("fatal error: "):
		return redact.Refuse(redact.Malformed, "the PDF is built in a way that cannot be read safely")
	}
	return fmt.Errorf("clean PDF: worker ended early: %w", err)
}

// body streams the output from the child.
type body struct {
	child  *child
	left   int64
	closed bool
}

// Read implements io.Reader. A child that ends early gives an error.
func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.closed:
		return 0, errors.New("read cleaned PDF: closed")
	case b.left == 0:
		return 0, io.EOF
	case b.child.parent.Err() != nil:
		return 0, b.child.parent.Err()
	}
	n, err := b.child.stdout.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if n > 0 {
		return n, nil
	}
	if b.child.parent.Err() != nil {
		return 0, b.child.parent.Err()
	}
	if err == nil || errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read cleaned PDF: %w", io.ErrUnexpectedEOF)
	}
	return 0, errors.New("read cleaned PDF: the worker ended")
}

// Close ends the child, if it still runs, and waits for it.
func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	_ = b.child.stop() // how it ended no longer matters: Read has counted the bytes
	return nil
}

// watchedSource remembers why reading the source failed; package exec would
// keep it to itself until the end.
type watchedSource struct {
	r   io.Reader
	mu  sync.Mutex
	err error
}

func (w *watchedSource) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.mu.Lock()
		w.err = err
		w.mu.Unlock()
	}
	return n, err
}

func (w *watchedSource) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// headBuffer keeps the first 4 KiB of what a child says on standard error, to
// tell a lack of memory from other ends. It is never shown: it could quote the
// file.
type headBuffer struct{ b []byte }

func (h *headBuffer) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), 4<<10-len(h.b))]...)
	return len(p), nil
}

// has is called once the child has been waited for.
func (h *headBuffer) has(s string) bool { return bytes.Contains(h.b, []byte(s)) }

// withoutPath strips the path off an error of package exec.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		return e.Err
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
