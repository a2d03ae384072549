//go:build !unix

package durable

import "os"

// HandBack does nothing: on Windows the folder's access list is handed down.
func HandBack(_, _ string) error { return nil }

// handOver does nothing, likewise.
func handOver(*os.File) error { return nil }
