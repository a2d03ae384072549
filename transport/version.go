package transport

import "time"

// Version is one version of an object, or a marker that hides those before it.
type Version struct {
	Key     string
	ID      string    // "" for the one that a plain Get reads
	Deleted bool      // a delete marker: there is nothing to read
	At      time.Time // when it was stored, by the store's clock
	Bytes   int64
	ETag    string // without quotes; equal ones of one key have the same content
}

// Current reports whether a plain Get reads, or misses, this version.
func (v Version) Current() bool { return v.ID == "" }
