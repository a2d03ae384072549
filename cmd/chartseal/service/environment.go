//go:build !linux

package service

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
