package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Stopped is the file in the outbox that tells staff that nothing is sent until IT
// has looked at the ledger.
const Stopped = "NOTHING-IS-SENT.txt"

// PlaceStopped writes that file. The outbox itself is not made.
func PlaceStopped(outbox string, text []byte) error {
	return Scrub(os.WriteFile(filepath.Join(outbox, Stopped), text, 0o660))
}

// RemoveStopped takes it away, if it is there.
func RemoveStopped(outbox string) error {
	name := filepath.Join(outbox, Stopped)
	_, err := os.Lstat(name)
	if err == nil {
		err = os.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return Scrub(err)
}
