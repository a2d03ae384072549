package watch

import (
	"context"
	"os"
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

// Replace renames a file, in place of another if there is one, at once for all who look.
// On Windows who reads either, such as an antivirus program or `chartseal status`, is in
// the way for a moment: that is waited out, at most three seconds.
func Replace(from, to string) error {
	return retry(context.Background(), func() error { return os.Rename(from, to) }) //nolint:forbidigo // it is tried again
}

// replaceIn is Replace below a folder.
func replaceIn(root *os.Root, from, to string) error {
	return retry(context.Background(), func() error { return root.Rename(from, to) })
}
