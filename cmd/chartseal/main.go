// Command chartseal releases dental records: it takes approved release orders
// from an outbox folder and answers with an encrypted bundle and an expiring
// link. Run `chartseal demo` to see it work.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/cmd/chartseal/service"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/registry"
)

// Exit codes of every command; DESIGN "Command line".
const (
	exitOK         = 0
	exitFailed     = 1
	exitUsage      = 2 // wrong use or configuration
	exitHeld       = 3 // a rule or a record stopped the order
	exitUnverified = 4
)

// exitError ends the program with a code of its own. An empty text says that
// everything has been said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error { return &exitError{exitUsage, err} }

func main() { os.Exit(run(os.Args[1:])) }

// run executes one command line; tests call it in their own process.
func run(args []string) int {
	ctx := context.Background()
	if !service.Hosted() { // a Windows service would be told of everybody's logging off as if it were SIGTERM
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
	}
	root := newRoot()
	root.SetArgs(args)
	return report(root.ExecuteContext(ctx))
}

// report prints an error for the person at the terminal and picks the code.
func report(err error) int {
	if err == nil {
		return exitOK
	}
	code := codeOf(err)
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "chartseal: "+text)
	}
	return code
}

func codeOf(err error) int {
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	if isUsage(err) {
		return exitUsage
	}
	if errors.Is(err, ledger.ErrBroken) {
		return exitUnverified
	}
	return exitFailed
}

// isUsage recognises wrong use or configuration that comes from below.
func isUsage(err error) bool {
	if _, ok := errors.AsType[*config.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*order.BookError](err); ok {
		return true
	}
	for _, wrong := range []error{chartseal.ErrConfig, registry.ErrSiteTaken, registry.ErrSiteRunning, registry.ErrPooled, registry.ErrNewer, chartseal.ErrNoBackup, chartseal.ErrNotRestored} {
		if errors.Is(err, wrong) {
			return true
		}
	}
	return strings.HasPrefix(err.Error(), "required flag")
}

// app is what all commands share.
type app struct {
	configFile string
	json       bool
	verbose    bool
	logFile    string
	logs       logs
	heart      *service.Heart // of the daemon
	front      *front         // of the daemon; nil: it does not show itself yet
	kept       *kept          // what the daemon has read of secrets
}

func newRoot() *cobra.Command {
	a := &app{}
	root := &cobra.Command{
		Use:   "chartseal",
		Short: "Releases dental records: checked, stripped, sealed, logged.",
		Long: `chartseal watches an outbox folder for approved release orders. It checks each
order against the rules for releasing health records, gathers the patient's
records, removes what the purpose does not need, seals them for the recipient
and answers in the same folder with an expiring link.

Try it: chartseal demo`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.PersistentFlags().StringVarP(&a.configFile, "config", "c", "", "configuration file (default ./chartseal.yaml, then the system's configuration folder)")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print the result as JSON")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "log every step")
	root.PersistentFlags().StringVar(&a.logFile, "log", os.Getenv("CHARTSEAL_LOG"), "file that gets every log line as JSON")
	root.AddCommand(
		demoCmd(a), initCmd(a), runCmd(a), checkCmd(a), sendCmd(a), statusCmd(a), boardCmd(a),
		linkCmd(a), revokeCmd(a), formCmd(a), orderCmd(a), approveCmd(a), openCmd(a), ledgerCmd(a), redactCmd(a), keyCmd(a), siteCmd(a),
		backupCmd(a), restoreCmd(a),
		serviceCmd(a), versionCmd(a), storeCmd(), workerCmd(), manualCmd(),
	)
	group(root)
	for _, c := range root.Commands() {
		wrapArgs(c)
	}
	return root
}

// group makes a command that only has subcommands show its help, and refuse a
// word that is none of them.
func group(c *cobra.Command) {
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		text := fmt.Sprintf("there is no command %q", args[0])
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			text += "; did you mean " + near[0] + "?"
		}
		return usage(errors.New(text))
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.SuggestionsMinimumDistance = 2
}

// wrapArgs makes a wrong number of arguments a usage error.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usage(err)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}
