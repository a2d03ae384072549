package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestLookout(t *testing.T) {
	for more, want := range map[string]string{
		"status: {listen: 127.0.0.1:7421}":                                              "",
		"status: {listen: '[::1]:0'}":                                                   "",
		"status: {listen: 10.0.0.4:7421, exposed: true}":                                "",
		"status: {listen: 10.0.0.4:7421}":                                               "'status.listen' can be reached from other computers",
		"status: {listen: 0.0.0.0:7421}":                                                "'status.listen' can be reached from other computers",
		"status: {listen: example.com:80}":                                              "'status.listen' must be an address with a port",
		"status: {listen: 127.0.0.1}":                                                   "'status.listen' must be an address with a port",
		"alerts: {after: 8d}":                                                           "'alerts.after' is 8d",
		"alerts: {mail: {server: s, from: a@b.example, to: [c@d]}}":                     "",
		"alerts: {mail: {from: a@b.example}}":                                           "'alerts.mail.server' is missing",
		"alerts: {mail: {server: s, from: nobody, to: [c@d]}}":                          `'alerts.mail.from' is "nobody"`,
		"alerts: {mail: {server: s, from: a@b, to: []}}":                                "'alerts.mail.to' must list 1 to 20 addresses",
		"alerts: {mail: {server: s, tls: none, from: a@b, to: [c@d]}}":                  "'alerts.mail.tls' can be none only",
		"alerts: {mail: {server: 127.0.0.1, tls: none, user: u, from: a@b, to: [c@d]}}": "'alerts.mail.user' needs a protected connection",
		"alerts: {mail: {server: s, password: geheim, from: a@b, to: [c@d]}}":           "'alerts.mail.password' is not a field",
		"alerts: {webhook: {url: 'https://hooks.example.com/x'}}":                       "",
		"alerts: {webhook: {url: 'http://127.0.0.1:9/x', secret_file: key}}":            "",
		"alerts: {webhook: {url: 'http://hooks.example.com/geheim'}}":                   "'alerts.webhook.url' must begin with https://",
		"alerts: {webhook: {url: 'ftp://x'}}":                                           "'alerts.webhook.url' must be an address",
		"alerts: {webhook: {secret_file: key}}":                                         "'alerts.webhook.secret_file' is used only with",
		"log: {file: chartseal.log, size: 0}":                                           "'log.size' is 0",
		"log: {file: chartseal.log}":                                                    "",
	} {
		_, err := parse("/practice/chartseal.yaml", []byte(design+more+"\n"), place{dir: "/practice"})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", more, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: the error shows the secret: %v", more, err)
		}
	}
}

func TestLookoutDefaults(t *testing.T) {
	text := design + "alerts: {mail: {server: s, password_file: pw, from: a@b, to: [c@d]}, webhook: {url: 'https://h.example/geheim'}}\nlog: {file: logs/c.log}\n"
	c, err := parse("/practice/chartseal.yaml", []byte(text), place{dir: "/practice"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Status.Listen != "" || c.Alerts.After.Duration() != 15*time.Minute || c.Alerts.Disk != 2 || c.Alerts.Mail.TLS != MailStartTLS ||
		c.Alerts.Mail.PasswordFile != "/practice/pw" || c.Log.File != "/practice/logs/c.log" || c.Log.Size != 10 || c.Log.Days != 30 || c.Log.Keep != 12 {
		t.Errorf("%+v, %+v", c.Alerts, c.Log)
	}
	if strings.Contains(fmt.Sprintf("%+v", c), "geheim") {
		t.Error("the webhook's address shows when the configuration is printed")
	}
}
