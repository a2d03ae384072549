package ledger

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
)

// Report is what Verify saw.
type Report struct {
	Head     Head     // the last entry that holds
	Segments []string // file names, oldest first
	Known    int      // known heads that were found in the chain
	// Torn is the length in bytes of an incomplete last line: a crash in the
	// middle of a write, or an entry that is being written now.
	Torn int64
}

// Verify checks every entry of the ledger in a folder, without locking it. It
// returns a [*BrokenError] for the first entry that does not hold. Heads that
// are known from elsewhere (a signed head, a receipt) must be in the chain: only
// they show that lines were cut off at the end, or the ledger written anew.
func Verify(ctx context.Context, dir string, known ...Head) (Report, error) {
	known = slices.Clone(known)
	var r Report
	var wrong error
	head, torn, err := walk(ctx, dir, 0, func(segment string, line int, h header, _ []byte) bool {
		for i := range known {
			if known[i].Seq != h.seq {
				continue
			}
			if known[i].Hash != string(h.hash) {
				wrong = &BrokenError{segment, line, h.seq, Replaced}
				return false
			}
			r.Known++
		}
		return true
	}, &r.Segments)
	r.Head, r.Torn = head, torn
	if err = errors.Join(wrong, err); err != nil {
		return r, err
	}
	for _, k := range known {
		if k.Seq > head.Seq {
			return r, &BrokenError{Seq: head.Seq + 1, Fault: Cut}
		}
	}
	return r, nil
}

// walk checks a ledger up to an entry, or to its end if last is 0.
func walk(ctx context.Context, dir string, last uint64, each func(segment string, line int, h header, text []byte) bool, names *[]string) (Head, int64, error) {
	segments, err := segmentsOf(dir)
	if err != nil {
		return Head{}, 0, err
	}
	*names = segments
	var c chain
	var rest remainder
	for i, name := range segments {
		if rest.torn() {
			return c.head, 0, &BrokenError{segments[i-1], c.line + 1, c.head.Seq + 1, Malformed}
		}
		more := true
		rest, err = c.file(ctx, dir, name, func(h header, text []byte, _ int64) bool {
			more = each(name, c.line, h, text) && (last == 0 || h.seq < last)
			return more
		})
		if err != nil || !more {
			return c.head, 0, err
		}
	}
	return c.head, int64(len(rest.bytes)), nil
}

func (c *chain) file(ctx context.Context, dir, name string, each func(header, []byte, int64) bool) (remainder, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return remainder{}, bare(err)
	}
	defer func() { _ = f.Close() }() // only read
	return c.segment(ctx, name, f, each)
}

// Entries goes through the ledger from the first entry to the one that is the
// last now, checking each. It ends with an error where the chain does not hold.
func (l *Ledger) Entries(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if head := l.Head(); head.Seq > 0 {
			entries(ctx, l.dir, head.Seq, yield)
		}
	}
}

// Entries goes through the ledger in a folder without opening it for writing,
// checking each entry. A folder that does not exist has none.
func Entries(ctx context.Context, dir string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) { entries(ctx, dir, 0, yield) }
}

func entries(ctx context.Context, dir string, last uint64, yield func(Entry, error) bool) {
	var stop error
	var segments []string
	ended := false
	_, _, err := walk(ctx, dir, last, func(_ string, _ int, _ header, text []byte) bool {
		e, err := decode(text)
		if err != nil {
			stop = err
			return false
		}
		ended = !yield(*e, nil)
		return !ended
	}, &segments)
	if err = errors.Join(stop, err); err != nil && !ended && !errors.Is(err, fs.ErrNotExist) {
		yield(Entry{}, err)
	}
}
