//go:build !linux

package service

// Copied is empty: files are read where they are.
func Copied() []Copy { return nil }

// notEmpty leaves out empty names.
func notEmpty(names ...string) (full []string) {
	for _, n := range names {
		if n != "" {
			full = append(full, n)
		}
	}
	return full
}

// environment is what the service finds set, where no credential store hands it files.
func (p Plan) environment() (env []string) {
	if p.Credentials != "" {
		env = append(env, awsFile+"="+p.Credentials)
	}
	if p.PGPass != "" {
		env = append(env, pgFile+"="+p.PGPass)
	}
	return env
}
