package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
not uploaded again. The page of the old link is deleted, and the letter and the receipt
in the sent folder are written anew. An address of the encrypted file itself, which the
old receipt and the old page had, works until it runs out; only revoke ends it. When the
daemon is running, it makes the link.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			life, err := parseLifetime(lifetime)
			if err != nil {
				return usage(err)
			}
			q, err := questionAbout(args[0])
			if err != nil {
				return err
			}
			q.Lifetime = life
			made, err := ask(cmd.Context(), a, relinkQuestion, q)
			if err != nil {
				return err
			}
			if a.json {
				return printJSON(cmd.OutOrStdout(), made)
			}
			p := &printer{w: cmd.OutOrStdout()}
			p.f("New link, until %s:\n%s\n", made.Expires.Local().Format("January 2, 2006, 15:04"), made.Page)
			if made.Note != "" {
				p.f("%s\n", made.Note)
			}
			for _, w := range made.Warns {
				p.f("Please note: %s\n", w)
			}
			if made.Letter {
				p.f("LINK-LETTER.pdf and RECEIPT.txt in the order's sent folder have the new link.\n")
			} else {
				p.f("The letter in the order's sent folder could not be written anew, perhaps because it is open in another program: it has the old link. Close it and make the link again.\n")
			}
			if made.Lingers {
				p.f("The old link still works: it could not be ended just now. The daemon goes on trying.\n")
			} else {
				p.f("The old link no longer works.\n")
			}
			if !made.Earlier.IsZero() {
				p.f("Who opened the old link before and kept that page open or saved it, or has the old receipt.json, can still download the encrypted file until %s; it stays locked. Only chartseal revoke ends that earlier.\n", made.Earlier.Local().Format("January 2, 2006, 15:04"))
			}
			return p.err
		},
	}
	c.Flags().StringVar(&lifetime, "lifetime", "", "how long, such as 3d or 12h; at most 7d (default as ordered)")
	return c
}

func revokeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ORDER",
		Short: "Delete the bundle and the page of an order and record it",
		Long: `ORDER is the order's file, or its number. When the daemon is running, it withdraws the
records; it does so by itself with what a patient withdrew (the list named by
'restrictions').`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := question{ID: args[0]}
			if !isNumber(args[0]) {
				var err error
				if q, err = questionAbout(args[0]); err != nil {
					return err
				}
			}
			done, err := ask(cmd.Context(), a, revokeQuestion, q)
			if err != nil {
				return err
			}
			if a.json {
				return printJSON(cmd.OutOrStdout(), done)
			}
			p := &printer{w: cmd.OutOrStdout()}
			p.f("Withdrawn: the link leads nowhere now. What was downloaded before cannot be called back.\n")
			switch done.Download {
			case chartseal.DownloadFetched:
				p.f("THE RECORDS HAD BEEN DOWNLOADED, first on %s.\n", done.Fetched.Local().Format(minute))
			case chartseal.DownloadUnseen:
				p.f("%s.\n", strings.TrimSuffix("No download was seen ("+done.DownloadNote+")", " ()"))
			default:
				p.f("Whether they had been downloaded is unknown: %s.\n", done.DownloadNote)
			}
			if done.Kept != "" {
				p.f("%s.\n", done.Kept)
			}
			return p.err
		},
	}
}

// relinked is a new link to the records of an order.
type relinked struct {
	Order   string    `json:"order"`
	Page    string    `json:"page"`
	Expires time.Time `json:"link_expires"`
	Note    string    `json:"note,omitempty"`    // why it ends earlier than asked
	Warns   []string  `json:"notices,omitempty"` // what the rules warn of
	Letter  bool      `json:"letter"`            // the letter and the receipt have it

	// Earlier is until when the earlier address of the encrypted file itself works;
	// Lingers says that even the old link does, until the daemon reaches the store.
	Earlier time.Time `json:"earlier_until,omitzero"`
	Lingers bool      `json:"old_link_works,omitempty"`
}

func relink(ctx context.Context, p *chartseal.Practice, q question) (relinked, error) {
	o, err := q.read(ctx, p)
	if err != nil {
		return relinked{}, err
	}
	l, err := p.Relink(ctx, o, q.Data, q.Lifetime)
	if held, ok := errors.AsType[*chartseal.Held](err); ok {
		err = heldError(held)
	}
	if err != nil {
		return relinked{}, err
	}
	return relinked{o.ID, l.Page, l.Expires, l.Note, l.Warns, l.Letter, l.Earlier, l.Lingers}, nil
}

// revoked says that the records of an order were withdrawn.
type revoked struct {
	Order   string `json:"order"`
	Revoked bool   `json:"revoked"`
	Kept    string `json:"kept,omitempty"` // what the store keeps all the same

	Download     string    `json:"download"` // fetched, not_seen or unknown
	DownloadNote string    `json:"download_note,omitempty"`
	Fetched      time.Time `json:"fetched,omitzero"`
}

func revoke(ctx context.Context, p *chartseal.Practice, q question) (revoked, error) {
	if q.ID == "" {
		o, err := q.read(ctx, p)
		if err != nil {
			return revoked{}, err
		}
		q.ID = o.ID
	}
	w, err := p.Revoke(ctx, q.ID)
	return revoked{q.ID, err == nil, w.Kept, w.Download, w.DownloadNote, w.Fetched}, err
}

// isNumber says that an argument is an order's number and not the name of its file.
func isNumber(arg string) bool {
	_, err := os.Stat(arg)
	return errors.Is(err, fs.ErrNotExist) && order.CheckID(arg) == "" && !slices.Contains([]string{".yaml", ".yml", ".json", ".pdf"}, filepath.Ext(arg))
}

func heldError(h *chartseal.Held) error {
	var errs []error
	for _, r := range h.Reasons {
		errs = append(errs, fmt.Errorf("%s: %s", r.Rule, r.Message))
	}
	return &exitError{exitHeld, errors.Join(errs...)}
}

// questionAbout reads the order that a question is about.
func questionAbout(file string) (question, error) {
	data, _, err := readOrder(file)
	if err != nil {
		return question{}, usage(err)
	}
	return question{File: filepath.Base(file), Data: data}, nil
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
