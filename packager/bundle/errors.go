package bundle

import "errors"

// ErrTampered matches every error that says: this is not what the practice
// sent. Nothing of it may be used.
var ErrTampered = errors.New("the bundle is not what the practice sent")
