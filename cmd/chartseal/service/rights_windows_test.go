package service

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"

	"chartseal/config/access"
)

func sid(t *testing.T, text string) *windows.SID {
	t.Helper()
	s, err := windows.StringToSid(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The service manager knows these names in every language, the list of accounts does not.
func TestBuiltInAccountsAreFoundInEveryLanguage(t *testing.T) {
	for account, want := range map[string]windows.WELL_KNOWN_SID_TYPE{
		`NT AUTHORITY\LocalService`: windows.WinLocalServiceSid, "LocalService": windows.WinLocalServiceSid,
		`nt authority\Network Service`: windows.WinNetworkServiceSid,
	} {
		if s, _, err := lookUp(account); err != nil || !s.IsWellKnown(want) {
			t.Errorf("%s: %v, %v", account, s, err)
		}
	}
	if !isSystem("LocalSystem") || !isSystem(`NT AUTHORITY\SYSTEM`) || isSystem(DefaultAccount) {
		t.Error("the system is told from others wrongly")
	}
}

// An entry for an account of this computer lets nobody in on a server.
func TestServersKnowTheServiceByAnotherName(t *testing.T) {
	host, err := windows.ComputerName()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ account, domain, sid, want string }{
		{DefaultAccount, "NT SERVICE", "S-1-5-80-1-2-3-4-5", host + "$"},
		{`NT AUTHORITY\NetworkService`, "NT AUTHORITY", "S-1-5-20", host + "$"},
		{`NT AUTHORITY\LocalService`, "NT AUTHORITY", "S-1-5-19", "nobody"},
		{`.\records`, strings.ToLower(host), "S-1-5-21-1-2-3-1001", "that computer's own user"},
	} {
		if got := abroad(c.account, c.domain, sid(t, c.sid)); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q", c.account, got)
		}
	}
	if got := abroad(`LAKESIDE\records$`, "LAKESIDE-DOMAIN", sid(t, "S-1-5-21-1-2-3-1001")); got != "" {
		t.Errorf("an account of the domain: %q", got)
	}
	for name, want := range map[string]bool{
		"//server/share/outbox": true, `\\server\share\outbox`: true, `\\?\UNC\server\share\x`: true,
		"C:/outbox": false, `\\?\C:\outbox`: false, `outbox`: false,
	} {
		if onServer(name) != want {
			t.Errorf("%s on a server: %v", name, !want)
		}
	}
}

// handOver says what it could not give, and gives the rest; the program as well, where
// only somebody else may run it.
func TestHandOverSaysWhatIsLeft(t *testing.T) {
	dir, err := os.MkdirTemp("", "practice Übung *")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := Plan{
		Account: `NT AUTHORITY\LocalService`, Program: filepath.Join(dir, "a person's", "chartseal.exe"), State: filepath.Join(dir, "state"),
		Shared: []string{`\\server\share\outbox`}, Read: []string{filepath.Join(dir, "records")}, LogDir: filepath.Join(dir, "a person's"),
	}
	for _, folder := range append([]string{filepath.Dir(p.Program)}, p.Read...) {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(p.Program, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := access.Close(filepath.Dir(p.Program)); err != nil {
		t.Fatal(err)
	}
	done, err := p.handOver()
	want := []string{
		"only the service and administrators can open " + p.State,
		`STILL TO DO: \\server\share\outbox lies on another computer, where the service is nobody: install it for another account`,
		"the service can read " + p.Read[0], "the service can run " + p.Program, "STILL TO DO: " + p.logless(),
	}
	if err != nil || !slices.Equal(done, want) {
		t.Errorf("%v\n%s", err, strings.Join(done, "\n"))
	}
	if said := strings.Join(Unreachable(Status{Account: p.Account}, p), "\n"); strings.Contains(said, "server") || strings.Contains(said, "records") {
		t.Error(said)
	}
}

func TestAStartThatTakesLongHasNotFailed(t *testing.T) {
	for state, want := range map[svc.State]string{svc.StartPending: "still starting", svc.Stopped: "stopped again", svc.StopPending: "stopped again"} {
		if err := begun(state); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", state, err)
		}
	}
	if err := begun(svc.Running); err != nil {
		t.Error(err)
	}
	if said := plain("stop", windows.ERROR_SERVICE_CANNOT_ACCEPT_CTRL).Error(); !strings.Contains(said, "wait a moment") {
		t.Error(said)
	}
}
