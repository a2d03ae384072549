package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/cmd/chartseal/alert"
	"chartseal/transport"
)

// TestASecretThatWasChangedIsTold: by the daemon that has the old one, and by check.
func TestASecretThatWasChangedIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	was, new := filepath.Join(dir, "mail-password"), filepath.Join(dir, "webhook-secret")
	must(t, os.WriteFile(was, []byte("one"), 0o600))
	started := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(was, started, started))
	files := []keptFile{{"password of the mail server", was}, {"secret of the webhook", new}}
	k := keep(files)
	d := chartseal.Daemon{Running: true, Started: started.Add(time.Minute)}
	if got := k.changed(); len(got) > 0 || len(examineKept(d, files)) > 0 {
		t.Errorf("unchanged: %+v", got)
	}
	must(t, os.WriteFile(new, []byte("two"), 0o600))
	if got := k.changed(); len(got) != 1 || got[0].Class != alert.Changed || !strings.Contains(got[0].Sentence(time.UTC), "old copy of the secret of the webhook") || !strings.Contains(got[0].Advice(), "Restart the service") {
		t.Errorf("%+v", got)
	}
	if got := examineKept(d, files); len(got) != 1 || got[0].Level != transport.Warning || !strings.Contains(got[0].Message, "secret of the webhook") {
		t.Errorf("check: %+v", got)
	}
	if got := examineKept(chartseal.Daemon{}, files); len(got) > 0 {
		t.Errorf("without a daemon: %+v", got)
	}
	must(t, os.Remove(was))
	if got := k.changed(); len(got) != 1 {
		t.Errorf("one that is gone: %+v", got)
	}
	must(t, os.WriteFile(was, []byte("one"), 0o600)) // anew
	if got := k.changed(); len(got) != 2 {
		t.Errorf("replaced: %+v", got)
	}
	if got := (*kept)(nil).changed(); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}
