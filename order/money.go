package order

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Money is an amount in US cents.
type Money int64

var amountForm = regexp.MustCompile(`^\$?([0-9]{1,7})(?:\.([0-9]{2}))?$`)

var errMoney = errors.New("must be an amount in dollars, like 6.50")

// UnmarshalText reads an amount in dollars: 6, 6.50, $6.50.
func (m *Money) UnmarshalText(text []byte) error {
	parts := amountForm.FindStringSubmatch(string(text))
	if parts == nil {
		return fmt.Errorf("%w; %q is not", errMoney, text)
	}
	cents, err := strconv.ParseInt(parts[1]+(parts[2] + "00")[:2], 10, 64)
	*m = Money(cents)
	return err
}

// String is the amount with its sign: $6.50.
func (m Money) String() string {
	s := fmt.Sprintf("$%d.%02d", m/100, m%100)
	return strings.TrimSuffix(s, ".00")
}
