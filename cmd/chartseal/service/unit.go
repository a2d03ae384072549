package service

import (
	"cmp"
	_ "embed" // the unit
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Unit is the systemd unit that packages ship (systemd.service(5), systemd.exec(5)).
//
//go:embed chartseal.service
var Unit string

// unitName is the unit's name, and credential names are those of LoadCredential.
const (
	unitName      = Name + ".service"
	awsCredential = "aws"
	pgCredential  = "pgpass"
)

// DropIn is what the unit needs to know of this practice.
func (p Plan) DropIn() string {
	b := &strings.Builder{}
	line := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	line("# Written by `chartseal service install`, which writes it anew.")
	line("[Unit]")
	line("RequiresMountsFor=%s", quote(p.State))
	line("")
	line("[Service]")
	line("ExecStart=")
	line("ExecStart=%s", command(append([]string{p.Program}, p.args()...)))
	line("ExecPaths=%s", quote(p.Program))
	if p.Account != "" {
		line("User=%s", p.Account)
		line("Group=%s", cmp.Or(p.Group, p.Account))
	}
	if groups := p.groups(); len(groups) > 0 {
		line("SupplementaryGroups=%s", strings.Join(groups, " "))
	}
	line("WatchdogSec=%d", int(p.Silent/time.Second))
	p.paths(line)
	if p.Credentials != "" {
		line("LoadCredential=%s:%s", awsCredential, escape(p.Credentials))
	}
	if p.PGPass != "" {
		line("LoadCredential=%s:%s", pgCredential, escape(p.PGPass))
	}
	return b.String()
}

// groups are those of the records and of the staff.
func (p Plan) groups() []string {
	groups := slices.Clone(p.Groups)
	if p.Staff != "" && !slices.Contains(groups, p.Staff) {
		groups = append(groups, p.Staff)
	}
	return groups
}

// paths opens the folders of the practice and no others. One that is on a share which
// is away at the start does not keep the service from starting.
func (p Plan) paths(line func(string, ...any)) {
	hidden := false
	for _, dir := range p.write() {
		option := "ReadWritePaths=-%s"
		if underHome(dir) {
			hidden, option = true, "BindPaths=-%s"
		}
		line(option, quote(dir))
	}
	for _, dir := range slices.Concat(p.Read, p.shown()) {
		option := "ReadOnlyPaths=-%s"
		if underHome(dir) {
			hidden, option = true, "BindReadOnlyPaths=-%s"
		}
		line(option, quote(dir))
	}
	if underHome(p.Program) {
		hidden = true
		line("BindReadOnlyPaths=%s", quote(p.Program))
	}
	if hidden {
		line("ProtectHome=tmpfs")
	}
}

// copied are the files that a unit has systemd copy for the service at its start.
func copied(unit string) (copies []Copy) {
	words := map[string]string{
		awsCredential: "access keys of the store", pgCredential: "password file of the database",
		"mail-password": "password of the mail server", "webhook-secret": "secret of the webhook",
	}
	for line := range strings.Lines(unit) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), "LoadCredential=")
		id, file, named := strings.Cut(value, ":")
		if !ok || !named {
			continue
		}
		what := words[id]
		if what == "" {
			what = "credential " + id
		}
		copies = append(copies, Copy{what, strings.ReplaceAll(file, "%%", "%")})
	}
	return copies
}

// shown are the files that the service reads. One under a home folder is shown with its
// folder: else the service would go on seeing what a new file has replaced.
func (p Plan) shown() (places []string) {
	for _, file := range p.Files {
		if dir := path.Dir(file); underHome(file) && dir != "/root" && path.Dir(dir) != "/home" {
			file = dir
		}
		if !slices.Contains(places, file) {
			places = append(places, file)
		}
	}
	return places
}

// hidden are sentences on what a drop-in that was written before keeps from the service.
func (p Plan) hidden(dropIn string) (said []string) {
	if p.LogDir != "" {
		said = append(said, p.logless())
	}
	const again = ": give `chartseal service uninstall` and then `chartseal service install` again"
	for _, dir := range p.write() {
		if !strings.Contains(dropIn, "-"+quote(dir)+"\n") {
			said = append(said, "the unit does not let the service write to "+dir+again)
		}
	}
	for _, place := range slices.Concat(p.Read, p.shown()) {
		if underHome(place) && !strings.Contains(dropIn, "-"+quote(place)+"\n") {
			said = append(said, "the unit hides "+place+" from the service"+again)
		}
	}
	return said
}

// underHome reports whether ProtectHome= hides a path (systemd.exec(5)).
func underHome(name string) bool {
	for _, home := range []string{"/home", "/root", "/run/user"} {
		if name == home || strings.HasPrefix(path.Clean(name), home+"/") {
			return true
		}
	}
	return false
}

// escape keeps systemd from taking a part of a path for a specifier.
func escape(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// quote is a word as systemd reads it (systemd.syntax(7), "Quoting").
func quote(s string) string {
	return `"` + escape(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)) + `"`
}

// command is a command line, in which systemd would also fill in variables.
func command(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
		if i > 0 {
			quoted[i] = strings.ReplaceAll(quoted[i], "$", "$$")
		}
	}
	return strings.Join(quoted, " ")
}
