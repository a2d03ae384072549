package watch

import (
	"bytes"
	"testing"
)

func TestReadBounded(t *testing.T) {
	pdf := append([]byte("%PDF-1.7\n"), make([]byte, 2*MaxFormBytes)...)
	for name, tt := range map[string]struct {
		in   []byte
		want int
	}{
		"small":     {[]byte("order: R-1"), 10},
		"large":     {make([]byte, 2*MaxFormBytes), MaxOrderBytes + 1},
		"form":      {pdf[:3*MaxOrderBytes], 3 * MaxOrderBytes},
		"large PDF": {pdf, MaxFormBytes + 1},
	} {
		got, err := ReadBounded(bytes.NewReader(tt.in))
		if err != nil || !bytes.Equal(got, tt.in[:tt.want]) {
			t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, tt.want)
		}
	}
}
