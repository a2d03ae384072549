// Package pdffile cleans PDF files. The output is a new file: pages, their
// content, fonts and pictures, by an allow-list (schema.go), under a catalog of
// its own. Nothing else of the source comes along: no information dictionary,
// XMP, scripts, actions, links, attachments, private data, earlier versions or
// unused objects. What annotations and form fields show is painted into the
// page; what cannot be kept for certain is refused rather than dropped.
//
// A PDF parser allocates what the file asks for, so the work runs in a child
// process under limits of memory and time and, where the system offers it,
// without access to files or the network. Parent and child talk over pipes;
// no plaintext is written to disk.
//
// Section and table numbers are those of ISO 32000-1:2008.
package pdffile

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"time"

	"chartseal/redact"
	"chartseal/redact/identifier"
)

const (
	// MaxSize bounds the source in bytes.
	MaxSize = 512 << 20
	// sniffed is where the header may begin: readers look for it in the first
	// 1024 bytes (ISO 32000-1:2008 annex H, implementation note 13).
	sniffed = 1024

	// A scan of 200 MB takes under 10 s; these bounds leave room for a busy
	// machine.
	baseTime = 2 * time.Minute
	timePer  = time.Second // for each MiB
	drawTime = 10 * time.Minute
)

// Sniff reports whether head, the first bytes of a file, belongs to a PDF.
func Sniff(head []byte) bool {
	return bytes.Contains(head[:min(len(head), sniffed)], []byte("%PDF-"))
}

// Cleaner cleans PDF files.
type Cleaner struct {
	// Worker makes a command that calls Work on its standard streams, bound to
	// the given context, as exec.CommandContext(ctx, exe, "worker", "pdf") does.
	// Of the command's environment it gets what it needs: the secrets of the daemon
	// are not for a parser of foreign files.
	Worker func(ctx context.Context) *exec.Cmd
	// Reviewed says that a person has looked at the file and decided that it goes.
	Reviewed bool
	// Pages are those that go, all if there are none; each goes once, in the
	// order of the file.
	Pages []Range
}

// Range is a run of pages, counted from 1, both ends included. It runs to the
// end of the document when To is 0.
type Range struct {
	From int `json:"from"`
	To   int `json:"to,omitempty"`
}

// draw has the pages of a file drawn that was refused at first.
func (c *Cleaner) draw(ctx context.Context, req request, src redact.Source, first drawable) (*redact.Output, error) {
	if src.Size() > maxDrawnSize {
		return nil, first.error
	}
	req.Task = drawFile
	out, err := start(ctx, c.Worker, req, src, drawTime)
	if r, ok := errors.AsType[*redact.Refusal](err); ok && r.Class != redact.Undecided {
		return nil, first.error
	}
	return out, err
}

// Clean is a redact.Cleaner. It runs Worker for each file.
//
// Refusals: Encrypted when a password is needed; Malformed or Truncated when
// the file cannot be read; TooLarge past MaxSize, or the limits of time and
// memory; Unverified when the output fails its check; Undecided for pages that
// cannot be searched under a profile that takes identifiers out (see package
// identifier), unless somebody has looked at them; Unfit for what cannot be
// cleaned whoever looks at it: layers, dynamic forms, portfolios, marks for
// redaction, notes without an appearance, pages that it does not have, and every PDF under LimitedSet and
// Deidentified, as its text cannot be freed of the identifiers of 45 CFR
// 164.514(b)(2) and (e)(2) automatically.
func (c *Cleaner) Clean(ctx context.Context, src redact.Source, p redact.Profile) (*redact.Output, error) {
	switch p {
	case redact.Treatment, redact.PatientAccess, redact.Authorization, redact.Payment, redact.Operations:
	case redact.LimitedSet, redact.Deidentified:
		return nil, redact.Refuse(redact.Unfit, "the text of a chart cannot be de-identified automatically")
	default:
		return nil, redact.Refuse(redact.Unfit, "nothing is laid down for PDF files under this basis")
	}
	if src.Size() > MaxSize {
		return nil, redact.Refuse(redact.TooLarge, "the PDF is larger than 512 MB")
	}
	if src.Size() == 0 {
		return nil, redact.Refuse(redact.Truncated, "the file is empty")
	}
	req := request{Task: cleanFile, Profile: p, Reviewed: c.Reviewed, Pages: c.Pages}
	if !req.valid() {
		return nil, errors.New("clean PDF: ranges of pages are broken")
	}
	limit := baseTime + timePer*time.Duration(src.Size()>>20)
	if len(identifier.For(p)) > 0 {
		limit += drawTime
	}
	out, err := start(ctx, c.Worker, req, src, limit)
	if first, ok := errors.AsType[drawable](err); ok {
		return c.draw(ctx, req, src, first)
	}
	return out, err
}
