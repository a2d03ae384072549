package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"

	"chartseal/cmd/chartseal/logfile"
)

// Hosted reports whether the Windows service manager started this process.
func Hosted() bool {
	hosted, err := svc.IsWindowsService()
	return err == nil && hosted
}

// Host runs the daemon under the Windows service manager and answers it: a stop, or the
// computer's shutdown, ends run's context, and the manager is asked for patience until run
// has returned. Start, stop and failure are written to the Event Log. ready says
// that the service has started.
func Host(ctx context.Context, run func(ctx context.Context, ready func()) error) error {
	h := &host{ctx: ctx, run: run}
	if events := Events(); events != nil { // without, the manager's own entries remain
		h.events = events
	}
	err := svc.Run(Name, h)
	if errors.Is(err, windows.ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) { // a person started it
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
		defer stop()
		return run(ctx, func() {})
	}
	if err != nil {
		return fmt.Errorf("answer the service manager: %w", err)
	}
	return h.err
}

// Events is the Event Log, for a process that the service manager started; nil for others.
// It stays open until the process ends.
func Events() logfile.EventWriter {
	if !Hosted() {
		return nil
	}
	events, err := eventlog.Open(Name)
	if err != nil {
		return nil
	}
	return events
}

type host struct {
	ctx    context.Context // svc.Handler has no place for it
	run    func(context.Context, func()) error
	events logfile.EventWriter
	err    error
}

// exitFailed is the failure told to the service manager.
const exitFailed = 1

// How long the manager waits for the next word, and how often it gets one.
const (
	patience = 30 * time.Second
	word     = 2 * time.Second
)

const accepted = svc.AcceptStop | svc.AcceptShutdown | svc.AcceptPreShutdown

// Execute implements svc.Handler.
func (h *host) Execute(_ []string, requests <-chan svc.ChangeRequest, changes chan<- svc.Status) (specific bool, code uint32) {
	ctx, stop := context.WithCancel(h.ctx)
	defer stop()
	ready := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() {
		done <- h.run(ctx, func() {
			select {
			case ready <- struct{}{}:
			default:
			}
		})
	}()
	now := svc.Status{State: svc.StartPending, WaitHint: uint32(patience / time.Millisecond)}
	changes <- now
	tick := time.NewTicker(word)
	defer tick.Stop()
	for {
		select {
		case h.err = <-done:
			return h.ended()
		case <-ready:
			if now.State == svc.StartPending {
				now = svc.Status{State: svc.Running, Accepts: accepted}
				changes <- now
				h.note(logfile.EventStarted, "chartseal watches the outbox.")
			}
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				changes <- now
			case svc.Stop, svc.Shutdown, svc.PreShutdown:
				now = svc.Status{State: svc.StopPending, WaitHint: uint32(patience / time.Millisecond)}
				changes <- now
				stop()
			}
		case <-tick.C:
			if now.State != svc.Running {
				now.CheckPoint++
				changes <- now
			}
		}
	}
}

// ended writes the last entry. A failure makes the manager start the service again.
func (h *host) ended() (specific bool, code uint32) {
	if h.err == nil {
		h.note(logfile.EventStopped, "chartseal has stopped. Orders that are dropped wait until it is started.")
		return false, 0
	}
	h.note(logfile.EventFailed, "chartseal has failed: "+h.err.Error()+". Nothing is lost; see the log, and: chartseal check")
	return true, exitFailed
}

func (h *host) note(event uint32, text string) {
	if h.events == nil {
		return
	}
	if event == logfile.EventFailed {
		_ = h.events.Error(event, text) // nobody else to tell
		return
	}
	_ = h.events.Info(event, text)
}
