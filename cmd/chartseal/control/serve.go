package control

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"
)

// Handler answers one kind of question. A *Failure goes back as it is.
type Handler func(ctx context.Context, question []byte) (any, error)

// Server listens for questions until it is closed.
type Server struct {
	state string
	http  *http.Server
	done  chan error
}

// Serve listens on a free port of the loopback interface and says so in the
// state folder, whose lock the caller holds. handlers are named by path.
func Serve(ctx context.Context, state string, handlers map[string]Handler) (*Server, error) {
	key, der, err := certificate()
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	token := rand.Text() + rand.Text()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for commands: %w", err)
	}
	s := &Server{state: state, done: make(chan error, 1), http: &http.Server{
		Handler:           routes(token, handlers),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS13},
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       log.New(io.Discard, "", 0), // whoever knocks without the certificate
		BaseContext:    func(net.Listener) context.Context { return ctx },
	}}
	if err := write(state, contact{Address: l.Addr().String(), Token: token, Certificate: der}); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	go func() { s.done <- s.http.ServeTLS(l, "", "") }()
	return s, nil
}

// Close stops listening. Questions under way are cut off with ctx of Serve;
// they get a moment to end.
func (s *Server) Close() error {
	removed := os.Remove(file(s.state))
	if errors.Is(removed, fs.ErrNotExist) {
		removed = nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	served := <-s.done
	if errors.Is(served, http.ErrServerClosed) {
		served = nil
	}
	return errors.Join(pathless(removed), err, served)
}

// write leaves word so that who reads it sees all of it.
func write(state string, c contact) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(state, ".tmp-control-*") // the next start sweeps such files
	if err != nil {
		return pathless(err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = replace(f.Name(), file(state))
	}
	if err == nil {
		return nil
	}
	return pathless(errors.Join(err, os.Remove(f.Name())))
}

// replace waits for who reads the file at this moment, and is in the way on Windows.
func replace(from, to string) (err error) {
	for range 250 {
		if err = os.Rename(from, to); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// pathless keeps the path out of an error: logs get it.
func pathless(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("leave word in the state folder: %w", e.Err)
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("leave word in the state folder: %w", e.Err)
	}
	return err
}

func routes(token string, handlers map[string]Handler) http.Handler {
	mux := http.NewServeMux()
	for path, h := range handlers {
		mux.HandleFunc("POST /"+path, func(w http.ResponseWriter, r *http.Request) { answer(w, r, h) })
	}
	want := []byte("Bearer " + token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, r *http.Request, h Handler) {
	question, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "", http.StatusRequestEntityTooLarge)
		return
	}
	out, err := h(r.Context(), question)
	status := http.StatusOK
	if err != nil {
		no, ok := errors.AsType[*Failure](err)
		if !ok {
			no = &Failure{Code: 1, Text: err.Error()}
		}
		out, status = no, http.StatusConflict
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // who asked may be gone
}

// certificate makes a key and a certificate for itself. Its dates mean nothing:
// it ends with the process.
func certificate() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{nameHere},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	return key, der, err
}
