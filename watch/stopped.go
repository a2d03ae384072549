package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Stopped is the file in the outbox that tells staff that nothing is sent until IT
// has looked at the ledger.
const Stopped = "NOTHING-IS-SENT.txt"

// stoppedNew is that file while it is being written.
var stoppedNew = path.Join(markDir, "stopped.tmp")

// PlaceStopped writes that file; it appears whole, and in place of whatever bears its
// name. The outbox itself is not made, and nothing outside it is written to.
func PlaceStopped(outbox string, text []byte) error {
	return inFolder(outbox, func(root *os.Root) error {
		if err := root.MkdirAll(markDir, 0o770); err != nil {
			return err
		}
		if err := writeFile(root, stoppedNew, text); err != nil {
			return err
		}
		return replaceIn(root, stoppedNew, Stopped)
	})
}

// IsStopped reports that it lies in the outbox.
func IsStopped(outbox string) bool {
	_, err := os.Lstat(filepath.Join(outbox, Stopped))
	return err == nil
}

// RemoveStopped takes it away, if it is there.
func RemoveStopped(outbox string) error {
	err := inFolder(outbox, func(root *os.Root) error {
		if _, err := root.Lstat(Stopped); err != nil {
			return err
		}
		return root.Remove(Stopped)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func inFolder(dir string, do func(*os.Root) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open outbox: %w", Scrub(err))
	}
	return Scrub(errors.Join(do(root), root.Close()))
}
