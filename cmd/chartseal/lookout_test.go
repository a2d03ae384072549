package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"chartseal"
	"chartseal/cmd/chartseal/alert"
	"chartseal/testdata/practice"
	"chartseal/watch"
)

// pager is a receiver of webhooks.
type pager struct {
	mu  sync.Mutex
	got []alert.Notice
	raw strings.Builder
}

func (p *pager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	var n alert.Notice
	if json.Unmarshal(b, &n) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.got = append(p.got, n)
	p.raw.Write(b)
}

func (p *pager) classes() (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.got {
		for _, it := range n.Items {
			out = append(out, string(it.Class)+" "+string(it.Phase))
		}
	}
	return out
}

func browse(t *testing.T, c *http.Client, address string) (int, string) {
	t.Helper()
	res, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(b)
}

// patience is for what never comes: how fast a busy machine is says nothing.
const patience = 8 * time.Minute

// comes waits for something.
func comes(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// A daemon with all that it shows of itself: what a monitor, IT and the front desk see of
// one order that is sent, one that is held and one that is overdue. Nothing of a patient
// is in metrics, alerts and the log.
func TestTheLookoutOfADaemon(t *testing.T) {
	t.Parallel()
	it := &pager{}
	hook := httptest.NewServer(it)
	defer hook.Close()
	dir := t.TempDir()
	cfg := ownPractice(t, `status: {listen: ""}`, `status: {listen: "127.0.0.1:0"}`+"\nalerts: {webhook: {url: \""+hook.URL+"\"}}\nlog: {file: "+filepath.Join(dir, "daemon.log")+"}")
	a := &app{configFile: cfg.File}
	a.daemonLog(cfg.Log)
	p, err := chartseal.Open(t.Context(), cfg, a.options(nil))
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.serve(ctx, p, false) }()
	ended := false
	end := func() {
		if !ended {
			ended = true
			stop()
			must(t, <-done)
			must(t, p.Close())
		}
	}
	defer end()

	who := practice.People()[0]
	drop := func(id string, o practice.OrderOptions, change ...string) {
		t.Helper()
		o.Now = time.Now()
		text := strings.NewReplacer(change...).Replace(string(practice.OrderFor(who, id, o)))
		must(t, os.WriteFile(filepath.Join(cfg.Outbox, id+".tmp"), []byte(text), 0o600))
		must(t, os.Rename(filepath.Join(cfg.Outbox, id+".tmp"), filepath.Join(cfg.Outbox, id+".yaml")))
	}
	drop("R-LOOK-1", practice.OrderOptions{Kinds: []string{"radiograph"}})
	drop("R-LOOK-2", practice.OrderOptions{Kinds: []string{"radiograph"}}, "approved:", "# approved:")
	var at boardAddress
	comes(t, "the board", func() bool { at, err = askBoard(t.Context(), cfg.State); return err == nil })
	for _, want := range []string{filepath.Join("sent", "R-LOOK-1", watch.Twin(watch.Sent)), filepath.Join("held", "R-LOOK-2", watch.Twin(watch.Held))} {
		comes(t, want, func() bool { _, err := os.Stat(filepath.Join(cfg.Outbox, want)); return err == nil })
	}

	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar}
	base := at.Address[:strings.Index(at.Address, "/board/")]
	if code, _ := browse(t, browser, base+"/board/"); code != http.StatusForbidden {
		t.Errorf("the board without its address: %d", code)
	}
	_, board := browse(t, browser, at.Address)
	comes(t, "the hold on the board", func() bool {
		_, board = browse(t, browser, base+"/board/")
		return strings.Contains(board, "held/R-LOOK-2") && strings.Contains(board, "R-LOOK-1")
	})
	metrics := ""
	for _, want := range []string{
		"chartseal_orders{state=\"held\"} 1\n", "chartseal_orders{state=\"sent\"} 1\n", "chartseal_orders_held_today 1\n", "chartseal_orders_open 1\n",
		"chartseal_healthy 1\n", "chartseal_ledger_whole 1\n", "chartseal_last_answer_time_seconds ",
	} {
		comes(t, want, func() bool {
			_, metrics = browse(t, http.DefaultClient, base+"/metrics")
			return strings.Contains(metrics, want)
		})
	}
	reader := expfmt.NewTextParser(model.LegacyValidation)
	families, err := reader.TextToMetricFamilies(strings.NewReader(metrics))
	if err != nil || families["chartseal_uploaded_bytes_total"].GetMetric()[0].GetCounter().GetValue() < 1000 {
		t.Errorf("%v\n%s", err, metrics)
	}
	ofBoard := func(args ...string) error {
		c := boardCmd(a)
		c.SetArgs(args)
		c.SetOut(io.Discard)
		c.SilenceErrors, c.SilenceUsage = true, true
		return c.ExecuteContext(t.Context())
	}
	for args, says := range map[[2]string]string{
		{"--shortcut", filepath.Join(dir, "board.url")}:  "ends in .html",
		{"--shortcut", filepath.Join(dir, "board.html")}: "port 0", // which a shortcut would miss after a restart
		{"--open", "--renew"}:                            "go alone",
	} {
		if err := ofBoard(args[:]...); err == nil || codeOf(err) != exitUsage || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v", args, err)
		}
	}
	must(t, ofBoard("--renew"))
	if code, _ := browse(t, browser, base+"/board/"); code != http.StatusForbidden {
		t.Errorf("a browser that was turned out: %d", code)
	}
	if code, body := browse(t, http.DefaultClient, base+"/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("healthz: %d %q", code, body)
	}
	end()
	breakLedger(t, cfg.File)
	whileServing(t, a, func() { comes(t, "the alert", func() bool { return len(it.classes()) > 0 }) })
	if got := strings.Join(it.classes(), ", "); got != "ledger begins" {
		t.Errorf("IT was told %q", got)
	}
	log, err := os.ReadFile(filepath.Join(dir, "daemon.log"))
	must(t, err)
	if !strings.Contains(string(log), `"release":`) {
		t.Error("the log has no releases")
	}
	private, err := canaryNeedles(filepath.Dir(cfg.File))
	must(t, err)
	private = append(private, "R-LOOK-1", "R-LOOK-2", strings.TrimPrefix(at.Address, base))
	for place, text := range map[string]string{"metrics": metrics, "alerts": it.raw.String(), "log": string(log)} {
		for _, n := range private {
			if strings.Contains(text, n) {
				t.Errorf("%q stands in the %s", n, place)
			}
		}
	}
	for _, n := range []string{who.First, who.Last, who.BirthDate, linkNeedle, "Chen"} { // orders may be named on the board, nobody else
		if strings.Contains(board, n) {
			t.Errorf("%q stands on the board", n)
		}
	}
}

// What a daemon waits for before it can open its practice is told after a while.
func TestADaemonThatCannotOpenTells(t *testing.T) {
	t.Parallel()
	it := &pager{}
	hook := httptest.NewServer(it)
	defer hook.Close()
	cfg := ownPractice(t, `status: {listen: ""}`, `alerts: {after: 0s, webhook: {url: "`+hook.URL+`"}}`)
	must(t, os.MkdirAll(cfg.State, 0o700))
	a := &app{}
	p := &porch{app: a, cfg: cfg, stop: func() {}}
	k := a.keeper(cfg, p.look)
	k.Once(t.Context())
	p.waits(chartseal.Event{Stage: "upload", Waiting: watch.ErrAway}) // of a release
	k.Once(t.Context())
	if got := it.classes(); len(got) > 0 {
		t.Errorf("IT was told %q", got)
	}
	p.waits(chartseal.Event{Stage: "engine", Waiting: watch.ErrAway})
	k.Once(t.Context())
	k.Once(t.Context())
	p.close(t.Context(), chartseal.ErrLocked) // another daemon is at work
	p.close(t.Context(), chartseal.ErrConfig)
	p.close(t.Context(), chartseal.ErrConfig)
	if got := strings.Join(it.classes(), ", "); got != "failing begins, stuck begins" {
		t.Errorf("IT was told %q", got)
	}
}

// breakLedger edits the ledger as somebody with an editor would.
func breakLedger(t *testing.T, config string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(config), "state", "ledger", "*.jsonl"))
	must(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		must(t, err)
		must(t, os.WriteFile(f, []byte(strings.Replace(string(b), `"event":"sent"`, `"event":"held"`, 1)), 0o600))
	}
}

// whileServing is what the daemon does from its start on, until something is done.
func whileServing(t *testing.T, a *app, do func()) {
	t.Helper()
	p, err := a.openPatiently(t.Context())
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.serve(ctx, p, false) }()
	defer func() {
		stop()
		must(t, <-done)
		must(t, p.Close())
		a.closeFront()
	}()
	do()
}
