package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/cmd/chartseal/control"
	"chartseal/cmd/chartseal/service"
	"chartseal/watch"
)

func runCmd(a *app) *cobra.Command {
	var untilIdle bool
	c := &cobra.Command{
		Use:   "run",
		Short: "Watch the outbox in the foreground",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := service.UseCredentials(); err != nil {
				return err
			}
			return service.Host(cmd.Context(), func(ctx context.Context, ready func()) error {
				a.heart = &service.Heart{Now: time.Now, Ready: ready}
				defer context.AfterFunc(ctx, a.heart.Stopping)()
				return a.keepRunning(ctx, untilIdle)
			})
		},
	}
	c.Flags().BoolVar(&untilIdle, "until-idle", false, "stop once every order present has been answered")
	return c
}

// Pauses before a practice whose engine failed is opened again.
const (
	firstPause = time.Second
	maxPause   = time.Minute
)

// keepRunning runs the daemon. A full disk can make the engine lose track of
// what it does; then everything is closed and opened again, as after a crash. It waits
// for room on a disk that is full at the start, and for what goes away while it begins.
func (a *app) keepRunning(ctx context.Context, untilIdle bool) error {
	defer a.closeFront()
	failed := false
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		began := time.Now()
		err := a.runOnce(ctx, untilIdle)
		if ctx.Err() != nil || err == nil {
			return nil
		}
		failed = failed || openedAgain(err)
		if !failed { // it never began
			return err
		}
		if a.heart != nil {
			a.heart.Beat() // it waits, and does not hang
		}
		if a.front != nil {
			a.front.stand.waits(chartseal.ClassOf(err))
		}
		a.logger().Warn("opened again after a failure", slog.String("stage", "engine"), slog.String("error", watch.Scrub(err).Error()))
		if time.Since(began) > 10*maxPause {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// openedAgain tells failures after which the practice is closed and opened again.
func openedAgain(err error) bool {
	return errors.Is(err, chartseal.ErrEngine) || chartseal.IsFull(err) || chartseal.IsAway(err)
}

func (a *app) runOnce(ctx context.Context, untilIdle bool) (err error) {
	p, err := a.openPatiently(ctx)
	if err != nil {
		return err
	}
	defer closing(&err, p.Close)
	return a.serve(ctx, p, untilIdle)
}

// serve runs the practice and answers the commands that ask it something. Orders go
// on where commands cannot be listened to.
func (a *app) serve(ctx context.Context, p *chartseal.Practice, untilIdle bool) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	l := a.openLookout(ctx, p)
	defer l.close()
	questions, err := listen(ctx, p, l)
	if err == nil {
		defer a.hangUp(questions)
	} else {
		a.logger().Warn("commands cannot reach this daemon: link and revoke need it to be stopped", slog.String("stage", "control"), because(err))
	}
	defer cancel() // first
	return p.Run(ctx, untilIdle)
}

// hangUp ends listening to commands. What it leaves is made anew by the next start,
// so that a daemon that did its work does not fail of it.
func (a *app) hangUp(questions *control.Server) {
	if err := questions.Close(); err != nil {
		a.logger().Warn("listening to commands did not end well", slog.String("stage", "control"), because(err))
	}
}
