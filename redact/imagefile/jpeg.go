package imagefile

import (
	"bytes"
	"encoding/binary"
	"strings"

	"chartseal/redact"
	"chartseal/redact/splice"
)

// Markers of ITU-T T.81, table B.1.
const (
	markSOF0  = 0xc0
	markDHT   = 0xc4
	markJPG   = 0xc8
	markDAC   = 0xcc
	markSOF15 = 0xcf
	markRST0  = 0xd0
	markRST7  = 0xd7
	markSOI   = 0xd8
	markEOI   = 0xd9
	markSOS   = 0xda
	markDQT   = 0xdb
	markDNL   = 0xdc
	markDRI   = 0xdd
	markAPP0  = 0xe0
	markAPP1  = 0xe1
	markAPP2  = 0xe2
	markAPP13 = 0xed
	markAPP14 = 0xee
	markAPP15 = 0xef
	markCOM   = 0xfe
)

// jpeg is one walk over a JPEG stream.
type jpeg struct {
	*cleaning
	tablesOnly bool // an abbreviated stream of tables, as TIFF keeps it (T.81 B.5)

	app0, app14 []byte // our versions of JFIF and Adobe
	photo       photoFacts
	sawExif     bool
	icc         iccChunks
	tables      []span // kept segments before the first scan
	frame, scan bool   // seen

	shape   *jpegFrame
	huffman map[byte]*huffman // by class<<4 | id
	restart int               // blocks between restart markers
}

type span struct{ off, n int64 }

// cleanJPEG plans a JPEG with nothing but what decodes it: tables, frames,
// scans, the shortened JFIF and Adobe segments, orientation and colours.
func cleanJPEG(c *cleaning) error {
	j := &jpeg{cleaning: c}
	if err := j.run(); err != nil {
		return err
	}
	if c.in.Left() > 0 {
		c.removed.add(trailerRemoved)
	}
	return nil
}

// run walks from SOI to EOI.
func (j *jpeg) run() error {
	soi, err := j.in.Next(2)
	if err != nil {
		return err
	}
	if soi[0] != 0xff || soi[1] != markSOI {
		return malformed("the picture does not begin as a JPEG does")
	}
	for {
		m, at, err := j.nextMarker()
		if err != nil {
			return err
		}
		if m == markEOI {
			return j.end()
		}
		if err := j.segment(m, at); err != nil {
			return err
		}
		if err := j.plan.Check(); err != nil {
			return err
		}
	}
}

func (j *jpeg) end() error {
	if j.tablesOnly {
		j.writeHeader()
	} else if !j.scan {
		return malformed("the JPEG holds no image data")
	}
	j.plan.Literal([]byte{0xff, markEOI})
	return nil
}

// nextMarker skips fill bytes (T.81 B.1.1.2) and stray bytes, which decoders
// skip too, and returns the marker and the offset of its 0xFF.
func (j *jpeg) nextMarker() (m byte, at int64, err error) {
	sc := j.in
	stray := false
	for {
		w, err := sc.Window(2)
		if err != nil {
			return 0, 0, err
		}
		if w[0] == 0xff && w[1] != 0xff && w[1] != 0 {
			if stray {
				j.removed.add(strayRemoved)
			}
			at = sc.Pos()
			sc.MoveTo(at + 2)
			return w[1], at, nil
		}
		stray = stray || w[0] != 0xff
		skip := bytes.IndexByte(w[1:], 0xff) + 1
		if skip == 0 {
			skip = len(w) - 1
		}
		sc.MoveTo(sc.Pos() + int64(skip))
	}
}

// segment handles the segment of marker m whose 0xFF lies at offset at.
func (j *jpeg) segment(m byte, at int64) error {
	if m == markSOI || m >= markRST0 && m <= markRST7 || m == 0x01 {
		return malformed("the JPEG has a marker where none may be")
	}
	head, err := j.in.Next(2)
	if err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint16(head)) - 2
	if n < 0 {
		return malformed("the JPEG holds a segment of impossible length")
	}
	if n > j.in.Left() {
		return redact.Refuse(redact.Truncated, "the file ends in the middle of the picture")
	}
	whole := span{at, n + 4}
	end := at + n + 4
	switch {
	case m == markSOS:
		return j.startScan(whole, n)
	case m >= markAPP0 && m <= markAPP15:
		err = j.application(m, n)
	case m == markCOM:
		j.removed.add(commentRemoved)
	default:
		err = j.table(m, whole, n)
	}
	j.in.MoveTo(end)
	return err
}

// table keeps a segment that decoding needs, if it holds exactly what its own
// counts say, so that nothing else can travel in it.
func (j *jpeg) table(m byte, whole span, n int64) error {
	isFrame := m >= markSOF0 && m <= markSOF15 && m != markDHT && m != markJPG && m != markDAC
	if !isFrame && m != markDHT && m != markDQT && m != markDRI && m != markDAC && m != markDNL {
		return redact.Refuse(redact.Unsupported, "the picture is of a rare kind of JPEG that cannot be cleaned")
	}
	b, err := j.in.Next(int(n))
	if err != nil {
		return err
	}
	if !exactTable(m, isFrame, b) {
		return malformed("a table of the JPEG has the wrong length")
	}
	if isFrame {
		if j.frame || j.tablesOnly {
			return malformed("the JPEG holds more than one frame")
		}
		j.frame, j.shape = true, readFrame(m, b)
	}
	switch m {
	case markDHT:
		if j.huffman == nil {
			j.huffman = map[byte]*huffman{}
		}
		readHuffman(j.huffman, b)
	case markDRI:
		j.restart = int(b[0])<<8 | int(b[1])
	}
	if j.scan {
		j.plan.Range(whole.off, whole.n)
		return nil
	}
	if len(j.tables) >= 1024 {
		return splice.ErrSegments
	}
	j.tables = append(j.tables, whole)
	return nil
}

// exactTable reports whether the payload b of marker m is as long as its
// content says (T.81 B.2.2, B.2.4).
func exactTable(m byte, isFrame bool, b []byte) bool {
	switch {
	case isFrame:
		return len(b) >= 9 && len(b) == 6+3*int(b[5])
	case m == markDRI || m == markDNL:
		return len(b) == 2
	case m == markDAC:
		return len(b)%2 == 0
	case m == markDQT:
		for len(b) > 0 {
			n := 1 + 64*(1+int(b[0]>>4&1))
			if b[0]>>4 > 1 || b[0]&15 > 3 || len(b) < n {
				return false
			}
			b = b[n:]
		}
		return true
	}
	for len(b) > 0 { // DHT
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return false
		}
		n := 17
		for _, c := range b[1:17] {
			n += int(c)
		}
		if len(b) < n {
			return false
		}
		b = b[n:]
	}
	return true
}

// application takes from an APPn segment of n bytes what a viewer needs.
func (j *jpeg) application(m byte, n int64) error {
	b, err := j.in.Next(int(n))
	if err != nil {
		return err
	}
	switch {
	case m == markAPP0 && strings.HasPrefix(string(b), "JFIF\x00"):
		j.jfif(b)
	case m == markAPP0 && strings.HasPrefix(string(b), "JFXX\x00"):
		j.removed.add(thumbRemoved)
	case m == markAPP1 && strings.HasPrefix(string(b), "Exif\x00"):
		j.exif(b)
	case m == markAPP1 && strings.HasPrefix(string(b), "http://ns.adobe.com/"):
		j.removed.add(xmpRemoved)
	case m == markAPP2 && strings.HasPrefix(string(b), iccMagic):
		j.icc.add(b[len(iccMagic):])
	case m == markAPP13:
		j.removed.add(iptcRemoved)
	case m == markAPP14 && strings.HasPrefix(string(b), "Adobe") && len(b) >= 12:
		if j.app14 == nil {
			j.app14 = append([]byte("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"), b[11])
		}
	default:
		j.removed.add(appRemoved)
	}
	return nil
}

// jfif keeps version and density and leaves out the thumbnail (JFIF 1.02).
func (j *jpeg) jfif(b []byte) {
	if len(b) < 14 || j.app0 != nil {
		j.removed.add(appRemoved)
		return
	}
	if b[12] != 0 && b[13] != 0 {
		j.removed.add(thumbRemoved)
	}
	j.app0 = append([]byte("\xff\xe0\x00\x10"), b[:12]...)
	j.app0 = append(j.app0, 0, 0)
}

func (j *jpeg) exif(b []byte) {
	if j.sawExif || len(b) < 6 {
		j.removed.add(exifRemoved)
		return
	}
	j.sawExif = true
	j.photo = readPhotoFacts(b[6:])
	if !bytes.Equal(b[6:], j.photo.encode()) {
		j.removed.add(exifRemoved)
	}
}

// writeHeader plans everything that comes before the first scan.
func (j *jpeg) writeHeader() {
	j.plan.Literal([]byte{0xff, markSOI})
	j.plan.Literal(j.app0)
	if e := j.photo.encode(); e != nil {
		j.plan.Literal(appSegment(markAPP1, append([]byte("Exif\x00\x00"), e...)))
	}
	j.writeICC()
	j.plan.Literal(j.app14)
	for _, t := range j.tables {
		j.plan.Range(t.off, t.n)
	}
}

// writeICC plans the neutral colour profile in as many APP2 segments as it
// needs (ICC.1:2022 annex B.4).
func (j *jpeg) writeICC() {
	if j.icc.n == 0 {
		return
	}
	profile := j.cleanICC(j.icc.join())
	const most = 65535 - 2 - len(iccMagic) - 2
	count := (len(profile) + most - 1) / most
	for i := range count {
		part := profile[i*most : min(len(profile), (i+1)*most)]
		b := append([]byte(iccMagic), byte(i+1), byte(count))
		j.plan.Literal(appSegment(markAPP2, append(b, part...)))
	}
}

func appSegment(m byte, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0xff, m}, uint16(len(payload)+2)) // callers stay below 65534
	return append(b, payload...)
}

// startScan keeps the scan header of n bytes and the entropy-coded data up to
// the next marker (T.81 B.1.1.5: 0xFF00 and RSTm belong to the data).
func (j *jpeg) startScan(whole span, n int64) error {
	if !j.frame {
		return malformed("the JPEG has image data before its frame")
	}
	b, err := j.in.Next(int(n))
	if err != nil {
		return err
	}
	if len(b) < 6 || len(b) != 4+2*int(b[0]) {
		return malformed("a scan header of the JPEG has the wrong length")
	}
	if !j.scan {
		j.writeHeader()
		j.scan = true
	}
	from := j.in.Pos()
	used, uerr := j.blocksEnd(b)
	if err := j.in.Err(); err != nil {
		return err
	}
	j.in.MoveTo(from)
	end, err := j.entropyEnd()
	if err != nil {
		return err
	}
	if uerr == nil && used >= from && end-used >= hiddenTail {
		j.removed.add(trailerRemoved)
		end = used
	}
	j.plan.Range(whole.off, end-whole.off)
	return nil
}

// entropyEnd moves to the marker that ends the entropy-coded data.
func (j *jpeg) entropyEnd() (int64, error) {
	sc := j.in
	for {
		w, err := sc.Window(2)
		if err != nil {
			return 0, err
		}
		i := 0
		for i+1 < len(w) {
			k := bytes.IndexByte(w[i:len(w)-1], 0xff)
			if k < 0 {
				i = len(w) - 1
				break
			}
			i += k
			next := w[i+1]
			if next != 0 && next != 0xff && (next < markRST0 || next > markRST7) {
				sc.MoveTo(sc.Pos() + int64(i))
				return sc.Pos(), nil
			}
			i++
		}
		sc.MoveTo(sc.Pos() + int64(i))
	}
}
