package transport

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The classes of error. A class says what can be done about it; compare with
// errors.Is.
var (
	ErrUnavailable = errors.New("store unavailable")                            // no answer, or "later": try again
	ErrDenied      = errors.New("store denied the credentials")                 // a person has to look at keys, rights or the clock
	ErrExists      = errors.New("other content under the key")                  // nothing was overwritten
	ErrNotFound    = errors.New("no such object")                               // under the key, or no such upload
	ErrFull        = errors.New("store is full")                                // try again once there is room
	ErrInterrupted = errors.New("interrupted")                                  // the caller's context ended; an upload resumes from its ticket
	ErrRejected    = errors.New("store rejected the request")                   // the store's configuration or ours is wrong: region, bucket, feature
	ErrChanged     = errors.New("the sealed file is not the one of the ticket") // size or SHA-256 differ, or reading it failed
)

// Two causes that a person has to be told apart from the rest of their class,
// which they also are to errors.Is.
var (
	ErrClock    = fmt.Errorf("the clock is wrong: %w", ErrDenied) // this computer's and the store's differ by 15 minutes or more
	ErrNoBucket = fmt.Errorf("no such bucket: %w", ErrRejected)   // never taken for a missing object: nothing is known about that
)

// Error is a failed operation on a store. Its text is safe to log: it names
// the operation, the class, the store's error code and request id, and never
// an address, a bucket, a key or words of the store.
type Error struct {
	Op        string // "upload part", "head object", …
	Class     error  // one of the Err values of this package
	Code      string // error code of the store ("SlowDown"), or ours; letters and digits only
	Status    int    // HTTP status, 0 if there was no answer
	RequestID string // what the store's operator asks for
	Cause     error  // context.Canceled, context.DeadlineExceeded or nil

	RetryAfter time.Duration // how long the store asks to be left alone; 0 if it does not say
}

// Error returns the loggable text.
func (e *Error) Error() string {
	var facts []string
	if e.Code != "" {
		facts = append(facts, e.Code)
	}
	if e.Status != 0 {
		facts = append(facts, fmt.Sprintf("status %d", e.Status))
	}
	if e.RequestID != "" {
		facts = append(facts, "request "+e.RequestID)
	}
	text := e.Op + ": " + e.Class.Error()
	if len(facts) == 0 {
		return text
	}
	return text + " (" + strings.Join(facts, ", ") + ")"
}

// Unwrap returns the class, and the context's error if that was the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Class}
	}
	return []error{e.Class, e.Cause}
}

// RetainedError says that the store keeps versions of an object that it was asked to
// delete, because they are locked (S3 Object Lock). No link leads to them: what a link
// without a version finds is that the object was deleted. It is also ErrDenied.
type RetainedError struct {
	Versions int       // how many are kept
	Until    time.Time // when the last may be deleted; zero if a legal hold keeps one, which has no end
}

// Error names no key.
func (e *RetainedError) Error() string {
	if e.Until.IsZero() {
		return fmt.Sprintf("%d locked versions stay until the legal hold is lifted", e.Versions)
	}
	return fmt.Sprintf("%d locked versions stay until %s", e.Versions, e.Until.UTC().Format(time.RFC3339))
}

// Unwrap returns ErrDenied.
func (e *RetainedError) Unwrap() error { return ErrDenied }

// RetryAfter is how long the store behind err asks to be left alone, at most an
// hour; 0 if it does not say. Whoever waits should wait at least as long.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return min(max(e.RetryAfter, 0), time.Hour)
	}
	return 0
}

// Retryable reports whether the same call may succeed later without anybody
// changing keys, rights or configuration.
func Retryable(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInterrupted) || errors.Is(err, ErrFull)
}
