package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"chartseal/cmd/chartseal/logfile"
	"chartseal/cmd/chartseal/service"
	"chartseal/config"
	"chartseal/watch"
)

// logs is where the program's log goes. Commands write to standard error, and to the
// file of --log; the daemon also to its own file, and keeps the last warnings.
type logs struct {
	once   sync.Once
	log    *slog.Logger
	recent *logfile.Recent // nil but for the daemon
}

// logger is the log of a command.
func (a *app) logger() *slog.Logger {
	a.logs.once.Do(func() { a.openLogs(config.Log{}) })
	return a.logs.log
}

// daemonLog opens the log of the daemon, once: a changed configuration counts after a
// restart.
func (a *app) daemonLog(c config.Log) {
	a.logs.once.Do(func() {
		a.logs.recent = logfile.NewRecent()
		a.openLogs(c)
	})
}

// openLogs writes to standard error, warnings only unless asked for more, and everything
// to the log files there are. They stay open until the process ends.
func (a *app) openLogs(c config.Log) {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelInfo
	}
	handlers := []slog.Handler{toStderr(os.Stderr, level)}
	rule := logfile.Rule{Bytes: int64(c.Size) << 20, Age: time.Duration(c.Days) * 24 * time.Hour, Keep: c.Keep}
	var wrong []error
	for _, name := range []string{a.logFile, c.File} {
		if name == "" || name == a.logFile && len(handlers) > 1 {
			continue
		}
		f, err := openLog(name, rule, a.logs.recent != nil)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		handlers = append(handlers, slog.NewJSONHandler(f, nil))
	}
	if a.logs.recent != nil {
		handlers = append(handlers, a.logs.recent)
		if events := service.Events(); events != nil {
			handlers = append(handlers, logfile.NewEvents(events))
		}
	}
	a.logs.log = slog.New(slog.NewMultiHandler(handlers...))
	for _, err := range wrong {
		a.logs.log.Warn("log file cannot be opened", slog.String("error", watch.Scrub(err).Error()))
	}
}

// openLog opens a log file. Only the daemon puts one aside: other commands write into the
// same one at times, and are done soon.
func openLog(name string, rule logfile.Rule, daemon bool) (io.Writer, error) {
	if daemon && rule.Bytes > 0 {
		return logfile.Open(name, rule, time.Now)
	}
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
}

// toStderr writes for a person, or for the journal where systemd has connected it, which
// sorts by priority itself.
func toStderr(f *os.File, level slog.Level) slog.Handler {
	if logfile.IsJournal(f, os.Getenv("JOURNAL_STREAM")) {
		return logfile.NewJournal(f, slog.LevelInfo)
	}
	return slog.NewTextHandler(f, &slog.HandlerOptions{Level: level})
}

// because is what went wrong with a part of the daemon that its orders go on without,
// without a path.
func because(err error) slog.Attr {
	return slog.String("error", fmt.Sprint(watch.Scrub(err)))
}
