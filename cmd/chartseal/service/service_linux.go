package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// DefaultAccount is the account that the service gets unless another is named.
const DefaultAccount = "chartseal"

// Folders of systemd (systemd.unit(5)).
const (
	ownUnits = "/etc/systemd/system"
	running  = "/run/systemd/system" // is there while systemd runs, sd_booted(3)
)

// packaged are the places of a unit that a package brought.
var packaged = []string{"/usr/lib/systemd/system", "/lib/systemd/system"}

var (
	ownUnit = filepath.Join(ownUnits, unitName)
	dropIn  = filepath.Join(ownUnits, unitName+".d", "practice.conf")
)

// Describe prints what Install would write.
func Describe(p Plan) string {
	if p.Account == "" {
		p.Account = DefaultAccount
	}
	if who, err := find(p.Account); err == nil {
		p.Group = groupName(who)
	}
	return Unit + "\n# " + dropIn + "\n" + p.DropIn()
}

// Install writes the unit, lets the account at the practice's folders and has the
// service started at boot. It returns sentences on what was done.
func Install(ctx context.Context, p Plan) (done []string, err error) {
	if os.Geteuid() != 0 {
		return nil, ErrRights
	}
	if _, err := exec.LookPath("systemctl"); err != nil {
		return nil, errors.New("this computer has no systemd; have its own init start: chartseal run --config " + p.Config)
	}
	if isFile(dropIn) {
		return nil, ErrThere
	}
	if p.Account == "" {
		p.Account = DefaultAccount
	}
	if err := thereAre(p.groups()); err != nil {
		return nil, err
	}
	who, made, err := ensureAccount(ctx, p.Account, p.State)
	if err != nil {
		return nil, err
	}
	if made {
		done = append(done, "made the account "+p.Account)
	}
	p.Group = groupName(who)
	done = append(done, join(ctx, p.Account, p.groups())...)
	given, err := handOver(p, who)
	done = append(done, given...)
	if err != nil {
		return done, err
	}
	wrote, err := writeUnits(p)
	done = append(done, wrote...)
	if err != nil {
		return done, err
	}
	if _, err := systemctl(ctx, "enable", unitName); err != nil {
		return done, err
	}
	if !booted() {
		return append(done, "systemd does not run here: the service starts with the computer"), nil
	}
	_, err = systemctl(ctx, "daemon-reload")
	return append(done, "the service starts with the computer; start it now with: chartseal service start"), err
}

// writeUnits writes the unit unless a package brought it, and what it needs to know.
func writeUnits(p Plan) (done []string, err error) {
	if !isPackaged() {
		if err := os.WriteFile(ownUnit, []byte(Unit), 0o644); err != nil {
			return nil, fmt.Errorf("write the unit: %w", err)
		}
		done = append(done, "wrote "+ownUnit)
	}
	if err := os.MkdirAll(filepath.Dir(dropIn), 0o755); err != nil {
		return done, fmt.Errorf("write the unit: %w", err)
	}
	if err := os.WriteFile(dropIn, []byte(p.DropIn()), 0o644); err != nil {
		return done, fmt.Errorf("write the unit: %w", err)
	}
	return append(done, "wrote "+dropIn), nil
}

func isPackaged() bool {
	for _, dir := range packaged {
		if isFile(filepath.Join(dir, unitName)) {
			return true
		}
	}
	return false
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func booted() bool {
	_, err := os.Stat(running)
	return err == nil
}

// Uninstall stops the service and removes what Install wrote, but for the account and
// the rights it has.
func Uninstall(ctx context.Context) (done []string, err error) {
	if os.Geteuid() != 0 {
		return nil, ErrRights
	}
	if !isFile(dropIn) && !isFile(ownUnit) {
		return nil, ErrMissing
	}
	args := []string{"disable", unitName}
	if booted() {
		args = []string{"disable", "--now", unitName}
	}
	if _, err := systemctl(ctx, args...); err != nil {
		return nil, err
	}
	for _, file := range []string{dropIn, ownUnit} {
		if err := os.Remove(file); err == nil {
			done = append(done, "removed "+file)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return done, fmt.Errorf("remove the unit: %w", err)
		}
	}
	_ = os.Remove(filepath.Dir(dropIn)) // unless the administrator has a file there
	if booted() {
		_, err = systemctl(ctx, "daemon-reload")
	}
	return append(done, "the practice's folders and the account stay as they are"), err
}

// Start starts the service and waits until it watches the outbox.
func Start(ctx context.Context) error { return act(ctx, "start") }

// Stop ends it in its own order.
func Stop(ctx context.Context) error { return act(ctx, "stop") }

func act(ctx context.Context, verb string) error {
	switch {
	case !isFile(dropIn) && !isFile(ownUnit):
		return ErrMissing
	case os.Geteuid() != 0:
		return ErrRights
	case !booted():
		return errors.New("systemd does not run here, so nothing can be started or stopped; run it in the foreground: chartseal run")
	}
	_, err := systemctl(ctx, verb, unitName)
	if err != nil && verb == "start" {
		return fmt.Errorf("%w; what it said: journalctl -u %s -n 20", err, Name)
	}
	return err
}

// Query asks systemd for the service's state.
func Query(ctx context.Context) (Status, error) {
	var s Status
	if !isFile(dropIn) && !isFile(ownUnit) {
		s.State = "not installed"
		s.say("The service is not installed. To install it: chartseal service install")
		return s, nil
	}
	s.Installed = true
	if !booted() {
		s.State = "unknown"
		_, err := os.Lstat(filepath.Join(ownUnits, "multi-user.target.wants", unitName))
		s.Starts = err == nil
		s.say("The service is installed, but systemd does not run here.")
		return s, nil
	}
	out, err := systemctl(ctx, "show", unitName, "--property=ActiveState,SubState,UnitFileState,User,MainPID,Result")
	if err != nil {
		return s, err
	}
	v := settings(out)
	s.State, s.Account = v["ActiveState"], v["User"]
	s.Starts = v["UnitFileState"] == "enabled"
	s.Running = s.State == "active"
	s.PID, _ = strconv.Atoi(v["MainPID"])
	switch {
	case s.Running:
		s.say("The service runs.")
	case s.State == "failed" || v["SubState"] == "auto-restart":
		s.say("THE SERVICE HAS FAILED (%s). Orders wait. What it said: journalctl -u %s -n 20", v["Result"], Name)
	case s.State == "inactive":
		s.say("THE SERVICE IS STOPPED. Orders wait until: chartseal service start")
	default:
		s.say("The service is %s.", s.State)
	}
	return s, nil
}

// Unreachable are sentences on what the service cannot read of what the configuration
// names now: its account may not, or the unit does not show it.
func Unreachable(s Status, p Plan) []string {
	b, err := os.ReadFile(dropIn)
	if err != nil {
		return nil
	}
	set := settings(string(b))
	p.Account, p.Groups = set["User"], strings.Fields(set["SupplementaryGroups"])
	if s.Account != "" {
		p.Account = s.Account
	}
	said := p.hidden(string(b))
	who, err := find(p.Account)
	if err != nil {
		return append(said, "the account "+p.Account+" is not there")
	}
	return append(said, unreachable(p, who)...)
}

// Copied are the files of which the service has copies as of its start, by the unit's
// additions.
func Copied() (copies []Copy) {
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(dropIn), "*.conf")) // the pattern is ours
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil {
			copies = append(copies, copied(string(b))...)
		}
	}
	return copies
}

// settings are the lines of a unit, of each name the last.
func settings(unit string) map[string]string {
	v := map[string]string{}
	for line := range strings.Lines(unit) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		v[key] = value
	}
	return v
}

// systemctl runs it and returns what it printed.
func systemctl(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "systemctl", args...) //nolint:gosec // words of this file
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("systemctl %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return out.String(), nil
}
