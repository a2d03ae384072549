package ledger

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxLine bounds one entry, in bytes.
const maxLine = 1 << 20

// Fault is a way in which a chain does not hold.
type Fault string

// The faults.
const (
	Edited    Fault = "was edited: its hash does not fit"
	Missing   Fault = "does not follow: entries before it are missing"
	Displaced Fault = "is out of place: it was moved, copied or put in"
	Unchained Fault = "was put in or replaced: it does not name the hash of the entry before"
	Malformed Fault = "is not a line of a ledger"
	Misfiled  Fault = "is the first of a segment named after another year"
	Cut       Fault = "is missing at the end: the ledger is shorter than its known head"
	Replaced  Fault = "is not the one that is known by its hash: the ledger was written anew"
	Unsigned  Fault = "is not covered by the signed head: it was added by another program"
	Unproved  Fault = "is not signed by the site's key, or was edited, in the shared database"
	Forked    Fault = "stands twice in the shared database: the ledger was written anew from there"
	Vanished  Fault = "is missing in the shared database"
	Hasty     Fault = "is missing, and is said to have been purged less than six years after the practice signed it"
	Ahead     Fault = "is missing, and is said to have been purged on a day that has not come yet"
	Beheaded  Fault = "signed head is missing: somebody deleted it"
	Unsealed  Fault = "signed head is not by the practice's key, or was edited"
)

// ErrBroken is what every [*BrokenError] is.
var ErrBroken = errors.New("ledger is broken")

// BrokenError says where a ledger was changed. It holds no patient data.
type BrokenError struct {
	Segment string // file name; "" when the fault is the end itself
	Line    int    // 1-based, in the segment
	Seq     uint64 // the entry that is meant
	Fault   Fault
}

func (e *BrokenError) Error() string {
	if e.Fault == Unsealed || e.Fault == Beheaded {
		return fmt.Sprintf("%v: its %s", ErrBroken, e.Fault)
	}
	where := ""
	if e.Segment != "" {
		where = fmt.Sprintf(" (%s line %d)", e.Segment, e.Line)
	}
	return fmt.Sprintf("%v: entry %d%s %s", ErrBroken, e.Seq, where, e.Fault)
}

// Is makes a BrokenError an ErrBroken.
func (e *BrokenError) Is(target error) bool { return target == ErrBroken }

// genesis stands before the first entry.
var genesis = strings.Repeat("0", 2*sha256.Size)

// header is what the chain needs of a line.
type header struct {
	seq        uint64
	prev, hash []byte // hexadecimal; of the line's buffer
	key        []byte
	year       []byte
}

// chain walks a ledger line by line and keeps its head.
type chain struct {
	head   Head
	line   int             // lines seen of the segment
	begins Head            // the entry before the first that is there; zero if that is the ledger's first
	purged []purgedSegment // what the entries named that say why that is not
}

// remainder is what follows the last line feed of a segment.
type remainder struct {
	at     int64 // its offset in the segment
	bytes  []byte
	whole  bool // a valid entry that lacks nothing but the line feed
	header header
}

func (r remainder) torn() bool { return len(r.bytes) > 0 }

// segment checks all lines of one segment in turn. each is handed every valid
// line, without the line feed and valid until it returns, and stops the walk
// by returning false.
func (c *chain) segment(ctx context.Context, name string, r io.Reader, each func(h header, line []byte, at int64) bool) (remainder, error) {
	in := bufio.NewReaderSize(r, 256<<10)
	c.line = 0
	var long []byte
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return remainder{}, err
		}
		line, err := readLine(in, &long)
		if errors.Is(err, io.EOF) {
			return c.rest(line, at), nil
		}
		if err != nil && !errors.Is(err, errLongLine) {
			return remainder{}, bare(err)
		}
		c.line++
		h, fault := c.check(name, line[:len(line)-1])
		if (fault == Malformed || fault == Edited) && bytes.IndexByte(line, 0) >= 0 && atEnd(in) {
			// A power cut can leave zeros where a page of the last line was not
			// yet written; no line that was has any.
			return remainder{at: at, bytes: bytes.Clone(line)}, nil
		}
		if fault != "" {
			return remainder{}, &BrokenError{name, c.line, c.meant(h, fault), fault}
		}
		c.accept(h)
		if err := c.excuse(line[:len(line)-1]); err != nil {
			return remainder{}, err
		}
		if !each(h, line[:len(line)-1], at) {
			return remainder{}, nil
		}
		at += int64(len(line))
	}
}

func atEnd(in *bufio.Reader) bool {
	_, err := in.Peek(1)
	return errors.Is(err, io.EOF)
}

var errLongLine = errors.New("line is too long")

// readLine returns one line with its line feed, or io.EOF and what follows the
// last one. A line past the bound comes as errLongLine with its beginning.
func readLine(in *bufio.Reader, long *[]byte) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	*long = append((*long)[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) && len(*long) <= maxLine {
		line, err = in.ReadSlice('\n')
		*long = append(*long, line...)
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		return *long, errLongLine
	}
	return *long, err
}

// check compares one line with the entry before it.
func (c *chain) check(name string, line []byte) (header, Fault) {
	h, ok := parseHeader(line)
	if !ok {
		return h, Malformed
	}
	if c.head.Seq == 0 && h.seq > 1 && c.line == 1 && hashFits(line, h.hash) {
		c.begins = Head{h.seq - 1, string(h.prev)} // an entry must say why: vouched
		c.head = c.begins
	}
	prev := c.head.Hash
	if c.head.Seq == 0 {
		prev = genesis
	}
	switch {
	case !hashFits(line, h.hash):
		return h, Edited
	case h.seq > c.head.Seq+1:
		return h, Missing
	case h.seq != c.head.Seq+1:
		return h, Displaced
	case string(h.prev) != prev:
		return h, Unchained
	case c.line <= 1 && !strings.HasPrefix(name, string(h.year)):
		return h, Misfiled
	}
	return h, ""
}

// meant is the entry that a fault is about.
func (c *chain) meant(h header, fault Fault) uint64 {
	if fault == Malformed || fault == Edited {
		return c.head.Seq + 1
	}
	return h.seq
}

func (c *chain) accept(h header) {
	c.head = Head{h.seq, string(h.hash)}
}

// rest judges what follows the last line feed.
func (c *chain) rest(tail []byte, at int64) remainder {
	r := remainder{at: at, bytes: bytes.Clone(tail)}
	if len(tail) > 0 {
		h, fault := c.check("", r.bytes)
		r.header, r.whole = h, fault == "" || fault == Misfiled
	}
	return r
}

const (
	hashMember = `,"hash":"`
	hashTail   = len(hashMember) + 2*sha256.Size + len(`"}`)
)

// hashFits computes the hash over the line's bytes without the member hash. It
// changes the line for a moment.
func hashFits(line, hash []byte) bool {
	cut := len(line) - hashTail
	line[cut] = '}'
	sum := sha256.Sum256(line[:cut+1])
	line[cut] = ','
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], sum[:])
	return bytes.Equal(text[:], hash)
}

// parseHeader takes the fixed beginning and end of a line apart.
func parseHeader(line []byte) (h header, ok bool) {
	cut := len(line) - hashTail
	if len(line) > maxLine || cut < 1 || !bytes.HasPrefix(line[cut:], []byte(hashMember)) || !bytes.HasSuffix(line, []byte(`"}`)) {
		return h, false
	}
	h.hash = line[cut+len(hashMember) : len(line)-2]
	rest, ok := bytes.CutPrefix(line[:cut], []byte(`{"v":1,"seq":`))
	if !ok {
		return h, false
	}
	seq, rest, ok := bytes.Cut(rest, []byte(`,"prev":"`))
	if !ok || len(seq) > 20 {
		return h, false
	}
	n, err := strconv.ParseUint(string(seq), 10, 64)
	if err != nil {
		return h, false
	}
	h.seq = n
	h.prev, rest, ok = bytes.Cut(rest, []byte(`","key":"`))
	if !ok {
		return h, false
	}
	h.key, rest, ok = bytes.Cut(rest, []byte(`","at":"`))
	if !ok || len(rest) < len("2006-01-02") {
		return h, false
	}
	h.year = rest[:4]
	return h, true
}
