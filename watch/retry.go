package watch

import (
	"context"
	"time"
)

// retry repeats a rename or a removal that an antivirus program or an open
// Explorer window blocks for a moment; at most three seconds.
func retry(ctx context.Context, op func() error) error {
	wait := 20 * time.Millisecond
	for {
		err := op()
		if err == nil || !locked(err) || wait > time.Second {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
			wait *= 2
		}
	}
}
