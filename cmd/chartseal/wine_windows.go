//go:build wine

package main

import _ "unsafe" // for go:linkname

// olderDelete makes the standard library delete files in the way it keeps for file
// systems without FileDispositionInformationEx: Wine 8 has none either, but says so
// with a status that the library does not know (NtSetInformationFile, "Invalid
// function"). Only the build that the tests run under Wine has this.
//
//go:linkname olderDelete internal/syscall/windows.TestDeleteatFallback
var olderDelete bool

func init() { olderDelete = true }
