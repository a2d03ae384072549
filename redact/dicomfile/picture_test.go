package dicomfile

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
)

// pictureOf adds what says how a picture of 2 by 2 pixels of 8 bits is stored.
func pictureOf(d *dataset, frames string) *dataset {
	d.us(0x00280002, 1).text(0x00280004, "CS", "MONOCHROME2").text(tagFrames, "IS", frames)
	d.us(0x00280010, 2).us(0x00280011, 2)
	return d.us(0x00280100, 8).us(0x00280101, 8).us(0x00280102, 7).us(0x00280103, 0)
}

// parts gives the bytes of the middle frame.
func parts(t *testing.T, file []byte) (out []string) {
	t.Helper()
	p, err := ReadPicture(t.Context(), source(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range p.Parts {
		out = append(out, string(file[part.Off:part.Off+part.Len]))
	}
	return out
}

// offsets is a table of numbers of 4 or 8 bytes.
func offsets(size int, list ...int) (b []byte) {
	for _, v := range list {
		if size == 8 {
			b = binary.LittleEndian.AppendUint64(b, uint64(v))
		} else {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
	}
	return b
}

// fragments appends compressed pixels with an offset table of the test's choice.
func (d *dataset) fragments(table []byte, list ...string) *dataset {
	d.buf = d.syn.appendHeader(d.buf, tagPixelData, vrOB, undefinedLength)
	for _, f := range append([]string{string(table)}, list...) {
		d.buf = append(d.syn.appendU32(d.syn.appendTag(d.buf, tagItem), uint32(len(f))), f...)
	}
	d.buf = d.syn.appendU32(d.syn.appendTag(d.buf, tagSeqDelim), 0)
	return d
}

const tsRLE = "1.2.840.10008.1.2.5"

// TestMiddleFrameIsFound in every way in which frames are kept apart (PS3.5
// annex A.4).
func TestMiddleFrameIsFound(t *testing.T) {
	start := func(frames string) *dataset { return pictureOf(&dataset{syn: explicitLittle}, frames) }
	halves := []string{"a1", "a2", "b1", "b2", "c1", "c2"}
	for name, tc := range map[string]struct {
		file []byte
		want []string
	}{
		"uncompressed":   {start("3").el(tagPixelData, "OB", []byte("aaaabbbbcccc")).file(tsExplicitLittle), []string{"bbbb"}},
		"implicit":       {pictureOf(&dataset{syn: implicitLittle}, "2").el(tagPixelData, "OW", []byte("aaaabbbb")).file(tsImplicitLittle), []string{"bbbb"}},
		"big endian":     {pictureOf(&dataset{syn: explicitBig}, "2").el(tagPixelData, "OB", []byte("aaaabbbb")).file(tsExplicitBig), []string{"bbbb"}},
		"one frame":      {start("1").fragments(nil, "a1", "a2").file(tsRLE), []string{"a1", "a2"}},
		"no number":      {start("x").fragments(nil, "a1", "a2").file(tsRLE), []string{"a1", "a2"}},
		"one each":       {start("3").fragments(nil, "aa", "bb", "cc").file(tsRLE), []string{"bb"}},
		"by table":       {start("3").fragments(offsets(4, 0, 20, 40), halves...).file(tsRLE), []string{"b1", "b2"}},
		"last, by table": {start("2").fragments(offsets(4, 0, 20), "a1", "a2", "b1").file(tsRLE), []string{"b1"}},
		"extended table": {start("3").el(tagOffsetTable, "OV", offsets(8, 0, 20, 40)).fragments(nil, halves...).file(tsRLE), []string{"b1", "b2"}},
	} {
		if got := parts(t, tc.file); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestNoMiddleFrame(t *testing.T) {
	start := func(frames string) *dataset { return pictureOf(&dataset{syn: explicitLittle}, frames) }
	for name, file := range map[string][]byte{
		"no pixels":       start("1").file(tsExplicitLittle),
		"float pixels":    start("1").el(tagFloatPixels, "OF", make([]byte, 16)).file(tsExplicitLittle),
		"too short":       start("3").el(tagPixelData, "OB", make([]byte, 8)).file(tsExplicitLittle),
		"deflated":        start("1").el(tagPixelData, "OB", make([]byte, 4)).file(tsDeflated),
		"no fragments":    start("1").fragments(nil).file(tsRLE),
		"no table":        start("3").fragments(nil, "a1", "a2", "b1", "b2", "c1", "c2").file(tsRLE),
		"table, too far":  start("3").fragments(offsets(4, 0, 2000, 4000), "a1", "a2", "b1", "b2").file(tsRLE),
		"table, backward": start("3").fragments(offsets(4, 0, 30, 10), "a1", "a2", "b1", "b2").file(tsRLE),
		"table, between":  start("3").fragments(offsets(4, 0, 13, 40), "a1", "a2", "b1", "b2", "c1", "c2").file(tsRLE),
		"table, past all": start("3").el(tagOffsetTable, "OV", offsets(8, 0, -1, 40)).fragments(nil, "a1", "a2", "b1", "b2").file(tsRLE),
	} {
		if p, err := ReadPicture(t.Context(), source(file)); !errors.Is(err, ErrNoPicture) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// TestPictureIsRead: the values are those of the file, the first of several, and
// those of the middle frame's functional groups.
func TestPictureIsRead(t *testing.T) {
	d := &dataset{syn: explicitLittle}
	d.text(0x00181164, "DS", `0.2\0.1`)
	pictureOf(d, "3")
	d.text(0x00281050, "DS", `40\80`).text(0x00281051, "DS", ` 400 \ 2000`).text(0x00281052, "DS", "-1024").text(0x00281053, "DS", "1.5")
	for _, tag := range []Tag{tagModalityLUT, tagVOILUT} {
		d.seq(tag, "SQ", func(d *dataset) {
			d.el(0x00283002, "SS", []byte{2, 0, 0xFF, 0xFF, 12, 0}).el(0x00283006, "OW", []byte{1, 0, 2, 0})
		}, func(d *dataset) { d.el(0x00283002, "US", []byte{9, 0, 9, 0, 16, 0}) })
	}
	group := func(center string) func(*dataset) {
		return func(g *dataset) {
			g.seq(0x00289132, "SQ", func(v *dataset) { v.text(0x00281050, "DS", center).text(0x00281056, "CS", "SIGMOID") })
			g.seq(0x00289111, "SQ", func(v *dataset) { v.text(0x00281051, "DS", "1") })
		}
	}
	d.seq(tagSharedGroups, "SQ", func(g *dataset) {
		g.seq(0x00289110, "SQ", func(v *dataset) { v.text(0x00280030, "DS", `0.3\0.1`) })
	})
	d.seq(tagPerFrameGroups, "SQ", group("1"), group("2"), group("3"))
	file := d.el(tagPixelData, "OB", make([]byte, 12)).file(tsExplicitLittle)
	p, err := ReadPicture(t.Context(), source(file))
	if err != nil {
		t.Fatal(err)
	}
	if p.Center != 2 || p.Width != 400 || !p.Windowed || p.Function != "SIGMOID" || p.Intercept != -1024 || p.Slope != 1.5 || p.Modality == nil || p.VOI == nil {
		t.Errorf("got %+v", p)
	}
	for _, l := range []*LUT{p.Modality, p.VOI} {
		if l.Entries != 2 || l.First != 0xFFFF || l.Bits != 12 || !l.SignedFirst || string(file[l.Data.Off:l.Data.Off+l.Data.Len]) != "\x01\x00\x02\x00" {
			t.Errorf("got %+v", l)
		}
	}
	if p.Aspect < 2.999 || p.Aspect > 3.001 || p.Rows != 2 || p.Frames != 3 || p.Photometric != "MONOCHROME2" {
		t.Errorf("got %+v", p)
	}
}

// FuzzReadPicture: no panic, and no part outside of the file.
func FuzzReadPicture(f *testing.F) {
	addSeeds(f)
	f.Add(pictureOf(&dataset{syn: explicitLittle}, "3").fragments(offsets(4, 0, 20, 40), "a1", "a2", "b1", "b2", "c1", "c2").file(tsRLE))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadPicture(t.Context(), source(b))
		if err != nil {
			return
		}
		if len(p.Parts) == 0 || len(p.Parts) > maxParts || p.Frames < 1 || !(p.Aspect > 0) {
			t.Fatalf("%+v", p)
		}
		for _, part := range p.Parts {
			if part.Off < 0 || part.Len < 0 || part.Off+part.Len > int64(len(b)) {
				t.Fatalf("%+v of %d", part, len(b))
			}
		}
	})
}
