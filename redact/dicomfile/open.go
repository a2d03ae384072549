package dicomfile

import (
	"context"
	"io"

	"chartseal/redact"
)

const (
	preambleLength = 128
	maxMetaLength  = 64 << 10 // of one element of group 0002
)

// Transfer syntaxes whose structure differs (PS3.5 annex A, PS3.6 table A-1).
const (
	tsImplicitLittle = "1.2.840.10008.1.2"
	tsExplicitLittle = "1.2.840.10008.1.2.1"
	tsDeflated       = "1.2.840.10008.1.2.1.99"
	tsExplicitBig    = "1.2.840.10008.1.2.2"
	// GE's own: implicit little endian, but for the pixels (DICOM conformance
	// statements of GE CT and MR systems, "implicit VR, big endian pixels").
	tsImplicitGE = "1.2.840.113619.5.2"
)

// file is an opened DICOM file: where its data set begins and how it is
// written.
type file struct {
	src   redact.Source // holds the data set; for a deflated file, the inflated one
	start int64         // of the data set in src
	syn   syntax
	ts    string // transfer syntax UID the data set really has; "" if none fits
	meta  metaFacts
	// inflated tells that src is not the file itself; rest are the bytes behind
	// the packed content.
	inflated bool
	rest     int64
}

// metaFacts is what is read from the file meta information (PS3.10 section 7.1).
type metaFacts struct {
	ts          string
	sopClass    string
	sopInstance string
	tags        []Tag // of every element present
}

// sizedSource gives any ReaderAt the size of a source.
type sizedSource struct {
	io.ReaderAt
	size int64
}

// Size is the source's length.
func (s sizedSource) Size() int64 { return s.size }

// open reads preamble and file meta information and finds out how the data set
// is written. Missing preambles, missing meta information and wrong transfer
// syntaxes occur in practice and are survived.
func open(ctx context.Context, src redact.Source) (*file, error) {
	w := newWalker(ctx, src)
	defer w.close()
	f := &file{src: src}
	if src.Size() < shortHeaderLength {
		return nil, redact.Refuse(redact.Truncated, "the file is empty or nearly so")
	}
	off, err := skipPreamble(w)
	if err != nil {
		return nil, err
	}
	if f.start, err = readMeta(w, off, &f.meta); err != nil {
		return nil, err
	}
	if f.meta.ts == tsDeflated {
		return f, f.inflate(ctx)
	}
	if f.start+shortHeaderLength > src.Size() {
		return nil, redact.Refuse(redact.Truncated, "the file ends before its content begins")
	}
	return f, f.sniff(w)
}

// skipPreamble returns the offset after "DICM", or 0 when there is none and the
// file still looks like DICOM.
func skipPreamble(w *walker) (int64, error) {
	for _, off := range []int64{preambleLength, 0} {
		if off+4 > w.win.size {
			continue
		}
		b, err := w.win.bytes(off, 4)
		if err != nil {
			return 0, err
		}
		if string(b) == "DICM" {
			return off + 4, nil
		}
	}
	head, err := w.win.bytes(0, int(min(probeSize, w.win.size)))
	if err == nil && !Sniff(head) {
		err = redact.Refuse(redact.Unsupported, "it is not a DICOM file")
	}
	return 0, err
}

// readMeta reads group 0002 and returns where it ends. It is explicit little
// endian by the standard; some writers make it implicit.
func readMeta(w *walker, off int64, m *metaFacts) (int64, error) {
	for off+shortHeaderLength <= w.win.size {
		b, err := w.win.bytes(off, shortHeaderLength)
		if err != nil {
			return 0, err
		}
		if implicitLittle.tag(b).group() != metaGroup {
			return off, nil
		}
		syn := implicitLittle
		if _, ok := knownVRs[mkVR(b[4], b[5])]; ok {
			syn = explicitLittle
		}
		if err := w.header(off, w.win.size, syn, 0); err != nil {
			return 0, err
		}
		e := &w.cur
		if e.length > maxMetaLength {
			return 0, malformed("the file's header is broken")
		}
		if e.end = e.val + int64(e.length); e.end > w.win.size {
			return 0, errTruncated()
		}
		if err := m.note(w, e); err != nil {
			return 0, err
		}
		off = e.end
	}
	return off, nil
}

func (m *metaFacts) note(w *walker, e *element) error {
	if len(m.tags) > 256 {
		return malformed("the file's header is broken")
	}
	m.tags = append(m.tags, e.tag)
	var dst *string
	switch e.tag {
	case 0x00020002:
		dst = &m.sopClass
	case 0x00020003:
		dst = &m.sopInstance
	case 0x00020010:
		dst = &m.ts
	default:
		return nil
	}
	b, err := w.win.bytes(e.val, int(min(e.length, 128)))
	*dst = uidText(b)
	return err
}

// sniff finds the encoding of the data set from its first element and checks
// it against the declared transfer syntax.
func (f *file) sniff(w *walker) error {
	b, err := w.win.bytes(f.start, shortHeaderLength)
	if err != nil {
		return err
	}
	known := f.explicitAt(b)
	switch {
	case known && f.bigEndianAt(b):
		f.syn = explicitBig
	case known:
		f.syn = explicitLittle
	default:
		f.syn = implicitLittle
	}
	f.ts = f.meta.ts
	switch f.meta.ts {
	case "", tsImplicitLittle, tsExplicitLittle, tsExplicitBig:
		f.ts = nativeSyntax(f.syn)
	case tsImplicitGE:
		if f.syn != implicitLittle {
			f.ts = nativeSyntax(f.syn)
		}
	default:
		if !f.syn.explicit || f.syn.big {
			return malformed("the image is said to be compressed, but the file is not written that way")
		}
	}
	return nil
}

// explicitAt reports that the element header b spells its type. A length of an
// implicit file can look like two letters; then the dictionary or the declared
// syntax decides.
func (f *file) explicitAt(b []byte) bool {
	vr := mkVR(b[4], b[5])
	if _, ok := knownVRs[vr]; !ok {
		return false
	}
	return f.meta.ts != tsImplicitLittle || dictionaryVR(explicitLittle.tag(b)) == vr
}

// bigEndianAt tells the byte order of an explicit element: the one in which
// the dictionary knows it, else the declared one, else the one in which its
// group is small.
func (f *file) bigEndianAt(b []byte) bool {
	little, big := fit(explicitLittle.tag(b), b), fit(explicitBig.tag(b), b)
	switch {
	case little != big:
		return big > little
	case f.meta.ts == tsExplicitBig:
		return true
	case f.meta.ts != "" && f.meta.ts != tsImplicitLittle:
		return false
	}
	return b[0] == 0 && b[1] != 0
}

// fit says how well a tag agrees with the type written after it.
func fit(t Tag, b []byte) int {
	v := dictionaryVR(t)
	switch {
	case v == vrUN, t.element() == 0 && t.group() > 0x00FF: // every group has a length
		return 0
	case v == mkVR(b[4], b[5]):
		return 2
	}
	return 1
}

func nativeSyntax(s syntax) string {
	switch s {
	case explicitBig:
		return tsExplicitBig
	case explicitLittle:
		return tsExplicitLittle
	}
	return tsImplicitLittle
}

// native reports that pixels are not compressed.
func (f *file) native() bool { return f.ts == nativeSyntax(f.syn) || f.ts == tsImplicitGE }

// uidText takes a UID from its padded bytes; what is not a UID (PS3.5 section
// 9.1) gives "".
func uidText(b []byte) string {
	for len(b) > 0 && (b[len(b)-1] == 0 || b[len(b)-1] == ' ') {
		b = b[:len(b)-1]
	}
	if len(b) > 64 {
		return ""
	}
	for _, c := range b {
		if c != '.' && (c < '0' || c > '9') {
			return ""
		}
	}
	return string(b)
}

// Sniff reports whether a file that begins with head (4 KiB are enough) looks
// like DICOM: by its magic word, or, for files without a preamble, by two
// elements in order.
func Sniff(head []byte) bool {
	if len(head) >= preambleLength+4 && string(head[preambleLength:preambleLength+4]) == "DICM" {
		return true
	}
	if len(head) >= 4 && string(head[:4]) == "DICM" {
		return true
	}
	for _, syn := range []syntax{explicitLittle, implicitLittle, explicitBig} {
		if twoElements(head, syn) {
			return true
		}
	}
	return false
}

func twoElements(b []byte, syn syntax) bool {
	var last Tag
	for i := range 2 {
		if len(b) < longHeaderLength {
			return false
		}
		t := syn.tag(b)
		if dictionaryVR(t) == vrUN || t <= last || (i == 0 && t.group() != metaGroup && t.group() != 0x0008) {
			return false
		}
		n, header := syn.u32(b[4:]), shortHeaderLength
		if syn.explicit {
			long, ok := knownVRs[mkVR(b[4], b[5])]
			switch {
			case !ok:
				return false
			case long:
				n, header = syn.u32(b[8:]), longHeaderLength
			default:
				n = uint32(syn.u16(b[6:]))
			}
		}
		if n > 1024 || int(n)+header > len(b) {
			return i == 1 && n <= 1024
		}
		last, b = t, b[header+int(n):]
	}
	return true
}
