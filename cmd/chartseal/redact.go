package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/order"
	"chartseal/packager"
	"chartseal/redact"
	"chartseal/redact/dicomfile"
	"chartseal/watch"
)

func redactCmd(a *app) *cobra.Command {
	var j redaction
	var basis, dates, pages string
	c := &cobra.Command{
		Use:   "redact FILE",
		Short: "Clean one file and report what went: for trying and auditing profiles",
		Long: `Cleans one file as a release on the given basis would, and reports what went, by
which rule, and what stayed. The report names elements and rules, never a value.
The practice's own rules (dicom: in chartseal.yaml) count when --config names
them. FILE is only read, and an existing file is never overwritten.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			j.file, j.basis = args[0], order.Basis(basis)
			var err error
			if pages != "" {
				if j.pages, err = order.ParsePages(pages); err != nil {
					return usage(fmt.Errorf("--pages %w", err))
				}
			}
			if err = j.prepare(a, dates); err != nil {
				return err
			}
			res, err := j.run(cmd.Context())
			if err != nil {
				return err
			}
			if err := res.print(cmd.OutOrStdout(), a.json); err != nil || res.Refused == nil {
				return err
			}
			return &exitError{exitHeld, fmt.Errorf("held: %s (%s); nothing was written", res.Refused.Reason, res.Refused.Class)}
		},
	}
	c.Flags().StringVarP(&j.out, "output", "o", "", "file for the cleaned record")
	c.Flags().StringVar(&basis, "basis", string(order.Treatment), "why the record goes: "+strings.Join(order.Basis("").Choices(), ", "))
	c.Flags().StringVar(&dates, "dates", "", "dates in limited and de-identified DICOM sets: remove, shift or keep (default as configured)")
	c.Flags().BoolVar(&j.reviewed, "reviewed", false, "somebody has looked at the picture and found nothing that must not go")
	c.Flags().StringVar(&pages, "pages", "", "of a PDF: the pages that go, like 1-3,7 (default all)")
	_ = c.MarkFlagRequired("output")
	return c
}

// redaction is the cleaning of one file.
type redaction struct {
	file, out string
	basis     order.Basis
	profile   redact.Profile
	reviewed  bool
	pages     order.Pages
	rules     packager.DICOMRules
	state     string // the practice's state folder, if a configuration is named
}

// prepare settles by which rules the file is cleaned: the practice's own, if a
// configuration is named, so that profiles are audited as the daemon applies
// them.
func (j *redaction) prepare(a *app, dates string) (err error) {
	if j.profile, err = packager.Profile(j.basis); err != nil {
		return usage(fmt.Errorf("there is no basis %q; it must be one of: %s", j.basis, strings.Join(j.basis.Choices(), ", ")))
	}
	if a.configFile != "" {
		cfg, err := a.load()
		if err != nil {
			return err
		}
		j.state = cfg.State
		if j.rules, err = chartseal.DICOMRules(cfg); err != nil {
			return err
		}
	}
	if dates == "" {
		return nil
	}
	if j.rules.Dates, err = dicomfile.ParseDatePolicy(dates); err != nil {
		return usage(fmt.Errorf("--dates is %q; it must be remove, shift or keep", dates))
	}
	return nil
}

func (j *redaction) run(ctx context.Context) (res *redacted, err error) {
	if _, err := os.Lstat(j.out); err == nil { // said before the work is done; the write makes sure
		return nil, taken(j.out)
	}
	info, err := os.Stat(j.file)
	if err != nil {
		return nil, usage(err)
	}
	if !info.Mode().IsRegular() {
		return nil, usage(fmt.Errorf("%s is not a file", j.file))
	}
	f, err := os.Open(j.file)
	if err != nil {
		return nil, usage(err)
	}
	defer closing(&err, f.Close)
	res = &redacted{Basis: string(j.basis), Profile: string(j.profile)}
	err = j.clean(ctx, sized{f, info.Size()}, res)
	if refused, ok := errors.AsType[*redact.Refusal](err); ok {
		res.Refused = &refusal{string(refused.Class), refused.Reason}
		return res, nil
	}
	return res, err
}

func (j *redaction) clean(ctx context.Context, src sized, res *redacted) (err error) {
	clean, err := j.cleanerFor(src)
	if err != nil {
		return err
	}
	out, err := clean(ctx, src, j.profile, packager.Asked{Reviewed: j.reviewed, Pages: j.pages})
	if err != nil {
		return err
	}
	defer closing(&err, out.Body.Close)
	res.Report, res.Source = out.Report, src.size
	if out.Report.Format == "DICOM" {
		res.Rules, res.RulesDigest = dicomfile.ProfileVersion(), j.rules.Digest()
	}
	sum := sha256.New()
	res.Bytes, err = writeWhole(j.out, io.TeeReader(out.Body, sum))
	res.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return err
}

func taken(name string) error { return usage(fmt.Errorf("%s exists; it is not overwritten", name)) }

// writeWhole writes a file that has its name only once it is whole, and takes
// the name from no other.
func writeWhole(name string, r io.Reader) (n int64, err error) {
	part := name + ".partial"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, usage(err)
	}
	defer func() {
		if gone := os.Remove(part); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	if n, err = io.Copy(f, r); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return n, err
	}
	return n, nameOnce(part, name)
}

// nameOnce gives a file its name. A link takes no name that is taken; where the
// file system has none, what lies there is looked for first.
func nameOnce(part, name string) error {
	err := os.Link(part, name)
	if err == nil {
		return nil
	}
	if _, gone := os.Lstat(name); gone == nil {
		return taken(name)
	}
	return watch.Replace(part, name)
}

type sized struct {
	*os.File
	size int64
}

func (s sized) Size() int64 { return s.size }

func (j *redaction) cleanerFor(f io.ReaderAt) (func(context.Context, redact.Source, redact.Profile, packager.Asked) (*redact.Output, error), error) {
	head := make([]byte, 4096)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	worker := func(ctx context.Context, kind string) *exec.Cmd {
		cmd := self(ctx, "worker", kind)
		if j.state != "" {
			chartseal.UsePDFCache(cmd, j.state)
		}
		return cmd
	}
	for _, fm := range packager.Formats(worker, nil, j.rules) {
		if fm.Sniff(head[:n]) {
			return fm.Clean, nil
		}
	}
	return nil, redact.Refuse(redact.Unsupported, "this kind of file cannot be cleaned")
}
