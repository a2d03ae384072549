package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"

	"chartseal/redact"
)

// How it is found out whether deflating a member pays. Pieces of it are deflated, spread
// over it so that what is like the first of them and unlike the rest misleads nobody;
// some rows of a picture fit into one. What saves less than leastGain in them is stored,
// and is then no more than that larger than if it were deflated. A picture needs one
// piece, which costs a sixtieth of deflating a slice of 1 MiB.
const (
	sampleSize   = 16 << 10
	leastSamples = 8
	mostSamples  = 64 // one for each MiB between the bounds
	leastGain    = 5  // per mille
)

// pays decides whether the content of a member, of which head is the beginning, is to be
// deflated. It says so as soon as the pieces seen have saved enough for all of them. Of
// content that can only be read once and is longer than head nothing is known: it is
// deflated. The same content is always treated alike.
func pays(ctx context.Context, body io.Reader, head []byte, size int64) (bool, error) {
	src, random := body.(redact.Source)
	whole := size == int64(len(head))
	if !random && !whole {
		return true, nil
	}
	n := min(max(size>>20, leastSamples), mostSamples)
	step := max(size/n, sampleSize)
	n = min(n, (size+step-1)/step)
	s := samplers.Get().(*sampler)
	defer samplers.Put(s)
	buf := s.buf[:min(sampleSize, size)]
	enough := n * int64(len(buf)) * leastGain / 1000
	saved := int64(0)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		off := i*step + (step-sampleSize)/2 // the head of a volume is unlike the rest
		piece := buf[:min(int64(len(buf)), size-off)]
		if whole {
			copy(piece, head[off:])
		} else if got, err := src.ReadAt(piece, off); got < len(piece) {
			return false, fmt.Errorf("read record: %w", errors.Join(err, ErrSize))
		}
		out := counted(0)
		if err := deflate(s.w, &out, &block{data: piece}); err != nil {
			return false, err
		}
		if saved += int64(len(piece)) - int64(out); saved > enough {
			return true, nil
		}
	}
	return false, nil
}

// sampler is what pays needs, shared like the empty blocks.
type sampler struct {
	w   *flate.Writer
	buf [sampleSize]byte
}

var samplers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(io.Discard, level) // fails only for an unknown level
	return &sampler{w: w}
}}

// counted is how many bytes were written to it.
type counted int64

func (c *counted) Write(p []byte) (int, error) {
	*c += counted(len(p))
	return len(p), nil
}
