//go:build unix

package computer

// letterOf knows no letters: they are Windows's.
func letterOf(string) (drive, bool) { return onDisk, false }
