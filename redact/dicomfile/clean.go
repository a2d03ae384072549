// Package dicomfile strips DICOM files. It never decodes and rewrites what it
// keeps: a bounded walker finds the elements, a table decides which stay, and
// the cleaned file is the source's own bytes with the rest left out, checked
// once more before it is handed on. Memory does not grow with the file.
//
// A practice can add its own rules ([Overrides]) and black out the regions in
// which a device writes names into its pictures ([Masks]); neither can take
// away who the patient is or what a picture needs to be measured in.
package dicomfile

import (
	"context"
	"errors"

	"chartseal/redact"
)

// Cleaner cleans the files of one release.
type Cleaner struct {
	// UIDSalt is the release's secret for replacement UIDs and patient numbers
	// (limited_set, deidentified): files cleaned with the same salt belong
	// together, others cannot be linked. 16 random bytes or more; if empty,
	// one salt for the run of the program is used.
	UIDSalt []byte
	// Dates concerns limited_set and deidentified only. A shift follows from
	// UIDSalt.
	Dates DatePolicy
	// Reviewed says that a named person has looked at the pictures of this
	// record: text, drawn layers or faces in them then are notices, not
	// refusals.
	Reviewed bool
	// Overrides are the practice's own rules; nil: none.
	Overrides *Overrides
	// Masks are the regions to black out in limited and de-identified sets;
	// nil: none. Other releases never alter a picture.
	Masks *Masks
	// Documents cleans the PDF that a file holds ((0042,0011)); nil: such files
	// are refused. It may be called again for the same document, and has to give
	// the same bytes then.
	Documents redact.Cleaner
}

// Clean is a redact.Cleaner with a Cleaner's defaults.
func Clean(ctx context.Context, src redact.Source, p redact.Profile) (*redact.Output, error) {
	return (&Cleaner{}).Clean(ctx, src, p)
}

// Clean strips one DICOM file for a profile. It reads the source's structure
// once to plan (twice where there are masks), once more as a witness, and once
// through the plan to verify; the pixels are not read until the Body is. Body is also an io.WriterTo and a redact.Source. The source must
// stay open until Body is closed. A *redact.Refusal names no value; any other
// error is the machine's, without a path.
func (c *Cleaner) Clean(ctx context.Context, src redact.Source, p redact.Profile) (*redact.Output, error) {
	pl, notices, err := c.plan(ctx, src, p)
	if err != nil {
		return nil, err
	}
	b := &body{ctx: ctx, src: pl.file.src, l: &pl.layout, doc: pl.doc}
	if pl.doc != nil {
		b.src = joint{pl.file.src, pl.doc}
	}
	if err := confirm(ctx, pl, b); err != nil {
		return nil, also(err, b.Close())
	}
	report := redact.Report{Format: "DICOM", Removed: pl.tally.removals(), Notices: notices, Kept: pl.tally.stayed()}
	pl.withDocument(&report)
	return &redact.Output{Size: b.Size(), Body: b, Report: report, Claims: pl.doc.claims()}, nil
}

// also joins an error and one of cleaning up after it; a refusal alone stays one.
func also(err, after error) error {
	if after == nil {
		return err
	}
	return errors.Join(err, after)
}

// confirm reads a planned output again, with our eyes and with others'.
func confirm(ctx context.Context, pl *plan, b *body) error {
	if err := verify(ctx, pl, b); err != nil {
		return unverified(err)
	}
	_, err := secondOpinion(ctx, b)
	return err
}

// plan opens, walks and judges a file.
func (c *Cleaner) plan(ctx context.Context, src redact.Source, p redact.Profile) (*plan, []string, error) {
	r, err := rulesFor(p, c.Dates)
	if err != nil {
		return nil, nil, err
	}
	r.overrides = c.Overrides
	f, err := open(ctx, src)
	if err != nil {
		return nil, nil, err
	}
	pl := &plan{file: f, rules: r, ids: &pseudonyms{salt: c.UIDSalt}, added: addedBy(r), documents: c.Documents, whole: c.Reviewed && !r.deidentifies()}
	notices, err := c.lay(ctx, pl)
	if err != nil {
		return nil, nil, also(err, pl.doc.Close())
	}
	return pl, notices, nil
}

// lay walks and judges an opened file.
func (c *Cleaner) lay(ctx context.Context, pl *plan) ([]string, error) {
	if err := pl.findMask(ctx, c.Masks); err != nil {
		return nil, err
	}
	if len(c.UIDSalt) == 0 {
		pl.ids.salt = processSalt()
	}
	if err := pl.metaAndBody(ctx); err != nil {
		return nil, err
	}
	v := &verdict{
		f: &pl.facts, rules: pl.rules, document: pl.doc, reviewed: c.Reviewed,
		masked: pl.mask != nil, unmasked: pl.maskable && pl.mask == nil,
	}
	if err := v.judge(pl.file); err != nil {
		return nil, err
	}
	if pl.hollow {
		return nil, malformed("nothing in the file is what a DICOM file holds")
	}
	if said := dateNotice(pl.rules); said != "" {
		v.note(said)
	}
	return v.notices, nil
}

// metaAndBody lays out the file. The header comes first in the file but needs
// what the walk finds, so it is put in front afterwards.
func (p *plan) metaAndBody(ctx context.Context) error {
	w := newWalker(ctx, p.file.src)
	defer w.close()
	if err := p.build(w, p); err != nil {
		return err
	}
	p.w = nil
	p.meta()
	return nil
}

// meta lays out the header.
func (p *plan) meta() {
	p.hollow = p.layout.size == 0
	for _, t := range p.file.meta.tags {
		switch t {
		case 0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013:
		default:
			d := p.rules.as("meta", dictionaryKeyword(t))
			p.tally.count(&element{tag: t}, d)
		}
	}
	if p.facts.sopClass == "" { // as a file that is cut, or that nobody finished
		p.facts.sopClass = p.file.meta.sopClass
	}
	sopClass, sopInstance := uidText([]byte(p.facts.sopClass)), uidText([]byte(p.facts.sopInstance))
	if sopClass == "" {
		sopClass = p.file.meta.sopClass
	}
	if sopInstance == "" {
		sopInstance = p.file.meta.sopInstance
	}
	if p.rules.deidentifies() {
		sopInstance = p.ids.uid(sopInstance)
	}
	p.layout.prepend(buildMeta(sopClass, sopInstance, p.file.ts))
}

// unverified turns what the verifier met into a refusal; faults of the machine
// and the end of the context pass.
func unverified(err error) error {
	if _, ok := err.(*redact.Refusal); ok { //nolint:errorlint // refusals are never wrapped here
		return errUnverified
	}
	return err
}
