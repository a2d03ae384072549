package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/order"
)

func linkCmd(a *app) *cobra.Command {
	var lifetime string
	c := &cobra.Command{
		Use:   "link ORDER",
		Short: "A new link for an order that was sent, after checking the rules again",
		Long: `ORDER is the order's file, as it lies in the outbox's sent folder. The records are
not uploaded again. The daemon must not be running.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			life, err := parseLifetime(lifetime)
			if err != nil {
				return usage(err)
			}
			return a.withOrder(cmd.Context(), args[0], func(p *chartseal.Practice, o *order.Order, data []byte) error {
				page, expires, err := p.Relink(cmd.Context(), o, data, life)
				if held, ok := errors.AsType[*chartseal.Held](err); ok {
					return heldError(held)
				}
				if err != nil {
					return err
				}
				if a.json {
					return printJSON(cmd.OutOrStdout(), map[string]any{"order": o.ID, "page": page, "link_expires": expires})
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "New link, until %s:\n%s\n", expires.Local().Format("January 2, 2006, 15:04"), page)
				return err
			})
		},
	}
	c.Flags().StringVar(&lifetime, "lifetime", "", "how long, such as 3d or 12h; at most 7d (default as ordered)")
	return c
}

func revokeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ORDER",
		Short: "Delete the bundle and the page of an order and record it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withOrder(cmd.Context(), args[0], func(p *chartseal.Practice, o *order.Order, _ []byte) error {
				if err := p.Revoke(cmd.Context(), o.ID); err != nil {
					return err
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "Withdrawn: the link leads nowhere now. What was downloaded before cannot be called back.")
				return err
			})
		},
	}
}

// withOrder opens the practice for one command about an order's file.
func (a *app) withOrder(ctx context.Context, file string, do func(*chartseal.Practice, *order.Order, []byte) error) (err error) {
	data, _, err := readOrder(file)
	if err != nil {
		return usage(err)
	}
	p, err := a.open(ctx, nil)
	if err != nil {
		return err
	}
	defer closing(&err, p.Close)
	o, err := p.ReadOrder(ctx, file, data)
	if err != nil {
		return usage(err)
	}
	return do(p, o, data)
}

func heldError(h *chartseal.Held) error {
	var errs []error
	for _, r := range h.Reasons {
		errs = append(errs, fmt.Errorf("%s: %s", r.Rule, r.Message))
	}
	return &exitError{exitHeld, errors.Join(errs...)}
}

// parseLifetime reads 3d, 12h or 90m.
func parseLifetime(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	var n int
	if _, err := fmt.Sscanf(s, "%dd", &n); err == nil && fmt.Sprintf("%dd", n) == s && n > 0 {
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, errors.New("a lifetime is written like 3d or 12h")
	}
	return d, nil
}
