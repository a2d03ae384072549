// Package localstore runs an S3 server on loopback, for practices without a
// bucket, for the demo and for tests: the same code path to the store
// everywhere. The server is versitygw, which no other package imports, in a
// child process of the same program, because it changes the process's working
// directory and keeps package-wide state.
//
// Only sealed objects lie there. Power loss may lose what was just stored (the
// server does not fsync), so the sealed file is kept until its release is
// answered.
package localstore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

// orders is what the parent writes to the child's standard input, in one line,
// before it holds the pipe open for as long as the child is to live. Secrets
// never appear among the arguments.
type orders struct {
	Data      string `json:"data"`           // absolute folder of the objects
	Meta      string `json:"meta,omitempty"` // absolute folder of attributes, where the file system keeps none
	Port      int    `json:"port"`
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
	Region    string `json:"region"`
	Health    string `json:"health"`    // path only the parent knows
	Downloads string `json:"downloads"` // absolute folder of the notes of what was fetched
}

const (
	host           = "127.0.0.1"
	maxOrders      = 64 << 10
	stopWait       = 5 * time.Second
	maxConnections = 512
	maxRequests    = 256
	maxParts       = 10_000
)

// Serve is the whole of the hidden subcommand "store": it reads its orders from
// in (the process's standard input), serves until in ends, which it does when
// the parent closes it or dies, and returns. The process must exit then.
func Serve(ctx context.Context, in io.Reader) error {
	r := bufio.NewReaderSize(in, maxOrders)
	o, err := readOrders(r)
	if err != nil {
		return err
	}
	be, err := o.backend()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, r)
		cancel()
	}()
	if o.Downloads == "" {
		return run(ctx, be, o)
	}
	return run(ctx, &counting{Backend: be, notes: &notebook{dir: o.Downloads}}, o)
}

func readOrders(r *bufio.Reader) (orders, error) {
	var o orders
	line, err := r.ReadSlice('\n')
	if err != nil {
		return o, errors.New("read orders: the store is started by chartseal itself, with its orders on standard input")
	}
	if err := json.Unmarshal(line, &o); err != nil {
		return o, errors.New("read orders: not understood") // the JSON error may quote a secret
	}
	if o.Data == "" || o.Port <= 0 || o.AccessKey == "" || o.SecretKey == "" {
		return o, errors.New("read orders: incomplete")
	}
	return o, nil
}

func (o orders) backend() (*posix.Posix, error) {
	if o.Meta == "" {
		be, err := posix.New(o.Data, meta.XattrMeta{}, posix.PosixOpts{})
		if err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
		return be, nil
	}
	side, err := meta.NewSideCar(o.Meta)
	if err != nil {
		return nil, fmt.Errorf("open attributes: %w", err)
	}
	be, err := posix.New(o.Data, side, posix.PosixOpts{SideCarDir: o.Meta})
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return be, nil
}

// run serves until ctx ends, and waits no longer than stopWait for requests
// under way: the process is about to exit.
func run(ctx context.Context, be backend.Backend, o orders) error {
	done := make(chan error, 1)
	go func() { done <- embedgw.RunVersityGW(ctx, be, o.gateway()) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	case <-time.After(stopWait):
		return nil
	}
}

func (o orders) gateway() *embedgw.Config {
	return &embedgw.Config{
		RootUserAccess: o.AccessKey, RootUserSecret: o.SecretKey, Region: o.Region,
		Ports:          []string{net.JoinHostPort(host, strconv.Itoa(o.Port))},
		MaxConnections: maxConnections, MaxRequests: maxRequests, MultipartMaxParts: maxParts,
		KeepAlive: true, Quiet: true, DisableACLs: true, HealthPath: o.Health,
	}
}
