package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"chartseal"
	"chartseal/registry"
)

func siteCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "site",
		Short: "The sites that share one database",
		Long: `Several daemons, each with its own 'site:' and state folder, can share one
PostgreSQL database: an order number is then unique across all of them, and
status shows the orders of all.`,
	}
	group(c)
	c.AddCommand(siteListCmd(a), siteTakeoverCmd(a), siteOutboxCmd(a))
	return c
}

func siteListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Sites, whether they run, and their open orders",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			sites, err := chartseal.Sites(cmd.Context(), cfg)
			if err != nil {
				return siteError(err)
			}
			if a.json {
				return printJSON(cmd.OutOrStdout(), sites)
			}
			p := &printer{w: cmd.OutOrStdout()}
			for _, s := range sites {
				state := "away since " + s.Seen.Local().Format("2006-01-02 15:04")
				if s.Running {
					state = "running"
				}
				p.f("%-20s %-28s %d open, %d being recorded  %s\n", s.Site, state, s.Working, s.Recording, s.Version)
			}
			return p.err
		},
	}
}

func siteTakeoverCmd(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "takeover NAME",
		Short: "Free the open orders of a site that is gone",
		Long: `Frees the open orders of a site whose computer is gone, so that they can be
dropped again at another. Orders it was recording stay with it: only its own
state folder knows whether they were sent. If the site shared this outbox, its orders
are put back into it and need not be dropped again.

Should the site come back, it notices and sends nothing of what was freed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			if !yes {
				if err := confirm(args[0]); err != nil {
					return err
				}
			}
			t, err := chartseal.TakeOver(cmd.Context(), cfg, args[0], yes, a.logger())
			if err != nil {
				return siteError(fmt.Errorf("site %s: %w", args[0], err))
			}
			if a.json {
				return printJSON(cmd.OutOrStdout(), t)
			}
			return printTakeover(&printer{w: cmd.OutOrStdout()}, t)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "the site is off for certain: do not ask, and do not wait until it has been away for long")
	return c
}

func siteOutboxCmd(a *app) *cobra.Command {
	var from string
	c := &cobra.Command{
		Use:   "outbox",
		Short: "Make the outbox this daemon's own, after its folder or its owner changed",
		Long: `An outbox remembers the daemon that works in it, and the daemon its outbox. When
the folder was really replaced, or with --from the other daemon is gone for good
(with a state folder that was lost, for instance), this makes the outbox this one's
own. The daemon must not be running.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			if err := chartseal.AdoptOutbox(cfg, from); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "The outbox is this daemon's own now. Start it.")
			return err
		},
	}
	c.Flags().StringVar(&from, "from", "", "the owner that is gone, as the refusal names it")
	return c
}

// confirm asks a person to type the site's name.
func confirm(site string) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return usage(errors.New("to take over a site without a terminal, add --yes"))
	}
	fmt.Fprintf(os.Stderr, "Make sure that the computer of site %s is off. To free its orders, type its name: ", site)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if strings.TrimSpace(line) != site {
		return usage(errors.New("that is not the site's name; nothing was changed"))
	}
	return nil
}

func siteError(err error) error {
	for _, wrong := range []error{chartseal.ErrOneSite, registry.ErrNoSite, chartseal.ErrOwnSite} {
		if errors.Is(err, wrong) {
			return usage(err)
		}
	}
	return err
}

func printTakeover(p *printer, t *chartseal.Takeover) error {
	for _, id := range t.Moved {
		p.f("%s  free: may be dropped again at any site\n", id)
	}
	for _, id := range t.Recording {
		p.f("%s  stays: whether it was sent cannot be known from here. Restore that site's state folder, or ask the recipient\n", id)
	}
	p.f("%d freed, %d stay", len(t.Moved), len(t.Recording))
	if t.GivenBack > 0 {
		p.f("; %d were put back into this outbox", t.GivenBack)
	}
	p.f("\n")
	return p.err
}
