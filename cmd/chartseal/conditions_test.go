package main

import (
	"bytes"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/cmd/chartseal/alert"
	"chartseal/config"
	"chartseal/transport"
	"chartseal/transport/s3"
)

func TestWhatIsTroubleAndWhatIsNot(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return at.Add(-d) }
	for want, change := range map[string]func(*chartseal.Vitals){
		"":                func(*chartseal.Vitals) {},
		"ledger/":         func(v *chartseal.Vitals) { v.Ledger = chartseal.LedgerBroken },
		"rolled back/":    func(v *chartseal.Vitals) { v.Ledger = chartseal.LedgerCut },
		"stuck/scheduler": func(v *chartseal.Vitals) { v.Turned = ago(time.Hour) },
		"stuck/files":     func(v *chartseal.Vitals) { v.Unpicked = chartseal.Trouble{Orders: 1, Since: ago(20 * time.Minute)} },
		"stuck/orders":    func(v *chartseal.Vitals) { v.Working = chartseal.Trouble{Orders: 1, Since: ago(9 * time.Hour)} },
		"overdue/":        func(v *chartseal.Vitals) { v.Overdue = 2 },
		"brake/":          func(v *chartseal.Vitals) { v.Braked = 1 },
		"disk/":           func(v *chartseal.Vitals) { v.DiskFree = 1 << 30 },
		"failing/store full": func(v *chartseal.Vitals) {
			v.Troubles = []chartseal.Trouble{{Class: "store full", Orders: 1, Since: ago(time.Hour)}}
		},
		"failing/outbox away":          func(v *chartseal.Vitals) { v.Outbox = chartseal.Trouble{Class: "outbox away", Since: ago(time.Hour)} },
		"failing/database unavailable": func(v *chartseal.Vitals) { v.Database = "database unavailable" },
		"failing/ledger copy": func(v *chartseal.Vitals) {
			v.HeadCopy = chartseal.Trouble{Class: "store unavailable", Since: ago(2 * time.Hour)}
		},
		"credentials/are missing":                func(v *chartseal.Vitals) { v.CredTrouble = "store denied access" },
		"credentials/end soon":                   func(v *chartseal.Vitals) { v.Credentials = s3.Life{Ends: at.Add(48 * time.Hour)} },
		"credentials/have ended":                 func(v *chartseal.Vitals) { v.Credentials = s3.Life{Ends: ago(time.Minute), Renews: true} },
		"credentials/end, and nobody knows when": func(v *chartseal.Vitals) { v.Credentials = s3.Life{Unknown: true} },
	} {
		v := &chartseal.Vitals{At: at, Turned: at, Silent: time.Minute, DiskFree: 3 << 30}
		change(v)
		var got []string
		for _, c := range conditions(v, limits{after: 15 * time.Minute, disk: 2 << 30}) {
			got = append(got, string(c.Class)+"/"+c.Detail)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for what, change := range map[string]func(*chartseal.Vitals){
		"an outage of a minute": func(v *chartseal.Vitals) {
			v.Troubles = []chartseal.Trouble{{Class: "store unavailable", Orders: 1, Since: ago(time.Minute)}}
		},
		"a file that is being copied":     func(v *chartseal.Vitals) { v.Unpicked = chartseal.Trouble{Orders: 1, Since: ago(time.Minute)} },
		"a role that renews itself":       func(v *chartseal.Vitals) { v.Credentials = s3.Life{Ends: at.Add(time.Hour), Renews: true} },
		"a disk that nothing is known of": func(v *chartseal.Vitals) { v.DiskFree = -1 },
	} {
		v := &chartseal.Vitals{At: at, Turned: at, Silent: time.Minute, DiskFree: 3 << 30}
		change(v)
		if got := conditions(v, limits{after: 15 * time.Minute, disk: 2 << 30}); len(got) > 0 {
			t.Errorf("%s: %+v", what, got)
		}
	}
	v := &chartseal.Vitals{At: at, Turned: at, Silent: time.Minute, DiskFree: -1, Database: "outbox away", Outbox: chartseal.Trouble{Class: "outbox away", Since: ago(time.Hour)}}
	if got := conditions(v, limits{}); len(got) != 1 {
		t.Errorf("the same twice: %+v", got)
	}
}

func levelOf(all []transport.Finding, check string) (transport.Level, string) {
	for _, f := range all {
		if f.Check == check {
			return f.Level, f.Message
		}
	}
	return "", ""
}

func TestCheckFindsWhatIsWrongWithTheLookout(t *testing.T) {
	dir := t.TempDir()
	taken := httptest.NewServer(nil)
	defer taken.Close()
	empty := filepath.Join(dir, "empty")
	must(t, os.WriteFile(empty, nil, 0o600))
	mail := config.Mail{Server: "smtp.example", User: "u", From: "a@b", To: []string{"c@d"}}
	for name, c := range map[string]struct {
		cfg   config.Config
		check string
		level transport.Level
		says  string
	}{
		"nobody is told":       {config.Config{}, "alerts", transport.Warning, "set 'alerts'"},
		"a user, no password":  {config.Config{Alerts: config.Alerts{Mail: mail}}, "alerts", transport.Problem, "CHARTSEAL_MAIL_PASSWORD"},
		"an empty secret":      {config.Config{Alerts: config.Alerts{Webhook: config.Webhook{URL: "https://x", SecretFile: empty}}}, "alerts", transport.Problem, "is empty"},
		"a secret that is not": {config.Config{Alerts: config.Alerts{Webhook: config.Webhook{URL: "https://x", SecretFile: filepath.Join(dir, "no")}}}, "alerts", transport.Problem, "cannot be read"},
		"a webhook":            {config.Config{Alerts: config.Alerts{Webhook: config.Webhook{URL: "https://x"}}}, "alerts", transport.OK, "check --alerts"},
		"no board":             {config.Config{}, "status", transport.Notice, "status: {listen"},
		"a port that is taken": {config.Config{State: dir, Status: config.Status{Listen: taken.Listener.Addr().String()}}, "status", transport.Problem, "choose another port"},
		"a port that is free":  {config.Config{State: dir, Status: config.Status{Listen: "127.0.0.1:0"}}, "status", transport.OK, "can be shown"},
		"no log file":          {config.Config{}, "log", transport.Notice, "Set log"},
		"a log file":           {config.Config{Log: config.Log{File: filepath.Join(dir, "c.log")}}, "log", transport.OK, "can be made"},
		"a log without folder": {config.Config{Log: config.Log{File: filepath.Join(dir, "no", "c.log")}}, "log", transport.Problem, "Make its folder"},
	} {
		if level, says := levelOf(examineLookout(t.Context(), &c.cfg), c.check); level != c.level || !strings.Contains(says, c.says) {
			t.Errorf("%s: %s: %s", name, level, says)
		}
	}
}

func TestWhereABrowserReachesTheBoard(t *testing.T) {
	for listen, want := range map[string]string{"127.0.0.1:80": "127.0.0.1:80", "[::1]:80": "[::1]:80", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80", "10.0.0.4:80": ""} {
		at, err := hereAt(netip.MustParseAddrPort(listen))
		if got := at.String(); (want == "") != (err != nil) || want != "" && got != want {
			t.Errorf("%s: %s, %v", listen, got, err)
		}
	}
}

func TestATestAlertIsSent(t *testing.T) {
	it := &pager{}
	hook := httptest.NewServer(it)
	defer hook.Close()
	cfg := ownPractice(t, `status: {listen: ""}`, `alerts: {webhook: {url: "`+hook.URL+`"}}`)
	command := newRoot()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetArgs([]string{"check", "--alerts", "-c", cfg.File})
	must(t, command.ExecuteContext(t.Context()))
	if got := strings.Join(it.classes(), ", "); got != string(alert.Test)+" begins" || !strings.Contains(out.String(), "was sent") {
		t.Errorf("%q\n%s", got, out.String())
	}
	hook.Close()
	out.Reset()
	if code := codeOf(command.ExecuteContext(t.Context())); code != exitFailed || !strings.Contains(out.String(), "cannot be reached") || strings.Contains(out.String(), hook.URL) {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
	cfg = ownPractice(t)
	command.SetArgs([]string{"check", "--alerts", "-c", cfg.File})
	if code := codeOf(command.ExecuteContext(t.Context())); code != exitUsage {
		t.Errorf("without channels: exit code %d", code)
	}
}
