package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
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
not uploaded again. When the daemon is running, it makes the link.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			life, err := parseLifetime(lifetime)
			if err != nil {
				return usage(err)
			}
			made, err := ask(cmd.Context(), a, relinkQuestion, args[0], life)
			if err != nil {
				return err
			}
			if a.json {
				return printJSON(cmd.OutOrStdout(), made)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "New link, until %s:\n%s\n", made.Expires.Local().Format("January 2, 2006, 15:04"), made.Page)
			return err
		},
	}
	c.Flags().StringVar(&lifetime, "lifetime", "", "how long, such as 3d or 12h; at most 7d (default as ordered)")
	return c
}

func revokeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ORDER",
		Short: "Delete the bundle and the page of an order and record it",
		Long: `ORDER is the order's file, as it lies in the outbox's sent folder. When the daemon
is running, it withdraws the records.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			done, err := ask(cmd.Context(), a, revokeQuestion, args[0], 0)
			if err != nil {
				return err
			}
			if a.json {
				return printJSON(cmd.OutOrStdout(), done)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "Withdrawn: the link leads nowhere now. What was downloaded before cannot be called back.")
			return err
		},
	}
}

// relinked is a new link to the records of an order.
type relinked struct {
	Order   string    `json:"order"`
	Page    string    `json:"page"`
	Expires time.Time `json:"link_expires"`
}

func relink(ctx context.Context, p *chartseal.Practice, o *order.Order, q question) (relinked, error) {
	page, expires, err := p.Relink(ctx, o, q.Data, q.Lifetime)
	if held, ok := errors.AsType[*chartseal.Held](err); ok {
		err = heldError(held)
	}
	return relinked{o.ID, page, expires}, err
}

// revoked says that the records of an order were withdrawn.
type revoked struct {
	Order   string `json:"order"`
	Revoked bool   `json:"revoked"`
}

func revoke(ctx context.Context, p *chartseal.Practice, o *order.Order, _ question) (revoked, error) {
	err := p.Revoke(ctx, o.ID)
	return revoked{o.ID, err == nil}, err
}

func heldError(h *chartseal.Held) error {
	var errs []error
	for _, r := range h.Reasons {
		errs = append(errs, fmt.Errorf("%s: %s", r.Rule, r.Message))
	}
	return &exitError{exitHeld, errors.Join(errs...)}
}

// questionAbout reads the order that a question is about.
func questionAbout(file string, life time.Duration) (question, error) {
	data, _, err := readOrder(file)
	if err != nil {
		return question{}, usage(err)
	}
	return question{File: filepath.Base(file), Data: data, Lifetime: life}, nil
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
