//go:build linux

package main

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"chartseal/transport/localstore"
)

// bucket is the one store of all sites: the embedded server, with a proxy before it that
// counts the requests.
type bucket struct {
	store   *localstore.Server
	front   *http.Server
	address string

	down     atomic.Bool // it refuses everybody
	mu       sync.Mutex
	requests int
	bytes    int64 // of the bodies that were put
}

func startBucket(ctx context.Context, dir string) (b *bucket, err error) {
	b = &bucket{}
	b.store, err = localstore.Start(ctx, localstore.Options{Dir: filepath.Join(dir, "store"), Command: func(ctx context.Context) *exec.Cmd { return self(ctx, "store") }})
	if err != nil {
		return nil, err
	}
	to, err := url.Parse(b.store.Endpoint())
	if err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b.address = "http://" + l.Addr().String()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host // the host that was signed stays
		},
		ErrorLog:  log.New(io.Discard, "", 0), // the sites are told
		Transport: &http.Transport{MaxConnsPerHost: 200, MaxIdleConnsPerHost: 200, DisableCompression: true},
	}
	b.front = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.count(r)
		if b.down.Load() {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = b.front.Serve(l) }() // ends with close
	return b, nil
}

func (b *bucket) count(r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests++
	if r.Method == http.MethodPut {
		b.bytes += max(0, r.ContentLength)
	}
}

// asked is how many requests there were, and the bytes that were put.
func (b *bucket) asked() (requests int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests, b.bytes
}

func (b *bucket) close() {
	_ = b.front.Close()
	_ = b.store.Close()
}

// self starts this program as the store.
func self(ctx context.Context, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	cmd := exec.CommandContext(ctx, exe, args...) //nolint:gosec // our own binary
	cmd.Env = append(os.Environ(), "SITESIM_CHILD=1")
	return cmd
}
