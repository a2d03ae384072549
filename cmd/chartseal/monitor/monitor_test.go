package monitor

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"chartseal"
	"chartseal/transport/s3"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func well() *chartseal.Vitals {
	return &chartseal.Vitals{
		At: now, Practice: "Lakeside Dental", Site: `front "desk"\1`, Version: "1.2.3", GoLang: "go1.26", Started: now.Add(-time.Hour),
		Turned: now.Add(-3 * time.Second), Silent: 2 * time.Minute,
		Orders: map[string]int{"sent": 7, "held": 2, "working": 4}, HeldToday: 1,
		Troubles: []chartseal.Trouble{{Class: "store unavailable", Orders: 3, Since: now.Add(-10 * time.Minute), Release: "abc"}},
		Unpicked: chartseal.Trouble{Orders: 1, Since: now.Add(-time.Hour)}, Listed: now, Open: 6, Urgent: 2, Overdue: 1, Braked: 1,
		Credentials: s3.Life{Kind: "static", Ends: now.Add(90 * time.Second)}, DiskFree: 5 << 30, Uploaded: 1 << 20, Answered: now.Add(-time.Minute),
	}
}

// families reads a page as Prometheus does.
func families(t *testing.T, page []byte) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	out, err := p.TextToMetricFamilies(bytes.NewReader(page))
	if err != nil {
		t.Fatalf("%v in\n%s", err, page)
	}
	return out
}

func value(m *dto.Metric) float64 { return m.GetGauge().GetValue() + m.GetCounter().GetValue() }

func TestPrometheusReadsTheMetrics(t *testing.T) {
	got := families(t, Metrics(well()))
	for name, want := range map[string]float64{
		"chartseal_healthy": 1, "chartseal_scheduler_turned_seconds": 3, "chartseal_oldest_waiting_seconds": 3600, "chartseal_orders_held_today": 1,
		"chartseal_orders_open": 6, "chartseal_deadlines_at_risk": 2, "chartseal_deadlines_overdue": 1, "chartseal_orders_braked": 1,
		"chartseal_uploaded_bytes_total": 1 << 20, "chartseal_credentials_life_seconds": 90, "chartseal_disk_free_bytes": 5 << 30,
		"chartseal_ledger_whole": 1, "chartseal_last_answer_time_seconds": float64(now.Unix() - 60), "chartseal_outbox_delayed": 1,
	} {
		f := got[name]
		if f == nil || len(f.GetMetric()) != 1 || value(f.GetMetric()[0]) != want || f.GetHelp() == "" {
			t.Errorf("%s is %v, want %v", name, f, want)
		}
	}
	states := map[string]float64{}
	for _, m := range got["chartseal_orders"].GetMetric() {
		states[m.GetLabel()[0].GetValue()] = value(m)
	}
	if len(states) != 3 || states["sent"] != 7 || states["held"] != 2 || states["working"] != 4 {
		t.Errorf("orders by state: %v", states)
	}
	build := got["chartseal_build_info"].GetMetric()[0].GetLabel()
	if len(build) != 3 || build[0].GetValue() != "1.2.3" || build[2].GetValue() != `front "desk"\1` {
		t.Errorf("build: %v", build)
	}
	if got["chartseal_uploaded_bytes_total"].GetType() != dto.MetricType_COUNTER {
		t.Error("uploaded bytes are no counter")
	}
}

func TestWhatIsUnknownIsLeftOut(t *testing.T) {
	v := well()
	v.Listed = time.Time{}
	v.Database, v.DiskFree, v.Turned, v.Answered, v.Credentials.Ends = "database unavailable", -1, time.Time{}, time.Time{}, time.Time{}
	got := families(t, Metrics(v))
	for _, name := range []string{"chartseal_orders", "chartseal_orders_held_today", "chartseal_disk_free_bytes", "chartseal_orders_open", "chartseal_deadlines_overdue", "chartseal_scheduler_turned_seconds", "chartseal_last_answer_time_seconds"} {
		if got[name] != nil {
			t.Errorf("%s is there", name)
		}
	}
	if left := value(got["chartseal_credentials_life_seconds"].GetMetric()[0]); !math.IsInf(left, 1) {
		t.Errorf("life of keys that do not end: %v", left)
	}
	if value(got["chartseal_database_ok"].GetMetric()[0]) != 0 {
		t.Error("the database is well")
	}
	v.CredTrouble = "store denied access"
	if families(t, Metrics(v))["chartseal_credentials_life_seconds"] != nil {
		t.Error("keys that are missing have a life")
	}
}

type patient struct{ v *chartseal.Vitals }

func (p patient) Vitals(context.Context) *chartseal.Vitals { return p.v }

func TestHealthzSaysWhyNot(t *testing.T) {
	for _, c := range []struct {
		change func(*chartseal.Vitals)
		status int
		says   string
	}{
		{func(*chartseal.Vitals) {}, http.StatusOK, "ok"},
		{func(v *chartseal.Vitals) { v.Turned, v.Started = time.Time{}, now }, http.StatusServiceUnavailable, "starting"},
		{func(v *chartseal.Vitals) { v.Turned = now.Add(-3 * time.Minute) }, http.StatusServiceUnavailable, "stalled"},
		{func(v *chartseal.Vitals) { v.Ledger = chartseal.LedgerCut }, http.StatusServiceUnavailable, "ledger"},
	} {
		v := well()
		c.change(v)
		w := httptest.NewRecorder()
		Handlers(patient{v}, time.Now)["GET /healthz"].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		if w.Code != c.status || w.Body.String() != c.says+"\n" {
			t.Errorf("%d %q, want %d %q", w.Code, w.Body, c.status, c.says)
		}
	}
}

func get(t *testing.T, url, host string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func serve(t *testing.T, address string) *Server {
	t.Helper()
	secret := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "R-2026-0113") })
	s, err := Serve(t.Context(), address, Handlers(patient{well()}, time.Now), Pages{"GET /board/": secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestAPageThatMakesItsNameLeadHereGetsNothing(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	for _, path := range []string{"/metrics", "/healthz", "/board/"} {
		for host, want := range map[string]int{"": 200, "localhost": 200, "localhost:80": 200, "[::1]:80": 200, "evil.example": 403, "evil.example:7421": 403, "10.0.0.8": 403} {
			if code, _ := get(t, "http://"+s.Addr()+path, host); code != want {
				t.Errorf("%s asked for as %q: %d, want %d", path, host, code, want)
			}
		}
	}
}

func TestExposedIsOnlyWhatNamesNobody(t *testing.T) {
	s := serve(t, "0.0.0.0:0")
	port := s.Addr()[strings.LastIndex(s.Addr(), ":"):]
	if code, _ := get(t, "http://127.0.0.1"+port+"/metrics", "chartseal.lan"); code != 200 {
		t.Errorf("metrics by a name: %d", code)
	}
	if code, _ := get(t, "http://127.0.0.1"+port+"/board/", "chartseal.lan"); code != 403 {
		t.Errorf("board by a name: %d", code)
	}
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/board/", nil)
	r.RemoteAddr = "10.0.0.8:5000"
	w := httptest.NewRecorder()
	near(http.NotFoundHandler()).ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("board from another computer: %d", w.Code)
	}
}

func TestATakenPortIsSaidPlainly(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	if _, err := Serve(t.Context(), s.Addr(), nil, nil); err == nil || !strings.Contains(err.Error(), s.Addr()) {
		t.Errorf("error %v", err)
	}
}

func TestSoManyAtOnceAndNoMore(t *testing.T) {
	hold, inside := make(chan struct{}), make(chan struct{}, maxAtOnce)
	h := few(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		inside <- struct{}{}
		<-hold
	}))
	for range maxAtOnce {
		go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}
	for range maxAtOnce {
		<-inside
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	close(hold)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("one more: %d", w.Code)
	}
}

// Before the practice is open nothing is told that is not known.
func TestAPracticeThatIsBeingOpened(t *testing.T) {
	v := &chartseal.Vitals{At: now, Started: now.Add(-time.Hour), Opening: true, DiskFree: 1 << 30}
	if got := v.Ill(); got != "starting" {
		t.Errorf("it is %q", got)
	}
	v.Awaits = chartseal.Trouble{Class: "database unavailable", Since: now}
	got := families(t, Metrics(v))
	for name, want := range map[string]float64{"chartseal_healthy": 0, "chartseal_starting": 1, "chartseal_starting_waits": 1, "chartseal_disk_free_bytes": 1 << 30} {
		if f := got[name]; f == nil || len(f.GetMetric()) != 1 || value(f.GetMetric()[0]) != want {
			t.Errorf("%s is %v, want %v", name, f, want)
		}
	}
	if len(got) != 6 || v.Ill() != "starting: database unavailable" {
		t.Errorf("%d families, and it is %q", len(got), v.Ill())
	}
	if f := families(t, Metrics(well()))["chartseal_starting"]; value(f.GetMetric()[0]) != 0 {
		t.Error("one that runs is starting")
	}
}
