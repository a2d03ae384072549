package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"
)

// DefaultAccount is the virtual account that Windows makes for the service: it has no
// password, no rights but those given to it, and on the network it is the computer
// (Microsoft, "Service accounts").
const DefaultAccount = `NT SERVICE\` + Name

// recovery is what the service manager does when the service fails; the last goes on
// for ever, and a day without failure begins anew.
var recovery = []mgr.RecoveryAction{
	{Type: mgr.ServiceRestart, Delay: 5 * time.Second},
	{Type: mgr.ServiceRestart, Delay: time.Minute},
	{Type: mgr.ServiceRestart, Delay: 5 * time.Minute},
}

const recoveryReset = 24 * 60 * 60 // seconds

// environmentKey holds what the service finds set in its environment.
const environmentKey = `SYSTEM\CurrentControlSet\Services\` + Name

// Describe prints what Install would set.
func Describe(p Plan) string {
	return fmt.Sprintf("service %s\nprogram: %s\narguments: %s\naccount: %s\nstarts with the computer, a little later than others\nafter a failure: started again after 5 s, 1 min, 5 min\nsource in the Event Log: %s\n",
		Name, p.Program, strings.Join(p.args(), " "), accountOf(p), Name)
}

func accountOf(p Plan) string {
	if p.Account == "" {
		return DefaultAccount
	}
	return p.Account
}

// Install registers the service and its source in the Event Log, and lets its account
// at the practice's folders.
func Install(_ context.Context, p Plan) (done []string, err error) {
	m, err := mgr.Connect()
	if err != nil {
		return nil, plain("reach the service manager", err)
	}
	defer m.Disconnect() //nolint:errcheck // it was only asked
	if s, err := m.OpenService(Name); err == nil {
		return nil, errors.Join(ErrThere, s.Close())
	}
	p.Account = accountOf(p)
	if isSystem(p.Account) {
		return nil, errors.New("the service must not run as LocalSystem, which may do everything; leave --account away, or name another")
	}
	s, err := m.CreateService(Name, p.Program, mgr.Config{
		DisplayName: "chartseal", Description: "Releases dental records: checked, stripped, sealed, logged.",
		StartType: mgr.StartAutomatic, ErrorControl: mgr.ErrorNormal,
		ServiceStartName: p.Account, Password: p.Password,
	}, p.args()...)
	if err != nil {
		return nil, plain("install the service", err)
	}
	defer s.Close() //nolint:errcheck // what was set is set
	done, err = p.settle(s)
	if err != nil {
		_ = eventlog.Remove(Name) // as far as it was made
		return nil, errors.Join(err, s.Delete())
	}
	return append(done, "the service starts with the computer; start it now with: chartseal service start"), nil
}

// settle sets what belongs to an installed service.
func (p Plan) settle(s *mgr.Service) (done []string, err error) {
	if err := s.SetRecoveryActions(recovery, recoveryReset); err != nil {
		return nil, plain("set what happens after a failure", err)
	}
	for _, set := range []struct {
		what string
		do   func() error
	}{
		{"restart it when it ends with a failure of its own", func() error { return s.SetRecoveryActionsOnNonCrashFailures(true) }},
		{"start it a little later than others", func() error {
			return change(s, windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, windows.SERVICE_DELAYED_AUTO_START_INFO{IsDelayedAutoStartUp: 1})
		}},
		{"give it an identity of its own", func() error {
			return change(s, windows.SERVICE_CONFIG_SERVICE_SID_INFO, uint32(windows.SERVICE_SID_TYPE_UNRESTRICTED))
		}},
	} {
		if err := set.do(); errors.Is(err, windows.ERROR_INVALID_LEVEL) { // an old Windows, or none
			done = append(done, "this system's service manager cannot "+set.what)
		} else if err != nil {
			return done, plain(set.what, err)
		}
	}
	if err := p.setEnvironment(); err != nil {
		return done, err
	}
	if err := eventlog.InstallAsEventCreate(Name, eventlog.Error|eventlog.Warning|eventlog.Info); err != nil && !strings.Contains(err.Error(), "exists") {
		return done, plain("make the source in the Event Log", err)
	}
	done = append(done, "the service runs as "+p.Account)
	given, err := p.handOver()
	done = append(done, given...)
	if !isBuiltIn(p.Account) {
		done = append(done, `STILL TO DO, unless the account has it: the right "Log on as a service" for `+p.Account+" (secpol.msc, Local Policies, User Rights Assignment)")
	}
	return done, err
}

// change sets one thing of a service (ChangeServiceConfig2W).
func change[T any](s *mgr.Service, level uint32, value T) error {
	return windows.ChangeServiceConfig2(s.Handle, level, (*byte)(unsafe.Pointer(&value)))
}

// isBuiltIn reports whether Windows itself lets an account run services.
func isBuiltIn(account string) bool {
	name := strings.ToUpper(account)
	return strings.HasPrefix(name, `NT SERVICE\`) || strings.HasPrefix(name, `NT AUTHORITY\`) || name == "LOCALSERVICE"
}

// isSystem reports whether an account is the system itself.
func isSystem(account string) bool {
	switch strings.ToUpper(account) {
	case "LOCALSYSTEM", `.\LOCALSYSTEM`, "SYSTEM", `NT AUTHORITY\SYSTEM`, `NT AUTHORITY\LOCALSYSTEM`:
		return true
	}
	return false
}

func (p Plan) setEnvironment() error {
	env := p.environment()
	if len(env) == 0 {
		return nil
	}
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, environmentKey, registry.SET_VALUE)
	if err != nil {
		return plain("set where the credentials are", err)
	}
	return errors.Join(key.SetStringsValue("Environment", env), key.Close())
}

// Uninstall stops the service and removes it.
func Uninstall(ctx context.Context) (done []string, err error) {
	s, release, err := open(windows.SERVICE_ALL_ACCESS)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := stop(ctx, s); err != nil {
		return nil, err
	}
	if err := s.Delete(); err != nil {
		return nil, plain("remove the service", err)
	}
	done = append(done, "removed the service; the practice's folders stay as they are")
	if err := eventlog.Remove(Name); err != nil {
		done = append(done, "its source in the Event Log could not be removed, which does no harm")
	}
	return done, nil
}

// open opens the installed service with just the rights that are needed, so that status
// needs no administrator.
func open(rights uint32) (*mgr.Service, func(), error) {
	h, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return nil, nil, plain("reach the service manager", err)
	}
	name, err := windows.UTF16PtrFromString(Name)
	if err != nil {
		return nil, nil, err
	}
	hs, err := windows.OpenService(h, name, rights)
	if err != nil {
		return nil, nil, errors.Join(plain("open the service", err), windows.CloseServiceHandle(h))
	}
	return &mgr.Service{Name: Name, Handle: hs}, func() {
		_ = windows.CloseServiceHandle(hs)
		_ = windows.CloseServiceHandle(h)
	}, nil
}

// Start starts the service and waits until it watches the outbox.
func Start(ctx context.Context) error {
	s, release, err := open(windows.SERVICE_START | windows.SERVICE_QUERY_STATUS)
	if err != nil {
		return err
	}
	defer release()
	if err := s.Start(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING) {
		if errors.Is(err, windows.ERROR_ACCESS_DENIED) { // not to this person, who could open the service
			return errors.New(`the service's account may not run this program where it lies: copy it to C:\Program Files\chartseal, uninstall the service, and install it again from there`)
		}
		return plain("start the service", err)
	}
	state, err := settled(ctx, s, svc.StartPending)
	if err != nil {
		return err
	}
	return begun(state)
}

// begun says what a start came to.
func begun(state svc.State) error {
	switch state {
	case svc.Running:
		return nil
	case svc.StartPending:
		return errors.New("the service is still starting; its log file says what it waits for")
	}
	return errors.New("the service has stopped again; why is in the Event Log (Event Viewer, Windows Logs, Application) and in its log file")
}

// Stop ends the service in its own order and waits for the end.
func Stop(ctx context.Context) error {
	s, release, err := open(windows.SERVICE_STOP | windows.SERVICE_QUERY_STATUS)
	if err != nil {
		return err
	}
	defer release()
	return stop(ctx, s)
}

func stop(ctx context.Context, s *mgr.Service) error {
	if state, err := settled(ctx, s, svc.StartPending); err != nil || state == svc.Stopped { // while it starts it hears nothing
		return err
	}
	if _, err := s.Control(svc.Stop); err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
		return plain("stop the service", err)
	}
	state, err := settled(ctx, s, svc.StopPending, svc.Running)
	if err == nil && state != svc.Stopped {
		err = errors.New("the service does not stop; its log says what it waits for")
	}
	return err
}

// longest is how long a start or stop is waited for: longer than the daemon waits for its store.
const longest = 3 * time.Minute

// settled waits until the service is in none of the passing states any more.
func settled(ctx context.Context, s *mgr.Service, passing ...svc.State) (svc.State, error) {
	until := time.After(longest)
	for {
		st, err := s.Query()
		if err != nil {
			return 0, plain("ask for the service's state", err)
		}
		on := false
		for _, p := range passing {
			on = on || st.State == p
		}
		if !on {
			return st.State, nil
		}
		select {
		case <-ctx.Done():
			return st.State, ctx.Err()
		case <-until:
			return st.State, nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Query asks the service manager for the service's state.
func Query(context.Context) (Status, error) {
	var s Status
	service, release, err := open(windows.SERVICE_QUERY_CONFIG | windows.SERVICE_QUERY_STATUS)
	if errors.Is(err, ErrMissing) {
		s.State = "not installed"
		s.say("The service is not installed. To install it: chartseal service install")
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer release()
	s.Installed = true
	st, err := service.Query()
	if err != nil {
		return s, plain("ask for the service's state", err)
	}
	if s.Account, s.Starts, err = configured(service.Handle); err != nil {
		return s, plain("ask for the service's account", err)
	}
	s.Running, s.PID, s.State = st.State == svc.Running, int(st.ProcessId), stateName(st.State)
	switch {
	case s.Running:
		s.say("The service runs.")
	case st.State == svc.Stopped && (st.Win32ExitCode != 0 && st.Win32ExitCode != uint32(windows.ERROR_SERVICE_NEVER_STARTED)):
		s.say("THE SERVICE HAS FAILED. Orders wait. Why is in the Event Log (Event Viewer, Windows Logs, Application) and in its log file.")
	case st.State == svc.Stopped:
		s.say("THE SERVICE IS STOPPED. Orders wait until: chartseal service start")
	default:
		s.say("The service is %s.", s.State)
	}
	return s, nil
}

// configured asks for the account and whether the service starts with the computer.
func configured(h windows.Handle) (account string, starts bool, err error) {
	var need uint32
	if err := windows.QueryServiceConfig(h, nil, 0, &need); !errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) {
		return "", false, err
	}
	b := make([]byte, need)
	c := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&b[0]))
	if err := windows.QueryServiceConfig(h, c, need, &need); err != nil {
		return "", false, err
	}
	return windows.UTF16PtrToString(c.ServiceStartName), c.StartType == mgr.StartAutomatic, nil
}

func stateName(s svc.State) string {
	switch s {
	case svc.Running:
		return "running"
	case svc.Stopped:
		return "stopped"
	case svc.StartPending:
		return "starting"
	case svc.StopPending:
		return "stopping"
	}
	return "unknown"
}

// plain turns what Windows says into a sentence.
func plain(what string, err error) error {
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return ErrRights
	case errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST):
		return ErrMissing
	case errors.Is(err, windows.ERROR_INVALID_SERVICE_ACCOUNT):
		return errors.New("Windows does not know that account, or its password is wrong; nothing was installed")
	case errors.Is(err, windows.ERROR_SERVICE_LOGON_FAILED):
		return errors.New(`the service's account cannot log on: its password changed, or it lacks the right "Log on as a service" (secpol.msc, Local Policies, User Rights Assignment)`)
	case errors.Is(err, windows.ERROR_SERVICE_CANNOT_ACCEPT_CTRL):
		return errors.New("the service is starting or stopping, and hears nothing meanwhile; wait a moment and try again")
	case errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE):
		return errors.New("the service is being removed; close services.msc, wait a moment and try again")
	}
	return fmt.Errorf("%s: %w", what, err)
}
