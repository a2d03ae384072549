package main

import (
	"errors"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config"
	"chartseal/transport"
)

func checkCmd(a *app) *cobra.Command {
	var page string
	var alerts bool
	c := &cobra.Command{
		Use:   "check [ORDER...]",
		Short: "Examine the installation, or what would become of an order; sends nothing",
		Long: `Without ORDER: the configuration, folders, keys, store and rules. With ORDER: every
rule with its paragraph and outcome, the recipient, the approval, what would be
gathered and what would be removed. Exit code 3: the order would be held.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			if alerts && len(args) > 0 {
				return usage(errors.New("--alerts goes without an order"))
			}
			if alerts {
				return a.tryAlerts(cmd, cfg)
			}
			if page != "" && len(args) != 1 {
				return usage(errors.New("--html is for one order"))
			}
			if len(args) == 0 {
				return a.examine(cmd, cfg)
			}
			held := false
			for _, file := range args {
				v, err := a.look(cmd, cfg, file)
				if err == nil && page != "" {
					err = writePage(page, v)
				}
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
	c.Flags().BoolVar(&alerts, "alerts", false, "only send a test alert over every channel that the configuration names")
	c.Flags().StringVar(&page, "html", "", "also write a page to print and sign, to this new file; it holds patient data")
	return c
}

// examine prints one line per finding; a problem makes the command fail.
func (a *app) examine(cmd *cobra.Command, cfg *config.Config) error {
	findings := append(chartseal.Examine(cmd.Context(), cfg, a.options(nil)), examineLookout(cmd.Context(), cfg)...)
	return a.printFindings(cmd, findings)
}

func (a *app) printFindings(cmd *cobra.Command, findings []transport.Finding) error {
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
