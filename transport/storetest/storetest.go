// Package storetest is the conformance suite of stores: what chartseal relies
// on, tried on a real server. A store that passes can be trusted with bundles.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"chartseal/transport"
)

// Store is what the suite calls.
type Store interface {
	Upload(ctx context.Context, src io.ReaderAt, size int64, t *transport.Ticket,
		save func(transport.Ticket) error, progress func(sent int64)) (transport.Object, error)
	Put(ctx context.Context, key, contentType string, content []byte) (transport.Object, error)
	Stat(ctx context.Context, key string) (transport.Object, error)
	Link(ctx context.Context, key string, lifetime time.Duration, filename, contentType string) (transport.Link, error)
	Revoke(ctx context.Context, key string) error
	AbortStale(ctx context.Context, before time.Time, live ...string) (int, error)
	Purge(ctx context.Context, before time.Time, keep func(key string) bool) (int, error)
}

// Run runs the suite. open gives the store under test, with its bucket there
// parts of PartSize and nothing else needed in it.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	tests := []struct {
		name string
		run  func(t *testing.T, st Store)
	}{
		{"small upload", testSmall},
		{"upload in parts", testParts},
		{"upload twice", testTwice},
		{"resume after interruption", testResume},
		{"resume after a forgotten upload", testForgotten},
		{"resume after a lost reply", testLostReply},
		{"other content under the key", testOtherContent},
		{"sealed file changed", testChanged},
		{"sealed file unreadable", testUnreadable},
		{"ticket not saved", testNotSaved},
		{"cancelled", testCancelled},
		{"memory", testMemory},
		{"link", testLink},
		{"link of the page", testPageLink},
		{"link tampered with", testTampered},
		{"link expired", testExpired},
		{"revoke", testRevoke},
		{"abort stale", testAbortStale},
		{"abort none that is alive", testAbortAlive},
		{"purge", testPurge},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) { tc.run(t, open(t)) })
	}
}

// PartSize is the size of parts that the store under test must be opened with.
const PartSize = 5 << 20

const partSize = PartSize

// file is a sealed file of given size, reproducible from its seed, made as it
// is read, with a count of what was read.
type file struct {
	data []byte
	read atomic.Int64
	fail error
}

func newFile(seed uint64, size int) *file {
	f := &file{data: make([]byte, size)}
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	_, _ = r.Read(f.data)
	return f
}

// ReadAt reads, counts and fails when asked to.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if f.fail != nil {
		return 0, f.fail
	}
	n, err := bytes.NewReader(f.data).ReadAt(p, off)
	f.read.Add(int64(n))
	return n, err
}

func (f *file) size() int64 { return int64(len(f.data)) }

func (f *file) sha256() string {
	sum := sha256.Sum256(f.data)
	return hex.EncodeToString(sum[:])
}

// shelf keeps the last saved ticket as the disk would: as JSON.
type shelf struct {
	t     *testing.T
	last  []byte
	saves int
}

func (s *shelf) save(t transport.Ticket) error {
	data, err := json.Marshal(t)
	if err != nil {
		s.t.Error(err)
	}
	s.last, s.saves = data, s.saves+1
	return nil
}

func (s *shelf) load() *transport.Ticket {
	s.t.Helper()
	var t transport.Ticket
	if err := json.Unmarshal(s.last, &t); err != nil {
		s.t.Fatal(err)
	}
	return &t
}

func newTicket(t *testing.T, f *file) *transport.Ticket {
	t.Helper()
	key, err := transport.NewKey(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	return &transport.Ticket{Key: key, SHA256: f.sha256()}
}

// upload uploads f under a new key and returns the finished object.
func upload(t *testing.T, st Store, f *file) transport.Object {
	t.Helper()
	sh := &shelf{t: t}
	obj, err := st.Upload(t.Context(), f, f.size(), newTicket(t, f), sh.save, nil)
	if err != nil {
		t.Fatal(err)
	}
	return obj
}
