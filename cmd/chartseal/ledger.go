package main

import (
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"chartseal/ledger"
)

func ledgerCmd(a *app) *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "The record of every release"}
	group(c)
	c.AddCommand(
		&cobra.Command{
			Use: "verify", Short: "Check the chain of the whole ledger", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.ledgerVerify(cmd) },
		},
		&cobra.Command{
			Use: "show", Short: "Print the entries, oldest first", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.ledgerShow(cmd) },
		},
	)
	return c
}

func (a *app) ledgerVerify(cmd *cobra.Command) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	rep, err := ledger.Verify(cmd.Context(), filepath.Join(cfg.State, "ledger"))
	if errors.Is(err, ledger.ErrBroken) {
		return &exitError{exitUnverified, err}
	}
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(cmd.OutOrStdout(), rep)
	}
	p := &printer{w: cmd.OutOrStdout()}
	p.f("The ledger is whole: %d entries.\n", rep.Head.Seq)
	return p.err
}

func (a *app) ledgerShow(cmd *cobra.Command) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	p := &printer{w: cmd.OutOrStdout()}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetEscapeHTML(false)
	for e, err := range ledger.Entries(cmd.Context(), filepath.Join(cfg.State, "ledger")) {
		switch {
		case errors.Is(err, ledger.ErrBroken):
			return &exitError{exitUnverified, err}
		case err != nil:
			return err
		case a.json:
			if err := enc.Encode(e); err != nil {
				return err
			}
		default:
			to := ""
			if e.Recipient != nil {
				to = e.Recipient.Name
			}
			p.f("%6d  %s  %-9s  %-20s  %s  %s\n", e.Seq, e.At.Local().Format("2006-01-02 15:04"), e.Event, e.Order, to, e.Information)
		}
	}
	return p.err
}
