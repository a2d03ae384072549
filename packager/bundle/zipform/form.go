// Package zipform writes and reads the one form of ZIP that a bundle has, so
// strict that every byte of the file is either content, covered by a digest,
// or follows from the directory: a changed byte anywhere is seen, and there is
// no room for anything hidden.
//
// The form, by the sections of PKWARE's APPNOTE.TXT 6.3.10: members follow
// each other without gaps from the first byte; methods 0 (store) and 8
// (deflate) only (4.4.5); names in UTF-8, flag bit 11 (4.4.4); one time stamp
// for all; no comments, no attributes, no extra fields but ZIP64 (4.5.3), and
// that only where a number does not fit into 32 bits; a data descriptor (4.3.9)
// only for members too large to be held until their size is known.
package zipform

import (
	"encoding/binary"
	"errors"
	"time"
)

// Methods of compression (APPNOTE 4.4.5).
const (
	Store   uint16 = 0
	Deflate uint16 = 8
)

// ErrForm is returned for a file that is not of this package's form: not a
// ZIP, cut short, changed, or made by something else.
var ErrForm = errors.New("not a ZIP of the bundle's form")

// Entry is one member.
type Entry struct {
	Name       string
	Method     uint16
	CRC        uint32 // CRC-32 (IEEE) of the content
	Size       int64  // of the content, in bytes
	Compressed int64  // as stored, in bytes
	Streamed   bool   // sizes and CRC follow the content in a data descriptor
	offset     int64  // of the local header
}

const (
	localSignature      = 0x04034b50 // 4.3.7
	descriptorSignature = 0x08074b50 // 4.3.9.3
	centralSignature    = 0x02014b50 // 4.3.12
	end64Signature      = 0x06064b50 // 4.3.14
	locator64Signature  = 0x07064b50 // 4.3.15
	endSignature        = 0x06054b50 // 4.3.16

	localSize     = 30
	centralSize   = 46
	endSize       = 22
	end64Size     = 56
	locator64Size = 20

	max32       = 1<<32 - 1
	max16       = 1<<16 - 1
	version     = 20 // 4.4.3: deflate
	version64   = 45 // 4.4.3: ZIP64
	flagUTF8    = 1 << 11
	flagStream  = 1 << 3
	extraZip64  = 1
	maxNameSize = 255
)

// big reports whether the sizes of e need ZIP64. It is decided by the content's
// size alone, which is known before the content: deflated members never come
// near the limit from below (see Writer.Begin).
func (e *Entry) big() bool { return e.Size >= max32 }

func (e *Entry) flags() uint16 {
	if e.Streamed {
		return flagUTF8 | flagStream
	}
	return flagUTF8
}

// dosTime is a time stamp as APPNOTE 4.4.6 has it: MS-DOS, two seconds, no
// zone; ours are in UTC.
type dosTime struct{ time, date uint16 }

func toDOS(t time.Time) dosTime {
	t = t.UTC()
	if t.Year() < 1980 || t.Year() > 2107 {
		return dosTime{date: 1<<5 | 1}
	}
	return dosTime{
		time: uint16(t.Hour()<<11 | t.Minute()<<5 | t.Second()/2),
		date: uint16((t.Year()-1980)<<9 | int(t.Month())<<5 | t.Day()),
	}
}

// local is the local file header with its name and extra field.
func (e *Entry) local(at dosTime) []byte {
	b := make([]byte, 0, localSize+len(e.Name)+20)
	need, crc, packed, size := version, e.CRC, uint64(e.Compressed), uint64(e.Size)
	var extra []byte
	if e.Streamed {
		crc, packed, size = 0, 0, 0
	}
	if e.big() {
		need = version64
		extra = zip64(size, packed)
		packed, size = max32, max32
	}
	b = le32(b, localSignature)
	b = le16(b, uint16(need))
	b = le16(b, e.flags(), e.Method, at.time, at.date)
	b = le32(b, crc, uint32(packed), uint32(size))
	b = le16(b, uint16(len(e.Name)), uint16(len(extra)))
	b = append(b, e.Name...)
	return append(b, extra...)
}

// descriptor follows the content of a streamed member.
func (e *Entry) descriptor() []byte {
	if !e.Streamed {
		return nil
	}
	b := le32(nil, descriptorSignature, e.CRC)
	if e.big() {
		return le64(b, uint64(e.Compressed), uint64(e.Size))
	}
	return le32(b, uint32(e.Compressed), uint32(e.Size))
}

// central is the member's record in the central directory.
func (e *Entry) central(at dosTime) []byte {
	need, packed, size, offset := version, uint64(e.Compressed), uint64(e.Size), uint64(e.offset)
	var long []uint64
	if e.big() {
		long = append(long, size, packed)
		packed, size = max32, max32
	}
	if offset >= max32 {
		long = append(long, offset)
		offset = max32
	}
	var extra []byte
	if long != nil {
		need = version64
		extra = zip64(long...)
	}
	b := make([]byte, 0, centralSize+len(e.Name)+len(extra))
	b = le32(b, centralSignature)
	b = le16(b, uint16(need), uint16(need), e.flags(), e.Method, at.time, at.date)
	b = le32(b, e.CRC, uint32(packed), uint32(size))
	b = le16(b, uint16(len(e.Name)), uint16(len(extra)), 0, 0, 0)
	b = le32(b, 0, uint32(offset))
	b = append(b, e.Name...)
	return append(b, extra...)
}

// tail ends the file: the end records for a directory of count members, size
// bytes long, at offset.
func tail(count, size, offset int64) []byte {
	var b []byte
	n, s, o := uint64(count), uint64(size), uint64(offset)
	if n >= max16 || s >= max32 || o >= max32 {
		b = le32(b, end64Signature)
		b = le64(b, end64Size-12)
		b = le16(b, version64, version64)
		b = le32(b, 0, 0)
		b = le64(b, n, n, s, o)
		b = le32(b, locator64Signature, 0)
		b = le64(b, o+s)
		b = le32(b, 1)
		n, s, o = min(n, max16), min(s, max32), min(o, max32)
	}
	b = le32(b, endSignature)
	b = le16(b, 0, 0, uint16(n), uint16(n))
	b = le32(b, uint32(s), uint32(o))
	return le16(b, 0)
}

func zip64(values ...uint64) []byte {
	return le64(le16(nil, extraZip64, uint16(8*len(values))), values...)
}

func le16(b []byte, values ...uint16) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

func le32(b []byte, values ...uint32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func le64(b []byte, values ...uint64) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}
