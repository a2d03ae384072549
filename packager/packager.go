// Package packager turns a release order into a sealed bundle, in one stream:
//
//	gather → redact → bundle → seal
//
// No record's plaintext is written to disk (DESIGN invariant 6). It is complete
// or held: every record in scope is packed, or named in the reasons of a
// [*HeldError]. The sealed file is opened again and every digest checked
// before Pack returns (invariant 11).
package packager

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"chartseal/order"
	"chartseal/packager/bundle"
	"chartseal/packager/gather"
	"chartseal/packager/seal"
	"chartseal/redact"
)

// Plan is all that packing one order takes.
type Plan struct {
	Order    *order.Order
	Facts    order.Facts // judges the decisions a person made on the order
	Sources  []gather.Source
	Mark     []gather.Sensitive // which records are of a sensitive category
	Index    gather.Index       // of shared image folders; nil reads every header each time
	Header   bundle.Header
	Part2    *bundle.Statement // goes with substance use disorder records (42 CFR 2.32)
	To       seal.Recipients
	Formats  []Format // in the order in which a record's first bytes are tried
	Sign     func(manifest []byte) ([]byte, error)
	Trusted  string // the practice's public key, to read the bundle back with
	Compress bool
	Progress func(done, total int64) // bytes of records; may be nil

	confirmed bool // the text of a record says the patient's name or birth date

	drawing, gallery time.Duration // for one thumbnail and for all; 0: drawingTime and galleryTime
}

// File is where the sealed bundle goes: written once, read back once.
type File interface {
	io.Writer
	io.ReaderAt
	Sync() error
}

// Packed is a sealed bundle that was read back and found whole.
type Packed struct {
	Manifest       *bundle.Manifest
	ManifestSHA256 string
	Bytes          int64
	SHA256         string // of the sealed file
}

// HeldError stops an order. Its reasons are for staff; the error's own text is fit
// for logs.
type HeldError struct{ Reasons []order.Reason }

func (e *HeldError) Error() string { return fmt.Sprintf("held for %d reasons", len(e.Reasons)) }

// collect finds the records of the order and makes sure whose they are.
func collect(ctx context.Context, p *Plan) (*gather.Collection, error) {
	c, err := gather.Collect(ctx, p.request())
	if err != nil || len(c.Items) == 0 || len(c.Problems) > 0 || identified(c) {
		return c, err
	}
	if err := p.confirm(ctx, c); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (p *Plan) request() gather.Request {
	var denied gather.Withheld
	if d := p.Order.Denial; d != nil {
		denied = gather.Withheld{Kinds: d.Kinds, Files: d.Files}
	}
	return gather.Request{
		Patient: p.Order.Patient, Scope: p.Order.Records, Sources: p.Sources,
		Sensitive: p.Mark, LeaveOut: p.leftOut(), Withheld: denied,
		Permits:   func(category string) bool { return order.Includes(p.Order, p.Facts, category) },
		Decisions: order.Valid(p.Order, p.Facts), Identify: identify, SniffDICOM: sniffDICOM, Formats: gatherFormats(p.Formats),
		Index: p.Index,
	}
}

// Pack gathers, cleans, packs and seals into f. It returns a *HeldError for an order
// that must not go; any other error is a fault of the machine. After an error
// what was written to f is worthless.
func Pack(ctx context.Context, p *Plan, f File) (*Packed, error) {
	c, err := collect(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("gather records: %w", err)
	}
	defer func() { _ = c.Close() }() // folders that were only read
	if problems := p.open(c); len(problems) > 0 {
		return nil, p.allProblems(ctx, c, problems)
	}
	p.Header.Notices = append(p.Header.Notices, c.Notices...)
	p.addPart2(c)
	sealed, err := seal.NewWriter(pathless{f}, p.To)
	if err != nil {
		return nil, fmt.Errorf("seal bundle: %w", err)
	}
	out, b, err := p.write(ctx, c, sealed)
	if err != nil {
		return nil, err
	}
	return out, p.settle(ctx, out, sealed, b, f)
}

// settle makes the sealed file durable, reads it back and takes its digest, all at
// the same time: the disk, the opening and the hashing hardly wait for each other.
func (p *Plan) settle(ctx context.Context, out *Packed, sealed *seal.Writer, b *bundle.Writer, f File) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("write sealed file: %w", bare(err))
		}
		return nil
	})
	g.Go(func() (err error) {
		if out.SHA256, err = hashFile(ctx, f, out.Bytes); err != nil {
			return fmt.Errorf("read back sealed file: %w", bare(err))
		}
		return nil
	})
	g.Go(func() error { return p.readBack(ctx, out, sealed, b, f) })
	return g.Wait()
}

// addPart2 adds the statement that goes with substance use disorder records, if
// any are there or the order names them.
func (p *Plan) addPart2(c *gather.Collection) {
	there := slices.ContainsFunc(c.Items, func(it gather.Item) bool { return slices.Contains(it.Categories, order.SubstanceUse) })
	if p.Part2 == nil || !there && !slices.Contains(p.Order.Sensitive, order.SubstanceUse) {
		return
	}
	p.Header.Statements = append(p.Header.Statements, *p.Part2)
	p.Header.Notices = append(p.Header.Notices, "Substance use disorder records are among these: the notice of 42 CFR 2.32 and the scope of the patient's consent go with them.")
}

// pathless takes the path out of errors of the sealed file before age turns
// them into text.
type pathless struct{ w io.Writer }

func (p pathless) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	return n, bare(err)
}

// write streams the records through the bundle into the seal.
func (p *Plan) write(ctx context.Context, c *gather.Collection, sealed *seal.Writer) (*Packed, *bundle.Writer, error) {
	g := &gallery{}
	b := bundle.NewWriter(sealed, p.Header, bundle.Options{Compress: p.Compress, Identify: g.identify})
	defer func() { _ = b.Close() }() // after Finish it has nothing left to fail
	next := p.prepareAll(ctx, c)
	defer next.stop()
	done, total := int64(0), totalBytes(c)
	for i := range c.Items {
		it := &c.Items[i]
		g.packing(i, it)
		if err := p.add(ctx, c, b, it, next.take()); err != nil {
			next.stop()
			if held := p.heldBy(ctx, c, i, err); held != nil {
				return nil, nil, held
			}
			return nil, nil, fmt.Errorf("pack item %d: %w", it.N, bare(err))
		}
		done += it.Bytes
		p.progress(done, total)
	}
	if late, err := c.Arrivals(ctx); err != nil || len(late) > 0 {
		return nil, nil, arrivedLate(late, err)
	}
	if p.confirmed {
		b.WithoutNotice(unconfirmed)
	}
	if err := p.show(ctx, c, b, g); err != nil {
		return nil, nil, err
	}
	var digest string
	m, err := b.Finish(ctx, func(manifest []byte) ([]byte, error) {
		sum := sha256.Sum256(manifest)
		digest = hex.EncodeToString(sum[:])
		return p.Sign(manifest)
	})
	if errors.Is(err, bundle.ErrTooMany) {
		return nil, nil, &HeldError{[]order.Reason{tooManyRecords}}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("finish bundle: %w", bare(err))
	}
	if err := sealed.Close(); err != nil {
		return nil, nil, fmt.Errorf("finish seal: %w", bare(err))
	}
	return &Packed{Manifest: &m, ManifestSHA256: digest, Bytes: sealed.Size()}, b, nil
}

// arrivedLate holds an order whose records were not all there yet.
func arrivedLate(late []order.Reason, err error) error {
	if err != nil {
		return fmt.Errorf("look for more records: %w", err)
	}
	return &HeldError{late}
}

// add packs one record that was cleaned. It must be the same file at the end as it was
// when it was found.
func (p *Plan) add(ctx context.Context, c *gather.Collection, b *bundle.Writer, it *gather.Item, r prepared) error {
	if r.err == nil && r.out == nil {
		r = p.prepare(ctx, it)
	}
	if r.err != nil {
		return r.err
	}
	if err := p.checkText(ctx, c, it, r.out); err != nil {
		return errors.Join(err, r.close())
	}
	err := b.Add(ctx, bundle.Record{Kind: it.Kind, Name: it.Name, Date: it.Date}, r.out)
	return errors.Join(err, r.file.Close())
}

func (p *Plan) progress(done, total int64) {
	if p.Progress != nil {
		p.Progress(done, total)
	}
}

func totalBytes(c *gather.Collection) (n int64) {
	for i := range c.Items {
		n += c.Items[i].Bytes
	}
	return n
}

// readBack opens the sealed file with the key of just this file and checks
// signature and digests, as a recipient would.
func (p *Plan) readBack(ctx context.Context, out *Packed, sealed *seal.Writer, b *bundle.Writer, f File) error {
	r, size, err := sealed.Opener().Open(f, out.Bytes)
	if err != nil {
		return fmt.Errorf("read back sealed file: %w", bare(err))
	}
	if _, err := b.ReadBack(ctx, r, size, p.Trusted); err != nil {
		return fmt.Errorf("read back bundle: %w", bare(err))
	}
	return nil
}

// hashFile is the SHA-256 of the sealed file in lower-case hex.
func hashFile(ctx context.Context, f io.ReaderAt, size int64) (string, error) {
	sum, buf := sha256.New(), make([]byte, 256<<10)
	for off := int64(0); off < size; off += int64(len(buf)) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		buf = buf[:min(int64(len(buf)), size-off)]
		if n, err := f.ReadAt(buf, off); n < len(buf) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		sum.Write(buf)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Profile is what redaction removes for a basis. A directive carries the
// patient's right of access; a legal demand is answered like an authorization:
// its scope is what the order names.
func Profile(b order.Basis) (redact.Profile, error) {
	switch b {
	case order.Treatment:
		return redact.Treatment, nil
	case order.PatientAccess, order.ByDirective:
		return redact.PatientAccess, nil
	case order.Authorized, order.ByLegal:
		return redact.Authorization, nil
	case order.Payment:
		return redact.Payment, nil
	case order.Operations:
		return redact.Operations, nil
	case order.LimitedSet:
		return redact.LimitedSet, nil
	case order.Deidentified:
		return redact.Deidentified, nil
	}
	return "", errors.New("no profile for this basis")
}
