package dicomfile

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"testing"
)

// dataset builds small DICOM files for tests.
type dataset struct {
	syn       syntax
	undefined bool // write sequences and items with undefined length
	buf       []byte
}

func (d *dataset) el(t Tag, vr string, value []byte) *dataset {
	d.buf = d.syn.appendHeader(d.buf, t, mkVR(vr[0], vr[1]), uint32(len(value)))
	d.buf = append(d.buf, value...)
	return d
}

func (d *dataset) text(t Tag, vr, value string) *dataset {
	pad := byte(' ')
	if vr == "UI" {
		pad = 0
	}
	return d.el(t, vr, padded(value, pad))
}

func (d *dataset) us(t Tag, v uint16) *dataset {
	return d.el(t, "US", d.syn.appendU16(nil, v))
}

// reset gives an element that is there another value.
func (d *dataset) reset(t Tag, v uint16) *dataset {
	head := d.syn.appendHeader(nil, t, mkVR('U', 'S'), 2)
	at := bytes.Index(d.buf, head) + len(head)
	copy(d.buf[at:], d.syn.appendU16(nil, v))
	return d
}

// seq appends a sequence; every item is built by its function.
func (d *dataset) seq(t Tag, vr string, items ...func(*dataset)) *dataset {
	inner := d.syn
	if vr == "UN" && d.syn.explicit {
		inner = implicitLittle
	}
	var body []byte
	for _, build := range items {
		in := &dataset{syn: inner, undefined: d.undefined}
		build(in)
		n := uint32(len(in.buf))
		if d.undefined {
			n = undefinedLength
		}
		body = inner.appendU32(inner.appendTag(body, tagItem), n)
		body = append(body, in.buf...)
		if d.undefined {
			body = inner.appendU32(inner.appendTag(body, tagItemDelim), 0)
		}
	}
	return d.rawSeq(t, vr, inner, body)
}

func (d *dataset) rawSeq(t Tag, vr string, inner syntax, body []byte) *dataset {
	n := uint32(len(body))
	if d.undefined {
		n = undefinedLength
	}
	d.buf = d.syn.appendHeader(d.buf, t, mkVR(vr[0], vr[1]), n)
	d.buf = append(d.buf, body...)
	if d.undefined {
		d.buf = inner.appendU32(inner.appendTag(d.buf, tagSeqDelim), 0)
	}
	return d
}

// encapsulated appends compressed pixels: an offset table and fragments.
func (d *dataset) encapsulated(fragments ...[]byte) *dataset {
	d.buf = d.syn.appendHeader(d.buf, tagPixelData, vrOB, undefinedLength)
	offsets := []byte{}
	at := uint32(0)
	for _, f := range fragments {
		offsets = binary.LittleEndian.AppendUint32(offsets, at)
		at += uint32(len(f)) + 8
	}
	for _, f := range append([][]byte{offsets}, fragments...) {
		d.buf = d.syn.appendU32(d.syn.appendTag(d.buf, tagItem), uint32(len(f)))
		d.buf = append(d.buf, f...)
	}
	d.buf = d.syn.appendU32(d.syn.appendTag(d.buf, tagSeqDelim), 0)
	return d
}

// file puts a header in front.
func (d *dataset) file(ts string) []byte {
	head := make([]byte, preambleLength, preambleLength+256)
	copy(head, "II*\x00 preamble with CANARY") // a preamble can hold another file
	head = append(head, "DICM"...)
	meta := appendMetaUID(nil, 0x00020002, "1.2.840.10008.5.1.4.1.1.1.3")
	meta = appendMetaUID(meta, 0x00020003, "1.2.3.4.5")
	meta = appendMetaUID(meta, 0x00020010, ts)
	meta = appendMeta(meta, 0x00020016, mkVR('A', 'E'), []byte("CANARY_AE "))
	head = appendMeta(head, 0x00020000, mkVR('U', 'L'), binary.LittleEndian.AppendUint32(nil, uint32(len(meta))))
	head = append(head, meta...)
	if ts == tsDeflated {
		var z bytes.Buffer
		w, _ := flate.NewWriter(&z, 5)
		_, _ = w.Write(d.buf)
		_ = w.Close()
		return append(head, z.Bytes()...)
	}
	return append(head, d.buf...)
}

// canary is planted in everything a treatment release must not carry.
const canary = "CANARY"

// pixelBytes are recognisable pixels of 4x4x16 bit and n frames.
func pixelBytes(n int) []byte {
	b := make([]byte, 32*n)
	for i := range b {
		b[i] = byte(i*7 + 13)
	}
	return b
}

// radiograph is an intra-oral image with canaries at every place that has
// been seen to leak.
func radiograph(syn syntax, undefined bool) *dataset {
	d := &dataset{syn: syn, undefined: undefined}
	d.el(0x00080000, "UL", []byte{0, 0, 0, 0})
	d.text(0x00080005, "CS", "ISO_IR 100").text(0x00080008, "CS", `ORIGINAL\PRIMARY`)
	d.text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.1.3").text(0x00080018, "UI", "1.2.3.4.5")
	d.text(0x00080020, "DA", "20260301").text(0x00080060, "CS", "IO").text(0x00080070, "LO", "Maker")
	d.text(0x00080080, "LO", canary+" clinic").text(0x00080090, "PN", canary+"^Doctor")
	d.text(0x00081030, "LO", "Periapical")
	d.seq(0x00082218, "SQ", func(i *dataset) {
		i.text(0x00080100, "SH", "T-54010").text(0x00080102, "SH", "SRT").text(0x00080104, "LO", "Tooth")
		i.el(0x00090010, "LO", []byte(canary)).el(0x00091001, "UN", []byte(canary))
		i.text(0x00100020, "LO", canary) // identity has no place here
	})
	d.el(0x00090010, "LO", []byte(canary)).el(0x00091001, "UN", []byte(canary))
	d.seq(0x00091010, "SQ", func(i *dataset) { i.text(0x00100010, "PN", canary) })
	d.el(0x00100010, "PN", []byte("M\xfcller^J\xf6rg ")).text(0x00100020, "LO", "83370")
	d.text(0x00100021, "LO", "SSN "+canary).text(0x00100030, "DA", "19890817")
	d.text(0x00101000, "LO", canary).text(0x00101040, "LO", canary+" lane").text(0x00104000, "LT", canary)
	d.text(0x00180060, "DS", "70").text(0x00181000, "LO", canary).text(0x00181164, "DS", `0.02\0.02`)
	d.text(0x0020000D, "UI", "1.2.3.4").text(0x0020000E, "UI", "1.2.3.4.1").text(0x00200013, "IS", "1")
	d.us(0x00280002, 1).text(0x00280004, "CS", "MONOCHROME2").us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16)
	d.text(0x00280301, "CS", "NO")
	d.seq(0x00400275, "SQ", func(i *dataset) { i.text(0x00401001, "SH", canary) })
	d.seq(0x00880200, "SQ", func(i *dataset) { i.el(tagPixelData, "OW", []byte(canary)) })
	d.seq(0x04000561, "SQ", func(i *dataset) {
		i.seq(0x04000550, "SQ", func(j *dataset) { j.text(0x00101040, "LO", canary) })
	})
	return d
}

// tail is what may follow the pixels.
func (d *dataset) tail() *dataset {
	d.seq(0xFFFAFFFA, "SQ", func(i *dataset) { i.text(0x04000005, "US", canary) })
	return d.el(tagTrailingPad, "OB", []byte(canary+canary))
}

func source(b []byte) sizedSource { return sizedSource{bytes.NewReader(b), int64(len(b))} }

func TestBuilder(t *testing.T) {
	b := radiograph(explicitLittle, false).el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)
	if !Sniff(b) || bytes.Count(b, []byte(canary)) < 15 {
		t.Fatal("the test file is not what it should be")
	}
}
