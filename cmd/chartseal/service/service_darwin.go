package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/kardianos/service"
)

// DefaultAccount is empty: macOS has no account made for this, so the owner of the
// state folder runs the service.
const DefaultAccount = ""

// launchd is the service as launchd(8) knows it; see launchd.plist(5).
func launchd(p Plan) (service.Service, error) {
	env := map[string]string{}
	for _, e := range p.environment() {
		key, value, _ := strings.Cut(e, "=")
		env[key] = value
	}
	return service.New(idle{}, &service.Config{
		Name: Name, DisplayName: "chartseal", Executable: p.Program, Arguments: p.args(),
		UserName: p.Account, WorkingDirectory: "/", EnvVars: env,
		Option: service.KeyValue{"KeepAlive": true, "RunAtLoad": true, "LogDirectory": filepath.Dir(p.Log)},
	})
}

// idle stands for the daemon, which is not run through the library.
type idle struct{}

func (idle) Start(service.Service) error { return nil }
func (idle) Stop(service.Service) error  { return nil }

// Describe prints what Install would set.
func Describe(p Plan) string {
	return fmt.Sprintf("launch daemon %s\nprogram: %s\narguments: %s\naccount: %s\nkept alive, started with the computer\n",
		Name, p.Program, strings.Join(p.args(), " "), p.Account)
}

// Install writes /Library/LaunchDaemons/chartseal.plist for an account that is not root.
func Install(_ context.Context, p Plan) (done []string, err error) {
	if os.Geteuid() != 0 {
		return nil, ErrRights
	}
	if p.Account == "" {
		if p.Account, err = ownerOf(p.State); err != nil {
			return nil, err
		}
	}
	if p.Account == "root" || p.Account == "" {
		return nil, errors.New("the service must not run as root: name the account with --account, and give it the folder " + p.State)
	}
	s, err := launchd(p)
	if err != nil {
		return nil, err
	}
	if st, err := s.Status(); err == nil && st != service.StatusUnknown {
		return nil, ErrThere
	}
	if err := s.Install(); err != nil {
		return nil, fmt.Errorf("write the launch daemon: %w", err)
	}
	done = []string{"wrote /Library/LaunchDaemons/" + Name + ".plist for the account " + p.Account}
	for _, said := range Unreachable(Status{Account: p.Account}, p) {
		done = append(done, "STILL TO DO: "+said)
	}
	return append(done, "the service starts with the computer; start it now with: chartseal service start"), nil
}

// Unreachable are sentences on what the service's account cannot read of what the
// configuration names now.
func Unreachable(s Status, p Plan) []string {
	if p.Account = s.Account; p.Account == "" { // launchd does not say
		p.Account, _ = ownerOf(p.State)
	}
	who, err := find(p.Account)
	if err != nil {
		return nil
	}
	p.Files = append(slices.Clone(p.Files), notEmpty(p.Credentials, p.PGPass)...)
	return unreachable(p, who)
}

// ownerOf is the account that a folder belongs to.
func ownerOf(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("find the state folder: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", nil
	}
	u, err := user.LookupId(strconv.Itoa(int(st.Uid)))
	if err != nil {
		return "", fmt.Errorf("find the owner of the state folder: %w", err)
	}
	return u.Username, nil
}

// Uninstall stops the service and removes the launch daemon.
func Uninstall(context.Context) (done []string, err error) {
	if os.Geteuid() != 0 {
		return nil, ErrRights
	}
	s, err := installed()
	if err != nil {
		return nil, err
	}
	if err := s.Uninstall(); err != nil {
		return nil, fmt.Errorf("remove the launch daemon: %w", err)
	}
	return []string{"removed the launch daemon; the practice's folders stay as they are"}, nil
}

// installed is the service, if it is there.
func installed() (service.Service, error) {
	s, err := launchd(Plan{})
	if err != nil {
		return nil, err
	}
	if _, err := s.Status(); errors.Is(err, service.ErrNotInstalled) {
		return nil, ErrMissing
	}
	return s, nil
}

// Start starts the service.
func Start(context.Context) error { return act(service.Service.Start) }

// Stop ends it in its own order.
func Stop(context.Context) error { return act(service.Service.Stop) }

func act(do func(service.Service) error) error {
	s, err := installed()
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return ErrRights
	}
	return do(s)
}

// Query asks launchd for the service's state.
func Query(context.Context) (Status, error) {
	var s Status
	daemon, err := launchd(Plan{})
	if err != nil {
		return s, err
	}
	switch st, err := daemon.Status(); {
	case errors.Is(err, service.ErrNotInstalled):
		s.State = "not installed"
		s.say("The service is not installed. To install it: sudo chartseal service install")
	case err != nil:
		return s, err
	case st == service.StatusRunning:
		s.Installed, s.Starts, s.Running, s.State = true, true, true, "running"
		s.say("The service runs.")
	default:
		s.Installed, s.Starts, s.State = true, true, "stopped"
		s.say("THE SERVICE IS STOPPED, or this account may not see it. Orders wait until: sudo chartseal service start")
	}
	return s, nil
}
