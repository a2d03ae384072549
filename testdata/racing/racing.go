//go:build !race

// Package racing tells tests whether they run under the race detector, which makes
// them about ten times as slow and has pools forget on purpose: what only repeats or
// counts then does less.
package racing

// Enabled says that the tests run under the race detector.
const Enabled = false
