// Package ledger keeps the practice's record of disclosures: an append-only,
// hash-chained file of one JSON line per release, re-issue, revocation, denial
// and hold. It is what an accounting of disclosures is made from (45 CFR
// 164.528) and what shows that nobody changed it afterwards (45 CFR
// 164.312(b), (c)).
//
// # Format
//
// The folder holds one segment for each year, YYYY.jsonl, named after the year
// (UTC) in which its first entry was made. A line is one entry in UTF-8, ended
// by a line feed, of at most 1 MiB. It begins with
//
//	{"v":1,"seq":SEQ,"prev":"PREV","key":"KEY","at":"AT",
//
// and ends with
//
//	,"hash":"HASH"}
//
// without any white space. SEQ counts from 1 through all segments without a
// gap. PREV is the HASH of the entry before, sixty-four zeros for the first.
// HASH is the lower-case hexadecimal SHA-256 (FIPS 180-4) of the line's own
// bytes without the member "hash" and the comma in front of it. As PREV is
// among these bytes, each hash vouches for the whole ledger up to it. Nothing
// has to be encoded again to check a ledger; docs/verify_ledger.py does it with
// Python's standard library, and docs/ledger.md is this format at length. The other members are those of [Entry], in its
// order; readers must accept members that they do not know.
//
// # What the chain proves
//
// An edit, a deletion, an insertion, another order and a missing segment break
// the chain. Lines cut off at the very end do not, nor does a ledger that was
// written anew from some entry on: these show only against a [Head] that is
// known otherwise. So a ledger opened with [Signed] keeps one, signed with the
// practice's key, in the file "head" beside the segments, written after each
// entry; copies of it kept elsewhere show that ledger and head were replaced
// together. Give them to [VerifySigned], or a receipt to [Verify].
//
// The head of an entry is signed before the entry is written, into the file "head.new",
// which becomes "head" after. So after a crash the signed head may lag by the one entry
// that was being written, never lead, and there is no entry that was not signed: more
// were appended by somebody without the key.
//
// The ledger holds patient data. Errors of this package hold none.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Errors of a ledger in use.
var (
	// ErrLocked: another process has the ledger open for writing.
	ErrLocked = errors.New("ledger is in use by another process")
	// ErrConflict: the key of an entry is taken by an entry of other content.
	ErrConflict = errors.New("ledger has another entry under this key")
	// ErrNoEntry: the ledger has no entry under this key.
	ErrNoEntry = errors.New("ledger has no entry under this key")
	// ErrEntry: an entry lacks its key or event, or is too long.
	ErrEntry = errors.New("entry is not valid")
	// ErrStopped: an earlier write failed, so that the state of the file is
	// not known; or the file was changed behind the ledger's back. Open it
	// again.
	ErrStopped = errors.New("ledger stopped after a failed write")
	// ErrClosed: the ledger is closed.
	ErrClosed = errors.New("ledger is closed")
)

// Head names the last entry of a ledger, and through its hash all before it.
type Head struct {
	Seq  uint64 `json:"seq"` // 0 for an empty ledger
	Hash string `json:"hash"`
}

// Receipt names an entry that is on disk.
type Receipt = Head

// Recovery tells what Open found after a crash in the middle of a write. The
// entry was never acknowledged; whoever appended it will do so again.
type Recovery struct {
	Segment string // file name, such as 2026.jsonl
	Bytes   int64  // length of the incomplete line
	File    string // name of the file the bytes were moved to; "" if the entry was whole but for its line feed and stays
}

// Ledger is a ledger open for appending, by this process alone. Its methods
// may be called concurrently.
type Ledger struct {
	dir  string
	now  func() time.Time
	lock *os.File

	mu        sync.Mutex
	chain     chain
	keys      keyIndex
	segments  []string // file names, oldest first
	tail      *os.File // the newest segment; nil while there is none
	size      int64    // of tail, as this process wrote it
	recovered *Recovery
	stopped   error

	signer    *Signer     // nil: no head is signed
	signed    Head        // what the signed head on the disk says
	kept      *SignedHead // as Open found it; nil if there was none
	next      *SignedHead // promised before a crash, as Open found it; nil if none was
	promised  Head        // what head.new says, as this process wrote it
	met       string      // hash of the entry it names, as Open found it in the chain
	lenient   bool
	headFault *BrokenError
}

// Open opens the ledger in a folder, which it makes if needed, and checks all
// of it. It returns ErrLocked if another process has it, and a [*BrokenError]
// if the chain does not hold. Nothing is repaired but an incomplete last line,
// which is moved aside and told by [Ledger.Recovered].
func Open(dir string, now func() time.Time, opts ...Option) (*Ledger, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, bare(err)
	}
	l := &Ledger{dir: dir, now: now}
	for _, o := range opts {
		o(l)
	}
	if err := l.open(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Ledger) open() (err error) {
	if l.lock, err = lockFolder(l.dir); err != nil {
		return err
	}
	if err = l.openHead(); err != nil {
		return err
	}
	if l.segments, err = segmentsOf(l.dir); err != nil {
		return err
	}
	if err = l.dropEmpty(); err != nil {
		return err
	}
	for i, name := range l.segments {
		rest, err := l.load(i, name)
		if err != nil {
			return err
		}
		if rest.torn() {
			if i != len(l.segments)-1 {
				return &BrokenError{Segment: name, Line: l.chain.line, Seq: l.chain.head.Seq + 1, Fault: Malformed}
			}
			if err := l.recover(name, rest); err != nil {
				return err
			}
		}
	}
	if err = l.dropEmpty(); err != nil { // it was the first line that was torn
		return err
	}
	if err = l.chain.vouched(l.segments); err != nil {
		return err
	}
	l.keys.sort()
	if err = l.openTail(); err != nil {
		return err
	}
	return l.checkHead()
}

// dropEmpty removes newest segments that hold nothing: a crash came after one was made, or
// somebody else made it. The next entry may be of an earlier year than its name.
func (l *Ledger) dropEmpty() error {
	for len(l.segments) > 0 {
		path := filepath.Join(l.dir, l.segments[len(l.segments)-1])
		info, err := os.Lstat(path)
		if err != nil {
			return bare(err)
		}
		if !info.Mode().IsRegular() || info.Size() > 0 {
			return nil
		}
		if err := errors.Join(bare(os.Remove(path)), syncFolder(l.dir)); err != nil {
			return err
		}
		l.segments = l.segments[:len(l.segments)-1]
	}
	return nil
}

// load checks a segment and notes the keys of its entries.
func (l *Ledger) load(i int, name string) (remainder, error) {
	f, err := os.Open(filepath.Join(l.dir, name))
	if err != nil {
		return remainder{}, bare(err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return remainder{}, bare(err)
	}
	l.keys.expect(info.Size())
	return l.chain.segment(context.Background(), name, f, func(h header, _ []byte, at int64) bool {
		l.keys.add(h.key, place{i, at})
		l.meet(h)
		return true
	})
}

// meet notes the entry that the signed head names.
func (l *Ledger) meet(h header) {
	if h.seq == l.signed.Seq {
		l.met = string(h.hash)
	}
}

// recover deals with an incomplete last line.
func (l *Ledger) recover(name string, rest remainder) error {
	r := &Recovery{Segment: name, Bytes: int64(len(rest.bytes))}
	path := filepath.Join(l.dir, name)
	if rest.whole {
		if err := appendTo(path, "\n"); err != nil {
			return err
		}
		l.keys.add(rest.header.key, place{len(l.segments) - 1, rest.at})
		l.chain.accept(rest.header)
		l.meet(rest.header)
		l.recovered = r
		return nil
	}
	r.File = fmt.Sprintf("%s.%d.torn", name, l.chain.head.Seq+1)
	if err := writeAside(filepath.Join(l.dir, r.File), rest.bytes); err != nil {
		return err
	}
	l.recovered = r
	return truncate(path, rest.at)
}

// openTail opens the newest segment for appending and makes sure that all of
// it is on disk: a crash may have left it in the cache of the system.
func (l *Ledger) openTail() error {
	if len(l.segments) == 0 {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(l.dir, l.segments[len(l.segments)-1]), os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return bare(err)
	}
	l.tail = f
	info, err := f.Stat()
	if err != nil {
		return bare(err)
	}
	l.size = info.Size()
	return errors.Join(bare(f.Sync()), syncFolder(l.dir))
}

// Recovered tells what Open had to move aside, nil if nothing.
func (l *Ledger) Recovered() *Recovery { return l.recovered }

// Head is the last entry.
func (l *Ledger) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chain.head
}

// Close closes the ledger and lets other processes open it.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	if l.tail != nil {
		errs = append(errs, bare(l.tail.Close()))
		l.tail = nil
	}
	if l.lock != nil {
		errs = append(errs, bare(l.lock.Close()))
		l.lock = nil
	}
	if l.stopped == nil {
		l.stopped = ErrClosed
	}
	return errors.Join(errs...)
}

// bare strips an error of the path that package os puts into it.
func bare(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}
