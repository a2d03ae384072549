package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// loading is how long a browser takes to load the recipient page, on top of an empty one:
// parsing it and running its scripts until the load event (HTML, "load"). A slow line comes
// on top; the page is all that is fetched.
func (b *bench) loading(ctx context.Context, t *table) error {
	const what = "recipient page, from disk to its load event in Chromium, beside an empty page"
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.row(what, "not measured", "no chromium here")
		return nil
	}
	page, err := filepath.Abs(filepath.Join("transport", "page", "page.html"))
	if err != nil {
		return err
	}
	empty := b.path("empty.html")
	if err := os.WriteFile(empty, []byte("<!doctype html><title>empty</title>"), 0o600); err != nil {
		return err
	}
	var all []float64
	for i := range 1 + 2*b.rounds {
		var took [2]time.Duration
		for j, file := range []string{empty, page} {
			if took[j], err = load(ctx, browser, b.path("browser"), file); err != nil {
				return err
			}
		}
		if i > 0 { // the first makes the profile
			all = append(all, (took[1] - took[0]).Seconds())
		}
	}
	s := spreadOf(all)
	t.row(what, fmt.Sprintf("%.0f ms", 1e3*s.median), fmt.Sprintf("%.0f – %.0f ms", 1e3*s.low, 1e3*s.high))
	return nil
}

// load starts a browser that ends when a page is loaded.
func load(ctx context.Context, browser, profile, file string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+profile,
		"--dump-dom", "file://"+filepath.ToSlash(file))
	endAll(cmd) // it is many processes
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("chromium: %w", err)
	}
	return time.Since(began), nil
}
