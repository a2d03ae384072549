package localstore

import (
	"net"
	"strconv"
	"testing"
)

// TestThePortIsNoneOfTheSystemsOwn: a port from the range that the system hands out for a
// while, or that Windows sets aside, would not be free after the next start.
func TestThePortIsNoneOfTheSystemsOwn(t *testing.T) {
	for range 20 {
		port, err := freePort(t.Context())
		if err != nil || port < firstPort || port >= firstPort+ports || port >= 32768 {
			t.Fatal(port, err)
		}
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
	}
}
