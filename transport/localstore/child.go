package localstore

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Memory of the child: about 19 MB idle. The limit makes the collector work
// harder near it; it is no wall, and buffers of parts under way stay below it.
const (
	childMemory = "GOMEMLIMIT=48MiB"
	childGC     = "GOGC=50"
)

const (
	startWait = 2 * time.Minute // a child that fails ends, and is not waited for
	startPoll = 10 * time.Millisecond
	tailBytes = 4 << 10
)

// child is one run of the store's process.
type child struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	output *tail
	exited chan struct{}
}

// launch starts a child and waits until it answers. The end of ctx ends the wait; a child
// that serves is stopped in its own order.
func (s *Server) launch(ctx context.Context) (*child, error) {
	if err := s.sweep(); err != nil {
		return nil, err
	}
	health, err := randomText(10)
	if err != nil {
		return nil, err
	}
	o := s.orders("/" + strings.ToLower(health))
	c, err := spawn(s.opts.Command(context.WithoutCancel(ctx)), o)
	if err != nil {
		return nil, err
	}
	if err := c.ready(ctx, s.Endpoint()+o.Health); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

func (s *Server) orders(health string) orders {
	o := orders{
		Data: filepath.Join(s.opts.Dir, dataDir), Port: s.state.Port,
		AccessKey: s.state.AccessKey, SecretKey: s.state.SecretKey, Region: Region, Health: health,
		Downloads: filepath.Join(s.opts.Dir, downloadsDir),
	}
	if s.state.Meta == metaSidecar {
		o.Meta = filepath.Join(s.opts.Dir, metaDir)
	}
	return o
}

func spawn(cmd *exec.Cmd, o orders) (*child, error) {
	line, err := json.Marshal(o) //nolint:gosec // into the pipe to our own child
	if err != nil {
		return nil, fmt.Errorf("encode orders: %w", err)
	}
	c := &child{cmd: cmd, output: &tail{}, exited: make(chan struct{})}
	cmd.Env = append(cmd.Environ(), childMemory, childGC)
	cmd.Stdout, cmd.Stderr = c.output, c.output
	cmd.WaitDelay = stopWait
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe: %w", bare(err))
	}
	c.stdin = stdin
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start store: %w", bare(err))
	}
	go func() {
		_ = cmd.Wait()
		close(c.exited)
	}()
	if _, err := stdin.Write(append(line, '\n')); err != nil {
		c.stop()
		return nil, &StartError{Output: c.output.String()}
	}
	return c, nil
}

// ready waits for an answer on a path that only this child knows.
func (c *child) ready(ctx context.Context, url string) error {
	wait, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: loopback
	for {
		if healthy(wait, client, url) {
			return nil
		}
		select {
		case <-c.exited:
			return &StartError{Output: c.output.String()}
		case <-wait.Done():
			if err := ctx.Err(); err != nil {
				return err
			}
			return &StartError{Output: c.output.String()}
		case <-time.After(startPoll):
		}
	}
}

func healthy(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// wait returns when the child has ended or ctx has, and whether the child had
// lived for at least well.
func (c *child) wait(ctx context.Context, well time.Duration) bool {
	t := time.NewTimer(well)
	defer t.Stop()
	for lived := false; ; lived = true {
		select {
		case <-c.exited:
			return lived
		case <-ctx.Done():
			return lived
		case <-t.C:
		}
	}
}

// stop asks the child to end by closing its standard input, and kills it if it
// does not.
func (c *child) stop() {
	_ = c.stdin.Close()
	select {
	case <-c.exited:
		return
	case <-time.After(stopWait):
	}
	_ = c.cmd.Process.Kill()
	<-c.exited
}

// tail keeps the last words of the child.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if len(t.buf) > tailBytes {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-tailBytes:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
