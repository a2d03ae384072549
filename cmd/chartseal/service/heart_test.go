//go:build !windows

package service

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestHeart: the manager hears of the service when its loop turns, not more often than
// is of use, and never without a turn.
func TestHeart(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	own, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	heard := func() (all string) { // up to a word of the test's own
		const last = "the last"
		if _, err := own.Write([]byte(last)); err != nil {
			t.Fatal(err)
		}
		for b := make([]byte, 100); ; {
			n, err := manager.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			if string(b[:n]) == last {
				return all
			}
			all += string(b[:n])
		}
	}
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	ready := 0
	h := Heart{Now: func() time.Time { return now }, Ready: func() { ready++ }}
	for _, turn := range []struct {
		after time.Duration
		want  string
	}{
		{0, "READY=1\nWATCHDOG=1"},
		{time.Second, ""},
		{4 * time.Second, "WATCHDOG=1"},
		{-time.Hour, "WATCHDOG=1"}, // the clock was set back
	} {
		now = now.Add(turn.after)
		h.Beat()
		if got := heard(); got != turn.want {
			t.Errorf("after %s the manager hears %q, not %q", turn.after, got, turn.want)
		}
	}
	if ready != 1 {
		t.Errorf("ready %d times", ready)
	}
	h.Stopping()
	if got := heard(); got != "STOPPING=1" {
		t.Errorf("at the end the manager hears %q", got)
	}
}

// TestUseCredentials: what systemd hands over is used, but for what the administrator
// set otherwise.
func TestUseCredentials(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{awsCredential, pgCredential} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	t.Setenv(awsFile, "")
	t.Setenv(pgFile, "/elsewhere")
	if err := UseCredentials(); err != nil {
		t.Fatal(err)
	}
	if got := os.Getenv(awsFile); got != filepath.Join(dir, awsCredential) {
		t.Errorf("%s=%s", awsFile, got)
	}
	if got := os.Getenv(pgFile); got != "/elsewhere" {
		t.Errorf("%s=%s", pgFile, got)
	}
}
