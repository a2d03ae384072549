package dicomfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"chartseal/redact"
)

// Bounds of what the second reader is given. It allocates by what it reads, so
// it gets the first part of the header only: as far as identity goes, after
// our own walk has accepted it.
const (
	maxOpinionBytes    = 256 << 10
	maxOpinionElements = 4000
	maxOpinionDepth    = 8
)

// opinion says how the second reader fared.
type opinion string

const (
	agreed     opinion = "agreed"
	tooLong    opinion = "header too long or too deep"
	notRead    opinion = "not readable by the second reader"
	noIdentity opinion = "nothing to compare"
)

// secondOpinion has github.com/suyashkumar/dicom read the cleaned header and
// compares identity. Where that library cannot read (transfer syntaxes it does
// not know, sequences of unknown type) there is no second opinion; a
// difference is a refusal.
func secondOpinion(ctx context.Context, b *body) (opinion, error) {
	cut, ours, err := identityPrefix(ctx, b)
	if err != nil {
		return "", err
	}
	if cut == 0 {
		return tooLong, nil
	}
	head := make([]byte, cut)
	if err := readFull(b, head, 0); err != nil {
		return "", err
	}
	ds, err := readBySecond(head)
	if err != nil {
		return notRead, nil //nolint:nilerr // the library's limits are not the file's fault
	}
	compared := 0
	for t, mine := range ours {
		el, err := ds.FindElementByTag(tag.Tag{Group: t.group(), Element: t.element()})
		if err != nil || el.Value == nil || el.Value.ValueType() != dicom.Strings {
			continue
		}
		theirs, _ := el.Value.GetValue().([]string)
		if ascii(strings.Join(theirs, `\`)) != ascii(mine) {
			return "", errUnverified
		}
		compared++
	}
	if compared == 0 {
		return noIdentity, nil
	}
	return agreed, nil
}

// readBySecond survives the library's panics.
func readBySecond(head []byte) (ds dicom.Dataset, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("second reader: %T", p)
		}
	}()
	return dicom.Parse(bytes.NewReader(head), int64(len(head)), nil,
		dicom.AllowMissingMetaElementGroupLength(), dicom.AllowUnknownSpecificCharacterSet())
}

// ascii drops what the two readers may decode differently.
func ascii(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s))
}

// opinionTags are what the two readers have to agree on.
var opinionTags = []Tag{0x00080018, 0x00100010, 0x00100020, 0x00100030, 0x0020000D}

// identityPrefix finds where the part of the output that identifies it ends,
// and reads the values to compare. It returns 0 if that part is too long.
func identityPrefix(ctx context.Context, b *body) (int64, map[Tag]string, error) {
	f, err := open(ctx, b)
	if err != nil {
		return 0, nil, err
	}
	w := newWalker(ctx, b)
	defer w.close()
	p := &prefix{w: w, ours: make(map[Tag]string), cut: b.Size()}
	_, err = w.root(p, f.start, f.syn)
	if err != nil && !errors.Is(err, errEnough) {
		return 0, nil, err
	}
	if p.tooDeep || p.cut > maxOpinionBytes || w.elements > maxOpinionElements {
		return 0, nil, nil
	}
	return p.cut, p.ours, nil
}

// prefix walks the identifying part.
type prefix struct {
	nothing
	w       *walker
	ours    map[Tag]string
	cs      charset
	cut     int64
	tooDeep bool
}

func (p *prefix) stop(e *element) bool {
	if e.depth == 0 && e.tag.group() > 0x0020 {
		p.cut = e.off
		return true
	}
	return e.off > maxOpinionBytes || p.w.elements > maxOpinionElements
}

func (p *prefix) enter(e *element) (bool, error) {
	if p.stop(e) {
		return false, errEnough
	}
	p.tooDeep = p.tooDeep || e.depth >= maxOpinionDepth
	return true, nil
}

func (p *prefix) leaf(e *element) error {
	if p.stop(e) {
		return errEnough
	}
	if e.depth > 0 || e.end-e.val > maxText {
		return nil
	}
	wanted := e.tag == 0x00080005
	for _, t := range opinionTags {
		wanted = wanted || t == e.tag
	}
	if !wanted {
		return nil
	}
	v, err := p.w.win.bytes(e.val, int(e.end-e.val))
	if err != nil {
		return err
	}
	if e.tag == 0x00080005 {
		p.cs = parseCharset(string(v))
		return nil
	}
	p.ours[e.tag] = p.cs.decode(v)
	return nil
}

var _ io.ReaderAt = (*body)(nil)
var _ redact.Source = (*body)(nil)
