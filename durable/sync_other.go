//go:build !windows

package durable

import (
	"errors"
	"fmt"
	"os"

	"chartseal/watch"
)

// SyncDir makes a rename in a folder survive a power cut. The error is scrubbed of the path.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync state: %w", watch.Scrub(err))
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync state: %w", watch.Scrub(err))
	}
	return nil
}
