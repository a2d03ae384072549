package monitor

import (
	"context"
	"net/http"
	"sync"
	"time"

	"chartseal"
)

// fresh is how long what was seen is shown again, however often monitors ask.
const fresh = 2 * time.Second

// Practice is what is watched.
type Practice interface {
	Vitals(ctx context.Context) *chartseal.Vitals
}

// lens looks at a practice, for one at a time.
type lens struct {
	p    Practice
	mu   sync.Mutex
	seen *chartseal.Vitals
	at   time.Time
	now  func() time.Time
}

func (l *lens) look(ctx context.Context) *chartseal.Vitals {
	l.mu.Lock()
	defer l.mu.Unlock()
	if age := l.now().Sub(l.at); l.seen == nil || age < 0 || age > fresh {
		l.seen, l.at = l.p.Vitals(context.WithoutCancel(ctx)), l.now() // also for the next who asks
	}
	return l.seen
}

// Handlers answers /metrics and /healthz.
func Handlers(p Practice, now func() time.Time) map[string]http.Handler {
	l := &lens{p: p, now: now}
	return map[string]http.Handler{
		"GET /metrics": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			send(w, ContentType, http.StatusOK, Metrics(l.look(r.Context())))
		}),
		"GET /healthz": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ill, status := l.look(r.Context()).Ill(), http.StatusOK
			if ill != "" {
				status = http.StatusServiceUnavailable
			} else {
				ill = "ok"
			}
			send(w, "text/plain; charset=utf-8", status, []byte(ill+"\n"))
		}),
	}
}

func send(w http.ResponseWriter, kind string, status int, b []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b) // who asked may be gone
}
