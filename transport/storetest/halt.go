package storetest

import (
	"context"
	"sync/atomic"
	"testing"

	"chartseal/transport"
)

// underWay is how many parts are on their way at once.
const underWay = 4

// The last part of a file of haltedSize is read when the store has taken another.
const (
	lastPart   = (underWay + 1) * partSize
	haltedSize = lastPart + 1000
)

// halted is a file of which nothing but the first part can be sent: the others are read
// once, for their sums.
type halted struct {
	*file
	ended  <-chan struct{}
	end    context.CancelFunc
	summed atomic.Int64
}

// ReadAt reads for sums and for the first part, and ends the upload at the last.
func (h *halted) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case off < partSize:
		return h.file.ReadAt(p, off)
	case off < h.summed.Load():
		<-h.ended
		return 0, context.Canceled
	case off >= lastPart:
		h.end()
		return 0, context.Canceled
	}
	n, err := h.file.ReadAt(p, off)
	h.summed.Store(off + int64(n))
	return n, err
}

// halt breaks off an upload of which the store has one part, and no other comes any more.
// What is on its way when an upload is aborted may be taken nevertheless, and bring the
// upload back.
func halt(t *testing.T, st Store, f *file, ticket *transport.Ticket, sh *shelf) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := st.Upload(ctx, &halted{file: f, ended: ctx.Done(), end: cancel}, f.size(), ticket, sh.save, nil)
	checkInterrupted(t, err)
}
