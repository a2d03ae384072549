package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"chartseal/packager/bundle/zipform"
)

// parts are the lengths, as stored, of the parts of large deflated members: each
// begins without a dictionary, at a byte, and holds wholeSize bytes of content, the
// last one the rest. They are not in the ZIP: only who wrote it knows them.
type parts map[string][]int64

// note takes in block n of a member.
func (p parts) note(m *member, n, stored int) {
	if m.method != zipform.Deflate {
		return
	}
	if n%partBlocks == 0 {
		p[m.name] = append(p[m.name], 0)
	}
	lengths := p[m.name]
	lengths[len(lengths)-1] += int64(stored)
}

// ReadBack is [Verify] for the bundle that this Writer has finished. It knows
// where its large members can be inflated from, and does it on several processors.
// Its manifest has to be the one that was signed, byte for byte.
// A member is accepted only if each part ends where the next one begins, with nothing
// left over: then one inflating them all in a row gets the same bytes.
func (w *Writer) ReadBack(ctx context.Context, r io.ReaderAt, size int64, trusted string) (*Manifest, error) {
	v, err := open(r, size, trusted)
	if err != nil {
		return nil, err
	}
	if w.signed.SHA256 == "" || v.files[manifestName] != w.signed {
		return nil, tampered("the manifest is not the one that was signed")
	}
	v.parts = w.pipe.parts
	if err := v.pass(ctx, nil, nil); err != nil {
		return nil, err
	}
	return v.manifest, nil
}

// content is what is known of a member while its parts are checked, in their order.
type content struct {
	sum hash.Hash
	crc uint32
}

// checkParts checks a member by its parts: several are inflated at the same time, and
// hashed one after the other.
func (c *checkers) checkParts(e *zipform.Entry, stored io.Reader, lengths []int64) error {
	all := &content{sum: sha256.New()}
	turn := make(chan struct{}, 1) // of the next part to be hashed
	turn <- struct{}{}
	for i, left := 0, e.Size; i < len(lengths); i++ {
		n := min(left, wholeSize)
		left -= n
		last := i == len(lengths)-1
		k := <-c.idle
		err := c.failed(nil)
		if err == nil {
			err = k.take(stored, lengths[i], n, last && left == 0)
		}
		if err != nil {
			c.idle <- k
			<-turn // of the parts before
			return err
		}
		mine, next := turn, make(chan struct{}, 1)
		turn = next
		go func() {
			err := k.inflatePart(n)
			<-mine
			if err == nil {
				all.sum.Write(k.plain)
				all.crc = crc32.Update(all.crc, crc32.IEEETable, k.plain)
			}
			_ = c.failed(err)
			next <- struct{}{}
			c.idle <- k
		}()
	}
	<-turn
	if err := c.failed(nil); err != nil {
		return err
	}
	return c.v.compare(e, all)
}

// compare is the end of check for a member that was checked by parts.
func (v *verifier) compare(e *zipform.Entry, all *content) error {
	if all.crc != e.CRC {
		return tampered("a file differs from what the ZIP says")
	}
	want, err := hex.DecodeString(v.files[e.Name].SHA256)
	if err != nil || subtle.ConstantTimeCompare(all.sum.Sum(nil), want) != 1 {
		return tampered("the content of a file differs from the manifest")
	}
	return nil
}

// emptyFinal is a last deflate block without content (RFC 1951, 3.2.4).
var emptyFinal = []byte{1, 0, 0, 0xFF, 0xFF}

// take reads the stored form of a part with n bytes of content. One that is not the
// last gets an end, so that inflating shows that it ends between two blocks.
func (k *checker) take(stored io.Reader, length, n int64, last bool) error {
	if length < 0 || length > n+n>>8+1024 {
		return tampered("a file cannot be unpacked")
	}
	k.stored = grown(k.stored, int(length)+len(emptyFinal))[:length]
	if _, err := io.ReadFull(stored, k.stored); err != nil {
		if errors.Is(err, io.EOF) { // an empty rest: the file ends here
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read member: %w", err)
	}
	if !last {
		k.stored = append(k.stored, emptyFinal...)
	}
	return nil
}

// inflatePart inflates a part to exactly n bytes, using all of its stored form.
func (k *checker) inflatePart(n int64) error {
	k.plain = grown(k.plain, int(n)+1)
	r := k.inflate(bytes.NewReader(k.stored))
	got, err := io.ReadFull(r, k.plain)
	if err == nil {
		return tampered("a file differs from what the ZIP says")
	}
	if _, end := r.Read(k.plain[got:]); end != io.EOF { // not io.ErrUnexpectedEOF, which is an end within a block
		return damaged(errors.Join(err, end))
	}
	if k.plain = k.plain[:got]; int64(got) != n {
		return tampered("a file differs from what the ZIP says")
	}
	if _, err := k.in.ReadByte(); !errors.Is(err, io.EOF) {
		return tampered("bytes after the content of a file")
	}
	return nil
}
