//go:build unix

package computer

import (
	"os"
	"path/filepath"
	"testing"

	"chartseal/config"
	"chartseal/config/access"
	"chartseal/transport"
)

func TestCheckFindsRights(t *testing.T) {
	shared := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(shared, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", shared)
	examined := func(cfg *config.Config) (f transport.Findings) {
		examineRights(cfg, access.Of, f.Add)
		return f
	}
	cfg := inPractice(t)
	cfg.Store.Kind = config.StoreS3
	if f := examined(cfg); len(f) != 2 || !f.Has("outbox", transport.Notice, "Only the account") || !f.Has("keys", transport.OK, "Nobody else") {
		t.Errorf("as it should be: %+v", f)
	}
	for _, c := range []struct {
		path  string
		mode  os.FileMode
		check string
		level transport.Level
		says  string
	}{
		{cfg.Outbox, 0o770, "outbox", transport.OK, "Staff can write"},
		{cfg.Outbox, 0o777, "outbox", transport.Warning, "Everybody on this computer can drop orders"},
		{cfg.State, 0o750, "state", transport.Problem, "chmod 700 " + cfg.State},
		{filepath.Join(cfg.State, "keys", "practice.key"), 0o640, "keys", transport.Problem, "sign as the practice"},
		{cfg.Alerts.Mail.PasswordFile, 0o644, "keys", transport.Problem, "password of the mail server: chmod go-rwx"},
		{shared, 0o604, "keys", transport.Problem, "access keys of the store"},
		{cfg.File, 0o666, "config", transport.Problem, "can change the configuration"},
		{cfg.Recipients, 0o602, "config", transport.Problem, "can change the recipient book"},
	} {
		was, err := os.Stat(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(c.path, c.mode); err != nil {
			t.Fatal(err)
		}
		if f := examined(cfg); !f.Has(c.check, c.level, c.says) {
			t.Errorf("%s with mode %o: %+v", filepath.Base(c.path), c.mode, f)
		}
		if err := os.Chmod(c.path, was.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
}
