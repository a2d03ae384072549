package transport

import (
	"errors"
	"slices"
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

// Tally is what the log says went out of one object.
type Tally struct {
	Start  int64   `json:"start,omitempty"`  // most bytes that one request without a range got
	Pieces []int64 `json:"pieces,omitempty"` // lengths of those with one, each once
}

// maxPieces bounds the lengths that are remembered; a download that was taken up more
// often stays unseen.
const maxPieces = 256

// Add counts a piece. The log does not say which bytes it was: of the same length it
// may be the same piece again, as when a wrong key is tried on the beginning.
func (t *Tally) Add(length int64) {
	if length > 0 && len(t.Pieces) < maxPieces && !slices.Contains(t.Pieces, length) {
		t.Pieces = append(t.Pieces, length)
	}
}

// Bytes is how many bytes somebody surely got, if no two pieces overlap.
func (t *Tally) Bytes() int64 {
	sum := t.Start
	for _, n := range t.Pieces {
		sum += n
	}
	return sum
}

// Wanted is an object whose first download is looked for.
type Wanted struct {
	Bytes int64     // of the whole
	Since time.Time // when its first link was made
}
