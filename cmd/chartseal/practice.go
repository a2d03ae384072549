package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"chartseal"
	"chartseal/config"
)

// load reads the configuration the flags point to.
func (a *app) load() (*config.Config, error) {
	file, err := a.findConfig()
	if err != nil {
		return nil, err
	}
	cfg, err := config.Load(file)
	if err == nil {
		err = chartseal.CheckRules(cfg)
	}
	if err != nil {
		return nil, usage(err)
	}
	return cfg, nil
}

func (a *app) findConfig() (string, error) {
	if a.configFile != "" {
		return a.configFile, nil
	}
	for _, f := range []string{"chartseal.yaml", filepath.Join(systemConfigDir(), "chartseal.yaml")} {
		if _, err := os.Stat(f); err == nil {
			return f, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", usage(err)
		}
	}
	return "", usage(errors.New("no chartseal.yaml here; make a practice folder with `chartseal init DIR`, or name the file with --config"))
}

// systemConfigDir is where a system service finds its configuration.
func systemConfigDir() string {
	switch runtime.GOOS {
	case "windows":
		return filepath.Join(os.Getenv("ProgramData"), "chartseal")
	case "darwin":
		return "/Library/Application Support/chartseal"
	default:
		return "/etc/chartseal"
	}
}

// options are the surroundings of a real process.
func (a *app) options(onEvent chartseal.WatchFunc) chartseal.Options {
	return chartseal.Options{
		Log: a.logger(), Now: time.Now, Self: self, Version: version(), Watch: onEvent, Step: onStep,
	}
}

// onStep is set by tests that end the process at a certain step.
var onStep chartseal.StepFunc

// self starts this binary again as a child process.
func self(ctx context.Context, args ...string) *exec.Cmd {
	exe, err := program()
	if err != nil {
		exe = os.Args[0]
	}
	cmd := exec.CommandContext(ctx, exe, args...) //nolint:gosec // our own binary
	cmd.Env = append(os.Environ(), childEnv...)
	ownGroup(cmd)
	return cmd
}

// program is the file that child processes run: this binary.
var program = os.Executable

// childEnv lets a test binary know that it is to behave as chartseal.
var childEnv []string

// The daemon's share of the memory it may use (64 MiB, half of which are the
// program's own pages): the garbage collector works a little harder instead.
const (
	gcPercent   = 50
	memoryLimit = 32 << 20
)

// Its share while many orders are worked on. Each leaves 25 MB of garbage, most of it of the
// letters' fonts and of compressors, which nothing keeps over two collections: within the
// lower limit half of the processor's time went into collecting, and within one of 56 MiB a
// quarter, most of it into pages given back and fetched anew.
const (
	rushPercent = 200
	rushLimit   = 96 << 20
)

// tuneMemory sets the collector unless the administrator has.
func tuneMemory() { tuneFor(false) }

func tuneFor(rush bool) {
	percent, limit := gcPercent, int64(memoryLimit)
	if rush {
		percent, limit = rushPercent, rushLimit
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

// openPatiently opens the configured practice for the daemon, which waits for a shared database.
func (a *app) openPatiently(ctx context.Context) (*chartseal.Practice, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	tuneMemory()
	a.daemonLog(cfg.Log)
	porch := a.openPorch(ctx, cfg)
	opts := a.options(porch.waits)
	opts.Patient, opts.Locked, opts.Rush = true, func() { porch.show(ctx) }, tuneFor
	if a.heart != nil {
		opts.Alive = a.heart.Beat
	}
	p, err := chartseal.Open(ctx, cfg, opts)
	porch.close(ctx, err)
	if err != nil && !openedAgain(err) {
		a.closeFront()
	}
	return p, err
}
