package s3

import (
	"net"
	"os"
	"syscall"
	"testing"
)

// TestARefusalHasOneName: whichever system says that nobody listens there.
func TestARefusalHasOneName(t *testing.T) {
	for _, n := range []syscall.Errno{syscall.ECONNREFUSED, 10061} {
		err := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connectex", n)}
		if got := networkCode(err); got != "ConnectionRefused" {
			t.Errorf("%d is %q", n, got)
		}
	}
}
