package ledger

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"
)

// Append writes an entry and returns once it is on disk. An entry whose key is
// there already is not written again: with the same content its receipt is
// returned, with other content ErrConflict. After a write of unknown outcome
// it returns ErrStopped until the ledger is opened anew. When the signed head could
// not be written the entry may be there all the same: append it again.
func (l *Ledger) Append(ctx context.Context, e Entry) (Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.append(ctx, e)
}

func (l *Ledger) append(ctx context.Context, e Entry) (Receipt, error) {
	if err := e.check(); err != nil {
		return Receipt{}, err
	}
	if err := errors.Join(ctx.Err(), l.stopped); err != nil {
		return Receipt{}, err
	}
	r, found, err := l.existing(&e)
	if err != nil {
		return r, err
	}
	if !l.lenient { // then the old head stays until the entry that explains it is there
		err = l.cover() // what an earlier failure left uncovered
	}
	if err != nil {
		return Receipt{}, err
	}
	if found {
		return r, nil
	}
	if r, err = l.write(&e); err != nil {
		return r, err
	}
	if err := l.cover(); err != nil {
		return Receipt{}, err
	}
	l.lenient = false
	return r, nil
}

// existing looks for an entry under the same key.
func (l *Ledger) existing(e *Entry) (Receipt, bool, error) {
	old, err := l.under(e.Key)
	if err != nil || old == nil {
		return Receipt{}, false, err
	}
	was, err1 := old.content()
	is, err2 := e.content()
	if err := errors.Join(err1, err2); err != nil {
		return Receipt{}, false, err
	}
	if !bytes.Equal(was, is) {
		return Receipt{}, false, ErrConflict
	}
	return Receipt{Seq: old.Seq, Hash: old.Hash}, true, nil
}

// Find returns the entry under a key, checked by its hash; ErrNoEntry if there
// is none.
func (l *Ledger) Find(key string) (*Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped != nil {
		return nil, l.stopped
	}
	e, err := l.under(key)
	if err == nil && e == nil {
		err = ErrNoEntry
	}
	return e, err
}

// under reads the entry under a key; nil if there is none.
func (l *Ledger) under(key string) (*Entry, error) {
	for _, p := range l.keys.find(key) {
		e, err := l.read(p)
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		if e.Key == key {
			return e, nil
		}
	}
	return nil, nil //nolint:nilnil // absent
}

// read reads one entry and checks its hash.
func (l *Ledger) read(p place) (*Entry, error) {
	f, err := os.Open(filepath.Join(l.dir, l.segments[p.segment]))
	if err != nil {
		return nil, bare(err)
	}
	defer func() { _ = f.Close() }() // only read
	in := bufio.NewReader(io.NewSectionReader(f, p.at, math.MaxInt64-p.at))
	var long []byte
	line, err := readLine(in, &long)
	if err != nil {
		return nil, bare(err)
	}
	line = line[:len(line)-1]
	if h, ok := parseHeader(line); !ok || !hashFits(line, h.hash) {
		return nil, ErrBroken
	}
	return decode(line)
}

func decode(line []byte) (*Entry, error) {
	e := new(Entry)
	if err := json.Unmarshal(line, e); err != nil {
		return nil, fmt.Errorf("%w: an entry's hash fits and its content is no entry", ErrBroken)
	}
	return e, nil
}

// write puts an entry at the end.
func (l *Ledger) write(e *Entry) (Receipt, error) {
	e.Format, e.Seq, e.Prev, e.At, e.Hash = 1, l.chain.head.Seq+1, l.chain.head.Hash, l.now(), ""
	if e.Seq == 1 {
		e.Prev = genesis
	}
	e.settle()
	line, hash, err := e.seal()
	if err != nil {
		return Receipt{}, err
	}
	if err := l.turn(e.At); err != nil {
		return Receipt{}, err
	}
	if err := l.promise(Head{e.Seq, hash}); err != nil {
		return Receipt{}, err
	}
	if err := l.put(line); err != nil {
		return Receipt{}, err
	}
	l.keys.insert([]byte(e.Key), place{len(l.segments) - 1, l.size - int64(len(line))})
	l.chain.head = Head{e.Seq, hash}
	return l.chain.head, nil
}

// seal is the whole line with hash and line feed.
func (e *Entry) seal() (line []byte, hash string, err error) {
	line, err = e.encode()
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(line)
	hash = hex.EncodeToString(sum[:])
	line = append(line[:len(line)-1], hashMember+hash+`"}`+"\n"...)
	if len(line) > maxLine {
		return nil, "", fmt.Errorf("%w: it is longer than 1 MiB", ErrEntry)
	}
	return line, hash, nil
}

// turn begins a new segment with a new year. A clock that was set back stays
// in the newest segment.
func (l *Ledger) turn(at time.Time) error {
	name := at.Format("2006") + segmentSuffix
	if l.tail != nil && l.size == 0 && name != l.segments[len(l.segments)-1] { // its first entry was not written
		if err := l.leaveEmpty(); err != nil {
			return err
		}
	}
	if l.tail != nil && name <= l.segments[len(l.segments)-1] {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(l.dir, name), os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return bare(err)
	}
	if err = syncFolder(l.dir); err != nil {
		return errors.Join(err, bare(f.Close()), bare(os.Remove(filepath.Join(l.dir, name))))
	}
	if l.tail != nil {
		err = bare(l.tail.Close())
	}
	l.tail, l.size, l.segments = f, 0, append(l.segments, name)
	return err
}

// leaveEmpty goes back to the segment before an empty one, which is named after the year
// of an entry that never came.
func (l *Ledger) leaveEmpty() error {
	err := l.tail.Close()
	l.tail = nil
	if err == nil {
		err = l.dropEmpty()
	}
	if err == nil {
		err = l.openTail()
	}
	if err != nil {
		l.stopped = fmt.Errorf("%w: %w", ErrStopped, bare(err))
		return l.stopped
	}
	return nil
}

// put appends a line and makes it durable. When that fails half-way it takes
// the file back to where it was.
func (l *Ledger) put(line []byte) error {
	if err := l.undisturbed(); err != nil {
		return err
	}
	if n, err := l.tail.Write(line); err != nil {
		if n > 0 {
			// Windows does not let a handle for appending cut its file.
			if undo := truncate(filepath.Join(l.dir, l.segments[len(l.segments)-1]), l.size); undo != nil {
				l.stopped = fmt.Errorf("%w: %w", ErrStopped, undo)
			}
		}
		return bare(err)
	}
	if err := l.tail.Sync(); err != nil {
		// The system may have dropped the pages and report success next time.
		l.stopped = fmt.Errorf("%w: %w", ErrStopped, bare(err))
		return l.stopped
	}
	l.size += int64(len(line))
	return l.undisturbed()
}

// undisturbed makes sure that the segment is still the file in the folder, and
// of the length this process gave it: a line written into a file that somebody
// deleted or restored from a backup is no record.
func (l *Ledger) undisturbed() error {
	here, err1 := os.Lstat(filepath.Join(l.dir, l.segments[len(l.segments)-1]))
	mine, err2 := l.tail.Stat()
	if err1 == nil && err2 == nil && os.SameFile(here, mine) && mine.Size() == l.size {
		return nil
	}
	l.stopped = fmt.Errorf("%w: the file was changed by another program", ErrStopped)
	return l.stopped
}
