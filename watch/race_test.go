//go:build race

package watch

// raceEnabled: the race detector allocates more, and has pools forget on purpose.
const raceEnabled = true
