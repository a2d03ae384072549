package chartseal

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"maps"
	"slices"
	"strings"

	"chartseal/ledger"
	"chartseal/packager/gather"
	"chartseal/transport"
	"chartseal/watch"
)

// scrub takes the path out of a file system error.
func scrub(err error) error { return watch.Scrub(err) }

// randomName is 80 random bits in lower-case letters and digits, for names that
// must say nothing.
func randomName() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// classOf names the kind of trouble for logs and status.
func classOf(err error) string {
	for _, c := range []struct {
		is   error
		name string
	}{
		{context.Canceled, "stopping"},
		{transport.ErrUnavailable, "store unavailable"},
		{transport.ErrDenied, "store denied access"},
		{transport.ErrFull, "store full"},
		{transport.ErrInterrupted, "interrupted"},
		{transport.ErrRejected, "store rejected"},
		{transport.ErrExists, "object exists"},
		{transport.ErrNotFound, "store not found"},
		{ledger.ErrBroken, "ledger broken"},
		{gather.ErrSourceMissing, "source folder missing"},
	} {
		if errors.Is(err, c.is) {
			return c.name
		}
	}
	return "machine"
}
