package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"chartseal/cmd/chartseal/control"
	"chartseal/config"
)

func boardCmd(a *app) *cobra.Command {
	var open, renew bool
	var shortcut string
	c := &cobra.Command{
		Use:   "board",
		Short: "Where front desk and IT see how the orders stand",
		Long: `Prints an address of the board of the running daemon, a page that shows open orders,
holds, links and warnings. The address works once, in a browser on this computer, for ten
minutes; that browser may look from then on.

--shortcut writes a page instead, which staff on this computer open by double click, as
often as they like. Who can read the file may look at the board on this computer, so put it
where staff, and nobody else, can read it. It is good for nothing on another computer.

--renew turns out all browsers and shortcuts at once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			switch {
			case renew && (open || shortcut != "") || open && shortcut != "":
				return usage(errors.New("--open, --shortcut and --renew go alone"))
			case shortcut != "":
				return a.writeShortcut(cmd, cfg, shortcut)
			case renew:
				return a.renewBoard(cmd, cfg.State)
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
	c.Flags().StringVar(&shortcut, "shortcut", "", "write a page that leads to the board into this file, such as Board.html")
	c.Flags().BoolVar(&renew, "renew", false, "turn out all browsers and shortcuts")
	c.Flags().BoolVar(&open, "open", false, "open it in this account's browser")
	return c
}

// What the daemon is asked about its board.
const (
	boardQuestion    = "board"
	shortcutQuestion = "board-shortcut"
	renewQuestion    = "board-renew"
)

func askBoard(ctx context.Context, state string) (at boardAddress, err error) {
	return at, askAbout(ctx, state, boardQuestion, &at)
}

func askAbout(ctx context.Context, state, what string, answer any) error {
	err := control.Ask(ctx, state, what, question{}, answer)
	if no, ok := errors.AsType[*control.Failure](err); ok {
		return &exitError{no.Code, errors.New(no.Text)}
	}
	if errors.Is(err, control.ErrNobody) {
		return errors.New("no daemon is running here, so that there is no board; `chartseal status` shows what is known")
	}
	return err
}

// writeShortcut writes the page over an older one. Who may read it is for the folder to
// say: staff go by other accounts than the one that writes it.
func (a *app) writeShortcut(cmd *cobra.Command, cfg *config.Config, file string) error {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".html", ".htm":
	default:
		return usage(errors.New("a shortcut is a page for the browser: give the file a name that ends in .html"))
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return usage(err)
	}
	if sameFolder(filepath.Dir(file), filepath.FromSlash(cfg.Outbox)) {
		return usage(errors.New("in the outbox the shortcut would be taken for an order: choose another folder"))
	}
	var s boardShortcut
	if err := askAbout(cmd.Context(), cfg.State, shortcutQuestion, &s); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(s.Page), 0o644); err != nil { // staff read it
		return usage(err)
	}
	p := &printer{w: cmd.OutOrStdout()}
	p.f("%s leads to the board on this computer, until chartseal board --renew.\nWho can read it may look at the board: leave it where staff, and nobody else, can read it.\n", file)
	return p.err
}

// sameFolder reports one folder under two names: in other letters, which Windows takes for
// the same, or by a drive letter and by a server's name.
func sameFolder(a, b string) bool {
	one, err1 := os.Stat(a)
	two, err2 := os.Stat(b)
	return a == b || err1 == nil && err2 == nil && os.SameFile(one, two)
}

func (a *app) renewBoard(cmd *cobra.Command, state string) error {
	var r renewed
	if err := askAbout(cmd.Context(), state, renewQuestion, &r); err != nil {
		return err
	}
	if a.json {
		return printJSON(cmd.OutOrStdout(), r)
	}
	p := &printer{w: cmd.OutOrStdout()}
	p.f("All browsers and shortcuts are turned out. Write the shortcuts anew: chartseal board --shortcut FILE\n")
	return p.err
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
