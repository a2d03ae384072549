package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"chartseal/cmd/chartseal/control"
)

func boardCmd(a *app) *cobra.Command {
	var open bool
	c := &cobra.Command{
		Use:   "board",
		Short: "Where front desk and IT see how the orders stand",
		Long: `Prints an address of the board of the running daemon, a page that shows open orders,
holds, links and warnings. The address works once, in a browser on this computer, for ten
minutes; that browser may look from then on. To turn all browsers out, delete
keys/board.key under the state folder and restart the daemon.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			at, err := askBoard(cmd.Context(), cfg.State)
			if err != nil {
				return err
			}
			if a.json {
				return printJSON(cmd.OutOrStdout(), at)
			}
			if open {
				return openBrowser(cmd.Context(), at.Address)
			}
			p := &printer{w: cmd.OutOrStdout()}
			p.f("%s\n", at.Address)
			p.f("Open it once, in a browser on this computer, until %s.\n", at.Until.Local().Format("15:04"))
			return p.err
		},
	}
	c.Flags().BoolVar(&open, "open", false, "open it in this account's browser")
	return c
}

const boardQuestion = "board"

func askBoard(ctx context.Context, state string) (at boardAddress, err error) {
	err = control.Ask(ctx, state, boardQuestion, question{}, &at)
	if no, ok := errors.AsType[*control.Failure](err); ok {
		return at, &exitError{no.Code, errors.New(no.Text)}
	}
	if errors.Is(err, control.ErrNobody) {
		return at, errors.New("no daemon is running here, so that there is no board; `chartseal status` shows what is known")
	}
	return at, err
}

// browserTime is how long a browser gets to read the file that leads it to the board.
const browserTime = 10 * time.Second

// openBrowser leads the browser to an address through a file: other accounts can read the
// arguments of a process, and not this file.
func openBrowser(ctx context.Context, address string) (err error) {
	f, err := os.CreateTemp("", "chartseal-board-*.html")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = fmt.Fprintf(f, "<!DOCTYPE html><meta charset=utf-8><meta http-equiv=refresh content=\"0; url=%s\"><title>chartseal</title>\n", html.EscapeString(address))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	name := "xdg-open"
	args := []string{f.Name()}
	switch runtime.GOOS {
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", f.Name()}
	case "darwin":
		name = "open"
	}
	if err := exec.CommandContext(ctx, name, args...).Run(); err != nil { //nolint:gosec // one of three, and our own file
		return errors.New("no browser could be opened; run it without --open")
	}
	select {
	case <-ctx.Done():
	case <-time.After(browserTime):
	}
	return nil
}
