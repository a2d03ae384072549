//go:build !windows

package service

import (
	"context"

	"chartseal/cmd/chartseal/logfile"
)

// Hosted reports whether the Windows service manager started this process.
func Hosted() bool { return false }

// Events is nil: the Event Log is Windows's.
func Events() logfile.EventWriter { return nil }

// Host runs the daemon; systemd and launchd ask nothing but a signal.
func Host(ctx context.Context, run func(ctx context.Context, ready func()) error) error {
	return run(ctx, func() {})
}
