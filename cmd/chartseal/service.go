package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"chartseal/cmd/chartseal/service"
	"chartseal/config"
)

func serviceCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "service",
		Short: "Run as a service of this computer",
		Long: `Installs chartseal so that it starts with the computer and is started again after a
failure: a hardened systemd unit on Linux, a service with an account of its own on
Windows, a launch daemon on macOS. It never runs as administrator or root.`,
	}
	c.AddCommand(serviceInstallCmd(a), serviceUninstallCmd(),
		serviceActCmd("start", "Start the service, and wait until it watches the outbox", service.Start),
		serviceActCmd("stop", "Stop the service; what it works on is taken up at the next start", service.Stop),
		serviceStatusCmd(a))
	group(c)
	return c
}

// servicePlan is what the flags of install say.
type servicePlan struct {
	service.Plan
	passwordFile string
	print        bool
}

// passwordEnv is where the password of a named Windows account may stand.
const passwordEnv = "CHARTSEAL_SERVICE_PASSWORD" //nolint:gosec // the name of a variable

func serviceInstallCmd(a *app) *cobra.Command {
	var s servicePlan
	c := &cobra.Command{
		Use:   "install",
		Short: "Install the service for this configuration",
		Long: `Installs the service for the configuration that --config names (or that is found), and
gives its account what it needs: the state folder for itself alone, the outbox together
with staff, and reading the configuration. It says what it did, and what is left to do.

The password of a named Windows account is asked for, or read from --password-file or
from ` + passwordEnv + `. A group-managed account (DOMAIN\name$) has none.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.fill(a); err != nil {
				return err
			}
			p := &printer{w: cmd.OutOrStdout()}
			if s.print {
				p.f("%s", service.Describe(s.Plan))
				return p.err
			}
			if err := s.askPassword(); err != nil {
				return err
			}
			done, err := service.Install(cmd.Context(), s.Plan)
			for _, line := range done {
				p.f("%s\n", line)
			}
			return errors.Join(err, p.err)
		},
	}
	f := c.Flags()
	f.StringVar(&s.Account, "account", "", "account the service runs as (default "+accountWords()+")")
	f.StringVar(&s.Credentials, "credentials", "", "file with the store's access keys, in the format of AWS (default: what the account finds itself)")
	f.StringVar(&s.PGPass, "pgpass", "", "PostgreSQL password file for a shared database")
	f.BoolVar(&s.print, "print", false, "print what would be installed, and change nothing")
	switch runtime.GOOS {
	case "windows":
		f.StringVar(&s.passwordFile, "password-file", "", "file with the password of a named account")
	case "linux":
		f.StringSliceVar(&s.Groups, "group", nil, "group that the account joins, so that it can read the records; may be repeated")
		f.StringVar(&s.Staff, "staff", "", "group whose members drop orders and read answers")
	}
	return c
}

func accountWords() string {
	if service.DefaultAccount == "" {
		return "the owner of the state folder"
	}
	return service.DefaultAccount
}

// fill takes from the configuration what the service needs.
func (s *servicePlan) fill(a *app) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if s.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if s.Program, err = filepath.EvalSymlinks(s.Program); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	s.places(cfg)
	s.Log = a.logFile
	if s.Log == "" && runtime.GOOS != "linux" { // which has a journal
		s.Log = filepath.Join(cfg.State, "chartseal.log")
	}
	for _, file := range []*string{&s.Log, &s.Credentials, &s.PGPass} {
		if *file == "" {
			continue
		}
		if *file, err = filepath.Abs(*file); err != nil {
			return fmt.Errorf("find a file: %w", err)
		}
	}
	for _, file := range []string{s.Credentials, s.PGPass} {
		if file == "" {
			continue
		}
		if err := unmarked(file); err != nil && !errors.Is(err, fs.ErrPermission) { // another account's
			return usage(err)
		}
	}
	s.Silent = silent + 2*time.Duration(cfg.Watch.Scan)
	return nil
}

// places are the folders and files that the service uses.
func (s *servicePlan) places(cfg *config.Config) {
	s.Config, s.State = cfg.File, cfg.State
	s.Shared, s.Files, s.Read = shared(cfg), readFiles(cfg), recordFolders(cfg)
	if dir := filepath.Dir(cfg.Log.File); cfg.Log.File != "" && dir != filepath.Clean(cfg.State) {
		s.LogDir = dir
	}
}

// silent is how long the daemon's loop may take to turn, beside its scans: a share that
// does not answer can hold up a scan for minutes.
const silent = 5 * time.Minute

func shared(cfg *config.Config) []string {
	folders := []string{cfg.Outbox}
	if cfg.Export != "" {
		folders = append(folders, cfg.Export)
	}
	return folders
}

// readFiles are the files beside the records that the daemon reads, as far as they exist.
func readFiles(cfg *config.Config) (files []string) {
	for _, f := range cfg.Files() {
		if _, err := os.Stat(f.Path); err == nil {
			files = append(files, f.Path)
		}
	}
	return files
}

// recordFolders are the folders in which the records lie, each once.
func recordFolders(cfg *config.Config) (folders []string) {
	seen := map[string]bool{"": true}
	dirs := []string{cfg.Documents}
	for _, s := range cfg.Sources {
		dirs = append(dirs, beforeTemplates(s.Path))
	}
	for _, dir := range dirs {
		if dir = filepath.FromSlash(dir); !seen[dir] {
			seen[dir] = true
			folders = append(folders, dir)
		}
	}
	return folders
}

// beforeTemplates is the folder of a pattern before its first wildcard or template. The
// two slashes that begin the name of a server, which path.Dir would fold into one, stay.
func beforeTemplates(pattern string) string {
	if i := strings.IndexAny(pattern, "*?[{"); i >= 0 {
		pattern = pattern[:i] + "x"
	}
	if strings.HasPrefix(pattern, "//") {
		return "/" + path.Dir(pattern)
	}
	return path.Dir(pattern)
}

// askPassword finds the password of a named Windows account.
func (s *servicePlan) askPassword() error {
	name := strings.ToUpper(s.Account)
	if runtime.GOOS != "windows" || name == "" || strings.HasPrefix(name, "NT ") || strings.HasSuffix(name, "$") {
		return nil
	}
	if s.Password = os.Getenv(passwordEnv); s.Password != "" {
		return nil
	}
	if s.passwordFile != "" {
		b, err := os.ReadFile(s.passwordFile)
		if err != nil {
			return usage(err)
		}
		s.Password = strings.TrimRight(plainText(b), "\r\n")
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return usage(errors.New("the password of the account is needed: --password-file, or " + passwordEnv))
	}
	fmt.Fprint(os.Stderr, "Password of "+s.Account+": ")
	b, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	s.Password = string(b)
	return err
}

func serviceUninstallCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "uninstall",
		Short: "Stop and remove the service; orders, state and records stay",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			done, err := service.Uninstall(cmd.Context())
			p := &printer{w: cmd.OutOrStdout()}
			for _, line := range done {
				p.f("%s\n", line)
			}
			return errors.Join(err, p.err)
		},
	}
}

func serviceActCmd(verb, short string, act func(context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use:   verb,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return act(cmd.Context())
		},
	}
}

func serviceStatusCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Tell whether the service runs",
		Long: `Tells whether the service runs, and what of the configuration's files and folders its
account cannot read, as far as that can be seen from here. Exit code 0: it runs. 1: it does
not, or is not installed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := service.Query(cmd.Context())
			if err != nil {
				return err
			}
			var plan servicePlan
			if cfg, err := a.load(); err == nil && s.Installed {
				plan.places(cfg)
				s.Looked, s.Unreachable = true, service.Unreachable(s, plan.Plan)
			}
			p := &printer{w: cmd.OutOrStdout()}
			if a.json {
				err = printJSON(cmd.OutOrStdout(), s)
			} else {
				p.f("%s\n", s.Message)
				for _, said := range s.Unreachable {
					p.f("PROBLEM: %s\n", said)
				}
				if s.Installed && !s.Looked {
					p.f("Whether it can read its files was not looked at: name the configuration with --config.\n")
				}
			}
			if err == nil && p.err == nil && !s.Running {
				return &exitError{code: exitFailed}
			}
			return errors.Join(err, p.err)
		},
	}
}
