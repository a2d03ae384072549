//go:build race

package dicomfile

// raceEnabled: the race detector allocates more, and has pools forget on purpose.
const raceEnabled = true
