//go:build !darwin && !windows

package watch

import "io/fs"

// cloudOnly knows no such files here.
func cloudOnly(fs.FileInfo) bool { return false }
