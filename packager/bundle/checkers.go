package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"chartseal/packager/bundle/zipform"
)

// checkers inflate and hash the members of a pass. Members of at most wholeSize
// are taken into memory and checked beside the reading of the next one; larger
// ones are checked as they are read, or in parts where these are known. Memory is
// bounded by twice wholeSize for each of at most four goroutines.
type checkers struct {
	v    *verifier
	to   sink
	idle chan *checker
	mu   sync.Mutex
	err  error // the first
}

type checker struct {
	unpacker
	stored, plain []byte
}

func newCheckers(v *verifier, to sink) *checkers {
	n := min(runtime.GOMAXPROCS(0), 4)
	c := &checkers{v: v, to: to, idle: make(chan *checker, n)}
	for range n {
		c.idle <- &checker{}
	}
	return c
}

// check reads the stored form of e. The error may be that of an earlier member.
func (c *checkers) check(e *zipform.Entry, stored io.Reader) error {
	if lengths := c.v.parts[e.Name]; c.to == nil && e.Method == zipform.Deflate && len(lengths) > 0 {
		return c.checkParts(e, stored, lengths)
	}
	k := <-c.idle
	if err := c.failed(nil); err != nil || e.Compressed > wholeSize {
		if err == nil {
			err = c.v.check(&k.unpacker, e, stored, c.to)
		}
		c.idle <- k
		return err
	}
	k.stored = grown(k.stored, int(e.Compressed))
	if _, err := io.ReadFull(stored, k.stored); err != nil {
		c.idle <- k
		if errors.Is(err, io.EOF) { // an empty rest: the file ends here
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read member: %w", err)
	}
	go func() {
		_ = c.failed(c.v.check(&k.unpacker, e, bytes.NewReader(k.stored), c.to))
		c.idle <- k
	}()
	return nil
}

// wait lets all checks end and returns the first error.
func (c *checkers) wait() error {
	for range cap(c.idle) {
		<-c.idle
	}
	return c.failed(nil)
}

// failed notes err, if it is the first, and returns the first.
func (c *checkers) failed(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	return c.err
}

func grown(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
