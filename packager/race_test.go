//go:build race

package packager

// raceEnabled: what only counts reads less under the race detector, which makes it ten
// times as slow.
const raceEnabled = true
