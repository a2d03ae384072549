// Package service installs chartseal as a service of the operating system: a hardened
// systemd unit on Linux, a service with an account of its own on Windows, a launch
// daemon on macOS. It also answers the service manager while the daemon runs.
//
// Its errors are sentences for the person who installs, and may name folders.
package service

import (
	"errors"
	"fmt"
	"time"
)

// Name is the service's name on every system.
const Name = "chartseal"

// Plan is what is to be installed. Paths are absolute.
type Plan struct {
	Program string // this binary
	Config  string // chartseal.yaml
	Log     string // file for the log, "": standard error, which systemd keeps in its journal

	Account  string   // "": the system's own choice, see [DefaultAccount]
	Password string   // of a named Windows account; a secret
	Group    string   // the account's own; "": it has the account's name (Linux)
	Groups   []string // further groups of the account, so that it can read the records (Linux)
	Staff    string   // group whose members drop orders (Linux)

	State  string   // the private folder
	Shared []string // folders that staff write as well: outbox, export
	Files  []string // files that the service reads: configuration, recipient book, secrets
	Read   []string // folders that it only reads: records
	LogDir string   // where the configuration wants the log, "": nowhere, or below State

	Credentials string // AWS credentials file, "": none
	PGPass      string // PostgreSQL password file, "": none

	// Silent is how long the daemon may give no sign of life.
	Silent time.Duration
}

// args are the arguments that the service is started with.
func (p Plan) args() []string {
	args := []string{"run", "--config", p.Config}
	if p.Log != "" {
		args = append(args, "--log", p.Log)
	}
	return args
}

// write lists the folders that the service changes.
func (p Plan) write() []string { return append([]string{p.State}, p.Shared...) }

// logless says that the service cannot keep the log where the configuration wants it:
// that folder may hold what it must not change, such as the configuration itself.
func (p Plan) logless() string {
	return "the log file that chartseal.yaml names lies in " + p.LogDir + ", where the service may not write: put it into " + p.State + ", or leave it out"
}

// Copy is a file of which systemd hands the service a copy when it starts.
type Copy struct {
	What string // in words
	From string // the file
}

// Status is what the service manager says.
type Status struct {
	Installed bool   `json:"installed"`
	Starts    bool   `json:"starts_at_boot"`
	Running   bool   `json:"running"`
	State     string `json:"state"` // the service manager's own word
	Account   string `json:"account,omitempty"`
	PID       int    `json:"pid,omitempty"`
	Message   string `json:"message"` // a sentence

	Looked      bool     `json:"folders_looked_at"`     // with a configuration at hand
	Unreachable []string `json:"unreachable,omitempty"` // what [Unreachable] says then
}

// What a service manager can say no with.
var (
	ErrRights  = errors.New(needsAdministrator)
	ErrMissing = errors.New("the service is not installed: chartseal service install")
	ErrThere   = errors.New("the service is installed already; to change it: chartseal service uninstall, then install again (orders and state stay)")
)

// Environment variables that point libraries to the files with credentials.
const (
	awsFile = "AWS_SHARED_CREDENTIALS_FILE"
	pgFile  = "PGPASSFILE"
)

// say is the message of a status.
func (s *Status) say(format string, args ...any) { s.Message = fmt.Sprintf(format, args...) }
