package transport

import (
	"fmt"
	"slices"
	"strings"
)

// Level grades a finding.
type Level string

// The levels of finding.
const (
	OK      Level = "ok"      // as it should be
	Notice  Level = "notice"  // worth knowing; the store does not offer something, or it cannot be seen
	Warning Level = "warning" // works, and should be changed
	Problem Level = "problem" // releases will fail, or what is released is exposed
)

// Finding is one line of a store's examination. Its text is for staff and
// holds no key, no address and no secret.
type Finding struct {
	Check   string `json:"check"` // short stable name: "reachable", "clock", …
	Level   Level  `json:"level"`
	Message string `json:"message"`
}

// Findings are the lines of an examination, in their order.
type Findings []Finding

// Add adds one; its message is that of [fmt.Sprintf].
func (f *Findings) Add(check string, level Level, format string, args ...any) {
	*f = append(*f, Finding{Check: check, Level: level, Message: fmt.Sprintf(format, args...)})
}

// Has reports a finding that says something among other words.
func (f Findings) Has(check string, level Level, says string) bool {
	return slices.ContainsFunc(f, func(x Finding) bool {
		return x.Check == check && x.Level == level && strings.Contains(x.Message, says)
	})
}

// AddFinding is [Findings.Add], for a part of an examination.
type AddFinding func(check string, level Level, format string, args ...any)
