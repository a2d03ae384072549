//go:build unix

package access

import "os"

// Of tells from the mode of a file who else may do what.
func Of(name string) (o Others, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return o, err
	}
	mode := info.Mode().Perm()
	return Others{GroupRead: mode&0o040 != 0, GroupWrite: mode&0o020 != 0, Read: mode&0o004 != 0, Write: mode&0o002 != 0}, nil
}

// Close closes a folder to all but its owner, and with it what is in it. The error
// names no path.
func Close(dir string) error { return bare(os.Chmod(dir, 0o700)) }

// CloseFile closes a file to all but its owner. The error names no path.
func CloseFile(file string) error {
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return bare(err)
	}
	return bare(os.Chmod(file, info.Mode().Perm()&^0o077))
}
