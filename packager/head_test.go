package packager

import (
	"bytes"
	"io"
	"testing"

	"chartseal/packager/gather"
	"chartseal/redact"
)

// firstBlock is a file of which only the beginning can be read, as a bundle
// sees it.
type firstBlock struct{ b []byte }

func (f firstBlock) Size() int64 { return int64(len(f.b)) }

func (f firstBlock) ReadAt(p []byte, off int64) (int, error) {
	head := f.b[:min(len(f.b), 512<<10)]
	if off >= int64(len(head)) {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, head[off:])
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// TestLongDocumentsAreIndexed: what the index of a bundle needs lies in the
// first block of a file, however long its document is.
func TestLongDocumentsAreIndexed(t *testing.T) {
	pdf := charts(t)[0].raw
	padded := append(bytes.Clone(pdf), bytes.Repeat([]byte("%filling\n"), 100_000)...)
	raw := encapsulated(t, padded, "1.2.840.10008.1.2.1")
	if len(raw) < 600<<10 {
		t.Fatal("too short to tell")
	}
	x, err := (&gallery{}).identify(t.Context(), firstBlock{raw})
	if err != nil {
		t.Fatal(err)
	}
	if x.PatientID != "10432" || x.SOPClassUID != "1.2.840.10008.5.1.4.1.1.104.1" || x.SeriesNumber != "1" {
		t.Errorf("got %+v", x)
	}
	if _, _, err := clean(t.Context(), gather.FormatDICOM, raw, redact.Treatment); err != nil {
		t.Error(err)
	}
}
