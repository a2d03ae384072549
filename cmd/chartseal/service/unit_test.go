package service

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func samplePlan() Plan {
	return Plan{
		Program: "/opt/chart seal/chartseal", Config: "/srv/100% practice/$x/chartseal.yaml", Account: "chartseal",
		Groups: []string{"imaging"}, Staff: "frontdesk",
		State: "/srv/practice/state", Shared: []string{"/mnt/share/outbox"},
		Files: []string{"/srv/practice/recipients.yaml"}, Read: []string{"/srv/records"},
		Credentials: "/etc/chartseal/aws", PGPass: "/etc/chartseal/pgpass", Silent: 330 * time.Second,
	}
}

// TestDropIn: the paths of the practice reach systemd whole, whatever is in them, and
// the service may write just its own folders.
func TestDropIn(t *testing.T) {
	t.Parallel()
	got := samplePlan().DropIn()
	for _, want := range []string{
		"ExecStart=\nExecStart=" + `"/opt/chart seal/chartseal" "run" "--config" "/srv/100%% practice/$$x/chartseal.yaml"` + "\n",
		`ExecPaths="/opt/chart seal/chartseal"` + "\n",
		"User=chartseal\nGroup=chartseal\nSupplementaryGroups=imaging frontdesk\n",
		"WatchdogSec=330\n",
		`ReadWritePaths=-"/srv/practice/state"` + "\n" + `ReadWritePaths=-"/mnt/share/outbox"` + "\n",
		`ReadOnlyPaths=-"/srv/records"` + "\n",
		"LoadCredential=aws:/etc/chartseal/aws\nLoadCredential=pgpass:/etc/chartseal/pgpass\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "ProtectHome") {
		t.Error("a practice outside of home folders opens them")
	}
}

// TestDropInHome: a practice in somebody's home folder is let in, and the rest of the
// home folders stays hidden.
func TestDropInHome(t *testing.T) {
	t.Parallel()
	p := samplePlan()
	p.State, p.Read = "/home/lee/practice/state", []string{"/home/lee/records"}
	got := p.DropIn()
	for _, want := range []string{
		`BindPaths=-"/home/lee/practice/state"` + "\n", `BindReadOnlyPaths=-"/home/lee/records"` + "\n", "ProtectHome=tmpfs\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestDropInShowsFolders: a recipient book in a home folder that is replaced by a new
// file is seen, for its folder is shown and not the file.
func TestDropInShowsFolders(t *testing.T) {
	t.Parallel()
	p := samplePlan()
	p.Files = []string{"/home/lee/p/recipients.yaml", "/home/lee/p/chartseal.yaml", "/root/p/secret", "/home/lee/alone.yaml", "/etc/chartseal/secret"}
	got := p.DropIn()
	for _, want := range []string{`BindReadOnlyPaths=-"/home/lee/p"`, `BindReadOnlyPaths=-"/root/p"`, `BindReadOnlyPaths=-"/home/lee/alone.yaml"`, `ReadOnlyPaths=-"/etc/chartseal/secret"`} {
		if strings.Count(got, want+"\n") != 1 {
			t.Errorf("not once: %q in\n%s", want, got)
		}
	}
	if said := p.hidden(got); len(said) > 0 {
		t.Errorf("its own unit hides something: %q", said)
	}
	p.LogDir = "/etc/chartseal"
	if said := p.hidden(got); len(said) != 1 || !strings.Contains(said[0], "lies in /etc/chartseal, where the service may not write: put it into "+p.State) {
		t.Errorf("a log beside the configuration: %q", said)
	}
	p.LogDir = ""
	p.Shared, p.Read = []string{"/srv/new-outbox"}, []string{"/home/lee/new-records", "/srv/records"}
	if said := p.hidden(got); len(said) != 2 || !strings.Contains(said[0], "write to /srv/new-outbox") || !strings.Contains(said[1], "hides /home/lee/new-records") {
		t.Errorf("%q", said)
	}
}

// TestCopied: what systemd copies at the start is known by the unit's additions.
func TestCopied(t *testing.T) {
	t.Parallel()
	p := samplePlan()
	p.Credentials = "/etc/100% own/aws"
	got := copied(p.DropIn() + "LoadCredential=mail-password:/etc/chartseal/mail\nLoadCredential=other\n")
	want := []Copy{{"access keys of the store", "/etc/100% own/aws"}, {"password file of the database", "/etc/chartseal/pgpass"}, {"password of the mail server", "/etc/chartseal/mail"}}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
