package dicomfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// Bounds of what the second reader is given. It runs in this process, not in a
// child: it allocates by what it reads, and it gets no more than the first part
// of the header, as far as identity goes, after our own walk has accepted it.
//   - Memory: every length in that part has been checked against the part's
//     end, and the library reads the same lengths (see readAlike), so no buffer
//     is larger than maxOpinionBytes; it has no pixels and no transfer syntax
//     that the library does not know.
//   - Stack: maxOpinionDepth.
//   - Time: its work is linear in maxOpinionElements; the source it reads from
//     ends with an error after maxOpinionTime.
//   - Panics are recovered; they are known to happen.
//
// What it says can refuse a file, never release one.
const (
	maxOpinionBytes    = 256 << 10
	maxOpinionElements = 4000
	maxOpinionDepth    = 8
	maxOpinionTime     = 5 * time.Second
)

// opinion says how the second reader fared.
type opinion string

const (
	agreed     opinion = "agreed"
	unfit      opinion = "too long or too deep for the second reader"
	notRead    opinion = "not readable by the second reader"
	noIdentity opinion = "nothing to compare"
)

// secondOpinion has github.com/suyashkumar/dicom read the cleaned header and
// compares identity. Where that library cannot read (transfer syntaxes it does
// not know, sequences of unknown type) there is no second opinion; a
// difference is a refusal.
func secondOpinion(ctx context.Context, b *body) (opinion, error) {
	head, ours, err := identityPrefix(ctx, b)
	if err != nil {
		return "", err
	}
	if head == nil {
		return unfit, nil
	}
	ds, err := readBySecond(ctx, head)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return notRead, nil //nolint:nilerr // the library's limits are not the file's fault
	}
	return compare(ds, ours)
}

// compare matches the two readings.
func compare(ds dicom.Dataset, ours map[Tag]string) (opinion, error) {
	compared := 0
	for t, mine := range ours {
		if strings.ContainsRune(mine, utf8.RuneError) {
			continue // not text of its character set: two readers may guess differently
		}
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
func readBySecond(ctx context.Context, head []byte) (ds dicom.Dataset, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxOpinionTime)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("second reader: %T", p)
		}
	}()
	return dicom.Parse(&limited{ctx, bytes.NewReader(head)}, int64(len(head)), nil,
		dicom.AllowMissingMetaElementGroupLength(), dicom.AllowUnknownSpecificCharacterSet())
}

// limited is a reader that fails once its context ends.
type limited struct {
	ctx context.Context //nolint:containedctx // one reading, one context
	r   io.Reader
}

func (l *limited) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	return l.r.Read(p[:min(len(p), probeSize)])
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

// identityPrefix copies the part of the output that identifies it, and reads
// the values to compare. It returns nil if that part is too long. The header
// names the plain syntax the part is written in: without pixels nothing else
// matters, and the library panics on names it does not know.
func identityPrefix(ctx context.Context, b *body) ([]byte, map[Tag]string, error) {
	f, err := open(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	w := newWalker(ctx, b)
	defer w.close()
	p := &prefix{w: w, ours: make(map[Tag]string), cut: b.Size()}
	_, err = w.root(p, f.start, f.syn)
	if err != nil && !errors.Is(err, errEnough) {
		return nil, nil, err
	}
	n := p.cut - f.start
	if p.unfit || n > maxOpinionBytes || w.elements > maxOpinionElements {
		return nil, nil, nil
	}
	meta := buildMeta("", "", nativeSyntax(f.syn))
	head := make([]byte, len(meta)+int(n))
	copy(head, meta)
	return head, p.ours, readFull(b, head[len(meta):], f.start)
}

// prefix walks the identifying part.
type prefix struct {
	nothing
	w     *walker
	ours  map[Tag]string
	cs    charset
	cut   int64
	unfit bool // not to be given to the library
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
	p.unfit = p.unfit || e.depth >= maxOpinionDepth || !readAlike(e)
	return true, nil
}

// readAlike reports that the library reads the header of e as the walker does.
// Where it does not, it takes bytes of a value for a length and allocates what
// that says, up to 4 GiB: it knows no 32-bit length of OV, SV and UV, takes
// 65535 in a 16-bit length for an undefined one, and reads sequences of type
// UN in the encoding around them (readVL, readSequence of v1.1.0).
func readAlike(e *element) bool {
	switch {
	case e.tag == tagPixelData, e.fragments >= 0:
		return false
	case !e.syn.explicit:
		return !e.undefined() || e.vr == vrSQ || e.tag.private()
	case e.vr == vrUN:
		return !e.undefined()
	case !knownVRs[e.vr]:
		return e.length < 0xFFFF
	}
	return e.vr != mkVR('O', 'V') && e.vr != mkVR('S', 'V') && e.vr != mkVR('U', 'V')
}

func (p *prefix) leaf(e *element) error {
	if p.stop(e) {
		return errEnough
	}
	p.unfit = p.unfit || !readAlike(e)
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
		p.unfit = p.unfit || e.vr != vrCS // the library panics
		p.cs = parseCharset(string(v))
		return nil
	}
	p.ours[e.tag] = p.cs.decode(v)
	return nil
}
