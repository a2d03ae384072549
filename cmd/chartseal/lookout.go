package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"chartseal"
	"chartseal/cmd/chartseal/alert"
	"chartseal/cmd/chartseal/board"
	"chartseal/cmd/chartseal/logfile"
	"chartseal/config"
)

// lookout is what the daemon shows of itself, and whom it tells of trouble. Orders go on
// where it cannot be had.
type lookout struct {
	app   *app
	front *front
	own   bool // the front ends with it
	stop  context.CancelFunc
	told  <-chan struct{} // closed when the keeper of alerts has ended; nil: there is none
}

// openLookout begins; the practice must outlive it.
func (a *app) openLookout(ctx context.Context, p *chartseal.Practice) *lookout {
	own := a.front == nil
	if own {
		a.openFront(ctx, p.Config())
	}
	ctx, stop := context.WithCancel(ctx)
	l := &lookout{app: a, front: a.front, own: own, stop: stop}
	l.front.stand.enter(p)
	cfg := p.Config()
	l.told = a.keepTelling(ctx, cfg, func(ctx context.Context) ([]alert.Condition, bool) {
		v := p.Vitals(ctx)
		return append(conditions(v, limitsOf(cfg.Alerts)), a.kept.changed()...), v.Database == "" && !v.Turned.IsZero() && !v.Listed.IsZero()
	})
	return l
}

// close ends it. What it was about to tell is told by the next run.
func (l *lookout) close() {
	l.stop()
	if l.told != nil {
		<-l.told
	}
	l.front.stand.leave()
	if l.own {
		l.app.closeFront()
	}
}

// hereAt is how a browser on this computer reaches a listener.
func hereAt(listen netip.AddrPort) (netip.AddrPort, error) {
	switch ip := listen.Addr().Unmap(); {
	case ip.IsLoopback():
		return netip.AddrPortFrom(ip, listen.Port()), nil
	case ip.IsUnspecified():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), listen.Port()), nil
	}
	return netip.AddrPort{}, errors.New("the board is shown on this computer only: let status.listen begin with 127.0.0.1, or with 0.0.0.0 where others are to see the metrics")
}

func limitsOf(a config.Alerts) limits {
	return limits{after: a.After.Duration(), disk: int64(a.Disk) << 30}
}

func sender(cfg *config.Config) alert.Sender {
	return alert.Sender{Practice: cfg.Practice.Name, Site: cfg.Site, Version: version()}
}

// concerns are conditions for people who look.
func concerns(v *chartseal.Vitals, all []alert.Condition) (out []board.Concern) {
	if v.Opening {
		out = append(out, board.Concern{Text: "chartseal is starting. Until it has, no order is picked up, and nothing is lost."})
	}
	for _, c := range all {
		out = append(out, board.Concern{Text: c.Sentence(time.Local), Bad: c.Class != alert.Failing && c.Class != alert.Disk && c.Class != alert.Changed})
	}
	return out
}

func boardLines(r *logfile.Recent) (out []board.Line) {
	if r == nil {
		return nil
	}
	for _, l := range r.Lines() {
		class := l.Class
		if class == "" {
			class = l.Alert
		}
		out = append(out, board.Line{At: l.At, Text: l.Message, Release: l.Release, Stage: l.Stage, Class: class, Error: l.Level >= slog.LevelError})
	}
	return out
}

// alertChannels are the ways to IT that the configuration names. With an error there may
// be some all the same.
func alertChannels(c config.Alerts) (out []alert.Channel, err error) {
	if m := c.Mail; m.Server != "" {
		password, err1 := keptSecret("CHARTSEAL_MAIL_PASSWORD", "mail-password", m.PasswordFile)
		if err1 == nil && m.User != "" && password == "" {
			err1 = errors.New("alerts.mail: a user without a password: set password_file or CHARTSEAL_MAIL_PASSWORD")
		}
		if err1 == nil {
			out = append(out, &alert.Mail{
				Server: m.Server, Port: m.Port, Protect: alert.Protection(m.TLS), User: m.User, Password: password, From: m.From, To: m.To,
			})
		}
		err = err1
	}
	if w := c.Webhook; w.URL != "" {
		key, err1 := keptSecret("CHARTSEAL_WEBHOOK_SECRET", "webhook-secret", w.SecretFile)
		if err1 == nil {
			out = append(out, &alert.Webhook{URL: w.URL.Reveal(), Secret: []byte(key), Now: time.Now})
		}
		err = errors.Join(err, err1)
	}
	return out, err
}

// maxSecret bounds a file that holds a secret, in bytes.
const maxSecret = 4 << 10

// keptSecret reads a secret from the environment, from a file, or from what systemd hands to
// the service (LoadCredential, systemd.exec(5)); "" if there is none.
func keptSecret(env, credential, file string) (string, error) {
	if s := os.Getenv(env); s != "" {
		return s, nil
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); file == "" && dir != "" {
		if _, err := os.Stat(filepath.Join(dir, credential)); err == nil {
			file = filepath.Join(dir, credential)
		}
	}
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil || len(b) > maxSecret {
		return "", fmt.Errorf("the file with %s cannot be read, or is no secret", env)
	}
	s := strings.TrimRight(plainText(b), "\r\n")
	if s == "" {
		return "", fmt.Errorf("the file with %s is empty", env)
	}
	return s, nil
}
