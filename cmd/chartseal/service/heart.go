package service

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Heart tells the service manager that the daemon is alive (sd_notify(3)). It has no
// clock of its own: what calls Beat is the loop that does the work, so that a loop
// that hangs is noticed. Without a manager that listens it does nothing.
type Heart struct {
	Now   func() time.Time
	Ready func() // told at the first beat; may be nil

	mu    sync.Mutex
	begun bool
	last  time.Time
}

// beatAtMost is how often the manager is told.
const beatAtMost = 5 * time.Second

// Beat says that the loop has turned. The first beat says that the service is ready.
func (h *Heart) Beat() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.Now()
	if since := now.Sub(h.last); h.begun && since >= 0 && since < beatAtMost {
		return
	}
	state := daemon.SdNotifyWatchdog
	if !h.begun {
		state = daemon.SdNotifyReady + "\n" + state
		if h.Ready != nil {
			h.Ready()
		}
	}
	h.begun, h.last = true, now
	tell(state)
}

// Stopping says that the daemon ends.
func (h *Heart) Stopping() { tell(daemon.SdNotifyStopping) }

// tell is best effort: a manager that does not hear ends the service, and its log says so.
func tell(state string) { _, _ = daemon.SdNotify(false, state) }

// UseCredentials points the libraries that need credentials to the files that systemd
// handed over (systemd.exec(5), "CREDENTIALS"), unless the administrator chose others.
func UseCredentials() error {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil
	}
	for variable, name := range map[string]string{awsFile: awsCredential, pgFile: pgCredential} {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err != nil || os.Getenv(variable) != "" {
			continue
		}
		if err := os.Setenv(variable, file); err != nil {
			return err
		}
	}
	return nil
}
