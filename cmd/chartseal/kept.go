package main

import (
	"os"
	"time"

	"chartseal"
	"chartseal/cmd/chartseal/alert"
	"chartseal/cmd/chartseal/service"
	"chartseal/config"
	"chartseal/transport"
)

// keptFile is a file that the daemon reads when it starts, and not again: a secret, or
// one that systemd hands over as a copy (LoadCredential, systemd.exec(5)).
type keptFile struct{ name, path string }

// keptFiles are those of a configuration. Access keys that systemd does not hand over are
// none of them: they are read again when the store refuses the old ones.
func keptFiles(cfg *config.Config) (files []keptFile) {
	for _, f := range cfg.Files() {
		if f.Secret {
			files = append(files, keptFile{f.Name, f.Path})
		}
	}
	for _, c := range service.Copied() {
		files = append(files, keptFile{c.What, c.From})
	}
	return files
}

// kept remembers how the files were when the daemon read them. A nil one remembers none.
type kept struct {
	files []keptFile
	were  []trace
}

// trace is what changes when a file is changed or replaced.
type trace struct {
	there bool
	at    time.Time
	size  int64
}

func traceOf(file string) (t trace, err error) {
	info, err := os.Stat(file)
	if os.IsNotExist(err) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	return trace{true, info.ModTime(), info.Size()}, nil
}

// keep looks at the files now. Those that this account cannot look at are left out: check
// does that, as administrator.
func keep(files []keptFile) *kept {
	k := &kept{}
	for _, f := range files {
		if t, err := traceOf(f.path); err == nil {
			k.files, k.were = append(k.files, f), append(k.were, t)
		}
	}
	return k
}

// keepFiles remembers them once, early: a daemon that opens its practice anew still has
// the copies of its start.
func (a *app) keepFiles(cfg *config.Config) {
	if a.kept == nil {
		a.kept = keep(keptFiles(cfg))
	}
}

// changed tells which files are not what they were. One that is gone for now is not told:
// the daemon has what was in it.
func (k *kept) changed() (all []alert.Condition) {
	if k == nil {
		return nil
	}
	for i, f := range k.files {
		if t, err := traceOf(f.path); err == nil && t.there && t != k.were[i] {
			all = append(all, alert.Condition{Class: alert.Changed, Detail: f.name, Since: t.at})
		}
	}
	return all
}

// examineKept tells what was changed since the daemon started.
func examineKept(d chartseal.Daemon, files []keptFile) (found []transport.Finding) {
	for _, f := range files {
		if t, err := traceOf(f.path); err == nil && d.Running && !d.Started.IsZero() && t.at.After(d.Started) {
			found = append(found, finding("daemon", transport.Warning, "The %s was changed after the daemon had started, which reads it only then: restart the service (chartseal service stop, then start).", f.name))
		}
	}
	return found
}
