package board

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/watch/notice"
)

// office is a practice with something of everything.
type office struct {
	state string
	desk  chartseal.Desk
}

func (o *office) State() string { return o.state }

func (o *office) Desk(context.Context) (*chartseal.Desk, error) {
	d := o.desk
	return &d, nil
}

// busy is a morning in the practice, at a moment.
func busy(now time.Time) chartseal.Desk {
	days := func(n int) *int { return &n }
	return chartseal.Desk{
		Vitals: &chartseal.Vitals{
			At: now, Practice: "Lakeside Dental", Site: "front-desk", Version: "1.2.3", Started: now.Add(-50 * time.Hour),
			Turned: now, Silent: time.Minute, Orders: map[string]int{"working": 2, "recording": 1, "sent": 40}, Listed: now, Open: 5, Overdue: 1, Urgent: 2, DiskFree: 1 << 40,
		},
		Due: []notice.DueRow{
			{Order: "R-2026-0099", Where: "On hold: read WHY-HELD.txt and drop the order again", Received: "2026-10-20", Due: "2026-11-19", DaysLeft: days(-7), Law: "N.Y. Pub. Health Law § 18(2)", Urgent: true},
			{Order: "R-2026-0107", Where: "Time extended: drop the order again when the records are ready", Received: "2026-10-29", Due: "2026-11-28", DaysLeft: days(2), Extended: "2026-12-20", Urgent: true},
			{Order: "R-2026-0113", Where: "Waiting; nothing was sent yet, and it goes on by itself: the connection is down. If it lasts, tell your IT contact", Received: "2026-11-18", Due: "2026-12-18", DaysLeft: days(22)},
			{Order: "<script>alert(1)</script>", Where: "Dropped; not picked up yet", Received: "2026-11-25"},
			{Order: "scan-20261125-with-a-very-long-file-name-that-somebody-typed-without-a-single-break.yaml", Where: "Dropped; not picked up yet"},
		},
		Held: []chartseal.HeldOrder{
			{Order: "R-2026-0099", Release: "k3jf7", At: now.Add(-26 * time.Hour), Folder: "held/R-2026-0099", Reasons: []chartseal.HeldReason{
				{Rule: "R35", Message: "A file belongs to another patient: the birth date inside it is not the one on the order. Nothing was sent. Take the file out of this patient's folder, then drop the order again.", Citation: "45 CFR 164.514(h)", Items: 1, Decide: true},
				{Rule: "R1", Message: "The check of who asks is too old. Ask for identification again and write the day into the order."},
			}},
			{Order: "R-2026-0120", At: now.Add(-time.Hour), Folder: "held/R-2026-0120"},
		},
		Links: []chartseal.OpenLink{
			{Order: "R-2026-0088", Release: "aaa", To: "provider", Until: now.Add(3 * time.Hour), Fetched: now.Add(-20 * time.Hour), Download: chartseal.DownloadFetched},
			{Order: "R-2026-0090", Release: "bbb", To: "patient", Until: now.Add(100 * time.Hour), Download: chartseal.DownloadUnseen, Excluded: true},
			{Order: "R-2026-0091", Release: "ccc", Until: now.Add(150 * time.Hour), Download: chartseal.DownloadUnknown, Revoking: true},
		},
	}
}

// open starts the board of an office and a browser that keeps cookies.
func open(t *testing.T, o *office, now *time.Time, concerns []Concern, lines []Line) (*Board, *httptest.Server, *http.Client) {
	t.Helper()
	if o.state == "" {
		o.state = t.TempDir()
		if err := os.Mkdir(filepath.Join(o.state, "keys"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b, err := Open(o, Options{
		Now: func() time.Time { return *now }, Concerns: func(*chartseal.Vitals) []Concern { return concerns }, Recent: func() []Line { return lines },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for pattern, h := range b.Pages() {
		mux.Handle(pattern, h)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b, s, &http.Client{Jar: jar}
}

func visit(t *testing.T, c *http.Client, address string) (*http.Response, string) {
	t.Helper()
	res, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func host(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }

func TestABrowserIsLetInOnceWithATicket(t *testing.T) {
	now := time.Now()
	b, s, c := open(t, &office{desk: busy(now)}, &now, nil, nil)
	if res, body := visit(t, c, s.URL+"/board/"); res.StatusCode != http.StatusForbidden || strings.Contains(body, "R-2026") || !strings.Contains(body, "chartseal board") {
		t.Errorf("without a ticket: %d\n%s", res.StatusCode, body)
	}
	address, until := b.Address(host(s))
	if !until.Equal(now.Add(ticketLife)) {
		t.Errorf("until %v", until)
	}
	res, body := visit(t, c, address)
	if strings.Contains(body, "nothing needs your attention") || !strings.Contains(body, "on hold waits for a person") {
		t.Error("an order on hold needs nobody")
	}
	if res.StatusCode != http.StatusOK || res.Request.URL.Path != "/board/" || !strings.Contains(body, "R-2026-0113") {
		t.Fatalf("with a ticket: %d at %s", res.StatusCode, res.Request.URL)
	}
	jar, _ := cookiejar.New(nil)
	if res, _ := visit(t, &http.Client{Jar: jar}, address); res.StatusCode != http.StatusForbidden {
		t.Errorf("the ticket again: %d", res.StatusCode)
	}
	for _, wrong := range []string{"", "x", "%00", strings.Repeat("A", 26)} {
		if res, _ := visit(t, &http.Client{Jar: jar}, s.URL+"/board/enter/"+wrong); res.StatusCode == http.StatusOK {
			t.Errorf("ticket %q lets in", wrong)
		}
	}
	late, _ := b.Address(host(s))
	now = now.Add(ticketLife)
	if res, _ := visit(t, &http.Client{Jar: jar}, late); res.StatusCode != http.StatusForbidden {
		t.Errorf("a ticket that is too old: %d", res.StatusCode)
	}
}

func TestTooManyTicketsLeaveTheNewestOnes(t *testing.T) {
	now := time.Now()
	b, s, c := open(t, &office{desk: busy(now)}, &now, nil, nil)
	first, _ := b.Address(host(s))
	last := ""
	for range maxTickets {
		last, _ = b.Address(host(s))
	}
	if res, _ := visit(t, c, first); res.StatusCode != http.StatusForbidden {
		t.Errorf("the oldest: %d", res.StatusCode)
	}
	if res, _ := visit(t, c, last); res.StatusCode != http.StatusOK {
		t.Errorf("the newest: %d", res.StatusCode)
	}
}

func TestACookieIsSignedAndEnds(t *testing.T) {
	now := time.Now()
	o := &office{desk: busy(now)}
	b, s, c := open(t, o, &now, nil, nil)
	address, _ := b.Address(host(s))
	visit(t, c, address)
	base, _ := url.Parse(s.URL + "/board/")
	cookie := c.Jar.Cookies(base)[0]
	raw, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		t.Fatal(err)
	}
	with := func(value string) int {
		req, _ := http.NewRequest(http.MethodGet, base.String(), nil)
		req.AddCookie(&http.Cookie{Name: cookieName, Value: value})
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	if code := with(cookie.Value); code != http.StatusOK {
		t.Fatalf("the cookie itself: %d", code)
	}
	for i := range raw { // every byte counts
		bad := append([]byte{}, raw...)
		bad[i] ^= 1
		if code := with(base64.RawURLEncoding.EncodeToString(bad)); code != http.StatusForbidden {
			t.Fatalf("with byte %d changed: %d", i, code)
		}
	}
	longer := binary.BigEndian.AppendUint64(nil, uint64(now.Add(sessionLife+time.Hour).Unix()))
	if code := with(base64.RawURLEncoding.EncodeToString(append(longer, b.door.sign(longer)...))); code != http.StatusForbidden {
		t.Errorf("a session that is too long: %d", code)
	}
	if _, again, _ := open(t, o, &now, nil, nil); true { // the daemon has started anew
		res, _ := visit(t, &http.Client{Jar: moved(t, cookie, again.URL)}, again.URL+"/board/")
		if res.StatusCode != http.StatusOK {
			t.Errorf("after a restart: %d", res.StatusCode)
		}
	}
	now = now.Add(30 * 24 * time.Hour)
	if res, _ := visit(t, c, base.String()); res.StatusCode != http.StatusOK || res.Header.Get("Set-Cookie") == "" {
		t.Errorf("a month later: %d, renewed: %q", res.StatusCode, res.Header.Get("Set-Cookie"))
	}
	now = now.Add(sessionLife - time.Hour)
	if code := with(cookie.Value); code != http.StatusForbidden {
		t.Errorf("the old cookie after its end: %d", code)
	}
	if res, _ := visit(t, c, base.String()); res.StatusCode != http.StatusOK {
		t.Errorf("the renewed one: %d", res.StatusCode)
	}
	if err := os.Remove(filepath.Join(o.state, "keys", keyFile)); err != nil {
		t.Fatal(err)
	}
	_, other, _ := open(t, o, &now, nil, nil)
	if res, _ := visit(t, &http.Client{Jar: moved(t, c.Jar.Cookies(base)[0], other.URL)}, other.URL+"/board/"); res.StatusCode != http.StatusForbidden {
		t.Errorf("with another key: %d", res.StatusCode)
	}
}

// moved is a browser's cookies at another port.
func moved(t *testing.T, c *http.Cookie, to string) http.CookieJar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(to + "/board/")
	jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: c.Value, Path: home}})
	return jar
}

func TestTheKeyIsPrivate(t *testing.T) {
	now := time.Now()
	o := &office{desk: busy(now)}
	open(t, o, &now, nil, nil)
	info, err := os.Stat(filepath.Join(o.state, "keys", keyFile))
	if err != nil || info.Size() != keyBytes || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := openDoor(filepath.Join(o.state, "Maria"), time.Now); err == nil || strings.Contains(err.Error(), "Maria") {
		t.Errorf("error %v", err)
	}
}

// The page loads nothing from elsewhere, runs nothing, cannot be framed or kept, and what
// it shows is text.
func TestThePageIsKeptToItself(t *testing.T) {
	now := time.Now()
	b, s, c := open(t, &office{desk: busy(now)}, &now, []Concern{{Text: "1 order is <b>overdue</b>.", Bad: true}}, []Line{{At: now, Text: "waiting", Class: "<i>"}})
	address, _ := b.Address(host(s))
	res, body := visit(t, c, address)
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, bad := range []string{"<script>", "<b>overdue", "<i>", "style=", "http://", "https://", "<form", "<img"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, want := range []string{
		"R-2026-0099", "7 days overdue", "&lt;script&gt;", "belongs to another patient", "An approver may decide", "held/R-2026-0099", "Correct the order",
		"provider", "not yet", "is being revoked", "asked since that it not go there", "&lt;i&gt;", "the requester was told", "scan-20261125",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if res, css := visit(t, c, s.URL+"/board/style.css"); res.Header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(css, "prefers-color-scheme: dark") {
		t.Error("no style")
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		req, _ := http.NewRequest(method, s.URL+"/board/", nil)
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, res.StatusCode)
		}
	}
}

func TestAQuietDay(t *testing.T) {
	now := time.Now()
	d := chartseal.Desk{Vitals: &chartseal.Vitals{At: now, Started: now, Listed: now}}
	b, s, c := open(t, &office{desk: d}, &now, nil, nil)
	address, _ := b.Address(host(s))
	_, body := visit(t, c, address)
	for _, want := range []string{"nothing needs your attention", "Every order has been answered", "No order is on hold", "No link is open", "None since the daemon started"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestAShortcutLetsInUntilTheKeyIsMadeAnew: as often as it is opened, after restarts too.
func TestAShortcutLetsInUntilTheKeyIsMadeAnew(t *testing.T) {
	now := time.Now()
	o := &office{desk: busy(now)}
	b, s, c := open(t, o, &now, nil, nil)
	page, err := b.Shortcut(host(s), "<FRONT-1>")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`content="1; url=(http://[^"]*/board/enter/[A-Za-z0-9_-]{43})"`).FindSubmatch(page)
	if m == nil || !strings.Contains(string(page), "&lt;FRONT-1&gt;") || strings.Contains(string(page), "<script") {
		t.Fatalf("%s", page)
	}
	address := string(m[1])
	enter := func(address string) int {
		jar, _ := cookiejar.New(nil)
		res, body := visit(t, &http.Client{Jar: jar}, address)
		if res.StatusCode == http.StatusOK && !strings.Contains(body, "R-2026-0113") {
			t.Error("no board")
		}
		if res.StatusCode == http.StatusForbidden && !strings.Contains(body, "ask your IT contact for a new one") {
			t.Errorf("who comes by an old shortcut is sent back to it: %s", body)
		}
		return res.StatusCode
	}
	visit(t, c, address)
	now = now.Add(400 * 24 * time.Hour)
	if code := enter(address); code != http.StatusOK {
		t.Errorf("a year later: %d", code)
	}
	again, other, _ := open(t, o, &now, nil, nil)
	if code := enter(strings.Replace(address, host(s), host(other), 1)); code != http.StatusOK {
		t.Errorf("after a restart: %d", code)
	}
	if code := enter(address[:len(address)-1]); code != http.StatusForbidden {
		t.Errorf("a part of it: %d", code)
	}
	ticket, _ := again.Address(host(other))
	if err := again.Renew(); err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{strings.Replace(address, host(s), host(other), 1), ticket} {
		if code := enter(old); code != http.StatusForbidden {
			t.Errorf("after the renewal: %d", code)
		}
	}
	if fresh, err := again.Shortcut(host(other), ""); err != nil || bytes.Contains(fresh, []byte(address[len(address)-43:])) {
		t.Errorf("the new shortcut: %v", err)
	}
}
