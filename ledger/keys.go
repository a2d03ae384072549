package ledger

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
)

// place is where an entry lies.
type place struct {
	segment int
	at      int64
}

// keyIndex finds entries by key at sixteen bytes each: a million entries take
// 16 MB. Two keys may share a digest, so what it finds must be compared.
type keyIndex struct {
	refs  []keyRef // sorted
	fresh []keyRef // those of the newest entries, sorted: to make room among all moves megabytes
}

// freshKeys is how many there are at most.
const freshKeys = 1024

type keyRef struct {
	digest uint64
	place  uint64 // segment in the upper 16 bits, offset in the lower 48
}

func digestOf(key []byte) uint64 {
	sum := sha256.Sum256(key)
	return binary.BigEndian.Uint64(sum[:8])
}

func refOf(key []byte, p place) keyRef {
	return keyRef{digestOf(key), uint64(p.segment)<<48 | uint64(p.at)}
}

func compareRefs(a, b keyRef) int {
	return cmp.Or(cmp.Compare(a.digest, b.digest), cmp.Compare(a.place, b.place))
}

// add notes a key; sort must follow before the next find.
func (x *keyIndex) add(key []byte, p place) { x.refs = append(x.refs, refOf(key, p)) }

// usualLine is less than most entries have, in bytes, and mostExpected bounds what is made
// room for by a size that nobody has checked yet.
const (
	usualLine    = 256
	mostExpected = 1 << 20
)

// expect makes room for the keys of a segment of so many bytes.
func (x *keyIndex) expect(bytes int64) {
	x.refs = slices.Grow(x.refs, int(min(bytes/usualLine, mostExpected)))
}

// sort puts the keys in order, in time that grows as their count does: digests are spread
// evenly, so that each of many drawers gets a few.
func (x *keyIndex) sort() {
	const each = 8
	shift := 64 - bits.Len(uint(len(x.refs)/each))
	ends := make([]int, 1<<(64-shift))
	for _, r := range x.refs {
		ends[r.digest>>shift]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	sorted := make([]keyRef, len(x.refs))
	starts := slices.Clone(ends)
	for _, r := range x.refs {
		drawer := &starts[r.digest>>shift]
		*drawer--
		sorted[*drawer] = r
	}
	for i, end := range ends {
		slices.SortFunc(sorted[starts[i]:end], compareRefs)
	}
	x.refs = sorted
}

// insert notes a key in its place.
func (x *keyIndex) insert(key []byte, p place) {
	if len(x.fresh) == freshKeys {
		x.settle()
	}
	ref := refOf(key, p)
	i, _ := slices.BinarySearchFunc(x.fresh, ref, compareRefs)
	x.fresh = slices.Insert(x.fresh, i, ref)
}

// settle merges the fresh keys into the others, from the end on.
func (x *keyIndex) settle() {
	old := len(x.refs)
	x.refs = append(x.refs, x.fresh...)
	for to, from := len(x.refs)-1, len(x.fresh)-1; from >= 0; to-- {
		if old > 0 && compareRefs(x.refs[old-1], x.fresh[from]) > 0 {
			old--
			x.refs[to] = x.refs[old]
			continue
		}
		x.refs[to] = x.fresh[from]
		from--
	}
	x.fresh = x.fresh[:0]
}

// find lists where an entry with this key may lie.
func (x *keyIndex) find(key string) (out []place) {
	digest := digestOf([]byte(key))
	for _, refs := range [][]keyRef{x.refs, x.fresh} {
		i, _ := slices.BinarySearchFunc(refs, keyRef{digest: digest}, compareRefs)
		for ; i < len(refs) && refs[i].digest == digest; i++ {
			p := refs[i].place
			out = append(out, place{int(p >> 48), int64(p & (1<<48 - 1))})
		}
	}
	return out
}

// dropSegment forgets the keys of the oldest segment; the others are one place earlier.
func (x *keyIndex) dropSegment() {
	x.settle()
	x.refs = slices.DeleteFunc(x.refs, func(r keyRef) bool { return r.place>>48 == 0 })
	for i := range x.refs {
		x.refs[i].place -= 1 << 48
	}
}
