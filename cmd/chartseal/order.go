package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config"
	"chartseal/order"
	"chartseal/order/interview"
	"chartseal/order/schema"
	"chartseal/watch"
)

func orderCmd(a *app) *cobra.Command {
	c := &cobra.Command{Use: "order", Short: "Write a release order, or get its schema for editors"}
	group(c)
	c.AddCommand(orderNewCmd(a), orderSchemaCmd())
	return c
}

func orderSchemaCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a release order",
		Long: `Prints the JSON Schema (draft 2020-12) of a release order. Editors that know YAML
use it to complete, explain and check what is typed; the blank orders name it in
their first line.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(schema.JSON())
			return err
		},
	}
}

func orderNewCmd(a *app) *cobra.Command {
	var out, key string
	c := &cobra.Command{
		Use:   "new",
		Short: "Write a release order, question by question",
		Long: `Asks for a release order: only what its basis needs, each answer checked at once.
Before it is written the rules are asked: what would hold it is shown. The order goes
into the outbox, or with --output into a file. Where orders must be signed, the
approver's key signs it (--key, or asked for).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			return a.newOrder(cmd, cfg, out, key)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "file to write instead of the outbox")
	c.Flags().StringVarP(&key, "key", "k", "", "the approver's private key, to sign with")
	return c
}

func (a *app) newOrder(cmd *cobra.Command, cfg *config.Config, out, keyFile string) error {
	practice, err := chartseal.OrderForm(cfg)
	if err != nil {
		return err
	}
	signal.Reset(os.Interrupt) // Ctrl+C ends a question at once: nothing is written before the last answer
	in := bufio.NewReader(cmd.InOrStdin())
	talk := interview.Interview{In: in, Out: cmd.ErrOrStderr(), Practice: practice, Today: order.DateOf(time.Now())}
	text, err := talk.Run()
	if err != nil {
		return usage(err)
	}
	o, err := order.Parse("order.yaml", text)
	if err != nil {
		return err
	}
	if keyFile == "" && cfg.Approval.Require == config.RequireSignature {
		if keyFile, err = askForKey(cmd, in, o.Approved.By); err != nil {
			return err
		}
	}
	var signature []byte
	if keyFile != "" {
		key, err := approverKey(keyFile)
		if err != nil {
			return err
		}
		signature = minisign.Sign(key, text)
	}
	if err := a.sayWhatHolds(cmd, cfg, in, text, signature); err != nil {
		return err
	}
	return saveOrder(cmd, cfg, out, o.ID, text, signature)
}

// errHeldNow says that an order which would be held was not written.
var errHeldNow = errors.New("the order would be held; nothing was written")

// sayWhatHolds asks the rules before anything is written, and writes an order that
// would be held only if the one who wrote it wants it so. The records are not looked at.
func (a *app) sayWhatHolds(cmd *cobra.Command, cfg *config.Config, in *bufio.Reader, text, signature []byte) error {
	if signature == nil && cfg.Approval.Require == config.RequireSignature { // it is signed later
		unsigned := *cfg
		unsigned.Approval.Require = config.RequireName
		cfg = &unsigned
	}
	v, err := chartseal.LookAtRules(cmd.Context(), cfg, a.options(nil), "order.yaml", text, signature)
	if err != nil {
		return err
	}
	p := &printer{w: cmd.ErrOrStderr()}
	for _, r := range v.Rules {
		if r.Outcome == "warn" {
			p.f("\nPlease note: %s (%s)\n", strings.Join(r.Messages, " "), r.Rule)
		}
	}
	if len(v.Held) == 0 {
		p.f("\nNo rule holds this order. Its records are looked at when it is worked on.\n")
		return p.err
	}
	printEnd(p, v)
	for p.err == nil {
		p.f("\nWrite it all the same, to be corrected later? (yes or no): ")
		line, _, err := in.ReadLine()
		switch answer := strings.ToLower(strings.TrimSpace(string(line))); {
		case err != nil, answer == "n", answer == "no":
			return &exitError{exitHeld, errHeldNow}
		case answer == "y", answer == "yes":
			return nil
		}
	}
	return p.err
}

// askForKey lets the approver sign at once; an empty answer leaves it for later.
func askForKey(cmd *cobra.Command, in *bufio.Reader, approver string) (string, error) {
	if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "\nOrders must be signed. Key file of %s (empty: sign later with chartseal approve): ", approver); err != nil {
		return "", err
	}
	line, _, err := in.ReadLine()
	if err != nil {
		return "", usage(interview.ErrEnded)
	}
	return string(line), nil
}

// saveOrder writes the order, its signature first: the daemon may take it at once.
func saveOrder(cmd *cobra.Command, cfg *config.Config, out, id string, text, signature []byte) error {
	if out == "" && signature == nil && cfg.Approval.Require == config.RequireSignature {
		out = id + ".yaml" // it would only be held
	}
	dir, name := cfg.Outbox, id+".yaml"
	if out != "" {
		dir, name = filepath.Dir(out), filepath.Base(out)
	}
	if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
		return usage(errors.New(filepath.Join(dir, name) + " is there already; nothing was written"))
	}
	if signature != nil {
		if err := drop(dir, name+watch.SignatureSuffix, signature); err != nil {
			return err
		}
	}
	if err := drop(dir, name, text); err != nil {
		return err
	}
	p := &printer{w: cmd.OutOrStdout()}
	switch {
	case out == "":
		p.f("Order %s is in the outbox.\n", id)
	case signature == nil && cfg.Approval.Require == config.RequireSignature:
		p.f("Order %s is in %s. Sign it with `chartseal approve`, then drop both files into the outbox.\n", id, out)
	default:
		p.f("Order %s is in %s. See what would become of it with `chartseal check %s`, then drop it into the outbox.\n", id, out, out)
	}
	return p.err
}
