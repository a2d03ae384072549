package dicomfile

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"chartseal/redact"
)

// Picture is what a DICOM file says of its middle frame: where it lies in the
// file, how it is stored (PS3.3 section C.7.6.3) and how it is meant to be
// shown (sections C.7.6.16, C.11.1 and C.11.2). It is for drawing, not for
// deciding: what a file does not say, or says wrongly, is zero.
type Picture struct {
	TransferSyntax, Photometric        string
	Rows, Columns, Samples, Planar     int
	BitsAllocated, BitsStored, HighBit int
	Signed, BigEndian, Encapsulated    bool
	Frames                             int    // 1 or more
	Parts                              []Part // of the middle frame, in their order
	Slope, Intercept                   float64
	Modality, VOI                      *LUT // instead of slope, and beside the window; nil: none
	Windowed                           bool
	Center, Width                      float64 // the first window there is
	Function                           string  // of the window: "", LINEAR, LINEAR_EXACT or SIGMOID
	Aspect                             float64 // height of a pixel divided by its width
	Palette                            [3]LUT
}

// Part is a run of bytes in a file.
type Part struct{ Off, Len int64 }

// LUT is a lookup table: one of the three of a palette color picture, the first
// Modality LUT or the first VOI LUT (PS3.3 sections C.7.6.3.1.5, C.11.1.1 and
// C.11.2.1.1).
type LUT struct {
	Entries, First, Bits int // Entries is 1 to 65536; 0 without a descriptor
	SignedFirst          bool
	Data                 Part
}

func (t *LUT) describe(n []int) {
	t.Entries, t.First, t.Bits = n[0], n[1], n[2]
	if t.Entries == 0 {
		t.Entries = 1 << 16
	}
}

// ErrNoPicture says that a file holds no picture of which a frame could be
// found.
var ErrNoPicture = errors.New("no picture in the file")

// maxParts bounds the fragments of one frame.
const maxParts = 4096

// ReadPicture reads what src says of its picture. It walks the header and, of
// compressed pictures, the headers of the fragments; no pixels are read. It
// fails with [ErrNoPicture], a *redact.Refusal, or an error of src or ctx.
func ReadPicture(ctx context.Context, src redact.Source) (*Picture, error) {
	f, err := open(ctx, src)
	if err != nil {
		return nil, err
	}
	if f.inflated {
		return nil, ErrNoPicture // its offsets are not those of src
	}
	w := newWalker(ctx, src)
	defer w.close()
	r := &pictureReader{w: w, p: &Picture{TransferSyntax: f.ts, Frames: 1, BigEndian: f.syn.big, Slope: 1}}
	if _, err := w.root(r, f.start, f.syn); err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if r.pixels.tag != tagPixelData {
		return nil, ErrNoPicture
	}
	if r.p.Aspect == 0 {
		r.p.Aspect = 1
	}
	if r.pixels.fragments < 0 {
		return r.p, r.native()
	}
	r.p.Encapsulated = true
	return r.p, r.compressed()
}

// pictureReader collects a Picture.
type pictureReader struct {
	nothing
	w      *walker
	p      *Picture
	pixels element
	table  element // Extended Offset Table

	groups Tag // the sequence that is being read: functional groups or a lookup table
	frame  int // of its items, from 0
}

const (
	tagSharedGroups   = 0x52009229
	tagPerFrameGroups = 0x52009230
	tagOffsetTable    = 0x7FE00001
	tagModalityLUT    = 0x00283000
	tagVOILUT         = 0x00283010
)

// middle is the number of the frame that is shown, from 0.
func (p *Picture) middle() int { return p.Frames / 2 }

func (r *pictureReader) enter(e *element) (bool, error) {
	switch e.depth {
	case 0:
		r.groups, r.frame = e.tag, -1
		switch e.tag {
		case tagModalityLUT:
			r.p.Modality = &LUT{}
		case tagVOILUT:
			r.p.VOI = &LUT{}
		case tagSharedGroups, tagPerFrameGroups:
		default:
			return false, nil
		}
		return true, nil
	case 1:
		if r.groups == tagPerFrameGroups && r.frame != r.p.middle() {
			return false, nil
		}
		switch e.tag { // Pixel Measures, Frame VOI LUT, Pixel Value Transformation
		case 0x00289110, 0x00289132, 0x00289145:
			return true, nil
		}
	}
	return false, nil
}

func (r *pictureReader) item(e *element) error {
	if e.depth == 1 {
		r.frame++
	}
	return nil
}

func (r *pictureReader) leaf(e *element) error {
	switch {
	case e.depth == 2:
		return r.shown(e)
	case e.depth == 1:
		return r.lut(e)
	case e.depth != 0:
		return nil
	case isPixels(e.tag):
		r.pixels = *e
		return errEnough
	case e.tag == tagOffsetTable:
		r.table = *e
		return nil
	}
	if dst := r.p.number(e.tag); dst != nil {
		n, err := r.numbers(e, 1)
		*dst = n[0]
		return err
	}
	switch e.tag {
	case 0x00280004:
		return r.text(e, &r.p.Photometric)
	case tagFrames:
		return r.countFrames(e)
	case 0x00280103:
		n, err := r.numbers(e, 1)
		r.p.Signed = n[0] == 1
		return err
	case 0x00281101, 0x00281102, 0x00281103:
		n, err := r.numbers(e, 3)
		r.p.Palette[e.tag-0x00281101].describe(n)
		return err
	case 0x00281201, 0x00281202, 0x00281203:
		r.p.Palette[e.tag-0x00281201].Data = Part{e.val, e.end - e.val}
		return nil
	}
	return r.shown(e)
}

// lut reads an element of the first item of a lookup table's sequence.
func (r *pictureReader) lut(e *element) error {
	t := map[Tag]*LUT{tagModalityLUT: r.p.Modality, tagVOILUT: r.p.VOI}[r.groups]
	if t == nil || r.frame != 0 {
		return nil
	}
	switch e.tag {
	case 0x00283002:
		n, err := r.numbers(e, 3)
		t.describe(n)
		t.SignedFirst = e.vr == 'S'<<8|'S'
		return err
	case 0x00283006:
		t.Data = Part{e.val, e.end - e.val}
	}
	return nil
}

// number says where the value of an element goes.
func (p *Picture) number(t Tag) *int {
	switch t {
	case 0x00280002:
		return &p.Samples
	case 0x00280006:
		return &p.Planar
	case 0x00280010:
		return &p.Rows
	case 0x00280011:
		return &p.Columns
	case 0x00280100:
		return &p.BitsAllocated
	case 0x00280101:
		return &p.BitsStored
	case 0x00280102:
		return &p.HighBit
	}
	return nil
}

// shown reads how the picture is shown, from the main data set or a functional
// group.
func (r *pictureReader) shown(e *element) error {
	switch e.tag {
	case 0x00281056:
		return r.text(e, &r.p.Function)
	case 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00280030, 0x00280034, 0x00181164:
	default:
		return nil
	}
	v, err := r.decimals(e)
	if err != nil || len(v) == 0 {
		return err
	}
	switch e.tag {
	case 0x00281050:
		r.p.Center = v[0]
	case 0x00281051:
		r.p.Width, r.p.Windowed = v[0], true
	case 0x00281052:
		r.p.Intercept = v[0]
	case 0x00281053:
		r.p.Slope = v[0]
	default: // row spacing, then column spacing; or their ratio
		if len(v) == 2 && v[0] > 0 && v[1] > 0 {
			r.p.Aspect = v[0] / v[1]
		}
	}
	return nil
}

func (r *pictureReader) text(e *element, dst *string) error {
	b, err := r.w.win.bytes(e.val, int(min(e.end-e.val, 256)))
	*dst = strings.Trim(string(b), " \x00")
	return err
}

// numbers reads n 16-bit numbers; those that are not there are 0.
func (r *pictureReader) numbers(e *element, n int) ([]int, error) {
	out := make([]int, n)
	b, err := r.w.win.bytes(e.val, int(min(e.end-e.val, int64(2*n))))
	for i := range out {
		if len(b) >= 2*i+2 {
			out[i] = int(e.syn.u16(b[2*i:]))
		}
	}
	return out, err
}

// decimals reads the values of a decimal string (PS3.5 section 6.2).
func (r *pictureReader) decimals(e *element) ([]float64, error) {
	var s string
	if err := r.text(e, &s); err != nil {
		return nil, err
	}
	var out []float64
	for part := range strings.SplitSeq(s, `\`) {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || math.Abs(v) > 1e12 || math.IsNaN(v) {
			return nil, nil // a number that is none is not there
		}
		out = append(out, v)
	}
	return out, nil
}

func (r *pictureReader) countFrames(e *element) error {
	var s string
	err := r.text(e, &s)
	if n, nerr := strconv.Atoi(s); nerr == nil && n > 0 {
		r.p.Frames = n
	}
	return err
}

// native finds the frame in uncompressed pixels.
func (r *pictureReader) native() error {
	p := r.p
	samples := int64(p.Samples)
	if p.Photometric == "YBR_FULL_422" {
		samples = 2 // two of three are shared by two pixels
	}
	n := int64(p.Rows) * int64(p.Columns) * samples * int64(p.BitsAllocated/8)
	have := r.pixels.end - r.pixels.val
	if n <= 0 || have/n < int64(p.Frames) {
		return ErrNoPicture
	}
	p.Parts = []Part{{r.pixels.val + n*int64(p.middle()), n}}
	return nil
}
