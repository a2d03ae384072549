package packager

import (
	"context"
	"errors"
	"strings"

	"chartseal/packager/gather"
	"chartseal/redact"
)

// aheadItems is how many records are cleaned while another is packed: a series has
// hundreds of slices, and each is walked several times before its first byte leaves. Each
// may hold gather's bound for small records in memory.
const aheadItems = 2

// prepared is a record that is open and cleaned, or why it is not. The zero value is
// one that nobody has opened.
type prepared struct {
	file *gather.File
	out  *redact.Output
	err  error
}

// close gives up a record that will not be packed.
func (r prepared) close() error {
	if r.out == nil {
		return nil
	}
	return errors.Join(r.out.Body.Close(), r.file.Close())
}

// prepare opens a record and cleans it.
func (p *Plan) prepare(ctx context.Context, it *gather.Item) prepared {
	f, err := it.Open(ctx)
	if err != nil {
		return prepared{err: err}
	}
	out, err := p.cleanAs(ctx, it, f)
	if err != nil {
		return prepared{err: errors.Join(err, f.Close())}
	}
	return prepared{file: f, out: out}
}

// preparing cleans the DICOM files of a collection, some ahead of who packs them. All
// else is left to them, and so are documents in DICOM files: one child process at a time is
// enough, and its time runs while it waits.
type preparing struct {
	turns chan chan prepared
	end   context.CancelFunc
}

// prepareAll begins with the first item; stop must be called.
func (p *Plan) prepareAll(ctx context.Context, c *gather.Collection) *preparing {
	ctx, end := context.WithCancel(ctx)
	a := &preparing{turns: make(chan chan prepared, aheadItems-1), end: end}
	go func() {
		defer close(a.turns)
		for i := range c.Items {
			turn := make(chan prepared, 1)
			select {
			case a.turns <- turn:
			case <-ctx.Done():
				return
			}
			it := &c.Items[i]
			if it.Format != gather.FormatDICOM || isDocument(it) {
				turn <- prepared{}
				continue
			}
			go func() { turn <- p.prepare(ctx, it) }()
		}
	}()
	return a
}

// documents begin the classes of DICOM files that are a document (PS3.4 section B.5).
const documents = "1.2.840.10008.5.1.4.1.1.104."

func isDocument(it *gather.Item) bool {
	return it.Identity != nil && strings.HasPrefix(it.Identity.SOPClassUID, documents)
}

// take is the next item.
func (a *preparing) take() prepared {
	turn, ok := <-a.turns
	if !ok {
		return prepared{} // stopped: whoever packs it finds out why
	}
	return <-turn
}

// stop ends the cleaning and closes what was not taken. What was taken can no longer be
// read.
func (a *preparing) stop() {
	a.end()
	for turn := range a.turns {
		_ = (<-turn).close() // read only
	}
}
