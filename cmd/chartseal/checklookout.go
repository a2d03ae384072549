package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/cmd/chartseal/alert"
	"chartseal/config"
	"chartseal/transport"
	"chartseal/watch"
)

// examineLookout looks at what the daemon shows of itself, and whom it tells.
func examineLookout(ctx context.Context, cfg *config.Config) []transport.Finding {
	found := []transport.Finding{examineAlerts(cfg), examineStatus(ctx, cfg), examineLog(cfg)}
	return append(found, examineKept(chartseal.DaemonOf(cfg, time.Now()), keptFiles(cfg))...)
}

func finding(check string, level transport.Level, format string, args ...any) transport.Finding {
	return transport.Finding{Check: check, Level: level, Message: fmt.Sprintf(format, args...)}
}

func examineAlerts(cfg *config.Config) transport.Finding {
	switch channels, err := alertChannels(cfg.Alerts); {
	case err != nil:
		return finding("alerts", transport.Problem, "Alerts cannot be sent: %v.", err)
	case len(channels) == 0:
		return finding("alerts", transport.Warning, "Nobody is told when orders are stuck or overdue: set 'alerts' in the configuration.")
	default:
		return finding("alerts", transport.OK, "Alerts are set up over %d %s; try them with: chartseal check --alerts", len(channels), map[bool]string{true: "channel", false: "channels"}[len(channels) == 1])
	}
}

// examineStatus tries the port; the daemon that has it answers commands.
func examineStatus(ctx context.Context, cfg *config.Config) transport.Finding {
	const check = "status"
	if cfg.Status.Listen == "" {
		return finding(check, transport.Notice, "The daemon shows no board and no metrics: set status: {listen: \"127.0.0.1:7421\"}.")
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Status.Listen)
	if err == nil {
		_ = l.Close() // it was only tried
		return finding(check, transport.OK, "The board and the metrics can be shown at %s.", cfg.Status.Listen)
	}
	if _, asked := askBoard(ctx, cfg.State); asked == nil {
		return finding(check, transport.OK, "The daemon shows the board and the metrics at %s.", cfg.Status.Listen)
	}
	return finding(check, transport.Problem, "The address %s of status.listen is taken by another program, or this computer does not have it: choose another port.", cfg.Status.Listen)
}

func examineLog(cfg *config.Config) transport.Finding {
	const check = "log"
	if cfg.Log.File == "" {
		return finding(check, transport.Notice, "There is no log file: warnings go to standard error, or to the system's log. Set log: {file: chartseal.log}.")
	}
	f, err := os.CreateTemp(filepath.Dir(cfg.Log.File), ".check-*") // files are put aside there
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err == nil {
		f, err = os.OpenFile(cfg.Log.File, os.O_WRONLY|os.O_APPEND, 0)
		if errors.Is(err, os.ErrNotExist) {
			return finding(check, transport.OK, "The log file can be made.")
		}
		if err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		return finding(check, transport.Problem, "The log file %s cannot be written: %v. Make its folder, and give chartseal's account the right to change it.", cfg.Log.File, watch.Scrub(err))
	}
	return finding(check, transport.OK, "The log file can be written.")
}

// tryAlerts sends a test over every channel.
func (a *app) tryAlerts(cmd *cobra.Command, cfg *config.Config) error {
	channels, err := alertChannels(cfg.Alerts)
	var findings []transport.Finding
	if err != nil {
		findings = append(findings, finding("alerts", transport.Problem, "Not all alerts can be sent: %v.", err))
	}
	if err == nil && len(channels) == 0 {
		return usage(errors.New("nobody is told of trouble yet: set 'alerts' in the configuration"))
	}
	for _, c := range channels {
		if err := alert.SendTest(cmd.Context(), sender(cfg), time.Now(), c); err != nil {
			findings = append(findings, finding(c.Name(), transport.Problem, "The test alert was not sent: %v.", err))
			continue
		}
		findings = append(findings, finding(c.Name(), transport.OK, "The test alert was sent; look whether it arrived."))
	}
	return a.printFindings(cmd, findings)
}
