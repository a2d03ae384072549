package s3

import (
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5 and ETag are what stores without CRC64NVME offer
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/minio/crc64nvme"
)

const hashBuffer = 256 << 10

// Values of transport.Ticket.Checksum.
const (
	sumCRC64 = "CRC64NVME"
	sumMD5   = "MD5"
)

// partSum is what one part is compared with. crc is base64 of eight big-endian
// bytes, as in the header x-amz-checksum-crc64nvme.
type partSum struct {
	size int64
	crc  string
	md5  []byte // nil unless asked for
}

func (p partSum) md5Base64() string { return base64.StdEncoding.EncodeToString(p.md5) }

// summer reads the sealed file once, front to back, part by part: the sums of
// each part and of the whole come out of the same pass.
type summer struct {
	src   io.ReaderAt
	sha   hash.Hash
	crc   hash.Hash64
	md5s  []byte // of all parts, one after the other
	parts int
	want5 bool
	buf   []byte
}

func newSummer(src io.ReaderAt, md5 bool) *summer {
	return &summer{src: src, sha: sha256.New(), crc: crc64nvme.New(), want5: md5, buf: make([]byte, hashBuffer)}
}

func (s *summer) part(ctx context.Context, off, size int64) (partSum, error) {
	crc := crc64nvme.New()
	sinks := []io.Writer{s.sha, s.crc, crc}
	var five hash.Hash
	if s.want5 {
		five = md5.New() //nolint:gosec // see above
		sinks = append(sinks, five)
	}
	n, err := copyPart(ctx, io.MultiWriter(sinks...), io.NewSectionReader(s.src, off, size), s.buf)
	if err != nil {
		return partSum{}, err
	}
	if n != size {
		return partSum{}, fmt.Errorf("%w: it is shorter than before", errSource)
	}
	p := partSum{size: size, crc: encodeCRC(crc.Sum64())}
	if five != nil {
		p.md5 = five.Sum(nil)
		s.md5s = append(s.md5s, p.md5...)
	}
	s.parts++
	return p, nil
}

// copyPart is io.CopyBuffer that can be cancelled and tells a failing source.
func copyPart(ctx context.Context, w io.Writer, r io.Reader, buf []byte) (int64, error) {
	var n int64
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		k, err := r.Read(buf)
		if _, werr := w.Write(buf[:k]); werr != nil {
			return n, werr
		}
		n += int64(k)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, errSource
		}
	}
}

// wholeSum describes the sealed file, as far as a store could know it.
type wholeSum struct {
	size   int64
	sha256 string
	crc    string
	etag   string // "" unless MD5s were asked for
}

// whole ends the pass. A multipart ETag is the MD5 of the parts' MD5s, a dash
// and their number; that of an object sent in one piece is its MD5.
func (s *summer) whole(size int64, multipart bool) wholeSum {
	w := wholeSum{size: size, sha256: hex.EncodeToString(s.sha.Sum(nil)), crc: encodeCRC(s.crc.Sum64())}
	switch {
	case !s.want5:
	case multipart:
		sum := md5.Sum(s.md5s) //nolint:gosec // see above
		w.etag = fmt.Sprintf("%x-%d", sum, s.parts)
	default:
		w.etag = hex.EncodeToString(s.md5s)
	}
	return w
}

func encodeCRC(sum uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum))
}

// plan cuts a file into parts.
type plan struct{ size, partSize int64 }

const (
	defaultPartSize = 16 << 20
	minPartSize     = 5 << 20
	maxPartSize     = 5 << 30
	maxParts        = 10_000
	mebibyte        = 1 << 20
)

// partSizeFor keeps a file of any size within maxParts parts.
func (s *Store) partSizeFor(size int64) int64 {
	least := (size + maxParts - 1) / maxParts
	least = (least + mebibyte - 1) / mebibyte * mebibyte
	return max(s.part, least)
}

// fits reports whether the plan, which may come from a file, is one that
// partSizeFor could have made.
func (p plan) fits() bool {
	return p.partSize > 0 && p.partSize <= maxPartSize && (p.size-1)/p.partSize < maxParts
}

func (p plan) count() int32 { return int32((p.size + p.partSize - 1) / p.partSize) }

func (p plan) section(n int32) (off, size int64) {
	off = int64(n-1) * p.partSize
	return off, min(p.partSize, p.size-off)
}
