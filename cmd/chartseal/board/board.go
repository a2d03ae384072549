// Package board shows front desk and IT how the daemon is: a page that is only looked
// at, on this computer, for browsers that were let in with `chartseal board`.
//
// It is shown to the same people as the outbox and says no more than the outbox's own
// DUE-LIST.html and WHY-HELD.txt: orders by the ids that staff gave them, and why they
// are held. Patients, recipients by name, files and links are not on it (DESIGN
// invariant 8).
package board

import (
	"bytes"
	"context"
	_ "embed" // the page
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"chartseal"
)

// Practice is what the board shows.
type Practice interface {
	Desk(ctx context.Context) (*chartseal.Desk, error)
	State() string
}

// Concern is something that a person should see to.
type Concern struct {
	Text string // what it is and what to do
	Bad  bool
}

// Line is one warning of the log.
type Line struct {
	At                          time.Time
	Text, Release, Stage, Class string
	Error                       bool
}

// Options are what the board shows besides the practice.
type Options struct {
	Now      func() time.Time
	Concerns func(*chartseal.Vitals) []Concern
	Recent   func() []Line // the newest first
}

// Board answers browsers.
type Board struct {
	p    Practice
	opts Options
	door *door
}

// Open prepares the board of a practice whose state folder the caller holds.
func Open(p Practice, o Options) (*Board, error) {
	d, err := openDoor(p.State(), o.Now)
	if err != nil {
		return nil, err
	}
	return &Board{p: p, opts: o, door: d}, nil
}

const (
	home       = "/board/"
	enterPath  = home + "enter/"
	cookieName = "chartseal_board"
	refresh    = 20 // seconds
)

// Address is where the board can be opened, once, and until when.
func (b *Board) Address(listen string) (string, time.Time) {
	return "http://" + listen + enterPath + b.door.ticket(), b.opts.Now().Add(ticketLife)
}

// Pages are the pages of the board by pattern.
func (b *Board) Pages() map[string]http.Handler {
	return map[string]http.Handler{
		"GET /{$}":                    http.RedirectHandler(home, http.StatusSeeOther),
		"GET " + home + "{$}":         http.HandlerFunc(b.show),
		"GET " + home + "renew.js":    http.HandlerFunc(script),
		"GET " + home + "style.css":   http.HandlerFunc(style),
		"GET " + enterPath + "{word}": http.HandlerFunc(b.enter),
	}
}

// headers keep the page to itself: nothing is loaded or run from elsewhere, framed or kept.
func headers(w http.ResponseWriter, kind string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

func (b *Board) cookie(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // the page is plain HTTP on loopback, where no network is
		Name: cookieName, Value: b.door.session(), Path: home, MaxAge: int(sessionLife.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (b *Board) enter(w http.ResponseWriter, r *http.Request) {
	if !b.door.redeem(r.PathValue("word")) {
		refuse(w, "This address was used before, or is too old; or the shortcut that led here does not count any more: then ask your IT contact for a new one (chartseal board --shortcut).")
		return
	}
	b.cookie(w)
	headers(w, "text/plain; charset=utf-8")
	w.Header().Set("Location", home)
	w.WriteHeader(http.StatusSeeOther)
}

func refuse(w http.ResponseWriter, why string) {
	headers(w, "text/html; charset=utf-8")
	w.WriteHeader(http.StatusForbidden)
	_ = refused().Execute(w, why) // who asked may be gone
}

func style(w http.ResponseWriter, _ *http.Request) {
	headers(w, "text/css; charset=utf-8")
	_, _ = w.Write(styleText) // who asked may be gone
}

func script(w http.ResponseWriter, _ *http.Request) {
	headers(w, "text/javascript; charset=utf-8")
	_, _ = w.Write(scriptText) // who asked may be gone
}

func (b *Board) show(w http.ResponseWriter, r *http.Request) {
	c, err := r.Cookie(cookieName)
	ok, renew := false, false
	if err == nil {
		ok, renew = b.door.admits(c.Value)
	}
	if !ok {
		refuse(w, "This browser may not see the board yet.")
		return
	}
	d, err := b.p.Desk(r.Context())
	if err != nil { // parts of it are known all the same
		d.Vitals.Database = "state folder cannot be read"
	}
	page, err := b.render(d)
	if err != nil {
		http.Error(w, "the board cannot be drawn", http.StatusInternalServerError)
		return
	}
	if renew {
		b.cookie(w)
	}
	headers(w, "text/html; charset=utf-8")
	_, _ = w.Write(page) // who asked may be gone
}

//go:embed board.html
var pageText string

//go:embed style.css
var styleText []byte

//go:embed renew.js
var scriptText []byte

// Both pages are made when they are first shown: commands do not wait for them.
var drawing = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("board").Funcs(template.FuncMap{
		"day": func(s string) string {
			t, err := time.Parse(time.DateOnly, s)
			if err != nil {
				return s
			}
			return t.Format("Jan 2, 2006")
		},
		"iso":  func(t time.Time) string { return t.Format(time.RFC3339) },
		"kind": kindWords,
		"join": strings.Join,
	}).Parse(pageText))
})

var refused = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("refused").Parse(refusedText))
})

const refusedText = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>chartseal board: not open</title><link rel="stylesheet" href="/board/style.css"></head>
<body><main class="refused"><h1>The board is not open here</h1><p>{{.}}</p>
<p>Open the shortcut to the board that your IT contact made for you. Without one: on this computer, run <code>chartseal board</code> as the account that chartseal runs under, and open the address it prints in this browser.</p></main></body></html>
`

// view is what the page is drawn from.
type view struct {
	*chartseal.Desk
	V        *chartseal.Vitals
	Concerns []Concern
	Lines    []Line
	Refresh  int
	loc      *time.Location
}

func (b *Board) render(d *chartseal.Desk) ([]byte, error) {
	v := view{Desk: d, V: d.Vitals, Refresh: refresh, loc: b.opts.Now().Location()}
	v.Concerns, v.Lines = b.opts.Concerns(d.Vitals), b.opts.Recent()
	var out bytes.Buffer
	if err := drawing().Execute(&out, v); err != nil {
		return nil, fmt.Errorf("draw board: %w", err)
	}
	return out.Bytes(), nil
}

// When is a moment as staff read it.
func (v view) When(t time.Time) string {
	now, at := v.V.At.In(v.loc), t.In(v.loc)
	switch {
	case at.Format(time.DateOnly) == now.Format(time.DateOnly):
		return "today, " + at.Format("3:04 PM")
	case at.Format(time.DateOnly) == now.AddDate(0, 0, -1).Format(time.DateOnly):
		return "yesterday, " + at.Format("3:04 PM")
	case at.Year() == now.Year():
		return at.Format("Mon, Jan 2, 3:04 PM")
	}
	return at.Format("Jan 2, 2006, 3:04 PM")
}

// Now is when the page was made.
func (v view) Now() string { return v.V.At.In(v.loc).Format("Monday, January 2, 3:04:05 PM") }

// Waiting counts orders in work.
func (v view) Waiting() int { return v.V.Orders["working"] + v.V.Orders["recording"] }

// InAll counts what a list shows and what it leaves out.
func (v view) InAll(shown, more int) int { return shown + more }

// kindWords are the kinds of recipient for staff.
func kindWords(kind string) string {
	if kind == "" {
		return "a recipient"
	}
	return strings.ReplaceAll(kind, "_", " ")
}
