// Package imagefile cleans photographs and scanned pictures: JPEG, PNG and
// classic TIFF. It works on markers, chunks and directories, never on pixels:
// the compressed image data of the output is byte for byte that of the source.
//
// Each format has an allow-list; what is not on it goes: EXIF with its
// position, device and owner, XMP, IPTC, comments, thumbnails, maker notes,
// and whatever follows the end of the image. Two things are carried over in a
// form of our own, because a reader needs them: the orientation of a
// photograph, and the colour profile without its words (see icc.go).
//
// What is inside the picture stays: a face, a name on a form. Whether such a
// picture may go is for the caller, so the profiles that ask for
// de-identification are refused here.
package imagefile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"chartseal/redact"
	"chartseal/redact/splice"
)

// The formats that Sniff names.
const (
	JPEG = "JPEG" // ITU-T T.81, JFIF, Exif
	PNG  = "PNG"  // W3C PNG, third edition
	TIFF = "TIFF" // TIFF 6.0
)

// HeadSize is how many bytes of a file Sniff wants to see.
const HeadSize = 32

// Sniff names the image format that head, the first bytes of a file, belongs
// to. ok is true for every image format it knows, also for those that Clean
// refuses as unsupported, so that a HEIC photo is answered as what it is.
func Sniff(head []byte) (format string, ok bool) {
	for _, s := range signatures {
		if s.match(head) {
			return s.format, true
		}
	}
	return "", false
}

type signature struct {
	format string
	magic  string
	at     int    // offset of magic
	prefix string // at offset 0, where magic is not
}

func (s signature) match(head []byte) bool {
	return len(head) >= s.at+len(s.magic) && bytes.HasPrefix(head[s.at:], []byte(s.magic)) &&
		bytes.HasPrefix(head, []byte(s.prefix))
}

// signatures in the order they are tried. The raw formats of cameras begin as
// TIFF and so come first.
var signatures = []signature{
	{format: JPEG, magic: "\xff\xd8\xff"},
	{format: PNG, magic: pngMagic},
	{format: "camera raw", magic: "CR\x02", at: 8, prefix: "II*\x00"},
	{format: TIFF, magic: "II*\x00"},
	{format: TIFF, magic: "MM\x00*"},
	{format: "BigTIFF", magic: "II+\x00"},
	{format: "BigTIFF", magic: "MM\x00+"},
	{format: "GIF", magic: "GIF8"},
	{format: "BMP", magic: "\x00\x00\x00\x00", at: 6, prefix: "BM"},
	{format: "WebP", magic: "WEBP", at: 8, prefix: "RIFF"},
	{format: "HEIC", magic: "ftyphei", at: 4},
	{format: "HEIC", magic: "ftyphev", at: 4},
	{format: "HEIC", magic: "ftypmif1", at: 4},
	{format: "HEIC", magic: "ftypmsf1", at: 4},
	{format: "AVIF", magic: "ftypavi", at: 4},
	{format: "camera raw", magic: "ftypcrx ", at: 4},
	{format: "JPEG 2000", magic: "\x00\x00\x00\x0cjP  "},
	{format: "JPEG 2000", magic: "\xff\x4f\xff\x51"},
	{format: "JPEG XL", magic: "\xff\x0a"},
	{format: "JPEG XL", magic: "\x00\x00\x00\x0cJXL "},
	{format: "Photoshop", magic: "8BPS"},
}

// Clean is a redact.Cleaner. Memory stays below 20 MiB whatever the size of
// the picture. It refuses with Unsupported other formats and variants, with
// Truncated or Malformed what breaks off or contradicts itself, and with
// Undecided every picture under LimitedSet and Deidentified: full-face
// photographs and comparable images are identifiers (45 CFR 164.514(b)(2)(i)(Q)
// and (e)(2)(xvi)), and only a person can tell.
func Clean(ctx context.Context, src redact.Source, p redact.Profile) (*redact.Output, error) {
	switch p {
	case redact.Treatment, redact.PatientAccess, redact.Authorization, redact.Payment, redact.Operations:
	case redact.LimitedSet, redact.Deidentified:
		return nil, redact.Refuse(redact.Undecided,
			"a picture can show a face or a name, so a person has to decide before it goes into a set without identities")
	default:
		return nil, redact.Refuse(redact.Undecided, "nothing is laid down for pictures under this basis")
	}
	head := make([]byte, min(HeadSize, src.Size()))
	if _, err := src.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	format, ok := Sniff(head)
	if !ok {
		return nil, redact.Refuse(redact.Unsupported, "the file is not a picture in a known format")
	}
	return cleanFormat(ctx, src, format)
}

func cleanFormat(ctx context.Context, src redact.Source, format string) (*redact.Output, error) {
	c := &cleaning{plan: splice.New(src), in: splice.NewScanner(ctx, src, src.Size()), removed: tally{}}
	var err error
	switch format {
	case JPEG:
		err = cleanJPEG(c)
	case PNG:
		err = cleanPNG(c)
	case TIFF:
		err = cleanTIFF(ctx, c, src)
	default:
		return nil, redact.Refuse(redact.Unsupported,
			"pictures in the %s format cannot be cleaned; save it as JPEG, PNG or TIFF", format)
	}
	if err == nil {
		err = c.plan.Check()
	}
	if err != nil {
		return nil, refusal(err)
	}
	return &redact.Output{
		Size: c.plan.Size(),
		Body: c.plan.Body(ctx),
		Report: redact.Report{
			Format:  format,
			Removed: c.removed.list(),
			Notices: c.notices,
		},
	}, nil
}

// cleaning is the work on one picture.
type cleaning struct {
	plan    *splice.Plan
	in      *splice.Scanner
	removed tally
	notices []string
}

func (c *cleaning) notice(s string) {
	if !slices.Contains(c.notices, s) {
		c.notices = append(c.notices, s)
	}
}

// refusal turns the end of the file into a refusal; other errors stay.
func refusal(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return redact.Refuse(redact.Truncated, "the file ends in the middle of the picture")
	case errors.Is(err, splice.ErrSegments):
		return redact.Refuse(redact.TooLarge, "the picture is in too many pieces")
	}
	return err
}

func malformed(clause string) error { return redact.Refuse(redact.Malformed, "%s", clause) }
