package transport

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
