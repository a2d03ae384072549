package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/flate"

	"chartseal/packager/bundle/zipform"
)

// blockSize is the unit in which records travel: large enough that the cost of
// handing over does not count, small enough that a dozen stay far below the
// daemon's 64 MiB.
const blockSize = 512 << 10

// wholeSize is the largest member that is held until its size and CRC are
// known, so that the ZIP needs no data descriptor for it: some readers trip
// over those.
const wholeSize = 4 * blockSize

// window is how far deflate looks back (RFC 1951).
const window = 32 << 10

// partBlocks is how many blocks of a large member are deflated into a part that can be
// inflated without the others: so many lose nothing to speak of, and a part of
// wholeSize is what a checker may hold.
const partBlocks = wholeSize / blockSize

// Levels of deflate. Measured on 16-bit volumes, 2 is as fast as 1 and as small as 6
// within 2 %; 3 is 2 % smaller and takes half as long again. One block in hardBlocks, the
// second first, is deflated harder: that makes up for what blocks and parts lose, and the
// whole is no larger than what zip -1 makes.
const (
	level      = 2
	harder     = 3
	hardBlocks = 8
)

// empty are blocks without content, shared by the bundles that are written one
// after the other: an order may be smaller than one of them.
var empty = sync.Pool{New: func() any { return &block{data: make([]byte, 0, blockSize)} }}

// block is a part of a member on its way into the ZIP.
type block struct {
	data        []byte // content, then the stored form
	dict        []byte // the content before data, for deflate
	to          *member
	first, last bool
	hard        bool          // deflated harder
	ready       chan struct{} // closed when data is the stored form
}

// member is a file on its way into the ZIP. Its crc is complete when its last block is
// ready.
type member struct {
	name   string
	method uint16
	size   int64
	crc    uint32
	sum    hash.Hash     // nil for one whose digests are known
	hashed chan struct{} // closed when digest is set
	digest string        // SHA-256, lower-case hex
}

// newMember is a member whose digests the pipeline takes.
func newMember(name string, method uint16, size int64) *member {
	return &member{name: name, method: method, size: size, sum: sha256.New(), hashed: make(chan struct{})}
}

// pipeline hashes, compresses and writes while the next block is read:
// blocks are queued in order, hashed by one goroutine, compressed by several workers,
// and written in order by one goroutine. The number of blocks bounds its memory.
type pipeline struct {
	zip   *zipform.Writer
	free  chan *block
	queue chan *block
	plain chan *block // to be hashed
	jobs  chan *block
	wg    sync.WaitGroup

	mu   sync.Mutex
	err  error
	held []*block // of a small member, by the writing goroutine only

	parts parts // by the writing goroutine until close has returned
	n     int   // blocks of the large member that is being written
}

func newPipeline(zip *zipform.Writer, workers int) *pipeline {
	if workers <= 0 {
		workers = min(runtime.GOMAXPROCS(0), 4)
	}
	n := wholeSize/blockSize + 2*workers
	p := &pipeline{
		zip:   zip,
		free:  make(chan *block, n),
		queue: make(chan *block, n),
		plain: make(chan *block, n),
		jobs:  make(chan *block, n),
		parts: parts{},
	}
	for range n {
		p.free <- nil // taken out of the pool when it is needed
	}
	p.wg.Go(p.write)
	p.wg.Go(p.hash)
	for range workers {
		p.wg.Go(p.compress)
	}
	return p
}

// take waits for an empty block.
func (p *pipeline) take(ctx context.Context) (*block, error) {
	select {
	case b := <-p.free:
		if err := p.failed(); err != nil {
			p.free <- b
			return nil, err
		}
		if b == nil {
			b = empty.Get().(*block)
		}
		b.data, b.dict, b.first, b.last, b.hard, b.to = b.data[:0], b.dict[:0], false, false, false, nil
		b.ready = make(chan struct{})
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// put hands a filled block over. Blocks of one member are put one after the
// other, the last one marked.
func (p *pipeline) put(b *block) {
	p.plain <- b
	p.queue <- b
}

// hash takes the digests of the blocks in their order and hands them on.
func (p *pipeline) hash() {
	defer close(p.jobs)
	for b := range p.plain {
		m := b.to
		if m.sum != nil {
			m.sum.Write(b.data)
			m.crc = crc32.Update(m.crc, crc32.IEEETable, b.data)
			if b.last {
				m.digest, m.sum = hex.EncodeToString(m.sum.Sum(nil)), nil
				close(m.hashed)
			}
		}
		if m.method == zipform.Deflate {
			p.jobs <- b
		} else {
			close(b.ready)
		}
	}
}

// close waits until all is written and returns the first error.
func (p *pipeline) close() error {
	close(p.queue)
	close(p.plain)
	p.wg.Wait()
	for len(p.free) > 0 {
		if b := <-p.free; b != nil {
			b.to, b.ready = nil, nil
			empty.Put(b)
		}
	}
	return p.failed()
}

func (p *pipeline) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *pipeline) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
}

// write puts the blocks into the ZIP in their order. After an error it only
// gives them back.
func (p *pipeline) write() {
	for b := range p.queue {
		<-b.ready
		if p.failed() == nil {
			if err := p.commit(b); err != nil {
				p.fail(err)
			}
		}
		if b.to.size <= wholeSize && !b.last {
			p.held = append(p.held, b)
			continue
		}
		for _, h := range p.held {
			p.free <- h
		}
		p.held = p.held[:0]
		p.free <- b
	}
}

func (p *pipeline) commit(b *block) error {
	m := b.to
	if m.size <= wholeSize {
		if !b.last {
			return nil
		}
		parts := make([][]byte, 0, len(p.held)+1)
		for _, h := range p.held {
			parts = append(parts, h.data)
		}
		return p.zip.Whole(m.name, m.method, m.crc, m.size, append(parts, b.data)...)
	}
	if b.first {
		if err := p.zip.Begin(m.name, m.method, m.size); err != nil {
			return err
		}
		p.n = 0
	}
	p.parts.note(m, p.n, len(b.data))
	p.n++
	if err := p.zip.Part(b.data); err != nil {
		return err
	}
	if b.last {
		return p.zip.End(m.crc)
	}
	return nil
}

// compress deflates blocks, each on its own but, within a part, with the window of
// the one before as its dictionary; blocks but the last end with a sync marker, so
// that their concatenation is one deflate stream (RFC 1951, 3.2.4).
func (p *pipeline) compress() {
	var d *deflater
	for b := range p.jobs {
		if d == nil {
			d = deflaters.Get().(*deflater)
		}
		out := appender{d.spare[:0]}
		if err := deflate(d.w[b.hard], &out, b); err != nil {
			p.fail(err)
		}
		d.spare, b.data = b.data, out.b
		close(b.ready)
	}
	if d != nil {
		deflaters.Put(d)
	}
}

// deflater is what a compressing worker needs, shared like the empty blocks.
type deflater struct {
	w     map[bool]*flate.Writer // by block.hard
	spare []byte
}

var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(io.Discard, level) // fails only for an unknown level
	h, _ := flate.NewWriter(io.Discard, harder)
	return &deflater{map[bool]*flate.Writer{false: w, true: h}, make([]byte, 0, blockSize+blockSize>>8)}
}}

func deflate(w *flate.Writer, out io.Writer, b *block) error {
	w.ResetDict(out, b.dict)
	if _, err := w.Write(b.data); err != nil {
		return err
	}
	if b.last {
		return w.Close()
	}
	return w.Flush()
}

type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}
