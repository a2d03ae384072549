package storetest

import (
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
	taken  map[string]int64
}

// Request is what went by.
type Request struct {
	Op     string // name of the S3 operation
	Header http.Header
}

// NewProxy starts a proxy for the store at target. With tls it speaks HTTPS,
// which Proxy.Client trusts. The test fails if a fault never fires.
func NewProxy(t *testing.T, target string, tls bool) *Proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{closing: make(chan struct{}), taken: map[string]int64{}}
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

// Inject adds a fault and returns the count of how often it has struck.
func (p *Proxy) Inject(f Fault) (fired func() int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &f)
	return func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return f.fired
	}
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
	body := &counted{ReadCloser: r.Body, proxy: p, op: Op(r)}
	r.Body = body
	if f == nil {
		p.forward.ServeHTTP(w, r)
		return
	}
	f.strike(p, w, r)
}

// Taken returns how many bytes of bodies were read from clients for one
// operation, those of requests that failed included.
func (p *Proxy) Taken(op string) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken[op]
}

// counted adds up what is read of a body.
type counted struct {
	io.ReadCloser
	proxy *Proxy
	op    string
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	c.proxy.taken[c.op] += int64(n)
	return n, err
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
