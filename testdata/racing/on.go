//go:build race

package racing

// Enabled says that the tests run under the race detector.
const Enabled = true
