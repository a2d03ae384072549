package strict

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time as people write it: 7d, 12h, 90m, 15s, 1d12h. A
// day is 24 hours.
type Duration time.Duration

// MaxDuration bounds what can be written: ten years of 365 days.
const MaxDuration = Duration(10 * 365 * 24 * time.Hour)

var units = []struct {
	name string
	size time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"ms", time.Millisecond}, {"m", time.Minute}, {"s", time.Second}}

var errDuration = errors.New("must be a length of time, like 7d, 12h, 30m or 15s")

// UnmarshalText reads whole numbers each followed by a unit, largest first.
func (d *Duration) UnmarshalText(text []byte) error {
	var total time.Duration
	rest, largest := string(text), MaxDuration
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 32)
		unit := unitOf(rest[digits:])
		if err != nil || unit < 0 || units[unit].size >= time.Duration(largest) {
			return fmt.Errorf("%w; %q is not", errDuration, text)
		}
		largest = Duration(units[unit].size)
		if time.Duration(n) > time.Duration(MaxDuration)/units[unit].size {
			return fmt.Errorf("%w; %q is too long", errDuration, text)
		}
		total += time.Duration(n) * units[unit].size
		rest = rest[digits+len(units[unit].name):]
	}
	if len(text) == 0 || total > time.Duration(MaxDuration) {
		return fmt.Errorf("%w; %q is not", errDuration, text)
	}
	*d = Duration(total)
	return nil
}

func unitOf(s string) int {
	for i, u := range units {
		if strings.HasPrefix(s, u.name) {
			return i
		}
	}
	return -1
}

// Duration is the length of time in Go's type.
func (d Duration) Duration() time.Duration { return time.Duration(d) }

// String writes the length of time as it is read: 1d12h.
func (d Duration) String() string {
	if d <= 0 {
		return "0s"
	}
	var b strings.Builder
	rest := time.Duration(d)
	for _, name := range []string{"d", "h", "m", "s", "ms"} {
		for _, u := range units {
			if n := rest / u.size; u.name == name && n > 0 {
				fmt.Fprintf(&b, "%d%s", n, name)
				rest -= n * u.size
			}
		}
	}
	return b.String()
}

// MarshalText writes the length of time as it is read.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
