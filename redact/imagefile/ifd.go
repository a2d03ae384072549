package imagefile

import (
	"encoding/binary"
	"errors"
	"io"
	"sort"
)

// Field types of TIFF 6.0, section 2.
const (
	typeByte      = 1
	typeASCII     = 2
	typeShort     = 3
	typeLong      = 4
	typeRational  = 5
	typeUndefined = 7
)

// typeSizes are the sizes in bytes of one value, by field type; 0 is unknown.
var typeSizes = [...]int64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4}

// maxIFDEntries bounds one directory; files in the wild stay below 200.
const maxIFDEntries = 4096

var (
	errIFD    = errors.New("read image directory: broken")
	errAbsent = errors.New("read image directory: no such field")
)

// ifds reads the directories of a TIFF structure.
type ifds struct {
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
}

// ifdEntry is one field of a directory; value is as it lies in the file.
type ifdEntry struct {
	tag, typ uint16
	count    uint32
	value    [4]byte
}

type directory []ifdEntry

func (d directory) find(tag uint16) (ifdEntry, bool) {
	i := sort.Search(len(d), func(i int) bool { return d[i].tag >= tag })
	if i < len(d) && d[i].tag == tag {
		return d[i], true
	}
	return ifdEntry{}, false
}

// openIFDs reads the header (TIFF 6.0, section 2) and returns the offset of
// the first directory.
func openIFDs(r io.ReaderAt, size int64) (*ifds, int64, error) {
	t := &ifds{r: r, size: size}
	h, err := t.bytes(0, 8)
	if err != nil {
		return nil, 0, err
	}
	switch string(h[:4]) {
	case "II*\x00":
		t.order = binary.LittleEndian
	case "MM\x00*":
		t.order = binary.BigEndian
	default:
		return nil, 0, errIFD
	}
	return t, int64(t.order.Uint32(h[4:])), nil
}

// bytes returns n bytes at offset off.
func (t *ifds) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > t.size || n > t.size-off {
		return nil, io.ErrUnexpectedEOF
	}
	b := make([]byte, n)
	if m, err := t.r.ReadAt(b, off); int64(m) < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b, nil
}

// directory reads the directory at off, sorted by tag, and the offset of the
// next one. Of fields that appear twice the first stays.
func (t *ifds) directory(off int64) (directory, int64, error) {
	head, err := t.bytes(off, 2)
	if err != nil {
		return nil, 0, err
	}
	n := int64(t.order.Uint16(head))
	if n == 0 || n > maxIFDEntries {
		return nil, 0, errIFD
	}
	b, err := t.bytes(off+2, n*12+4)
	if err != nil {
		return nil, 0, err
	}
	d := make(directory, n)
	for i := range d {
		e := b[i*12:]
		d[i] = ifdEntry{tag: t.order.Uint16(e), typ: t.order.Uint16(e[2:]), count: t.order.Uint32(e[4:]), value: [4]byte(e[8:12])}
	}
	sort.SliceStable(d, func(i, j int) bool { return d[i].tag < d[j].tag })
	return d, int64(t.order.Uint32(b[n*12:])), nil
}

// follow reads the directory that a pointer field names.
func (t *ifds) follow(d directory, tag uint16) (directory, error) {
	v, err := t.numbers(d, tag, 1)
	if err != nil {
		return nil, err
	}
	sub, _, err := t.directory(int64(v[0]))
	return sub, err
}

// data returns where the value of e lies and how long it is.
func (t *ifds) data(e ifdEntry) ([]byte, error) {
	if int(e.typ) >= len(typeSizes) || typeSizes[e.typ] == 0 {
		return nil, errIFD
	}
	n := typeSizes[e.typ] * int64(e.count)
	if n <= 4 {
		return e.value[:n], nil
	}
	return t.bytes(int64(t.order.Uint32(e.value[:])), n)
}

// numbers returns the values of a BYTE, SHORT or LONG field of at most
// limit values, at least one.
func (t *ifds) numbers(d directory, tag uint16, limit uint32) ([]uint32, error) {
	e, ok := d.find(tag)
	if !ok {
		return nil, errAbsent
	}
	if e.count == 0 || e.count > limit || e.typ != typeByte && e.typ != typeShort && e.typ != typeLong {
		return nil, errIFD
	}
	b, err := t.data(e)
	if err != nil {
		return nil, err
	}
	out := make([]uint32, e.count)
	for i := range out {
		switch e.typ {
		case typeByte:
			out[i] = uint32(b[i])
		case typeShort:
			out[i] = uint32(t.order.Uint16(b[2*i:]))
		default:
			out[i] = t.order.Uint32(b[4*i:])
		}
	}
	return out, nil
}
