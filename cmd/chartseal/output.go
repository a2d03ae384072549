package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// closing runs a Close at the end of a command and keeps its error.
func closing(err *error, closer func() error) { *err = errors.Join(*err, closer()) }

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printer writes to a terminal or a pipe; the first failure sticks. The demo's
// daemon tells through it what happens, so several may use it at once.
type printer struct {
	w   io.Writer
	mu  sync.Mutex
	err error
}

func (p *printer) f(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// failed is the first failure.
func (p *printer) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// bar is a progress bar on a terminal, and nothing in a pipe.
type bar struct {
	b     *progressbar.ProgressBar
	label string
}

func newBar(f *os.File) *bar {
	if !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &bar{}
}

// set shows done of total bytes of the stage.
func (b *bar) set(label string, done, total int64) {
	if b == nil || total <= 0 {
		return
	}
	if b.label != label {
		b.finish()
		b.label = label
		b.b = progressbar.NewOptions64(total, progressbar.OptionSetDescription(label),
			progressbar.OptionShowBytes(true), progressbar.OptionSetWriter(os.Stderr),
			progressbar.OptionThrottle(65_000_000), progressbar.OptionClearOnFinish())
	}
	_ = b.b.Set64(done) // a bar that cannot be drawn is no reason to stop
}

func (b *bar) finish() {
	if b != nil && b.b != nil {
		_ = b.b.Finish()
		b.b, b.label = nil, ""
	}
}
