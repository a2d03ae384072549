package pdffile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"regexp"
	"runtime/debug"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"chartseal/redact"
)

// clean returns the cleaned version of pages of a PDF, all if none are named, and what was done to it. It runs
// in the child process; memory is about three times the size of the file.
func clean(in []byte, pages []Range) ([]byte, redact.Report, error) {
	return cleaned(in, pages, nil)
}

// cleaned also trims, if there is something to trim with.
func cleaned(in []byte, pages []Range, trim *trimmer) (out []byte, report redact.Report, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = drawable{redact.Refuse(redact.Malformed, "the PDF is built in a way that cannot be read safely")}
		}
	}()
	out, c, err := rebuild(in, pages, trim)
	if err != nil {
		return nil, report, err
	}
	count, report := c.out.pages, c.tally.report()
	debug.FreeOSMemory() // the source is no longer needed, verifying reads everything again
	doc, err := verify(out, count)
	if err != nil {
		return nil, report, drawable{err}
	}
	if trim != nil {
		if err := trim.check(doc); err != nil {
			return nil, report, err
		}
	}
	return out, report, nil
}

// rebuild reads a PDF and writes the part of it that the allow-list names.
func rebuild(in []byte, pages []Range, trim *trimmer) ([]byte, *copier, error) {
	src, err := read(in)
	if err != nil {
		return nil, nil, err
	}
	c := newCopier(src)
	c.only, c.flat = pages, trim != nil
	doc, err := c.build()
	if err != nil {
		return nil, nil, err
	}
	if trim != nil {
		trim.tally = c.tally
		if err := trim.trim(doc, c.taken); err != nil {
			return nil, nil, err
		}
		doc = doc.renumbered()
	}
	c.around(in)
	size, err := doc.writeTo(io.Discard)
	if err != nil {
		return nil, nil, err
	}
	buf := bytes.NewBuffer(make([]byte, 0, size))
	_, err = doc.writeTo(buf)
	return buf.Bytes(), c, err
}

// read opens a PDF without validating it: what is not on the allow-list may be
// as broken as it likes.
func read(in []byte) (*model.Context, error) {
	if bytes.LastIndex(in, []byte("startxref")) < bytes.LastIndex(in, []byte("endobj")) {
		// pdfcpu would patch up what is there, and pages would be missing.
		return nil, redact.Refuse(redact.Truncated, "the PDF ends in the middle")
	}
	api.DisableConfigDir()
	conf := model.NewDefaultConfiguration()
	conf.Offline = true
	conf.ValidationMode = model.ValidationRelaxed
	conf.Cmd = model.VALIDATE
	conf.DecodeAllStreams = false
	conf.Optimize = false
	ctx, err := api.ReadContext(bytes.NewReader(in), conf)
	switch {
	case errors.Is(err, pdfcpu.ErrWrongPassword):
		return nil, redact.Refuse(redact.Encrypted, "the PDF needs a password")
	case err != nil && bytes.Contains(in, []byte("/Encrypt")):
		return nil, redact.Refuse(redact.Encrypted, "the PDF is protected in a way that cannot be opened")
	case err != nil:
		return nil, drawable{redact.Refuse(redact.Malformed, "the PDF is damaged and cannot be read")}
	}
	return ctx, nil
}

// fileEnd is how each version of a file ends (section 7.5.5).
var fileEnd = regexp.MustCompile(`startxref\s+\d+\s+%%EOF`)

// around counts what lies around the pages: the information dictionary,
// encryption, earlier versions.
func (c *copier) around(in []byte) {
	if c.src.Info != nil {
		c.tally.add(infoRemoved, 1)
	}
	if c.src.Encrypt != nil {
		c.tally.add(encryptionRemoved, 1)
	}
	ends := len(fileEnd.FindAllIndex(in, -1))
	if c.src.Read.Linearized {
		ends-- // the first part of a file for the web has one of its own
	}
	c.tally.add(revisionRemoved, max(0, ends-1))
}

// verify reads the output again. Its page count must hold by pdfcpu's own
// reckoning, no object may have a forbidden entry, and cleaning it once more
// must give the very same bytes: then nothing in it is outside the allow-list,
// no object is left over, and everything in it can be read. It returns the
// document as it was read.
func verify(out []byte, pages int) (*document, error) {
	unverified := redact.Refuse(redact.Unverified, "the cleaned PDF did not pass its check")
	ctx, err := read(out)
	if err != nil {
		return nil, unverified
	}
	if ctx.EnsurePageCount() != nil || ctx.PageCount != pages {
		return nil, unverified
	}
	if forbidden(ctx) {
		return nil, unverified
	}
	c := newCopier(ctx)
	doc, err := c.build()
	if err != nil || len(c.tally.counts) != 0 {
		return nil, unverified
	}
	again := sha256.New()
	if _, err := doc.writeTo(again); err != nil {
		return nil, unverified
	}
	want := sha256.Sum256(out)
	if !bytes.Equal(again.Sum(nil), want[:]) {
		return nil, unverified
	}
	return doc, nil
}
