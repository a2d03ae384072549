package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Server answers monitors and browsers until it is closed.
type Server struct {
	http *http.Server
	addr string
	done chan error
}

// Pages are what a server shows, by pattern (see [http.ServeMux]).
type Pages map[string]http.Handler

const (
	maxAtOnce  = 16       // requests
	maxHeaders = 16 << 10 // bytes
	closeFor   = 2 * time.Second
)

// Serve listens at an address. Open pages are for all who reach it; private ones are for
// browsers on this computer, and who names another host than this one gets nothing: a
// page of the internet may make its own name lead here (DNS rebinding).
func Serve(ctx context.Context, address string, open, private Pages) (*Server, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", address, bare(err))
	}
	mux := http.NewServeMux()
	exposed := !isLoopback(l.Addr().String())
	for pattern, h := range open {
		if !exposed {
			h = near(h)
		}
		mux.Handle(pattern, h)
	}
	for pattern, h := range private {
		mux.Handle(pattern, near(h))
	}
	s := &Server{addr: l.Addr().String(), done: make(chan error, 1), http: &http.Server{
		Handler:           few(mux),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
		MaxHeaderBytes: maxHeaders,
		ErrorLog:       log.New(io.Discard, "", 0), // it names addresses, and paths with tickets
		BaseContext:    func(net.Listener) context.Context { return ctx },
	}}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// bare takes the address out of an error that has been named already.
func bare(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// Addr is the address with the port that was taken.
func (s *Server) Addr() string { return s.addr }

// Close stops listening; answers under way get a moment.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeFor)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// few answers so many requests at once, and no more.
func few(h http.Handler) http.Handler {
	seats := make(chan struct{}, maxAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case seats <- struct{}{}:
			defer func() { <-seats }()
			h.ServeHTTP(w, r)
		default:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		}
	})
}

// near lets only this computer in, under a name of its own.
func near(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(r.Host); err == nil {
			host = name
		}
		if !isLoopback(r.RemoteAddr) || host != "localhost" && !isLoopback(net.JoinHostPort(host, "0")) {
			http.Error(w, "only from this computer, as 127.0.0.1 or localhost", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func isLoopback(address string) bool {
	at, err := netip.ParseAddrPort(address)
	return err == nil && at.Addr().Unmap().IsLoopback()
}
