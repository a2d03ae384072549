package config

import (
	"net/url"
	"path/filepath"
)

// NamedFile is a file that the daemon reads because the configuration names it.
type NamedFile struct {
	Name   string // what it is, in words
	Path   string
	Secret bool // others must not read it
}

// Files are the files that the daemon reads besides the records: the configuration
// itself, what decides who gets what, and secrets. They need not exist.
func (c *Config) Files() (files []NamedFile) {
	add := func(name, path string, secret bool) {
		if path != "" {
			files = append(files, NamedFile{name, path, secret})
		}
	}
	add("configuration", c.File, false)
	add("recipient book", c.Recipients, false)
	if c.Recipients != "" {
		add("signature of the recipient book", c.Recipients+".minisig", false)
	}
	add("list of restrictions", c.Restrictions, false)
	add("password of the mail server", c.Alerts.Mail.PasswordFile, true)
	add("secret of the webhook", c.Alerts.Webhook.SecretFile, true)
	u, err := url.Parse(c.Database.Reveal())
	if err != nil {
		return files
	}
	for _, p := range []struct { // PostgreSQL, "Connection Strings"
		parameter, name string
		secret          bool
	}{
		{"sslrootcert", "certificate that the database is known by", false},
		{"sslcert", "certificate for the database", false},
		{"sslkey", "key for the database", true},
		{"passfile", "password file of the database", true},
	} {
		if file := u.Query().Get(p.parameter); filepath.IsAbs(file) { // else a word, such as system
			add(p.name, file, p.secret)
		}
	}
	return files
}
