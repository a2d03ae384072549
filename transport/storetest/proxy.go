package storetest

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// Proxy stands before a real store, writes down what goes by, and does harm
// where a test asks for it. Signatures stay valid: the Host header is passed on.
type Proxy struct {
	*httptest.Server
	forward *httputil.ReverseProxy
	closing chan struct{}

	mu     sync.Mutex
	faults []*Fault
	seen   []Request
}

// Request is what went by.
type Request struct {
	Op     string // name of the S3 operation
	Header http.Header
}

// Fault is harm done to requests of one operation.
type Fault struct {
	Op    string                   // S3 operation, as Op names it
	When  func(*http.Request) bool // further condition, may be nil
	Times int                      // how often; 0 means every time

	Status int    // the answer, instead of the store's
	Code   string // its error code
	After  bool   // the store gets the request, and only its answer is lost

	Drop   bool // the connection is cut instead of an answer
	Hang   bool // 1 MiB of the body is read, and then nothing happens
	Damage bool // one bit of the body is turned over

	fired int
}

// NewProxy starts a proxy for the store at target. With tls it speaks HTTPS,
// which Proxy.Client trusts. The test fails if a fault never fires.
func NewProxy(t *testing.T, target string, tls bool) *Proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{closing: make(chan struct{})}
	p.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.Server = httptest.NewUnstartedServer(p)
	if tls {
		p.StartTLS()
	} else {
		p.Start()
	}
	t.Cleanup(func() {
		close(p.closing)
		p.CloseClientConnections()
		p.Close()
		for _, f := range p.faults {
			if f.fired == 0 {
				t.Errorf("fault never fired: %s %d %s", f.Op, f.Status, f.Code)
			}
		}
	})
	return p
}

// Inject adds a fault.
func (p *Proxy) Inject(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &f)
}

// Heal ends all faults.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		f.Times = -1
	}
}

// Requests returns what went by of one operation, or all with op "".
func (p *Proxy) Requests(op string) []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	var rs []Request
	for _, r := range p.seen {
		if op == "" || r.Op == op {
			rs = append(rs, r)
		}
	}
	return rs
}

// ServeHTTP passes a request on, or does what a fault says.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := p.note(r)
	switch {
	case f == nil:
		p.forward.ServeHTTP(w, r)
	case f.Hang:
		_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
		select {
		case <-r.Context().Done():
		case <-p.closing:
		}
		panic(http.ErrAbortHandler)
	case f.Damage:
		r.Body = &damaged{ReadCloser: r.Body}
		p.forward.ServeHTTP(w, r)
	default:
		p.answer(w, r, f)
	}
}

func (p *Proxy) answer(w http.ResponseWriter, r *http.Request, f *Fault) {
	if f.After {
		p.forward.ServeHTTP(httptest.NewRecorder(), r)
	} else {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Amz-Request-Id", "TESTREQUEST1")
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.Status)
	if f.Code != "" && r.Method != http.MethodHead {
		// The resource and host that stores put into errors must not get out.
		where := html.EscapeString(r.URL.String())
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message><Resource>%s</Resource></Error>", f.Code, where, where)
	}
}

func (p *Proxy) note(r *http.Request) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	op := Op(r)
	p.seen = append(p.seen, Request{Op: op, Header: r.Header.Clone()})
	for _, f := range p.faults {
		if f.Op != op || f.Times < 0 || (f.Times > 0 && f.fired >= f.Times) || (f.When != nil && !f.When(r)) {
			continue
		}
		f.fired++
		return f
	}
	return nil
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

// Op names the S3 operation of a request, for a path-style address.
func Op(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && q.Has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == http.MethodPost && q.Has("uploadId"):
		return "CompleteMultipartUpload"
	case r.Method == http.MethodPut && q.Has("partNumber"):
		return "UploadPart"
	case r.Method == http.MethodGet && q.Has("uploadId"):
		return "ListParts"
	case r.Method == http.MethodGet && q.Has("uploads"):
		return "ListMultipartUploads"
	case r.Method == http.MethodGet && q.Has("versions"):
		return "ListObjectVersions"
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		return "AbortMultipartUpload"
	}
	return plainOp(r)
}

func plainOp(r *http.Request) string {
	u, err := url.Parse(r.URL.Path)
	object := err == nil && len(u.Path) > 1 && indexSlash(u.Path[1:]) > 0
	switch {
	case !object:
		return r.Method + " bucket"
	case r.Method == http.MethodPut:
		return "PutObject"
	case r.Method == http.MethodHead:
		return "HeadObject"
	case r.Method == http.MethodGet:
		return "GetObject"
	case r.Method == http.MethodDelete:
		return "DeleteObject"
	}
	return r.Method
}

// indexSlash finds a slash with something behind it.
func indexSlash(s string) int {
	for i := range len(s) - 1 {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}
