//go:build !windows

package service

import "context"

// Hosted reports whether the Windows service manager started this process.
func Hosted() bool { return false }

// Host runs the daemon; systemd and launchd ask nothing but a signal.
func Host(ctx context.Context, run func(ctx context.Context, ready func()) error) error {
	return run(ctx, func() {})
}
