package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"chartseal/config"
	"chartseal/packager"
	"chartseal/packager/gather"
	"chartseal/packager/gather/index"
	"chartseal/redact"
	"chartseal/redact/dicomfile"
)

// DICOMRules are the practice's own rules for DICOM files.
func DICOMRules(cfg *config.Config) (packager.DICOMRules, error) {
	var overrides []dicomfile.Override
	for _, o := range cfg.DICOM.Overrides {
		var profiles []redact.Profile
		for _, name := range o.Profiles {
			profiles = append(profiles, redact.Profile(name))
		}
		overrides = append(overrides, dicomfile.Override{
			Tag: o.Tag, Creator: o.Creator, Profiles: profiles, Action: string(o.Action), Reason: o.Reason,
		})
	}
	var masks []dicomfile.Mask
	for _, m := range cfg.DICOM.Masks {
		var regions []dicomfile.Region
		for _, r := range m.Regions {
			regions = append(regions, dicomfile.Region(r))
		}
		masks = append(masks, dicomfile.Mask{Manufacturer: m.Manufacturer, Model: m.Model, Rows: m.Rows, Columns: m.Columns, Regions: regions})
	}
	rules, err := packager.ParseDICOMRules(overrides, masks)
	if err == nil {
		rules.Dates, err = dicomfile.ParseDatePolicy(string(cfg.DICOM.Dates))
	}
	if err != nil {
		return rules, fmt.Errorf("%w: %w", ErrConfig, placed(cfg, err))
	}
	return rules, nil
}

// placed says of every rule that cannot stand where it is in the file.
func placed(cfg *config.Config, err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, placed(cfg, one))
		}
		return errors.Join(all...)
	}
	if e, ok := errors.AsType[*dicomfile.OverrideError](err); ok {
		return cfg.Problem(fmt.Sprintf("dicom.overrides[%d]", e.Index), fmt.Errorf("%s: %s", e.Tag, e.Problem))
	}
	if e, ok := errors.AsType[*dicomfile.MaskError](err); ok {
		return cfg.Problem(fmt.Sprintf("dicom.masks[%d]", e.Index), errors.New(e.Problem))
	}
	return cfg.Problem("dicom", err)
}

// shared are the sources in which files are found by the patient number inside.
func (p *Practice) shared() (out []gather.Source) {
	for _, s := range p.cfg.Sources {
		if s.Match == config.MatchDICOM {
			out = append(out, gather.Source{Kind: s.Kind, Path: s.Path, Match: string(s.Match)})
		}
	}
	return out
}

// openIndex opens the index of shared image folders, if there are any.
func (p *Practice) openIndex() error {
	if len(p.shared()) == 0 {
		return nil
	}
	key, err := index.LoadKey(p.state.path("keys", "index.key"))
	if err != nil {
		return fmt.Errorf("open image index: %w", scrub(err))
	}
	p.index, err = index.Open(p.state.path("index"), key, index.Options{
		Now: p.opts.Now, Reader: p.opts.Version,
		Trouble: func(err error) {
			p.log.Warn("image index", slog.String("stage", "index"), slog.String("error", err.Error()))
		},
	})
	if err != nil {
		return fmt.Errorf("open image index: %w", scrub(err))
	}
	return nil
}

// indexPause is the time between two looks at the whole of a shared folder.
const indexPause = 5 * time.Minute

// refreshIndex keeps the index current until ctx ends, so that an order need
// not wait for it.
func (p *Practice) refreshIndex(ctx context.Context) {
	for p.index != nil {
		for _, src := range p.shared() {
			if strings.Contains(src.Path, "{patient.") {
				continue // a folder of its own for each patient: looked at when asked for
			}
			if err := p.refresh(gather.WithPulse(ctx, &p.readings.Index), src); err != nil && ctx.Err() == nil {
				p.log.Warn("image index not refreshed", slog.String("stage", "index"), slog.String("error", err.Error()))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(indexPause):
		}
	}
}

func (p *Practice) refresh(ctx context.Context, src gather.Source) error {
	f, err := gather.OpenFolder(ctx, src, gather.Limits{})
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // a folder that was only read
	return p.index.Refresh(ctx, f)
}
