// Package bundle writes and reads what a recipient gets: a ZIP that is a BagIt
// 1.0 bag (RFC 8493) around an IHE PDI disc, with a manifest signed by the
// practice.
//
//	START-HERE.html                     for people
//	manifest.json, .minisig             what is inside and why; minisign signature
//	bagit.txt, bag-info.txt, manifest-sha256.txt, tagmanifest-sha256.txt
//	data/DICOMDIR, README.TXT, INDEX.HTM
//	data/PART2.TXT                      a statement that the law wants there, if one is due
//	data/DICOM/S0000001/I0000001        DICOM files, by series
//	data/CHARTS/2025-05-03_chart_001_progress-notes.pdf   and so on
//
// Every byte of the ZIP is covered. The signature covers manifest.json; the
// manifest lists the SHA-256 of every other file but two; these are the
// signature itself and tagmanifest-sha256.txt, whose content follows from the
// rest. The ZIP's own structure has one permitted form (package zipform) and
// one time stamp, the manifest's. [Verify] checks all of that.
//
// START-HERE.html shows small pictures of radiographs and volumes within itself
// ([Writer.Show]), so that nothing else in the ZIP is needed to see them.
//
// data/ can be burned to a disc. DICOMDIR, DICOM and README.TXT are those of IHE
// Portable Data for Imaging (RAD TF-3 4.47), with two limits: the files stay in
// the transfer syntax in which the device wrote them, which README.TXT says when
// it is none of the profile's, and the other folders' names are longer than the
// 8.3 characters that the profile wants of other content.
//
// RFC 8493 section 4 asks that a serialized bag have one folder at its top.
// Here the bag's files are at the top themselves, so that START-HERE.html is the
// first thing a person sees; what is unpacked is a valid bag.
package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"chartseal/packager/bundle/dicomdir"
	"chartseal/packager/bundle/zipform"
	"chartseal/redact"
)

// MaxRecords bounds the records of one bundle: with their removals they stay in
// memory until the manifest is written. A CBCT series has some 500 files.
const MaxRecords = 20_000

// Errors of [Writer]. None of their texts holds a name or a value.
var (
	ErrTooMany = errors.New("too many records for one bundle")
	ErrSize    = errors.New("a record's size is not what its cleaner said")
	ErrClosed  = errors.New("the bundle is complete or has failed")
)

// Header is what is known of a release before its records are packed.
type Header struct {
	Order     string // the release order's id
	Reference string // the release reference
	Created   time.Time
	Practice  Practice
	Recipient Recipient
	Unlock    string   // seal.Recipients.Unlock
	Keys      []string // seal.Recipients.Fingerprints

	Basis           string
	Purpose         string
	Profile         string
	ProfileVersions map[string]string
	ProfileDigests  map[string]string
	Tool            string

	Patient   *Patient // nil for deidentified and limited_set
	Scope     *Scope
	Decisions []Decision
	Notices   []string

	Statements []Statement
	RulesOff   []string

	// Anonymous leaves the original file names out, which often hold the
	// patient's name: for deidentified and limited_set.
	Anonymous bool
	// Undated leaves the dates of records out of names and manifest, for sets
	// whose records do not show them either (45 CFR 164.514(b)(2)(i)(C)).
	Undated bool
}

// Options tune a Writer.
type Options struct {
	// Compress deflates what that makes smaller, by its format or by a sample of it.
	// Without it all is stored.
	Compress bool
	// Workers is the number of compressing goroutines; 0 is one per processor,
	// at most 4.
	Workers int
	// Identify reads the attributes for the DICOMDIR from the cleaned file's
	// first half MiB, so that the index says what the files say after cleaning. A
	// read past it fails with io.ErrUnexpectedEOF. Without it, or for a
	// Record with DICOM set, Record.DICOM is used.
	Identify func(ctx context.Context, head redact.Source) (dicomdir.Instance, error)
}

// Record is what the packager knows of a record besides its cleaned bytes.
type Record struct {
	Kind    string // as in the order: chart, radiograph, …
	Name    string // the original file name; only its cleaned words are used, and none if Header.Anonymous
	Title   string // what a person calls it; "" makes one from kind and modality
	Date    string // YYYY-MM-DD or ""
	Notices []string
	DICOM   *dicomdir.Instance // see Options.Identify; FileID is set by the Writer
}

// Writer writes one bundle, front to back. Add and Finish are called from one
// goroutine; compressing and writing go on beside them. Memory is bounded by
// some 15 MiB, whatever the size of the records, and about 1 KiB per record.
type Writer struct {
	opts      Options
	manifest  Manifest
	anonymous bool
	undated   bool
	zip       *zipform.Writer
	pipe      *pipeline
	members   []*member // of the records
	deflated  int       // blocks of them
	dicom     []dicomdir.Instance
	series    map[string]*series
	unlisted  int
	err       error
	closed    bool
	signed    File // the manifest, once it is signed

	thumbnails map[int]Thumbnail // by the number of the record, from 0
	shown      int               // bytes of them
}

// series numbers the DICOM files of one series.
type series struct{ number, files int }

// NewWriter returns a Writer that writes the ZIP to w. Close must be called,
// also after Finish.
func NewWriter(w io.Writer, h Header, opts Options) *Writer {
	created := h.Created.UTC().Truncate(time.Second)
	zip := zipform.NewWriter(w, created)
	return &Writer{
		opts:      opts,
		anonymous: h.Anonymous,
		undated:   h.Undated,
		manifest: Manifest{
			Schema: Schema, Order: h.Order, Reference: h.Reference, Created: created,
			Practice: h.Practice, Recipient: h.Recipient, Unlock: h.Unlock, Keys: h.Keys,
			Basis: h.Basis, Purpose: h.Purpose, Profile: h.Profile, ProfileVersions: h.ProfileVersions, ProfileDigests: h.ProfileDigests, Tool: h.Tool,
			Patient: h.Patient, Scope: h.Scope, Decisions: h.Decisions, Notices: h.Notices,
			Statements: h.Statements, RulesOff: h.RulesOff,
			Records: []Member{}, Files: []File{},
		},
		zip:    zip,
		pipe:   newPipeline(zip, opts.Workers),
		series: map[string]*series{},

		thumbnails: map[int]Thumbnail{},
	}
}

// WithoutNotice takes a notice back that what was packed has made untrue. It is
// called before Finish.
func (w *Writer) WithoutNotice(notice string) {
	w.manifest.Notices = slices.DeleteFunc(slices.Clone(w.manifest.Notices), func(n string) bool { return n == notice })
}

// Close releases what the Writer holds. Without a Finish before it, what was
// written is not a bundle.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	return w.pipe.close()
}

// Add packs one cleaned record and closes its body. An error, its own or one of
// an earlier record still on its way, ends the bundle: nothing that was written
// may be used.
func (w *Writer) Add(ctx context.Context, rec Record, out *redact.Output) error {
	err := w.add(ctx, rec, out)
	if cerr := out.Body.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close record: %w", cerr)
	}
	if err != nil && w.err == nil {
		w.err = err
	}
	return err
}

func (w *Writer) add(ctx context.Context, rec Record, out *redact.Output) error {
	if err := w.usable(); err != nil {
		return err
	}
	if len(w.manifest.Records) >= MaxRecords {
		return ErrTooMany
	}
	in := &input{ctx: ctx, r: out.Body, left: out.Size}
	first, err := w.pipe.take(ctx)
	if err != nil {
		return err
	}
	if err = in.fill(first); err != nil {
		w.pipe.free <- first
		return err
	}
	m, to, err := w.place(ctx, rec, out, first.data)
	if err != nil {
		w.pipe.free <- first
		return err
	}
	if err := w.stream(ctx, in, first, to); err != nil {
		return err
	}
	w.share(&m)
	w.manifest.Records = append(w.manifest.Records, m)
	w.members = append(w.members, to)
	return nil
}

// share lets a record that lost the same as the one before it, as the slices of a series
// do, have the list of that.
func (w *Writer) share(m *Member) {
	n := len(w.manifest.Records)
	if n > 0 && slices.Equal(m.Removed, w.manifest.Records[n-1].Removed) {
		m.Removed = w.manifest.Records[n-1].Removed
	}
}

// digests puts the digests of the records into the manifest, once the last of them is
// taken.
func (w *Writer) digests() {
	for i, m := range w.members {
		<-m.hashed
		w.manifest.Records[i].SHA256 = m.digest
	}
}

func (w *Writer) usable() error {
	if w.err != nil || w.closed {
		return errors.Join(ErrClosed, w.err)
	}
	return w.pipe.failed()
}

// place decides name and method of a record.
func (w *Writer) place(ctx context.Context, rec Record, out *redact.Output, head []byte) (Member, *member, error) {
	n := len(w.manifest.Records) + 1
	if w.undated {
		rec.Date = ""
	}
	m := Member{
		Kind: rec.Kind, Title: rec.Title, Date: rec.Date, Format: out.Report.Format, Bytes: out.Size,
		Removed: out.Report.Removed, Notices: append(append([]string(nil), out.Report.Notices...), rec.Notices...),
	}
	if !plainDate(rec.Date) {
		rec.Date, m.Date = "", ""
	}
	var x *dicomdir.Instance
	if isDICOM(m.Format) {
		var err error
		if x, err = w.identify(ctx, rec, out.Size, head); err != nil {
			return m, nil, fmt.Errorf("identify cleaned file: %w", err)
		}
		m.Path = w.placeDICOM(x)
	} else {
		original := rec.Name
		if w.anonymous {
			original = ""
		}
		m.Path = memberPath(rec, m.Format, original, n)
	}
	if m.Title == "" {
		m.Title = title(rec.Kind, x)
	}
	method, err := w.method(ctx, m.Format, x, out, head)
	return m, newMember(m.Path, method, out.Size), err
}

func (w *Writer) identify(ctx context.Context, rec Record, size int64, head []byte) (*dicomdir.Instance, error) {
	if rec.DICOM != nil {
		x := *rec.DICOM
		return &x, nil
	}
	if w.opts.Identify == nil {
		return &dicomdir.Instance{}, nil
	}
	x, err := w.opts.Identify(ctx, headSource{head, size})
	return &x, err
}

// placeDICOM names a DICOM file after its place in its series, as PS3.10
// section 8.2 allows names, and notes it for the DICOMDIR.
func (w *Writer) placeDICOM(x *dicomdir.Instance) string {
	key := x.StudyUID + "\x00" + x.SeriesUID
	s := w.series[key]
	if s == nil {
		s = &series{number: len(w.series) + 1}
		w.series[key] = s
	}
	s.files++
	x.FileID = fmt.Sprintf("DICOM/S%07d/I%07d", s.number, s.files)
	if dicomdir.Listable(*x) {
		w.dicom = append(w.dicom, *x)
	} else {
		w.unlisted++
	}
	return "data/" + x.FileID
}

// packed are formats that deflate cannot make smaller. What they leave to find out, a
// sample shows.
var packed = map[string]bool{
	"JPEG": true, "PNG": true, "GIF": true, "WEBP": true, "HEIC": true, "AVIF": true, "JPEG 2000": true,
	"JPEG XL": true, "3MF": true, "ZIP": true,
}

// native are the transfer syntaxes with uncompressed pixels (PS3.5 Annex A);
// all others are compressed already.
var native = map[string]bool{"1.2.840.10008.1.2": true, "1.2.840.10008.1.2.1": true, "1.2.840.10008.1.2.2": true}

func (w *Writer) method(ctx context.Context, format string, x *dicomdir.Instance, out *redact.Output, head []byte) (uint16, error) {
	if !w.opts.Compress || out.Size == 0 || packed[strings.ToUpper(format)] || !zipform.Deflatable(out.Size) {
		return zipform.Store, nil
	}
	if x != nil && x.TransferSyntax != "" && !native[x.TransferSyntax] {
		return zipform.Store, nil
	}
	if yes, err := pays(ctx, out.Body, head, out.Size); err != nil || !yes {
		return zipform.Store, err
	}
	return zipform.Deflate, nil
}

func isDICOM(format string) bool { return strings.HasPrefix(strings.ToUpper(format), "DICOM") }

// stream hands the blocks of a member to the pipeline. The first block is filled
// already.
func (w *Writer) stream(ctx context.Context, in *input, b *block, to *member) error {
	b.first = true
	for n := 1; ; n++ {
		b.to, b.last = to, in.left == 0
		if to.method == zipform.Deflate {
			b.hard = w.deflated%hardBlocks == 1
			w.deflated++
		}
		last := b.last
		var next *block
		if !last {
			var err error
			if next, err = w.next(ctx, in, b, to.method == zipform.Deflate && n%partBlocks != 0); err != nil {
				w.pipe.fail(err) // the ZIP ends here, in the middle of a member
				w.pipe.free <- b
				return err
			}
		}
		w.pipe.put(b)
		if last {
			return nil
		}
		b = next
	}
}

// next reads the block after b, before b is handed over: its dictionary, if it is to
// have one, is the end of b.
func (w *Writer) next(ctx context.Context, in *input, b *block, dict bool) (*block, error) {
	next, err := w.pipe.take(ctx)
	if err != nil {
		return nil, err
	}
	if dict {
		next.dict = append(next.dict[:0], b.data[max(0, len(b.data)-window):]...)
	}
	if err := in.fill(next); err != nil {
		w.pipe.free <- next
		return nil, err
	}
	return next, nil
}
