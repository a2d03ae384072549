package bundle

import (
	"errors"
	"fmt"

	"chartseal/packager/bundle/zipform"
)

// Errors of reading a bundle. Their texts are fit for the person who opens it
// and hold no name from the bundle.
var (
	// ErrTampered matches every error that says: this is not what the practice
	// sent. Nothing of the bundle may be used. Commands exit with 4.
	ErrTampered = errors.New("the bundle is not what the practice sent")
	// ErrNewer: the manifest has a form that this version does not know.
	ErrNewer = errors.New("the bundle was made by a newer version of chartseal: update, then open it again")
	// ErrExists: a file of the bundle's name is in the folder already.
	ErrExists = errors.New("the folder already holds files of a bundle: choose an empty one")
)

// tampered words one way in which a bundle is not what was sent.
func tampered(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrTampered}, args...)...)
}

// asTampered turns a fault of the ZIP's form into ErrTampered and leaves the
// errors of the source as they are.
func asTampered(err error) error {
	if err == nil || !errors.Is(err, zipform.ErrForm) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrTampered, err)
}
