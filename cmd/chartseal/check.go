package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config"
	"chartseal/transport"
	"chartseal/watch/notice"
)

func checkCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check [ORDER...]",
		Short: "Examine the installation, or what would become of an order; sends nothing",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.examine(cmd, cfg)
			}
			held := false
			for _, file := range args {
				v, err := a.look(cmd, cfg, file)
				if err != nil {
					return err
				}
				held = held || len(v.Held) > 0
			}
			if held {
				return &exitError{code: exitHeld}
			}
			return nil
		},
	}
}

// examine prints one line per finding; a problem makes the command fail.
func (a *app) examine(cmd *cobra.Command, cfg *config.Config) error {
	findings := chartseal.Examine(cmd.Context(), cfg, a.options(nil))
	bad := false
	p := &printer{w: cmd.OutOrStdout()}
	for _, f := range findings {
		bad = bad || f.Level == transport.Problem
		if !a.json {
			p.f("%-8s %-12s %s\n", f.Level, f.Check, f.Message)
		}
	}
	if a.json {
		if err := printJSON(cmd.OutOrStdout(), findings); err != nil {
			return err
		}
	}
	if p.err != nil {
		return p.err
	}
	if bad {
		return &exitError{code: exitFailed}
	}
	return nil
}

func (a *app) look(cmd *cobra.Command, cfg *config.Config, file string) (*chartseal.Preview, error) {
	data, signature, err := readOrder(file)
	if err != nil {
		return nil, usage(err)
	}
	v, err := chartseal.Look(cmd.Context(), cfg, a.options(nil), filepath.Base(file), data, signature)
	if err != nil {
		return nil, err
	}
	if a.json {
		return v, printJSON(cmd.OutOrStdout(), v)
	}
	return v, printPreview(&printer{w: cmd.OutOrStdout()}, v)
}

func printPreview(p *printer, v *chartseal.Preview) error {
	p.f("Order %s\n\nRules\n", v.Order)
	for _, r := range v.Rules {
		p.f("  %-4s %-8s %s (%s)\n", r.Rule, r.Outcome, r.Title, r.Citation)
		for _, m := range r.Messages {
			p.f("       %s\n", m)
		}
	}
	p.f("\nRecords that would go: %d\n", len(v.Records))
	for _, r := range v.Records {
		removed := 0
		for _, x := range r.Removed {
			removed += x.Count
		}
		p.f("  %-12s %-10s %9s  %3d details removed  %s\n", r.Kind, r.Date, notice.Size(r.Bytes), removed, r.Path)
		if r.Refused != "" {
			p.f("       cannot go: %s\n", r.Refused)
		}
	}
	if len(v.Held) == 0 {
		p.f("\nThis order would be sent.\n")
		return p.err
	}
	p.f("\nThis order would be held:\n")
	for i, r := range v.Held {
		p.f("  %d. %s (%s)\n", i+1, r.Message, r.Rule)
		for _, it := range r.Items {
			p.f("       - %s\n", it)
		}
	}
	return p.err
}
