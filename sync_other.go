//go:build !windows

package chartseal

import (
	"errors"
	"fmt"
	"os"

	"chartseal/watch"
)

// syncDir makes a rename in the folder survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync state: %w", watch.Scrub(err))
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync state: %w", watch.Scrub(err))
	}
	return nil
}
