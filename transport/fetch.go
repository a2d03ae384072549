package transport

import (
	"errors"
	"time"
)

// Fetch is the first time that every byte of an object had gone out to somebody who
// held its link, as far as the store can tell.
type Fetch struct {
	At     time.Time // in whole seconds; zero: not seen yet
	Pieces bool      // by several requests that add up to the whole
}

// ErrNoAccessLog says that the store keeps no log of who fetched what, or offers none:
// whether an object was fetched is unknown.
var ErrNoAccessLog = errors.New("the store keeps no access log")

// LogPlace is how far an access log has been read. It marshals to JSON and holds
// nobody's address.
type LogPlace struct {
	After string           `json:"after,omitempty"` // the newest log file that was read
	Read  []string         `json:"read,omitempty"`  // those read lately: files may appear out of order
	Tally map[string]Tally `json:"tally,omitempty"` // by object key, of those that were not seen whole yet
}

// Tally adds up what the log says went out of one object.
type Tally struct {
	Start  int64 `json:"start,omitempty"`  // most bytes that one request without a range got
	Ranges int64 `json:"ranges,omitempty"` // bytes of all requests with one
}

// Wanted is an object whose first download is looked for.
type Wanted struct {
	Bytes int64     // of the whole
	Since time.Time // when its first link was made
}
