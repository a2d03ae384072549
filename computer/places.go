package computer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"chartseal/config"
	"chartseal/config/access"
	"chartseal/transport"
	"chartseal/watch"
)

// drive is where a folder lies.
type drive int

const (
	onDisk   drive = iota
	onShare        // a network file system, or a UNC path
	onLetter       // a network drive that an account has connected under a letter
	noLetter       // no drive of this account has that letter
)

// place is a folder or file of the configuration.
type place struct{ name, path string }

func placesOf(cfg *config.Config) []place {
	all := []place{{"outbox", cfg.Outbox}, {"state", cfg.State}, {"export", cfg.Export}, {"documents", cfg.Documents}}
	for i, s := range cfg.Sources {
		root, _, _ := strings.Cut(s.Path, "{")
		root, _, _ = strings.Cut(root, "*")
		all = append(all, place{fmt.Sprintf("source %d", i+1), root})
	}
	return all
}

// examinePlaces looks where the folders lie: a service sees no drive letters that a
// person has connected, and the state folder needs a disk of this computer.
func examinePlaces(cfg *config.Config, at func(string) drive, add transport.AddFinding) {
	for _, p := range placesOf(cfg) {
		if p.path == "" {
			continue
		}
		switch kind := at(p.path); {
		case kind == noLetter:
			add("drives", transport.Problem, "The drive of %s (%s) is not there for this account. A service sees no drive letters that a person has connected: write the path as \\\\server\\share\\folder.", p.name, p.path)
		case kind == onLetter:
			add("drives", transport.Problem, "The drive of %s (%s) is a network drive that this account has connected; the service does not see it. Write the path as \\\\server\\share\\folder (net use shows it), and give the service's account rights there.", p.name, p.path)
		case kind == onShare && p.name == "state":
			add("drives", transport.Warning, "The state folder lies on a network drive: its database and its lock need a disk of this computer. Move it, and set 'state'.")
		case kind == onShare && runtime.GOOS == "windows":
			add("drives", transport.Notice, "The %s lies on a server (%s): the account that the service runs under needs rights there, which LocalSystem has only as the computer's own account.", p.name, p.path)
		}
	}
}

// examineRights looks who else may read what is private, and whether staff may write
// where they should.
func examineRights(cfg *config.Config, look func(string) (access.Others, error), add transport.AddFinding) {
	if o, err := look(cfg.Outbox); err == nil {
		switch {
		case o.Write && runtime.GOOS != "windows":
			add("outbox", transport.Warning, "Everybody on this computer can drop orders and read answers with links: give the outbox a group of staff and take the rights of all others (chmod o-rwx %s).", cfg.Outbox)
		case !o.Write && !o.GroupWrite:
			add("outbox", transport.Notice, "Only the account that owns the outbox can write into it. If staff work under other accounts, give them the right to change files in %s.", cfg.Outbox)
		default:
			add("outbox", transport.OK, "Staff can write into the outbox.")
		}
	}
	if o, err := look(cfg.State); err == nil && o.Any() {
		add("state", transport.Problem, "Others can read the state folder, which holds the signing key and the ledger: %s", closeWords(cfg.State))
	}
	examineKeys(cfg, look, add)
	for _, f := range cfg.Files() {
		if o, err := look(f.Path); !f.Secret && err == nil && o.Write {
			add("config", transport.Problem, "Everybody on this computer can change the %s, and with it what is sent to whom: %s", f.Name, closeWords(f.Path))
		}
	}
}

// examineKeys looks at the files that hold secrets.
func examineKeys(cfg *config.Config, look func(string) (access.Others, error), add transport.AddFinding) {
	keys, err := os.ReadDir(filepath.Join(cfg.State, "keys")) // there are none before the first start
	open := errors.Is(err, fs.ErrPermission)                  // or it cannot be told
	for _, k := range keys {
		file := filepath.Join(cfg.State, "keys", k.Name())
		if o, err := look(file); filepath.Ext(file) == ".key" && err == nil && o.Any() {
			open = true
			add("keys", transport.Problem, "Others can read the key %s: who has it can sign as the practice. %s", k.Name(), closeWords(file))
		}
	}
	for _, f := range append(cfg.Files(), config.NamedFile{Name: "access keys of the store", Path: sharedCredentials(cfg), Secret: true}) {
		if o, err := look(f.Path); f.Secret && f.Path != "" && err == nil && (o.Read || o.Write) {
			open = true
			add("keys", transport.Problem, "Everybody on this computer can read the %s: %s", f.Name, closeWords(f.Path))
		}
	}
	if !open {
		add("keys", transport.OK, "Nobody else can read the keys.")
	}
}

// sharedCredentials is the file that the SDK reads access keys from.
func sharedCredentials(cfg *config.Config) string {
	if cfg.Store.Kind != config.StoreS3 {
		return ""
	}
	if f := os.Getenv("AWS_SHARED_CREDENTIALS_FILE"); f != "" {
		return f
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".aws", "credentials")
}

// closeWords say how a file or folder is closed to others.
func closeWords(path string) string {
	if runtime.GOOS == "windows" {
		return fmt.Sprintf(`icacls "%s" /inheritance:r /grant:r "*S-1-5-18:(OI)(CI)F" "*S-1-5-32-544:(OI)(CI)F" (the system and administrators), and the account that chartseal runs under.`, path)
	}
	mode := "go-rwx"
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		mode = "700"
	}
	return "chmod " + mode + " " + path
}

// driveOf is where a folder lies on this system.
func driveOf(dir string) drive {
	if kind, known := letterOf(dir); known {
		return kind
	}
	if watch.OnNetwork(dir) {
		return onShare
	}
	return onDisk
}
