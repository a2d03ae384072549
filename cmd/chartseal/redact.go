package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/order"
	"chartseal/packager"
	"chartseal/redact"
)

func redactCmd(a *app) *cobra.Command {
	var out, basis string
	var reviewed bool
	c := &cobra.Command{
		Use:   "redact FILE",
		Short: "Clean one file and report what went: for trying and auditing profiles",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := a.ownRules()
			if err != nil {
				return err
			}
			rep, err := redactFile(cmd.Context(), args[0], out, order.Basis(basis), reviewed, rules)
			if refused, ok := errors.AsType[*redact.Refusal](err); ok {
				return &exitError{exitHeld, fmt.Errorf("held: %s (%s)", refused.Reason, refused.Class)}
			}
			if err != nil {
				return err
			}
			if a.json {
				return printJSON(cmd.OutOrStdout(), rep)
			}
			return printReport(cmd.OutOrStdout(), rep)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "file for the cleaned record")
	c.Flags().StringVar(&basis, "basis", string(order.Treatment), "why the record goes: "+strings.Join(order.Basis("").Choices(), ", "))
	c.Flags().BoolVar(&reviewed, "reviewed", false, "somebody has looked at the picture and found nothing that must not go")
	_ = c.MarkFlagRequired("output")
	return c
}

// ownRules are the practice's own rules for DICOM files, if a configuration is
// named: profiles are audited as the daemon applies them.
func (a *app) ownRules() (packager.DICOMRules, error) {
	if a.configFile == "" {
		return packager.DICOMRules{}, nil
	}
	cfg, err := a.load()
	if err != nil {
		return packager.DICOMRules{}, err
	}
	return chartseal.DICOMRules(cfg)
}

func redactFile(ctx context.Context, file, out string, basis order.Basis, reviewed bool, rules packager.DICOMRules) (rep redact.Report, err error) {
	profile, err := packager.Profile(basis)
	if err != nil {
		return rep, usage(err)
	}
	f, err := os.Open(file)
	if err != nil {
		return rep, usage(err)
	}
	defer closing(&err, f.Close)
	info, err := f.Stat()
	if err != nil {
		return rep, err
	}
	clean, err := cleanerFor(f, rules)
	if err != nil {
		return rep, err
	}
	res, err := clean(ctx, sized{f, info.Size()}, profile, reviewed)
	if err != nil {
		return rep, err
	}
	defer closing(&err, res.Body.Close)
	dst, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return rep, usage(err)
	}
	_, err = io.Copy(dst, res.Body)
	if err = errors.Join(err, dst.Close()); err != nil {
		return rep, errors.Join(err, os.Remove(out))
	}
	return res.Report, nil
}

type sized struct {
	*os.File
	size int64
}

func (s sized) Size() int64 { return s.size }

func cleanerFor(f io.ReaderAt, rules packager.DICOMRules) (func(context.Context, redact.Source, redact.Profile, bool) (*redact.Output, error), error) {
	head := make([]byte, 4096)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	worker := func(ctx context.Context, kind string) *exec.Cmd { return self(ctx, "worker", kind) }
	for _, fm := range packager.Formats(worker, nil, rules) {
		if fm.Sniff(head[:n]) {
			return fm.Clean, nil
		}
	}
	return nil, redact.Refuse(redact.Unsupported, "this kind of file cannot be cleaned")
}

func printReport(w io.Writer, rep redact.Report) error {
	p := &printer{w: w}
	p.f("Format: %s\n", rep.Format)
	if len(rep.Removed) == 0 {
		p.f("Nothing was removed.\n")
	} else {
		p.f("Removed:\n")
	}
	for _, r := range rep.Removed {
		p.f("  %4d × %-48s %s (%s)\n", r.Count, r.Item, r.Reason, r.Rule)
	}
	if len(rep.Kept) > 0 {
		p.f("Stayed:\n")
	}
	for _, k := range rep.Kept {
		p.f("         %s\n", k)
	}
	for _, n := range rep.Notices {
		p.f("Note: %s\n", n)
	}
	return p.err
}
