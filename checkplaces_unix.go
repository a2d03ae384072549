//go:build unix

package chartseal

import "os"

// whoElse tells from the mode of a file who else may do what.
func whoElse(path string) (o others, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return o, err
	}
	mode := info.Mode().Perm()
	return others{groupRead: mode&0o040 != 0, groupWrite: mode&0o020 != 0, read: mode&0o004 != 0, write: mode&0o002 != 0}, nil
}

// letterOf knows no letters: they are Windows's.
func letterOf(string) (drive, bool) { return onDisk, false }
