package localstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"chartseal/transport"
)

const (
	// Bucket is the name of the embedded store's only bucket. The caller makes
	// it, with s3.Store.EnsureBucket.
	Bucket = "chartseal"
	// Region is what requests to the embedded store are signed for.
	Region = "us-east-1"

	dataDir = "data"
	metaDir = "meta"
)

// ErrPortTaken means that another program listens on the store's port. The port
// is not changed by itself, because every link given out would die: the other
// program has to go, or store.json is removed and links are issued again.
var ErrPortTaken = errors.New("another program uses the embedded store's port")

// ErrStart means that the child process ended, or did not answer, before it was
// ready. StartError, which wraps it, keeps what the child said.
var ErrStart = errors.New("the embedded store did not start")

// StartError is a failed start.
type StartError struct {
	Output string // last words of the child; may hold paths: private, not for logs
}

func (e *StartError) Error() string { return ErrStart.Error() }

// Unwrap returns ErrStart.
func (e *StartError) Unwrap() error { return ErrStart }

// Options says where the store lives and how its process is made.
type Options struct {
	// Dir holds everything of the store (state/store); made with mode 0700.
	Dir string
	// Command makes the child process: this program with the subcommand that
	// calls Serve. Standard streams are set by Start, which also adds memory
	// limits to Env; ctx does not end with Start's.
	Command func(ctx context.Context) *exec.Cmd
	// Died, if set, is told each time the child ends unasked or cannot be
	// started again, before the next try. It must be quick.
	Died func()
}

// Server is the running store. Its port and keys stay the same for as long as
// its folder does, so links survive restarts of the program, the machine and
// the child.
type Server struct {
	opts  Options
	state state

	cancel context.CancelFunc
	done   chan struct{}
}

// Start starts the child process and returns once it serves, or ctx ends. The child is
// started again whenever it ends, until Close is called; it ends by itself when this
// process dies.
//
// Errors: ErrPortTaken, ErrState, ErrStart, that of ctx, or of the file system, without paths.
func Start(ctx context.Context, opts Options) (*Server, error) {
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("find store folder: %w", bare(err))
	}
	opts.Dir = dir
	for _, d := range []string{dir, filepath.Join(dir, dataDir), filepath.Join(dir, metaDir), filepath.Join(dir, downloadsDir)} {
		if err = os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("make store folder: %w", bare(err))
		}
	}
	s := &Server{opts: opts, done: make(chan struct{})}
	if s.state, err = loadState(ctx, dir); err != nil {
		return nil, err
	}
	if err = s.waitForPort(ctx); err != nil {
		return nil, err
	}
	first, err := s.launch(ctx)
	if err != nil {
		return nil, err
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go s.supervise(ctx, first)
	return s, nil
}

// Endpoint is the store's address, for path-style requests.
func (s *Server) Endpoint() string {
	return "http://" + net.JoinHostPort(host, strconv.Itoa(s.state.Port))
}

// AccessKey is the name of the store's only key.
func (s *Server) AccessKey() string { return s.state.AccessKey }

// SecretKey is the secret of the store's only key.
func (s *Server) SecretKey() transport.Secret { return transport.Secret(s.state.SecretKey) }

// Close stops the child and waits for its end. Links answer again after the
// next Start.
func (s *Server) Close() error {
	s.cancel()
	<-s.done
	return nil
}

// portWait is for a predecessor to end, which it may do slowly on a busy machine.
const (
	portWait  = 30 * time.Second
	portPause = 200 * time.Millisecond
)

// waitForPort waits a while for a predecessor to let go of the port.
func (s *Server) waitForPort(ctx context.Context) error {
	for range portWait / portPause {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.address())
		if err == nil {
			return l.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(portPause):
		}
	}
	return ErrPortTaken
}

func (s *Server) address() string { return net.JoinHostPort(host, strconv.Itoa(s.state.Port)) }

const (
	firstPause = 200 * time.Millisecond
	maxPause   = 30 * time.Second
	stable     = time.Minute // a child that lived as long was well
)

// supervise owns the child: it starts another when one ends, with a growing
// pause, and ends the last one when ctx does.
func (s *Server) supervise(ctx context.Context, c *child) {
	defer close(s.done)
	pause := firstPause
	for {
		if c != nil {
			if well := c.wait(ctx, stable); well {
				pause = firstPause
			}
		}
		if ctx.Err() != nil {
			if c != nil {
				c.stop()
			}
			return
		}
		if s.opts.Died != nil {
			s.opts.Died()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
		c, _ = s.launch(ctx)
	}
}
