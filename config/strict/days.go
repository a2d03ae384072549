package strict

import (
	"fmt"
	"regexp"
	"strconv"
)

// Days is a span of calendar days, or of business days.
type Days struct {
	N        int
	Business bool
}

var daysForm = regexp.MustCompile(`^([0-9]{1,3})(?: (business|working|calendar))?(?: days?)?$`)

// UnmarshalText reads "10", "10 days" or "15 business days".
func (d *Days) UnmarshalText(text []byte) error {
	m := daysForm.FindSubmatch(text)
	if m == nil {
		return fmt.Errorf("must be a number of days, like 10 or 15 business days; %q is not", text)
	}
	n, err := strconv.Atoi(string(m[1]))
	*d = Days{N: n, Business: len(m[2]) > 0 && string(m[2]) != "calendar"}
	return err
}

// String is "15 business days", or "10 days".
func (d Days) String() string {
	unit := "days"
	if d.N == 1 {
		unit = "day"
	}
	if d.Business {
		unit = "business " + unit
	}
	return strconv.Itoa(d.N) + " " + unit
}
