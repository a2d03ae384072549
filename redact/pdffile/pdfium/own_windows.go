package pdfium

import "io/fs"

// ownOnly is true: Windows has no such bits, and the folder above the cache, the
// daemon's, is private.
func ownOnly(fs.FileInfo) bool { return true }
