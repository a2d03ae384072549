package dicomfile

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal/redact"
)

// refusedAs demands a refusal of a class, without a value in its reason.
func refusedAs(t *testing.T, src redact.Source, p redact.Profile, want redact.Class) {
	t.Helper()
	_, err := Clean(context.Background(), src, p)
	refusal, ok := errors.AsType[*redact.Refusal](err)
	if !ok || refusal.Class != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	if strings.Contains(refusal.Reason, canary) {
		t.Errorf("reason shows a value: %q", refusal.Reason)
	}
}

// within fails a test whose work takes longer than linear work can: the bombs
// below take minutes to hours where something is read again for each element.
func within(t *testing.T, limit time.Duration, work func()) {
	t.Helper()
	began := time.Now()
	work()
	if took := time.Since(began); took > limit {
		t.Errorf("took %v", took)
	}
}

// TestZerosBomb: zeros with one byte behind them are read once, not once for
// every eight of them.
func TestZerosBomb(t *testing.T) {
	d := radiograph(implicitLittle, false).el(tagPixelData, "OW", pixelBytes(1))
	d.buf = append(append(d.buf, make([]byte, 4<<20)...), 1)
	within(t, time.Minute, func() {
		refusedAs(t, source(d.file(tsImplicitLittle)), redact.Treatment, redact.Malformed)
	})
}

// counting is a source that counts what is read from it, and may fail.
type counting struct {
	sizedSource
	read int64
	fail error
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	if c.fail != nil {
		return 0, c.fail
	}
	n, err := c.sizedSource.ReadAt(p, off)
	c.read += int64(n)
	return n, err
}

// TestDeflatedOnce: a packed file of many small elements is unpacked a few
// times in all, not again at every edge of a window.
func TestDeflatedOnce(t *testing.T) {
	d := radiograph(explicitLittle, false)
	for range 200_000 {
		d.text(0x00291001, "LO", canary+" goes ").text(0x00180060, "DS", "70")
	}
	raw := d.el(tagPixelData, "OW", pixelBytes(1)).file(tsDeflated)
	src := &counting{sizedSource: source(raw)}
	out, err := Clean(context.Background(), src, redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	if b := cleaned(t, out); !bytes.Contains(b, pixelBytes(1)) || bytes.Contains(b, []byte(canary)) {
		t.Error("canary left or pixels changed")
	}
	if most := 12 * int64(len(raw)); src.read > most {
		t.Errorf("%d bytes read of a file of %d, which unpacks to %d", src.read, len(raw), len(d.buf))
	}
}

// TestDeflatedEnds: a packed stream that is cut or damaged is refused, what
// lies behind it goes, and a fault of the machine stays one, without its path.
func TestDeflatedEnds(t *testing.T) {
	raw := build(6)
	for n := range 40 {
		refusedAs(t, source(raw[:len(raw)-1-n]), redact.Treatment, redact.Truncated)
	}
	broken := bytes.Clone(raw)
	broken[bytes.Index(raw, []byte("CANARY_AE "))+len("CANARY_AE ")] |= 6 // a kind of block that does not exist
	refusedAs(t, source(broken), redact.Treatment, redact.Malformed)
	for _, tail := range []string{"\x00", canary + " " + canary} {
		out, err := Clean(context.Background(), source(append(bytes.Clone(raw), tail...)), redact.Treatment)
		if err != nil {
			t.Fatal(err)
		}
		told := slices.ContainsFunc(out.Report.Removed, func(r redact.Removal) bool { return r.Item == "bytes after the packed content" })
		if told != (len(tail) > 1) || bytes.Contains(cleaned(t, out), []byte(canary)) {
			t.Errorf("%d bytes behind the stream: reported %v", len(tail), told)
		}
	}
	src := &counting{sizedSource: source(raw), fail: &fs.PathError{Op: "read", Path: "/records/" + canary, Err: fs.ErrPermission}}
	_, err := Clean(context.Background(), src, redact.Treatment)
	if _, refused := errors.AsType[*redact.Refusal](err); !errors.Is(err, fs.ErrPermission) || refused || strings.Contains(err.Error(), canary) {
		t.Errorf("a disk that fails: %v", err)
	}
}

// TestDeflateBomb: two gigabytes and more out of two megabytes are refused in
// constant memory.
func TestDeflateBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks 2 GiB")
	}
	head := radiograph(explicitLittle, false).file(tsDeflated)
	head = head[:bytes.Index(head, []byte("CANARY_AE "))+len("CANARY_AE ")]
	z := bytes.NewBuffer(head)
	w, err := flate.NewWriter(z, 9)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for range 2 { // the second block of zeros can follow itself for ever
		at = z.Len()
		_, _ = w.Write(make([]byte, 1<<20))
		_ = w.Flush()
	}
	block := bytes.Clone(z.Bytes()[at:])
	for range maxInflated >> 20 {
		z.Write(block)
	}
	allocated(t, 16<<20, func() { refusedAs(t, source(z.Bytes()), redact.Treatment, redact.TooLarge) })
}

// allocated fails a test whose work allocates more, garbage included.
func allocated(t *testing.T, most uint64, work func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	if total := after.TotalAlloc - before.TotalAlloc; total > most {
		t.Errorf("allocated %d bytes", total)
	}
}

// TestFrames: how many images a file may say it holds.
func TestFrames(t *testing.T) {
	for _, tt := range []struct {
		frames string
		bytes  int
		want   redact.Class // "": released
	}{
		{"", 32, ""},
		{"0", 32, ""},
		{"1.0", 32, ""},
		{"+1", 32, ""},
		{"1", 33, ""},
		{"2", 64, ""},
		{"0", 64, redact.Malformed},
		{"0", 30, redact.Malformed},
		{"-1", 32, redact.Malformed},
		{"2", 62, redact.Truncated},
		{"2147483647", 32, redact.Truncated},
		{"9223372036854775807", 32, redact.Truncated},
		{"99999999999999999999", 32, redact.Truncated},
	} {
		d := radiograph(explicitLittle, false).text(0x00280008, "IS", tt.frames)
		raw := d.el(tagPixelData, "OW", make([]byte, tt.bytes)).file(tsExplicitLittle)
		if tt.want != "" {
			refusedAs(t, source(raw), redact.Treatment, tt.want)
			continue
		}
		if _, err := Clean(context.Background(), source(raw), redact.Treatment); err != nil {
			t.Errorf("%q frames in %d bytes: %v", tt.frames, tt.bytes, err)
		}
	}
	huge := radiograph(explicitLittle, false) // the product is just below 2^64
	for _, tag := range []Tag{0x00280002, 0x00280010, 0x00280011, 0x00280100} {
		huge.reset(tag, 0xFFFF)
	}
	refusedAs(t, source(huge.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle)), redact.Treatment, redact.Truncated)
}

// TestSizes: what uncompressed pixels need, in all the ways to store them
// (PS3.3 section C.7.6.3, PS3.5 section 8); one byte less is too short.
func TestSizes(t *testing.T) {
	for _, tt := range []struct {
		name                         string
		tag                          Tag
		vr                           string
		rows, columns, samples, bits uint16
		photometric, frames          string
		bytes                        int
	}{
		{"one bit", tagPixelData, "OB", 5, 5, 1, 1, "MONOCHROME2", "3", 10},
		{"twelve bits packed", tagPixelData, "OW", 3, 3, 1, 12, "MONOCHROME2", "1", 14},
		{"odd", tagPixelData, "OB", 3, 3, 1, 8, "MONOCHROME2", "1", 9},
		{"color", tagPixelData, "OB", 3, 3, 3, 8, "RGB", "2", 54},
		{"subsampled color", tagPixelData, "OB", 4, 4, 3, 8, "YBR_FULL_422", "1", 32},
		{"32 bits", tagPixelData, "OW", 4, 4, 1, 32, "MONOCHROME2", "1", 64},
		{"float", tagFloatPixels, "OF", 4, 4, 1, 32, "MONOCHROME2", "1", 64},
		{"double", tagDoublePixels, "OD", 4, 4, 1, 64, "MONOCHROME2", "1", 128},
	} {
		for _, syn := range []syntax{explicitLittle, implicitLittle, explicitBig} {
			with := func(n int) []byte {
				d := (&dataset{syn: syn}).text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.1.3").text(0x00080018, "UI", "1.2.3")
				d.us(0x00280002, tt.samples).text(0x00280004, "CS", tt.photometric).text(0x00280008, "IS", tt.frames)
				d.us(0x00280010, tt.rows).us(0x00280011, tt.columns).us(0x00280100, tt.bits)
				return d.el(tt.tag, tt.vr, make([]byte, n)).file(nativeSyntax(syn))
			}
			if _, err := Clean(context.Background(), source(with(tt.bytes)), redact.Treatment); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			refusedAs(t, source(with(tt.bytes-1)), redact.Treatment, redact.Truncated)
		}
	}
}

// TestFragmentsElsewhere: only pixels may be a list of fragments (PS3.5
// section A.4); other readers take nothing else. Where it goes, it may be.
func TestFragmentsElsewhere(t *testing.T) {
	for _, syn := range []syntax{explicitLittle, implicitLittle, explicitBig} {
		with := func(tag Tag) redact.Source {
			d := radiograph(syn, false)
			d.buf = syn.appendHeader(d.buf, tag, vrOW, undefinedLength)
			d.buf = append(syn.appendU32(syn.appendTag(d.buf, tagItem), 4), "abcd"...)
			d.buf = syn.appendU32(syn.appendTag(d.buf, tagSeqDelim), 0)
			return source(d.el(tagPixelData, "OW", pixelBytes(1)).file(nativeSyntax(syn)))
		}
		refusedAs(t, with(0x00281201), redact.Treatment, redact.Malformed)
		if syn.explicit { // an unknown type of undefined length is a sequence
			if _, err := Clean(context.Background(), with(0x00291001), redact.Treatment); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestPrivateSyntax: GE's own syntax is implicit little endian, and is named
// again.
func TestPrivateSyntax(t *testing.T) {
	raw := radiograph(implicitLittle, true).el(tagPixelData, "OW", pixelBytes(1)).file(tsImplicitGE)
	out, err := Clean(context.Background(), source(raw), redact.Treatment)
	if err != nil {
		t.Fatal(err)
	}
	b := cleaned(t, out)
	if !bytes.Contains(b, []byte(tsImplicitGE)) || !bytes.Contains(b, pixelBytes(1)) || bytes.Contains(b, []byte(canary)) {
		t.Error("syntax or pixels changed, or canary left")
	}
}

// TestBombs: what is made to take long or to fill memory is refused in linear
// time and constant memory.
func TestBombs(t *testing.T) {
	open := func() *dataset { return radiograph(explicitLittle, true) }
	many := func(d *dataset, n int, unit []byte) redact.Source {
		d.buf = append(d.buf, bytes.Repeat(unit, n)...)
		return source(d.el(tagPixelData, "OW", pixelBytes(1)).file(tsExplicitLittle))
	}
	unit := func(build func(*dataset)) []byte {
		d := &dataset{syn: explicitLittle, undefined: true}
		build(d)
		return d.buf
	}
	fragments := open()
	fragments.buf = fragments.syn.appendHeader(fragments.buf, tagPixelData, vrOB, undefinedLength)
	fragments.buf = append(fragments.buf, bytes.Repeat([]byte{0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0}, maxFragments+1)...)
	for name, src := range map[string]redact.Source{
		"elements": many(open(), maxElements+1, unit(func(d *dataset) { d.text(0x00180060, "DS", "") })),
		"changes":  many(open(), maxSegments, unit(func(d *dataset) { d.text(0x00180060, "DS", "70").text(0x00290010, "LO", canary) })),
		"items": many(open(), maxElements/4, unit(func(d *dataset) {
			d.seq(0x00082218, "SQ", func(i *dataset) { i.text(0x00104000, "LT", canary) })
		})),
		"fragments": source(fragments.file("1.2.840.10008.1.2.4.50")),
	} {
		t.Run(name, func(t *testing.T) {
			allocated(t, 96<<20, func() {
				within(t, time.Minute, func() { refusedAs(t, src, redact.Treatment, redact.TooLarge) })
			})
		})
	}
	private := many(open(), maxElements/2, unit(func(d *dataset) { d.text(0x00290010, "LO", canary) }))
	within(t, time.Minute, func() {
		allocated(t, 8<<20, func() {
			if _, err := Clean(context.Background(), private, redact.Treatment); err != nil {
				t.Error(err)
			}
		})
	})
}
