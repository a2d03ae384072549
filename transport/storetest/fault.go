package storetest

import (
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"time"
)

// Fault is harm done to requests of one operation. Exactly one of Status, Drop,
// Hang, Slow, Damage and Strip says which.
type Fault struct {
	Op    string                   // S3 operation, as Op names it
	When  func(*http.Request) bool // further condition, may be nil
	Times int                      // how often; 0 means every time

	Status int         // the answer, instead of the store's
	Code   string      // its error code
	Header http.Header // what else is in its head
	Body   string      // the answer's own body, without a Code
	After  bool        // with Status, Drop and Hang: the store gets the request, and only its answer is lost

	Drop   bool           // the connection is cut instead of an answer, before After 1 MiB into the body
	Hang   bool           // nothing happens any more, before After 1 MiB into the body
	Slow   time.Duration  // waited before every 64 KiB of the body
	Damage bool           // one bit of the body is turned over
	Strip  *regexp.Regexp // what is cut out of the store's answer

	fired int
}

const (
	firstBytes = 1 << 20
	slowBytes  = 64 << 10
)

func (f *Fault) strike(p *Proxy, w http.ResponseWriter, r *http.Request) {
	switch {
	case f.Slow > 0:
		r.Body = &slow{ReadCloser: r.Body, pause: f.Slow}
		p.forward.ServeHTTP(w, r)
		return
	case f.Damage:
		r.Body = &damaged{ReadCloser: r.Body}
		p.forward.ServeHTTP(w, r)
		return
	case f.Strip != nil:
		f.strip(p, w, r)
		return
	case f.After:
		p.forward.ServeHTTP(httptest.NewRecorder(), r)
	case f.Drop || f.Hang:
		_, _ = io.CopyN(io.Discard, r.Body, firstBytes)
	default:
		_, _ = io.Copy(io.Discard, r.Body)
	}
	f.answer(p, w, r)
}

func (f *Fault) answer(p *Proxy, w http.ResponseWriter, r *http.Request) {
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-p.closing:
		}
	}
	if f.Hang || f.Drop {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), f.Header)
	w.Header().Set("X-Amz-Request-Id", "TESTREQUEST1")
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
	if f.Code != "" && r.Method != http.MethodHead {
		// The resource and host that stores put into errors must not get out.
		where := html.EscapeString(r.URL.String())
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message><Resource>%s</Resource></Error>", f.Code, where, where)
	}
}

func (f *Fault) strip(p *Proxy, w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	p.forward.ServeHTTP(rec, r)
	maps.Copy(w.Header(), rec.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(rec.Code)
	_, _ = w.Write(f.Strip.ReplaceAll(rec.Body.Bytes(), nil))
}

// damaged turns over one bit of the first byte.
type damaged struct {
	io.ReadCloser
	done bool
}

func (d *damaged) Read(b []byte) (int, error) {
	n, err := d.ReadCloser.Read(b)
	if n > 0 && !d.done {
		b[0] ^= 1
		d.done = true
	}
	return n, err
}

// slow takes a body in small pieces with pauses.
type slow struct {
	io.ReadCloser
	pause time.Duration
}

func (s *slow) Read(b []byte) (int, error) {
	time.Sleep(s.pause)
	return s.ReadCloser.Read(b[:min(len(b), slowBytes)])
}
