//go:build !linux

package watch

// fullEnv is only used where a limit on the size of files plays the full disk.
const fullEnv = "WATCH_FULL_OUTBOX"

func fullDisk(string) int { return 1 }
